// The header of a GGUF file of version 3, from an archive's keys and a conversion's plans.
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/convert/convert.h"
#include "runtime/model/files/gguf.h"
#include "runtime/model/files/gguf_write.h"
#include "runtime/model/convert/kept.h"
#include "runtime/model/files/sink.h"
#include "runtime/status.h"

enum { DEFAULT_ALIGNMENT = 32, FILE_TYPE_GUESSED = 1024 };

static void put_string(tern__writer *w, const tern_archive *archive, size_t offset) {
    tern__put_text(w, tern__gguf_string(archive->header, offset),
                   tern__gguf_string_size(archive->header, offset));
}

static void put_array(tern__writer *w, const tern_archive *archive, const tern__entry *entry) {
    tern__put_int(w, entry->element, 4);
    tern__put_int(w, entry->count, 8);
    if (entry->element != TERN_VALUE_STRING) {
        tern__put(w, archive->header + entry->value,
                  (size_t)entry->count * tern__value_size(entry->element));
    }
    for (uint64_t i = 0; entry->element == TERN_VALUE_STRING && i < entry->count; i++) {
        put_string(w, archive, entry->strings[i]);
    }
}

// The number that `general.file_type` has for files of this type.
static uint32_t file_type_of(const tern__ggml_type *type) {
    static const struct {
        const char *name;
        uint32_t number;
    } types[] = {{"F32", 0},    {"F16", 1},    {"Q8_0", 7}, {"BF16", 32},
                 {"TQ1_0", 36}, {"TQ2_0", 37}, {"I2_S", 40}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i].name, type->name) == 0) {
            return types[i].number;
        }
    }
    return FILE_TYPE_GUESSED;
}

static bool is_left_out(const tern__conversion *c, const char *key) {
    return strncmp(key, "split.", 6) == 0 || strcmp(key, "tern.scale") == 0 ||
           ((c->desc->flags & TERN_CONVERT_ABSMEAN) && strcmp(key, "tern.weights") == 0);
}

static void put_entry(tern__writer *w, const tern__conversion *c, const tern__entry *entry) {
    const tern_archive *archive = c->archive;
    const char *key = tern__gguf_string(archive->header, entry->key);
    put_string(w, archive, entry->key);
    tern__put_int(w, entry->type, 4);
    if (c->type && entry->type == TERN_VALUE_U32 && strcmp(key, "general.file_type") == 0) {
        tern__put_int(w, file_type_of(c->type), 4);
    } else if (entry->type == TERN_VALUE_ARRAY) {
        put_array(w, archive, entry);
    } else if (entry->type == TERN_VALUE_STRING) {
        put_string(w, archive, entry->value);
    } else {
        tern__put(w, archive->header + entry->value, tern__value_size(entry->type));
    }
}

static uint64_t put_entries(tern__writer *w, const tern__conversion *c) {
    uint64_t count = 0;
    for (size_t i = 0; i < c->archive->entry_count; i++) {
        const tern__entry *entry = &c->archive->entries[i];
        if (!is_left_out(c, tern__gguf_string(c->archive->header, entry->key))) {
            put_entry(w, c, entry);
            count++;
        }
    }
    return count;
}

uint64_t tern__conversion_alignment(const tern__conversion *c) {
    return c->archive->alignment ? c->archive->alignment : DEFAULT_ALIGNMENT;
}

static uint64_t aligned(const tern__conversion *c, uint64_t size) {
    uint64_t alignment = tern__conversion_alignment(c);
    return (size + alignment - 1) / alignment * alignment;
}

static void put_side(tern__writer *w, const tern__conversion *c, const tern__plan *plan,
                     uint64_t *offset) {
    static const char suffix[] = ".scale";
    size_t stem = strlen(plan->info.name) - strlen(".weight");
    tern__put_int(w, stem + strlen(suffix), 8);
    tern__put(w, plan->info.name, stem);
    tern__put(w, suffix, strlen(suffix));
    tern__put_int(w, 1, 4);
    tern__put_int(w, plan->side_count, 8);
    tern__put_int(w, 0, 4); // F32
    tern__put_int(w, *offset, 8);
    *offset += aligned(c, plan->side_count * sizeof(float));
}

static uint64_t put_tensors(tern__writer *w, const tern__conversion *c) {
    uint64_t offset = 0, count = 0;
    for (uint64_t i = 0; i < c->count; i++) {
        const tern__plan *plan = &c->plans[i];
        const tern_tensor_info *info = &plan->info;
        if (plan->mode == TERN__CONVERT_DROP) {
            continue;
        }
        tern__put_text(w, info->name, strlen(info->name));
        tern__put_int(w, info->rank, 4);
        for (uint32_t d = 0; d < info->rank; d++) {
            tern__put_int(w, info->shape[d], 8);
        }
        tern__put_int(w, plan->mode == TERN__CONVERT_COPY ? info->type : plan->type->id, 4);
        tern__put_int(w, offset, 8);
        offset += aligned(c, plan->bytes);
        count++;
        if (plan->side != TERN__SIDE_NONE) {
            put_side(w, c, plan, &offset);
            count++;
        }
    }
    return count;
}

static tern_status put_header(tern__writer *w, const tern__conversion *c) {
    tern__put(w, "GGUF", 4);
    tern__put_int(w, 3, 4);
    tern__put_int(w, 0, 8); // of tensors, and
    tern__put_int(w, 0, 8); // of keys: known at the end
    uint64_t keys = put_entries(w, c);
    if (!tern__archive_entry(c->archive, "tokenizer.ggml.model")) {
        TERN_TRY(tern__kept_put(w, c, &keys));
    }
    uint64_t tensors = put_tensors(w, c);
    size_t end = w->size;
    w->size = 8;
    tern__put_int(w, tensors, 8);
    tern__put_int(w, keys, 8);
    w->size = end;
    while (!w->full && w->size % tern__conversion_alignment(c) != 0) {
        tern__put_int(w, 0, 1);
    }
    return w->full ? tern__fail_memory(c->context, w->size, "a file's header") : TERN_STATUS_OK;
}

tern_status tern__conversion_header(tern__conversion *c) {
    tern__writer w = {.context = c->context};
    tern_status status = put_header(&w, c);
    if (status == TERN_STATUS_OK) {
        status = tern__sink_write(c->context, c->sink, w.data, w.size);
    }
    tern__free(c->context, w.data);
    return status;
}
