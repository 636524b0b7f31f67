#include "runtime/model/files/safetensors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/files/json.h"
#include "runtime/model/files/source.h"
#include "runtime/status.h"

// The length of the header that the format allows.
enum { LENGTH_BYTES = 8, MAX_HEADER = 100000000, MAX_RANK = 4, MAX_NAME = 65535 };

#define RAW(number, name, bytes)                                                                   \
    {                                                                                              \
        TERN__GGML_FOREIGN + (number), name, 1, bytes, TERN__SIZE_BLOCKS, false, TERN_DTYPE_NONE,  \
            TERN_SCALE_NONE, 0                                                                     \
    }

// Elements that GGUF has no number for. Models cannot use them as they are.
static const tern__ggml_type raw_types[] = {
    RAW(256, "U8", 1),      RAW(257, "U16", 2),     RAW(258, "U32", 4), RAW(259, "U64", 8),
    RAW(260, "F8_E4M3", 1), RAW(261, "F8_E5M2", 1), RAW(262, "BOOL", 1)};

typedef struct reader {
    tern_context *context;
    const tern_source *source;
    const char *file;
    uint64_t data_start;
    uint64_t data_size;
} reader;

static tern_status bad_tensor(const reader *r, const char *name, const char *why) {
    return tern__fail(r->context, TERN_STATUS_CORRUPT_DATA, "%s: tensor '%.100s': %s", r->file,
                      name, why);
}

static const tern__ggml_type *find_type(const char *name) {
    static const struct {
        const char *name;
        uint32_t id;
    } shared[] = {{"F32", 0},  {"F16", 1},  {"BF16", 30}, {"I8", 24},
                  {"I16", 25}, {"I32", 26}, {"I64", 27},  {"F64", 28}};
    for (size_t i = 0; i < sizeof shared / sizeof shared[0]; i++) {
        if (strcmp(name, shared[i].name) == 0) {
            return tern__ggml_type_find(shared[i].id, 0);
        }
    }
    for (size_t i = 0; i < sizeof raw_types / sizeof raw_types[0]; i++) {
        if (strcmp(name, raw_types[i].name) == 0) {
            return &raw_types[i];
        }
    }
    return NULL;
}

static tern_status read_type(const reader *r, const tern__json *entry, tern__tensor *out) {
    const tern__json *dtype = tern__json_get(entry, "dtype");
    if (!dtype || dtype->type != TERN__JSON_STRING) {
        return bad_tensor(r, out->name, "its dtype is no string");
    }
    out->type = find_type(dtype->as.string);
    if (!out->type) {
        return tern__fail(r->context, TERN_STATUS_UNSUPPORTED,
                          "%s: tensor '%.100s' has elements of type %.40s, which is not known",
                          r->file, out->name, dtype->as.string);
    }
    out->id = out->type->id;
    return TERN_STATUS_OK;
}

static bool is_count(const tern__json *value) {
    return value->type == TERN__JSON_NUMBER && value->flag && value->as.integer >= 0;
}

// The file has the slowest first.
static tern_status read_shape(const reader *r, const tern__json *entry, tern__tensor *out) {
    const tern__json *shape = tern__json_get(entry, "shape");
    if (!shape || shape->type != TERN__JSON_ARRAY) {
        return bad_tensor(r, out->name, "its shape is no array");
    }
    if (shape->size > MAX_RANK) {
        return tern__fail(r->context, TERN_STATUS_UNSUPPORTED,
                          "%s: tensor '%.100s' has %" PRIu32 " dimensions, expected %d at most",
                          r->file, out->name, shape->size, MAX_RANK);
    }
    out->rank = shape->size ? shape->size : 1;
    for (uint32_t d = 0; d < MAX_RANK; d++) {
        out->shape[d] = 1;
    }
    uint32_t left = shape->size;
    for (const tern__json *c = tern__json_first(shape); c; c = tern__json_next(shape, c)) {
        if (!is_count(c) || c->as.integer == 0) {
            return bad_tensor(r, out->name, "a dimension is no integer from 1 on");
        }
        out->shape[--left] = (uint64_t)c->as.integer;
    }
    return TERN_STATUS_OK;
}

static tern_status read_place(const reader *r, const tern__json *entry, tern__tensor *out) {
    const tern__json *offsets = tern__json_get(entry, "data_offsets");
    if (!offsets || offsets->type != TERN__JSON_ARRAY || offsets->size != 2) {
        return bad_tensor(r, out->name, "its data_offsets are no array of two");
    }
    const tern__json *first = tern__json_first(offsets);
    const tern__json *second = tern__json_next(offsets, first);
    if (!is_count(first) || !is_count(second) || second->as.integer < first->as.integer) {
        return bad_tensor(r, out->name, "its data_offsets are no two rising integers");
    }
    uint64_t begin = (uint64_t)first->as.integer;
    uint64_t end = (uint64_t)second->as.integer;
    uint64_t size;
    if (!tern__ggml_tensor_bytes(out->type, out->shape, &size) || size != end - begin) {
        return bad_tensor(r, out->name, "its data_offsets do not suit its shape and dtype");
    }
    if (end > r->data_size) {
        return tern__fail(r->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: tensor '%.100s' ends at %" PRIu64 " of %" PRIu64 " bytes of data",
                          r->file, out->name, end, r->data_size);
    }
    out->offset = begin;
    out->size = size;
    return TERN_STATUS_OK;
}

