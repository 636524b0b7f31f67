// Reads what the ONNX backend node tests consist of: the one node of a model.onnx and tensors in
// .pb files. Only the fields that tests here look at; anything else in the protobuf is passed over.
#ifndef TERN_TESTS_HARNESS_ONNX_H_
#define TERN_TESTS_HARNESS_ONNX_H_

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tests/harness/data.h"

enum { ONNX_FILE = 1 << 16, ONNX_RANK = 4, ONNX_ATTRIBUTES = 8 };

// Data types of TensorProto.
enum { ONNX_FLOAT = 1, ONNX_INT64 = 7, ONNX_FLOAT16 = 10 };

typedef struct onnx_tensor {
    int64_t dims[ONNX_RANK];
    int rank;
    int64_t type;
    size_t count;       // elements
    const uint8_t *raw; // little-endian elements, in |file|
    size_t raw_size;
    uint8_t file[ONNX_FILE];
} onnx_tensor;

typedef struct onnx_attribute {
    char name[32];
    char text[32];
    int64_t integer;
    float number;
} onnx_attribute;

typedef struct onnx_node {
    char type[32];
    onnx_attribute attributes[ONNX_ATTRIBUTES];
    int count;
} onnx_node;

// A message that is being read. One field after the other; |failed| once it makes no sense.
typedef struct onnx_bytes {
    const uint8_t *at, *end;
    int failed;
} onnx_bytes;

typedef struct onnx_field {
    uint32_t number, wire;
    uint64_t value;   // of a varint or fixed field
    onnx_bytes bytes; // of a length-delimited one
} onnx_field;

static inline uint64_t onnx_varint(onnx_bytes *b) {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && b->at < b->end; shift += 7) {
        uint8_t byte = *b->at++;
        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) {
            return value;
        }
    }
    b->failed = 1;
    return 0;
}

static inline uint64_t onnx_fixed(onnx_bytes *b, int size) {
    uint64_t value = 0;
    if (b->end - b->at < size) {
        b->failed = 1;
        return 0;
    }
    for (int i = 0; i < size; i++) {
        value |= (uint64_t)*b->at++ << 8 * i;
    }
    return value;
}

static inline int onnx_next(onnx_bytes *b, onnx_field *field) {
    if (b->at == b->end || b->failed) {
        return 0;
    }
    uint64_t key = onnx_varint(b);
    *field = (onnx_field){.number = (uint32_t)(key >> 3), .wire = key & 7};
    if (field->wire == 0) {
        field->value = onnx_varint(b);
    } else if (field->wire == 1 || field->wire == 5) {
        field->value = onnx_fixed(b, field->wire == 1 ? 8 : 4);
    } else if (field->wire == 2) {
        uint64_t size = onnx_varint(b);
        b->failed |= size > (uint64_t)(b->end - b->at);
        if (!b->failed) {
            field->bytes = (onnx_bytes){b->at, b->at + size, 0};
            b->at += size;
        }
    } else {
        b->failed = 1;
    }
    return !b->failed;
}

static inline void onnx_text(onnx_bytes b, char *text, size_t capacity) {
    size_t size = (size_t)(b.end - b.at);
    size = size < capacity ? size : capacity - 1;
    memcpy(text, b.at, size);
    text[size] = 0;
}

static inline void onnx_read_attribute(onnx_bytes b, onnx_attribute *out) {
    onnx_field f;
    while (onnx_next(&b, &f)) {
        uint32_t bits = (uint32_t)f.value;
        switch (f.number) {
        case 1:
            onnx_text(f.bytes, out->name, sizeof out->name);
            break;
        case 2:
            memcpy(&out->number, &bits, sizeof bits);
            break;
        case 3:
            out->integer = (int64_t)f.value;
            break;
        case 4:
            onnx_text(f.bytes, out->text, sizeof out->text);
            break;
        default:
            break;
        }
    }
}

static inline void onnx_read_node(onnx_bytes b, onnx_node *out) {
    onnx_field f;
    while (onnx_next(&b, &f)) {
        if (f.number == 4) {
            onnx_text(f.bytes, out->type, sizeof out->type);
        } else if (f.number == 5 && out->count < ONNX_ATTRIBUTES) {
            onnx_read_attribute(f.bytes, &out->attributes[out->count++]);
        }
    }
}

// The bytes of a file of a test, or none.
static inline onnx_bytes onnx_load(const char *test, const char *name, uint8_t *memory) {
    char path[1024], whole[1400];
    snprintf(path, sizeof path, "data/onnx-node/%s/%s", test, name);
    if (!data_path(path, whole, sizeof whole)) {
        return (onnx_bytes){.failed = 1};
    }
    FILE *file = fopen(whole, "rb");
    size_t size = file ? fread(memory, 1, ONNX_FILE, file) : 0;
    if (file) {
        fclose(file);
    }
    return (onnx_bytes){memory, memory + size, size == ONNX_FILE || !size};
}

// The node of ModelProto.graph (7), GraphProto.node (1). Returns 0 if there is none.
static inline int onnx_model(const char *test, onnx_node *out) {
    static uint8_t memory[ONNX_FILE];
    onnx_bytes model = onnx_load(test, "model.onnx", memory);
    onnx_field f, g;
    memset(out, 0, sizeof *out);
    while (onnx_next(&model, &f)) {
        while (f.number == 7 && onnx_next(&f.bytes, &g)) {
            if (g.number == 1) {
                onnx_read_node(g.bytes, out);
            }
        }
    }
    return out->type[0] != 0;
}

static inline const onnx_attribute *onnx_find(const onnx_node *node, const char *name) {
    for (int i = 0; i < node->count; i++) {
        if (!strcmp(node->attributes[i].name, name)) {
            return &node->attributes[i];
        }
    }
    return NULL;
}

static inline int64_t onnx_integer(const onnx_node *node, const char *name, int64_t otherwise) {
    const onnx_attribute *found = onnx_find(node, name);
    return found ? found->integer : otherwise;
}

static inline void onnx_read_dims(onnx_field *f, onnx_tensor *out) {
    if (f->wire == 0 && out->rank < ONNX_RANK) {
        out->dims[out->rank++] = (int64_t)f->value;
        return;
    }
    while (f->bytes.at < f->bytes.end && out->rank < ONNX_RANK && !f->bytes.failed) {
        out->dims[out->rank++] = (int64_t)onnx_varint(&f->bytes);
    }
}

// A tensor of |test|: "input_0.pb". Returns 0 if it is absent or not as its dimensions say.
static inline int onnx_tensor_read(const char *test, const char *name, onnx_tensor *out) {
    char path[64];
    snprintf(path, sizeof path, "test_data_set_0/%s", name);
    onnx_bytes b = onnx_load(test, path, out->file);
    out->rank = 0;
    out->raw = NULL;
    out->raw_size = 0;
    onnx_field f;
    while (onnx_next(&b, &f)) {
        if (f.number == 1) {
            onnx_read_dims(&f, out);
        } else if (f.number == 2) {
            out->type = (int64_t)f.value;
        } else if (f.number == 9) {
            out->raw = f.bytes.at;
            out->raw_size = (size_t)(f.bytes.end - f.bytes.at);
        }
    }
    out->count = 1;
    for (int i = 0; i < out->rank; i++) {
        if (out->dims[i] < 1 || out->dims[i] > ONNX_FILE) {
            return 0;
        }
        out->count *= (size_t)out->dims[i];
    }
    size_t element = out->type == ONNX_FLOAT ? 4 : out->type == ONNX_INT64 ? 8 : 2;
    return !b.failed && out->raw && out->raw_size == out->count * element;
}

#endif
