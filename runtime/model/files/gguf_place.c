// Where the tensors of a GGUF file lie, and which of several types a number means.
#include "runtime/model/files/gguf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/files/source.h"
#include "runtime/status.h"

// Values of general.file_type that speak about the numbers in question: IQ4_NL and MXFP4_MOE of the
// mainline; TL1, TL2 and I2_S are 38 to 40 with Microsoft.
enum { FILE_IQ4_NL = 25, FILE_MXFP4 = 38, FILE_I2_S = 40, TYPE_TL2 = 39, NO_FILE_TYPE = 0xffff };

typedef struct placement {
    tern_archive *archive;
    const char *file;
    uint64_t data_size; // bytes from data_start to the end of the source
    uint32_t file_type;
    bool bitnet; // the architecture says so
} placement;

typedef struct located {
    uint64_t offset;
    size_t index;
} located;

static tern_status refuse(const placement *p, const tern__tensor *tensor, const char *why) {
    return tern__fail(p->archive->context, TERN_STATUS_CORRUPT_DATA,
                      "%s: tensor '%.100s' of type %" PRIu32 " described at offset %zu: %s",
                      p->file, tensor->name, tensor->id, tensor->position, why);
}

// Keys never choose a meaning; they only rule one out that they contradict.
static bool is_vetoed(const placement *p, const tern__ggml_type *type) {
    if (type->id < 36 || type->id > 39 || p->file_type == NO_FILE_TYPE) {
        return false;
    }
    if (type->microsoft) {
        return p->file_type == FILE_IQ4_NL ||
               (type->id == TYPE_TL2 && p->file_type == FILE_MXFP4 && !p->bitnet);
    }
    return p->bitnet && p->file_type >= FILE_MXFP4 && p->file_type <= FILE_I2_S;
}

// Whether a tensor of |size| bytes leaves of |extent| only what alignment asks for.
static bool fits_exactly(const placement *p, uint64_t size, uint64_t extent) {
    return size <= extent && extent - size < p->archive->alignment;
}

// The meanings of the tensor's number that |extent| has room for: exactly, if any does so, else at
// all. Puts one that the file's keys do not rule out in |*out_type| and returns how many such are.
static int count_meanings(const placement *p, const tern__tensor *tensor, uint64_t extent,
                          const tern__ggml_type **out_type) {
    bool exact = false;
    int count = 0;
    const tern__ggml_type *type;
    for (uint32_t i = 0; (type = tern__ggml_type_find(tensor->id, i)) != NULL; i++) {
        uint64_t size;
        if (!tern__ggml_tensor_bytes(type, tensor->shape, &size) || size > extent) {
            continue;
        }
        bool fits = fits_exactly(p, size, extent);
        if (fits && !exact) {
            exact = true;
            count = 0;
        }
        if (fits == exact && !is_vetoed(p, type)) {
            *out_type = type;
            count++;
        }
    }
    return count;
}

static tern_status tell_apart(const placement *p, tern__tensor *tensor, uint64_t extent) {
    int count = count_meanings(p, tensor, extent, &tensor->type);
    if (count == 1) {
        return TERN_STATUS_OK;
    }
    char why[200];
    snprintf(why, sizeof why,
             "%s of the types with this number suits its rows of %" PRIu64 " (I2_S: whole blocks "
             "of 128), its %" PRIu64 " bytes and the file's keys",
             count > 0 ? "more than one" : "none", tensor->shape[0], extent);
    return refuse(p, tensor, why);
}

static tern_status find_size(const placement *p, tern__tensor *tensor, uint64_t extent) {
    tensor->type = tern__ggml_type_find(tensor->id, 0);
    if (!tensor->type) {
        tensor->size = extent;
        return TERN_STATUS_OK;
    }
    if (tern__ggml_type_find(tensor->id, 1)) {
        TERN_TRY(tell_apart(p, tensor, extent));
    }
    if (!tern__ggml_tensor_bytes(tensor->type, tensor->shape, &tensor->size)) {
        char why[160];
        snprintf(why, sizeof why,
                 "%" PRIu64 " x %" PRIu64 " x %" PRIu64 " x %" PRIu64
                 " elements are too many or no whole blocks of %" PRIu32,
                 tensor->shape[0], tensor->shape[1], tensor->shape[2], tensor->shape[3],
                 tensor->type->block_elements);
        return refuse(p, tensor, why);
    }
    return TERN_STATUS_OK;
}