// Looked up as a C string and printed in messages.
static tern_status check_name(const reader *r, const tern__json *entry) {
    bool good = entry->key_size > 0 && entry->key_size <= MAX_NAME;
    for (uint32_t i = 0; good && i < entry->key_size; i++) {
        good = (uint8_t)entry->key[i] >= 0x20 && entry->key[i] != 0x7f;
    }
    if (!good) {
        return tern__fail(r->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: a tensor's name is empty, holds control bytes or has more than %d",
                          r->file, MAX_NAME);
    }
    return TERN_STATUS_OK;
}

static tern_status read_tensor(const reader *r, const tern__json *entry, tern__tensor *out) {
    TERN_TRY(check_name(r, entry));
    out->name = entry->key;
    out->source = r->source;
    if (entry->type != TERN__JSON_OBJECT) {
        return bad_tensor(r, out->name, "it is described by no object");
    }
    TERN_TRY(read_type(r, entry, out));
    TERN_TRY(read_shape(r, entry, out));
    return read_place(r, entry, out);
}

static int compare_places(const void *a, const void *b) {
    const tern__tensor *x = a;
    const tern__tensor *y = b;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

// The data are the tensors, one after the other, and nothing else.
static tern_status check_places(const reader *r, tern__safetensors *out) {
    uint64_t at = 0;
    qsort(out->tensors, out->count, sizeof *out->tensors, compare_places);
    for (size_t i = 0; i < out->count; i++) {
        tern__tensor *tensor = &out->tensors[i];
        if (tensor->offset != at) {
            return bad_tensor(r, tensor->name,
                              tensor->offset < at ? "its data overlap another's"
                                                  : "there is a hole in front of its data");
        }
        at += tensor->size;
        tensor->offset += r->data_start;
    }
    if (at != r->data_size) {
        return tern__fail(r->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: %" PRIu64 " bytes behind the last tensor, at offset %" PRIu64,
                          r->file, r->data_size - at, r->data_start + at);
    }
    return TERN_STATUS_OK;
}

static bool is_metadata(const tern__json *entry) {
    return strcmp(entry->key, "__metadata__") == 0;
}

static tern_status read_tensors(const reader *r, const tern__json *root, tern__safetensors *out) {
    if (root->type != TERN__JSON_OBJECT) {
        return tern__fail(r->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: the header is %s, expected an "
                          "object",
                          r->file, tern__json_type_name(root));
    }
    TERN_TRY(tern__json_check_unique(r->context, r->file, root));
    out->tensors = tern__calloc(r->context, root->size, sizeof *out->tensors);
    if (!out->tensors) {
        return tern__fail_memory(r->context, root->size * sizeof *out->tensors, r->file);
    }
    for (const tern__json *c = tern__json_first(root); c; c = tern__json_next(root, c)) {
        if (!is_metadata(c)) {
            TERN_TRY(read_tensor(r, c, &out->tensors[out->count]));
            out->count++;
        }
    }
    return check_places(r, out);
}

static tern_status read_length(tern_context *context, const tern_source *source,
                               uint64_t *out_length) {
    uint8_t bytes[LENGTH_BYTES];
    const char *file = tern__source_name(source);
    if (source->size < LENGTH_BYTES) {
        return tern__fail(context, TERN_STATUS_CORRUPT_DATA,
                          "%s: %" PRIu64 " bytes, too few for a safetensors file", file,
                          source->size);
    }
    TERN_TRY(tern__source_read(context, source, 0, bytes, sizeof bytes));
    uint64_t length = tern__load_u64(bytes);
    uint64_t most = source->size - LENGTH_BYTES;
    most = most < MAX_HEADER ? most : MAX_HEADER;
    if (length > most) {
        return tern__fail(context, TERN_STATUS_CORRUPT_DATA,
                          "%s: a header of %" PRIu64 " bytes, expected %" PRIu64
                          " at most (the file's, or %d)",
                          file, length, most, MAX_HEADER);
    }
    *out_length = length;
    return TERN_STATUS_OK;
}

static tern_status read_header(const reader *r, size_t length, tern__safetensors *out) {
    tern__json_document document = {0};
    out->text = tern__alloc(r->context, length);
    if (!out->text) {
        return tern__fail_memory(r->context, length, r->file);
    }
    TERN_TRY(tern__source_read(r->context, r->source, LENGTH_BYTES, out->text, length));
    TERN_TRY(tern__json_parse(r->context, r->file, out->text, length, &document));
    tern_status status = read_tensors(r, document.nodes, out);
    tern__json_finish(r->context, &document);
    return status;
}

tern_status tern__safetensors_read(tern_context *context, const tern_source *source,
                                   tern__safetensors *out) {
    uint64_t length = 0;
    *out = (tern__safetensors){0};
    TERN_TRY(read_length(context, source, &length));
    reader r = {.context = context,
                .source = source,
                .file = tern__source_name(source),
                .data_start = LENGTH_BYTES + length,
                .data_size = source->size - LENGTH_BYTES - length};
    tern_status status = read_header(&r, (size_t)length, out);
    if (status != TERN_STATUS_OK) {
        tern__safetensors_finish(context, out);
    }
    return status;
}

void tern__safetensors_finish(tern_context *context, tern__safetensors *file) {
    tern__free(context, file->text);
    tern__free(context, file->tensors);
    *file = (tern__safetensors){0};
}

bool tern__safetensors_is(tern_context *context, const tern_source *source) {
    uint8_t bytes[LENGTH_BYTES + 1];
    return source->size >= sizeof bytes &&
           tern__source_read(context, source, 0, bytes, sizeof bytes) == TERN_STATUS_OK &&
           memcmp(bytes, "GGUF", 4) != 0 && bytes[LENGTH_BYTES] == '{';
}
