// How an archive lies in memory, shared by the reader and the accessors.
//
// The header of the file (everything before the tensors' data) is held as read, but for one change
// that lets strings be lent without copies: the bytes of each string are moved down by one, into
// the last byte of its length, which is always zero, and a NUL is put behind them.
//
//     in the file    | length: 8 bytes         | bytes ...        |
//     in memory      | length: 7 bytes | bytes ...        | 0     |
#ifndef TERN_RUNTIME_MODEL_GGUF_H_
#define TERN_RUNTIME_MODEL_GGUF_H_

#include "runtime/model/archive.h"
#include "runtime/model/ggml_types.h"

// Offsets are bytes from the start of the header.
typedef struct tern__entry {
    size_t key;      // a string
    size_t value;    // the scalar, the string, or the array's first element
    uint64_t count;  // of an array
    size_t *strings; // of an array of strings: where each lies
    tern_value_type type;
    tern_value_type element;
} tern__entry;

typedef struct tern__gguf_tensor {
    size_t name;     // a string
    size_t position; // of its description, for messages
    uint32_t rank;
    uint32_t id;
    const tern__ggml_type *type; // NULL: not in the table
    uint64_t shape[4];
    uint64_t offset; // from the start of the data
    uint64_t size;
} tern__gguf_tensor;

// A name and what it names, sorted by name.
typedef struct tern__named {
    const char *name;
    size_t index;
} tern__named;

struct tern_archive {
    tern_context *context;
    const tern_source *source;
    uint8_t *header;
    size_t entry_count;
    size_t tensor_count;
    tern__entry *entries;
    tern__gguf_tensor *tensors;
    tern__named *keys;
    tern__named *names;
    uint64_t alignment;
    uint64_t data_start;
};

static inline uint32_t tern__load_u32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t tern__load_u64(const uint8_t *p) {
    return tern__load_u32(p) | (uint64_t)tern__load_u32(p + 4) << 32;
}

// The string at |offset| of |header|, as it lies in memory.
static inline const char *tern__gguf_string(const uint8_t *header, size_t offset) {
    return (const char *)header + offset + 7;
}
static inline size_t tern__gguf_string_size(const uint8_t *header, size_t offset) {
    return (size_t)(tern__load_u64(header + offset) & 0x00ffffffffffffffu);
}

// Bytes of a scalar of |type|; 0 for STRING, ARRAY and numbers that are none.
size_t tern__value_size(tern_value_type type);
// "u32", "string", ...
const char *tern__value_type_name(tern_value_type type);

// The entry called |key|, or NULL.
const tern__entry *tern__archive_entry(const tern_archive *archive, const char *key);

// Reads and checks the header of archive->source into an archive that is zero but for context and
// source.
tern_status tern__gguf_read(tern_archive *archive);

// Checks where the tensors lie, once everything before their data is read, and tells apart the
// types that share a number. |header_size|: of the file.
tern_status tern__gguf_place(tern_archive *archive, uint64_t header_size);

#endif
