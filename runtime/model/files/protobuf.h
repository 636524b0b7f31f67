// Fields of a protocol buffer message, one after the other.
#ifndef TERN_RUNTIME_MODEL_PROTOBUF_H_
#define TERN_RUNTIME_MODEL_PROTOBUF_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum tern__wire {
    TERN__WIRE_VARINT = 0,
    TERN__WIRE_64 = 1,
    TERN__WIRE_BYTES = 2,
    TERN__WIRE_32 = 5
} tern__wire;

typedef struct tern__message {
    const char *data;
    size_t size;
    size_t at;
    bool broken; // set when what follows is no field
} tern__message;

typedef struct tern__field {
    uint32_t number;
    tern__wire wire;
    uint64_t value;    // VARINT, 32 and 64: the bits
    const char *bytes; // BYTES, lent
    size_t size;
} tern__field;

// The next field; false at the end or where the message is broken.
bool tern__message_next(tern__message *message, tern__field *out);

float tern__field_float(const tern__field *field);

#endif
