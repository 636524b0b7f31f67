#include "runtime/model/files/archive_build.h"

#include <string.h>

#include "runtime/allocator.h"
#include "runtime/status.h"

enum { LENGTH_BYTES = 7 }; // of a string, in memory

// Room for |size| more bytes of the header.
static uint8_t *extend(tern__builder *b, size_t size) {
    void *header = b->archive->header;
    if (!tern__grow(b->archive->context, &header, &b->capacity, b->used + size, 1)) {
        return NULL;
    }
    b->archive->header = header;
    b->used += size;
    return b->archive->header + b->used - size;
}

static void store(uint8_t *to, uint64_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        to[i] = (uint8_t)(value >> (8 * i));
    }
}

static tern_status no_memory(const tern__builder *b) {
    return tern__fail_memory(b->archive->context, b->used, b->archive->name);
}

static tern_status put_string(tern__builder *b, const char *text, size_t *out_offset) {
    size_t size = strlen(text);
    *out_offset = b->used;
    uint8_t *to = extend(b, LENGTH_BYTES + size + 1);
    if (!to) {
        return no_memory(b);
    }
    store(to, size, LENGTH_BYTES);
    memcpy(to + LENGTH_BYTES, text, size + 1);
    return TERN_STATUS_OK;
}

static tern_status add_entry(tern__builder *b, const char *key, tern_value_type type,
                             tern__entry **out) {
    tern_archive *archive = b->archive;
    void *entries = archive->entries;
    if (!tern__grow(archive->context, &entries, &b->entry_capacity, archive->entry_count + 1,
                    sizeof(tern__entry))) {
        return no_memory(b);
    }
    archive->entries = entries;
    *out = &archive->entries[archive->entry_count];
    **out = (tern__entry){.type = type};
    TERN_TRY(put_string(b, key, &(*out)->key));
    (*out)->value = b->used;
    archive->entry_count++;
    return TERN_STATUS_OK;
}

static tern_status put_bytes(tern__builder *b, uint64_t value, size_t bytes) {
    uint8_t *to = extend(b, bytes);
    if (!to) {
        return no_memory(b);
    }
    store(to, value, bytes);
    return TERN_STATUS_OK;
}

tern_status tern__build_u32(tern__builder *b, const char *key, uint32_t value) {
    tern__entry *entry = NULL;
    TERN_TRY(add_entry(b, key, TERN_VALUE_U32, &entry));
    return put_bytes(b, value, 4);
}

tern_status tern__build_f32(tern__builder *b, const char *key, float value) {
    tern__entry *entry = NULL;
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    TERN_TRY(add_entry(b, key, TERN_VALUE_F32, &entry));
    return put_bytes(b, bits, 4);
}

tern_status tern__build_bool(tern__builder *b, const char *key, bool value) {
    tern__entry *entry = NULL;
    TERN_TRY(add_entry(b, key, TERN_VALUE_BOOL, &entry));
    return put_bytes(b, value, 1);
}

tern_status tern__build_string(tern__builder *b, const char *key, const char *value) {
    tern__entry *entry = NULL;
    TERN_TRY(add_entry(b, key, TERN_VALUE_STRING, &entry));
    return put_string(b, value, &entry->value);
}

tern_status tern__build_bools(tern__builder *b, const char *key, const uint8_t *values,
                              size_t count) {
    tern__entry *entry = NULL;
    TERN_TRY(add_entry(b, key, TERN_VALUE_ARRAY, &entry));
    entry->element = TERN_VALUE_BOOL;
    entry->count = count;
    uint8_t *to = extend(b, count);
    if (!to) {
        return no_memory(b);
    }
    memcpy(to, values, count);
    return TERN_STATUS_OK;
}

tern_status tern__build_f32s(tern__builder *b, const char *key, float value, size_t count) {
    tern__entry *entry = NULL;
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    TERN_TRY(add_entry(b, key, TERN_VALUE_ARRAY, &entry));
    entry->element = TERN_VALUE_F32;
    entry->count = count;
    for (size_t i = 0; i < count; i++) {
        TERN_TRY(put_bytes(b, bits, sizeof bits));
    }
    return TERN_STATUS_OK;
}

tern_status tern__build_tensor(tern__builder *b, const tern__tensor *tensor) {
    tern_archive *archive = b->archive;
    void *tensors = archive->tensors;
    if (!tern__grow(archive->context, &tensors, &b->tensor_capacity, archive->tensor_count + 1,
                    sizeof(tern__tensor))) {
        return no_memory(b);
    }
    archive->tensors = tensors;
    tern__tensor *to = &archive->tensors[archive->tensor_count];
    *to = *tensor;
    TERN_TRY(put_string(b, tensor->name, &to->name_at));
    archive->tensor_count++;
    return TERN_STATUS_OK;
}

tern_status tern__build_finish(tern__builder *b) {
    tern_archive *archive = b->archive;
    for (size_t i = 0; i < archive->tensor_count; i++) {
        tern__tensor *tensor = &archive->tensors[i];
        tensor->name = tern__gguf_string(archive->header, tensor->name_at);
    }
    return tern__archive_index(archive);
}
