// Keys and tensors by name.
#include <stdlib.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/files/gguf.h"
#include "runtime/model/files/source.h"
#include "runtime/status.h"

static int compare_named(const void *a, const void *b) {
    const tern__named *x = a;
    const tern__named *y = b;
    int order = strcmp(x->name, y->name);
    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

// Index in |named| of the second of two alike, or 0.
static size_t sort(tern__named *named, size_t count) {
    qsort(named, count, sizeof *named, compare_named);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(named[i - 1].name, named[i].name) == 0) {
            return i;
        }
    }
    return 0;
}

static tern_status index_keys(tern_archive *archive) {
    for (size_t i = 0; i < archive->entry_count; i++) {
        archive->keys[i].name = tern__gguf_string(archive->header, archive->entries[i].key);
        archive->keys[i].index = i;
    }
    size_t twice = sort(archive->keys, archive->entry_count);
    if (twice) {
        const tern__named *second = &archive->keys[twice];
        return tern__fail(archive->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: key '%.100s' appears twice, at offsets %zu and %zu", archive->name,
                          second->name, archive->entries[second[-1].index].key,
                          archive->entries[second->index].key);
    }
    return TERN_STATUS_OK;
}

static tern_status index_tensors(tern_archive *archive) {
    for (size_t i = 0; i < archive->tensor_count; i++) {
        archive->names[i].name = archive->tensors[i].name;
        archive->names[i].index = i;
    }
    size_t twice = sort(archive->names, archive->tensor_count);
    if (!twice) {
        return TERN_STATUS_OK;
    }
    const tern__tensor *first = &archive->tensors[archive->names[twice - 1].index];
    const tern__tensor *second = &archive->tensors[archive->names[twice].index];
    if (first->source == second->source) {
        return tern__fail(archive->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: tensor '%.100s' appears twice, at offsets %zu and %zu",
                          tern__source_name(first->source), first->name, first->name_at,
                          second->name_at);
    }
    return tern__fail(
        archive->context, TERN_STATUS_CORRUPT_DATA, "%s: tensor '%.100s' appears here and in %s",
        tern__source_name(second->source), first->name, tern__source_name(first->source));
}

tern_status tern__archive_index(tern_archive *archive) {
    tern_context *context = archive->context;
    tern__free(context, archive->keys);
    tern__free(context, archive->names);
    archive->keys = tern__calloc(context, archive->entry_count, sizeof *archive->keys);
    archive->names = tern__calloc(context, archive->tensor_count, sizeof *archive->names);
    if (!archive->keys || !archive->names) {
        uint64_t count = (uint64_t)archive->entry_count + archive->tensor_count;
        return tern__fail_memory(context, count * sizeof *archive->keys, archive->name);
    }
    TERN_TRY(index_keys(archive));
    return index_tensors(archive);
}