static tern_status check_end(const placement *p, const tern__tensor *tensor,
                             const tern__tensor *next, uint64_t extent) {
    if (tensor->size <= extent) {
        return TERN_STATUS_OK;
    }
    uint64_t start = p->archive->data_start;
    if (!next) {
        return tern__fail(p->archive->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: tensor '%.100s' of %" PRIu64 " bytes at offset %" PRIu64
                          " passes the end of the file at %" PRIu64,
                          p->file, tensor->name, tensor->size, start + tensor->offset,
                          start + p->data_size);
    }
    return tern__fail(p->archive->context, TERN_STATUS_CORRUPT_DATA,
                      "%s: tensor '%.100s' of %" PRIu64 " bytes at offset %" PRIu64
                      " overlaps tensor '%.100s' at offset %" PRIu64,
                      p->file, tensor->name, tensor->size, start + tensor->offset, next->name,
                      start + next->offset);
}

static tern_status check_offset(const placement *p, const tern__tensor *tensor) {
    char why[160];
    if (tensor->offset % p->archive->alignment != 0) {
        snprintf(why, sizeof why, "its data offset %" PRIu64 " is not a multiple of %" PRIu64,
                 tensor->offset, p->archive->alignment);
        return refuse(p, tensor, why);
    }
    if (tensor->offset >= p->data_size) {
        snprintf(why, sizeof why,
                 "its data offset %" PRIu64 " passes the %" PRIu64 " bytes of data in the file",
                 tensor->offset, p->data_size);
        return refuse(p, tensor, why);
    }
    return TERN_STATUS_OK;
}

static int compare_located(const void *a, const void *b) {
    const located *x = a;
    const located *y = b;
    if (x->offset != y->offset) {
        return x->offset < y->offset ? -1 : 1;
    }
    return (x->index > y->index) - (x->index < y->index);
}

static tern_status place_all(const placement *p, located *order) {
    tern_archive *archive = p->archive;
    for (size_t i = 0; i < archive->tensor_count; i++) {
        TERN_TRY(check_offset(p, &archive->tensors[i]));
        order[i] = (located){archive->tensors[i].offset, i};
    }
    qsort(order, archive->tensor_count, sizeof *order, compare_located);
    for (size_t i = 0; i < archive->tensor_count; i++) {
        tern__tensor *tensor = &archive->tensors[order[i].index];
        bool last = i + 1 == archive->tensor_count;
        uint64_t end = last ? p->data_size : order[i + 1].offset;
        uint64_t extent = end - tensor->offset;
        if (extent == 0) {
            return refuse(p, tensor, "another tensor has the same data offset");
        }
        TERN_TRY(find_size(p, tensor, extent));
        TERN_TRY(check_end(p, tensor, last ? NULL : &archive->tensors[order[i + 1].index], extent));
    }
    return TERN_STATUS_OK;
}

static placement start_placement(tern_archive *archive) {
    placement p = {
        .archive = archive, .file = tern__source_name(archive->source), .file_type = NO_FILE_TYPE};
    // The keys may be anything; what is not a veto by its type is none.
    const tern__entry *file_type = tern__archive_entry(archive, "general.file_type");
    if (file_type && file_type->type == TERN_VALUE_U32) {
        p.file_type = tern__load_u32(archive->header + file_type->value);
    }
    const tern__entry *architecture = tern__archive_entry(archive, "general.architecture");
    if (architecture && architecture->type == TERN_VALUE_STRING) {
        const char *name = tern__gguf_string(archive->header, architecture->value);
        p.bitnet = strncmp(name, "bitnet", 6) == 0;
    }
    return p;
}

tern_status tern__gguf_place(tern_archive *archive, uint64_t header_size) {
    placement p = start_placement(archive);
    uint64_t padding = (archive->alignment - header_size % archive->alignment) % archive->alignment;
    archive->data_start = header_size + padding;
    uint64_t size = archive->source->size;
    p.data_size = size > archive->data_start ? size - archive->data_start : 0;
    if (archive->tensor_count == 0) {
        return TERN_STATUS_OK;
    }
    located *order = tern__alloc(archive->context, archive->tensor_count * sizeof *order);
    if (!order) {
        return tern__fail_memory(archive->context, archive->tensor_count * sizeof *order, p.file);
    }
    tern_status status = place_all(&p, order);
    tern__free(archive->context, order);
    for (size_t i = 0; i < archive->tensor_count; i++) {
        archive->tensors[i].offset += archive->data_start;
    }
    return status;
}
