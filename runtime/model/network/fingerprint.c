#include "runtime/model/network/fingerprint.h"

#include <stdio.h>
#include <string.h>

#include "runtime/hash.h"
#include "runtime/model/files/archive.h"
#include "runtime/status.h"

enum { SAMPLE_BYTES = 256, SAMPLES = 3 };

// Numbers with the low byte first, so that it is the same everywhere.
static void add_number(uint64_t *hash, uint64_t value) {
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++) {
        bytes[i] = (unsigned char)(value >> 8 * i);
    }
    *hash = tern__hash(*hash, bytes, sizeof bytes);
}

// With its length, so that no two texts run into each other.
static void add_text(uint64_t *hash, const char *text, size_t size) {
    add_number(hash, size);
    *hash = tern__hash(*hash, text, size);
}

static void add_scalar(uint64_t *hash, const tern_value *value) {
    uint64_t bits = 0;
    memcpy(&bits, &value->f, sizeof bits);
    add_number(hash, value->type);
    add_number(hash, value->u);
    add_number(hash, (uint64_t)value->i);
    add_number(hash, bits);
    if (value->type == TERN_VALUE_STRING) {
        add_text(hash, value->string, (size_t)value->count);
    }
}

static tern_status add_value(const tern_archive *archive, const tern_value *value, uint64_t *hash) {
    add_text(hash, value->key, strlen(value->key));
    if (value->type != TERN_VALUE_ARRAY) {
        add_scalar(hash, value);
        return TERN_STATUS_OK;
    }
    add_number(hash, value->count);
    for (uint64_t i = 0; i < value->count; i++) {
        tern_value element = {.struct_size = sizeof element};
        TERN_TRY(tern_archive_element(archive, value->key, i, &element));
        add_scalar(hash, &element);
    }
    return TERN_STATUS_OK;
}

// general.architecture, and the keys of the architecture and of our own.
static bool is_of_network(const char *key, const char *architecture) {
    size_t length = strlen(architecture);
    return strcmp(key, "general.architecture") == 0 || strncmp(key, "tern.", 5) == 0 ||
           (strncmp(key, architecture, length) == 0 && key[length] == '.');
}

static tern_status add_keys(const tern_archive *archive, uint64_t *hash) {
    const char *architecture = NULL;
    TERN_TRY(tern__archive_need_string(archive, "general.architecture", &architecture));
    for (uint64_t i = 0; i < tern_archive_value_count(archive); i++) {
        tern_value value = {.struct_size = sizeof value};
        TERN_TRY(tern_archive_value(archive, i, &value));
        if (is_of_network(value.key, architecture)) {
            TERN_TRY(add_value(archive, &value, hash));
        }
    }
    return TERN_STATUS_OK;
}

static tern_status add_samples(const tern_archive *archive, const tern_tensor_info *info,
                               uint64_t *hash) {
    unsigned char bytes[SAMPLE_BYTES];
    uint64_t size = info->size < SAMPLE_BYTES ? info->size : SAMPLE_BYTES;
    for (uint64_t i = 0; i < SAMPLES; i++) {
        uint64_t offset = (info->size - size) / (SAMPLES - 1) * i;
        TERN_TRY(tern__archive_read(archive, info, offset, bytes, (size_t)size));
        *hash = tern__hash(*hash, bytes, (size_t)size);
    }
    return TERN_STATUS_OK;
}

tern_status tern__fingerprint(const tern_archive *archive, uint32_t flags, uint64_t *out) {
    uint64_t hash = TERN__HASH_START;
    add_number(&hash, flags);
    TERN_TRY(add_keys(archive, &hash));
    for (uint64_t i = 0; i < tern_archive_tensor_count(archive); i++) {
        tern_tensor_info info = {.struct_size = sizeof info};
        TERN_TRY(tern_archive_tensor(archive, i, &info));
        add_text(&hash, info.name, strlen(info.name));
        add_number(&hash, info.type);
        for (int d = 0; d < 4; d++) {
            add_number(&hash, info.shape[d]);
        }
        TERN_TRY(add_samples(archive, &info, &hash));
    }
    *out = hash;
    return TERN_STATUS_OK;
}
