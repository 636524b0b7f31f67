// A matrix on its way from the file to a device. Shared by the files that load one.
#ifndef TERN_RUNTIME_MODEL_TRANSFER_H_
#define TERN_RUNTIME_MODEL_TRANSFER_H_

#include "runtime/model/tensors/factors.h"
#include "runtime/model/tensors/matrix.h"

// File rows come through |raw| a chunk at a time.
typedef struct tern__transfer {
    tern__loader *loader;
    const tern__part *part;
    const tern__ggml_type *type; // what |part->type| turned out to mean
    const tern__ggml_type *half; // what float32 is held as
    tern__factors factors;
    float scale; // of all weights, before factors
    uint32_t chunk_rows;
    size_t raw_row_bytes;
    size_t row_bytes; // canonical
    uint8_t *raw;
    uint8_t *codes; // the whole matrix as t2, where the scales decide its kind
    float *scales;
} tern__transfer;

// Memory from a room; NULL if there is none.
void *tern__loader_take(tern__loader *loader, tern__room *room, size_t size);

// How many rows from |done| to |end| a chunk holds.
uint32_t tern__transfer_rows(const tern__transfer *t, uint32_t done, uint32_t end);
// Reads |count| rows of the file from row |first| on, and counts them as done.
tern_status tern__transfer_read(tern__transfer *t, uint32_t first, uint32_t count, void *to);

// Makes the weights of |desc|, in which the members that the part says are set here.
tern_status tern__transfer_create(const tern__transfer *t, tern_weights_desc *desc,
                                  tern__matrix *out, uint64_t *out_bytes);

// Ternary matrices whose scales decide their kind, through |codes| and |scales|. |*out_ternary| is
// false, and nothing loaded, if the values are not those of a ternary matrix.
tern_status tern__transfer_blocks(tern__transfer *t, bool *out_ternary, tern__matrix *out,
                                  uint64_t *out_bytes);
tern_status tern__transfer_values(tern__transfer *t, bool *out_ternary, tern__matrix *out,
                                  uint64_t *out_bytes);
// The smaller type that holds all of a float32 matrix, or float32.
tern_status tern__transfer_find_half(tern__transfer *t, tern_dtype *out);
tern_status tern__transfer_halves(tern__transfer *t, tern_dtype dtype, tern__matrix *out,
                                  uint64_t *out_bytes);
// HF_T2.
tern_status tern__transfer_fields(tern__transfer *t, tern__matrix *out, uint64_t *out_bytes);
// Dense values made ternary by their mean size.
tern_status tern__transfer_absmean(tern__transfer *t, tern__matrix *out, uint64_t *out_bytes);

#endif
