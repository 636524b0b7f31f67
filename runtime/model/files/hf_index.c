#include "runtime/model/files/hf_index.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/files/source.h"
#include "runtime/status.h"

enum { MAX_SHARDS = 10000 };

static int compare_entries(const void *a, const void *b) {
    return strcmp(((const tern__hf_index_entry *)a)->tensor,
                  ((const tern__hf_index_entry *)b)->tensor);
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

// Of a file of this folder and of no other.
static bool is_plain(const char *name) {
    return name[0] && strcmp(name, "..") != 0 && strpbrk(name, "/\\:") == NULL;
}

static tern_status read_entry(tern__hf_index *index, const tern__json *entry) {
    bool text = entry->type == TERN__JSON_STRING && strlen(entry->as.string) == entry->size &&
                strlen(entry->key) == entry->key_size;
    if (!text || !is_plain(entry->as.string)) {
        return tern__fail(index->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: tensor '%.100s' is in '%.100s', expected the name of a file beside "
                          "it",
                          index->name, entry->key, text ? entry->as.string : "no name");
    }
    index->entries[index->count++] = (tern__hf_index_entry){entry->key, entry->as.string, false};
    return TERN_STATUS_OK;
}

static tern_status allocate(tern__hf_index *index, size_t count) {
    index->entries = tern__calloc(index->context, count, sizeof *index->entries);
    index->shards = tern__calloc(index->context, count, sizeof *index->shards);
    return index->entries && index->shards
               ? TERN_STATUS_OK
               : tern__fail_memory(index->context, count * sizeof *index->entries, index->name);
}

static tern_status list_shards(tern__hf_index *index) {
    for (size_t i = 0; i < index->count; i++) {
        index->shards[i] = index->entries[i].shard;
    }
    qsort(index->shards, index->count, sizeof *index->shards, compare_names);
    for (size_t i = 0; i < index->count; i++) {
        if (i == 0 || strcmp(index->shards[index->shard_count - 1], index->shards[i]) != 0) {
            index->shards[index->shard_count++] = index->shards[i];
        }
    }
    if (index->shard_count > MAX_SHARDS) {
        return tern__fail(index->context, TERN_STATUS_UNSUPPORTED,
                          "%s: %zu shards, expected %d at most", index->name, index->shard_count,
                          MAX_SHARDS);
    }
    return TERN_STATUS_OK;
}

static tern_status read_map(tern__hf_index *index, const tern__json *root) {
    const tern__json *map = tern__json_get(root, "weight_map");
    if (!map || map->type != TERN__JSON_OBJECT || map->size == 0) {
        return tern__fail(index->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: key 'weight_map' is %s, expected an object with something in it",
                          index->name, tern__json_type_name(map));
    }
    TERN_TRY(tern__json_check_unique(index->context, index->name, map));
    TERN_TRY(allocate(index, map->size));
    for (const tern__json *c = tern__json_first(map); c; c = tern__json_next(map, c)) {
        TERN_TRY(read_entry(index, c));
    }
    qsort(index->entries, index->count, sizeof *index->entries, compare_entries);
    return list_shards(index);
}

tern_status tern__hf_index_read(const tern_archive *archive, const char *name,
                                tern__hf_index *out) {
    size_t size = 0;
    tern__json_document document;
    *out = (tern__hf_index){.context = archive->context};
    tern__archive_path(archive, name, out->name, sizeof out->name);
    TERN_TRY(tern__archive_file(archive, name, &out->text, &size));
    TERN_TRY(tern__json_parse(out->context, out->name, out->text, size, &document));
    tern_status status = read_map(out, document.nodes);
    tern__json_finish(out->context, &document);
    return status;
}

void tern__hf_index_finish(tern__hf_index *index) {
    if (index->context) {
        tern__free(index->context, index->shards);
        tern__free(index->context, index->entries);
        tern__free(index->context, index->text);
    }
}

tern_status tern__hf_index_need(const tern__hf_index *index, const char *shard) {
    for (size_t i = 0; i < index->shard_count; i++) {
        if (strcmp(index->shards[i], shard) == 0) {
            return TERN_STATUS_OK;
        }
    }
    return tern__fail(index->context, TERN_STATUS_CORRUPT_DATA,
                      "%s: not a shard of the model by %s", shard, index->name);
}

tern_status tern__hf_index_take(tern__hf_index *index, const tern__tensor *tensor,
                                const char *shard) {
    tern__hf_index_entry wanted = {.tensor = tensor->name};
    tern__hf_index_entry *entry =
        bsearch(&wanted, index->entries, index->count, sizeof *index->entries, compare_entries);
    if (!entry || strcmp(entry->shard, shard) != 0) {
        return tern__fail(index->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: tensor '%.100s' is in %s by %s", tern__source_name(tensor->source),
                          tensor->name, entry ? entry->shard : "no shard", index->name);
    }
    entry->taken = true;
    return TERN_STATUS_OK;
}

tern_status tern__hf_index_check(const tern__hf_index *index) {
    for (size_t i = 0; i < index->count; i++) {
        if (!index->entries[i].taken) {
            return tern__fail(index->context, TERN_STATUS_NOT_FOUND,
                              "%s: tensor '%.100s' is missing, which is here by %s",
                              index->entries[i].shard, index->entries[i].tensor, index->name);
        }
    }
    return TERN_STATUS_OK;
}
