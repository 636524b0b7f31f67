// A GGUF model split over several files: each is a GGUF file of its own, which says in its keys
// which part it is and of how many, and in its name, so that the others can be found.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/files/gguf.h"
#include "runtime/model/files/source.h"
#include "runtime/status.h"

#define KEY_NUMBER "split.no"
#define KEY_COUNT "split.count"
#define KEY_TENSORS "split.tensors.count"

enum { MAX_PARTS = 99999, NAME_CAPACITY = 1024 };

typedef struct split {
    uint32_t number;  // from 0
    uint32_t count;   // 0 or 1: not split
    uint32_t tensors; // of all parts; UINT32_MAX: not said
} split;

static tern_status read_split(const tern_archive *archive, split *out) {
    TERN_TRY(tern__archive_u32(archive, KEY_NUMBER, 0, &out->number));
    TERN_TRY(tern__archive_u32(archive, KEY_COUNT, 0, &out->count));
    TERN_TRY(tern__archive_u32(archive, KEY_TENSORS, UINT32_MAX, &out->tensors));
    if (out->count > MAX_PARTS || (out->count > 0 && out->number >= out->count)) {
        return tern__fail(archive->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: keys '" KEY_NUMBER "' and '" KEY_COUNT "' are %" PRIu32
                          " and %" PRIu32 ", expected 0 to %d and more than that",
                          archive->name, out->number, out->count, MAX_PARTS);
    }
    return TERN_STATUS_OK;
}

tern_status tern__gguf_check_whole(const tern_archive *archive) {
    split s;
    TERN_TRY(read_split(archive, &s));
    if (s.count > 1) {
        return tern__fail(archive->context, TERN_STATUS_UNSUPPORTED,
                          "%s: part %" PRIu32 " of %" PRIu32
                          " of a split model: open it with tern_archive_open_path or _files",
                          archive->name, s.number + 1, s.count);
    }
    return TERN_STATUS_OK;
}

// The name of part |number|, from 0, of the split that |name| is part of.
static tern_status part_name(const tern_archive *archive, const char *name, const split *s,
                             uint32_t number, char out[NAME_CAPACITY]) {
    char ending[40];
    snprintf(ending, sizeof ending, "-%05" PRIu32 "-of-%05" PRIu32 ".gguf", s->number + 1,
             s->count);
    size_t length = strlen(name);
    size_t stem = length - strlen(ending);
    if (length < strlen(ending) || strcmp(name + stem, ending) != 0 || length >= NAME_CAPACITY) {
        return tern__fail(archive->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: part %" PRIu32 " of %" PRIu32
                          " of a split model by its keys, whose name must end in '%s'",
                          archive->name, s->number + 1, s->count, ending);
    }
    snprintf(out, NAME_CAPACITY, "%.*s-%05" PRIu32 "-of-%05" PRIu32 ".gguf", (int)stem, name,
             number + 1, s->count);
    return TERN_STATUS_OK;
}

static tern_status contradiction(const tern_archive *part, const char *key, uint32_t got,
                                 uint32_t wanted) {
    return tern__fail(part->context, TERN_STATUS_CORRUPT_DATA,
                      "%s: key '%s' is %" PRIu32 ", expected %" PRIu32
                      " by the file's name and the first part",
                      part->name, key, got, wanted);
}

static tern_status check_part(const tern_archive *part, const split *whole, uint32_t number) {
    split s;
    TERN_TRY(read_split(part, &s));
    if (s.count != whole->count) {
        return contradiction(part, KEY_COUNT, s.count, whole->count);
    }
    if (s.number != number) {
        return contradiction(part, KEY_NUMBER, s.number, number);
    }
    if (s.tensors != whole->tensors) {
        return contradiction(part, KEY_TENSORS, s.tensors, whole->tensors);
    }
    return TERN_STATUS_OK;
}

static tern_status append_tensors(tern_archive *archive, const tern_archive *part) {
    void *tensors = archive->tensors;
    size_t capacity = archive->tensor_count;
    size_t count = archive->tensor_count + part->tensor_count;
    if (!tern__grow(archive->context, &tensors, &capacity, count, sizeof(tern__tensor))) {
        return tern__fail_memory(archive->context, count * sizeof(tern__tensor), part->name);
    }
    archive->tensors = tensors;
    if (part->tensor_count > 0) {
        memcpy(archive->tensors + archive->tensor_count, part->tensors,
               part->tensor_count * sizeof(tern__tensor));
    }
    archive->tensor_count = count;
    return TERN_STATUS_OK;
}

static tern_status add_part(tern_archive *archive, const char *name, const split *whole,
                            uint32_t number) {
    char why[64];
    const tern_source *source = NULL;
    snprintf(why, sizeof why, "part %" PRIu32 " of %" PRIu32 " of the model", number + 1,
             whole->count);
    TERN_TRY(tern__archive_open_part(archive, name, why, &source));
    tern_archive **part = &archive->parts[archive->part_count];
    TERN_TRY(tern__gguf_open(archive->context, source, part));
    archive->part_count++;
    TERN_TRY(check_part(*part, whole, number));
    return append_tensors(archive, *part);
}

static tern_status check_total(const tern_archive *archive, const split *whole) {
    if (whole->tensors != UINT32_MAX && whole->tensors != archive->tensor_count) {
        return tern__fail(archive->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: key '" KEY_TENSORS "' is %" PRIu32 ", but the %" PRIu32
                          " parts have %zu tensors",
                          archive->name, whole->tensors, whole->count, archive->tensor_count);
    }
    return TERN_STATUS_OK;
}

static tern_status add_parts(tern_archive *archive, const char *name, const split *whole) {
    archive->parts = tern__calloc(archive->context, whole->count, sizeof(tern_archive *));
    if (!archive->parts) {
        return tern__fail_memory(archive->context, whole->count * sizeof(tern_archive *),
                                 archive->name);
    }
    for (uint32_t i = 1; i < whole->count; i++) {
        char other[NAME_CAPACITY];
        TERN_TRY(part_name(archive, name, whole, i, other));
        TERN_TRY(add_part(archive, other, whole, i));
    }
    TERN_TRY(check_total(archive, whole));
    return tern__archive_index(archive);
}

// Reads the first part in the place of the one that is read, which is another.
static tern_status go_to_first(tern_archive *archive, const char *name, const split *whole) {
    char why[64];
    snprintf(why, sizeof why, "part 1 of %" PRIu32 " of the model", whole->count);
    tern__archive_clear(archive);
    TERN_TRY(tern__archive_open_part(archive, name, why, &archive->source));
    archive->name = tern__source_name(archive->source);
    TERN_TRY(tern__gguf_read(archive));
    return check_part(archive, whole, 0);
}

tern_status tern__gguf_join(tern_archive *archive, const char *name) {
    split s;
    char first[NAME_CAPACITY];
    TERN_TRY(read_split(archive, &s));
    if (s.count <= 1) {
        return TERN_STATUS_OK;
    }
    TERN_TRY(part_name(archive, name, &s, 0, first));
    if (s.number > 0) {
        TERN_TRY(go_to_first(archive, first, &s));
        s.number = 0;
    }
    return add_parts(archive, first, &s);
}
