// How tern_convert works: a plan for every tensor, made by reading it once; then the file, from the
// header to the last tensor, reading what is not copied again.
#ifndef TERN_RUNTIME_MODEL_CONVERT_H_
#define TERN_RUNTIME_MODEL_CONVERT_H_

#include <tern/convert.h>

#include "runtime/model/tensors/rowsource.h"

typedef enum tern__convert_mode {
    TERN__CONVERT_COPY,    // byte for byte
    TERN__CONVERT_TERNARY, // codes and scales
    TERN__CONVERT_ABSMEAN, // numbers that become codes and scales
    TERN__CONVERT_DENSE,   // numbers
    TERN__CONVERT_DROP     // a scale that another tensor takes up
} tern__convert_mode;

// Where the scales of a ternary result are, beside its blocks: in a float32 tensor `.scale`.
typedef enum tern__side_kind {
    TERN__SIDE_NONE,
    TERN__SIDE_ONE,     // |scale|
    TERN__SIDE_FACTORS, // those of the source
    TERN__SIDE_ROWS     // one of each row
} tern__side_kind;

typedef struct tern__plan {
    tern_tensor_info info; // of the source
    tern__convert_mode mode;
    const tern__ggml_type *type; // of the result
    uint64_t bytes;              // of the result
    uint32_t group;              // columns under one scale of the result; ternary ones
    bool ones;                   // scales of blocks are 1
    bool folded;                 // scales of blocks are multiplied by the factors beside
    bool means;                  // scales are means of sizes: information is lost
    tern__side_kind side;
    uint64_t side_count;
    float scale;  // of I2_S, or of TERN__SIDE_ONE
    float factor; // absmean of a whole matrix: what weights are multiplied with
} tern__plan;

typedef struct tern__conversion {
    tern_context *context;
    const tern_archive *archive;
    const tern_convert_desc *desc;
    const tern_sink *sink;
    const tern__ggml_type *type; // NULL: as they are
    uint32_t i2s_block;          // of the archive's tensors
    bool absmean;                // a load makes dense matrices of layers ternary by their mean
    tern__plan *plans;           // of every tensor
    uint64_t count;
    uint64_t done, total; // bytes, for the progress callback
} tern__conversion;

// Counts |bytes| and asks whether to go on: CANCELLED.
tern_status tern__conversion_advance(tern__conversion *c, uint64_t bytes);

// Fills |c->plans|, which are zero.
tern_status tern__conversion_plan(tern__conversion *c);

// A row of the result of |plan|, which is ternary: |source->codes| are then its codes, |scales| one
// for each |plan->group| columns, and |*out_row| what all of them are multiplied with beside them.
tern_status tern__conversion_row(const tern__plan *plan, tern__rowsource *source, uint64_t row,
                                 float *scales, float *out_row);

// Writes the header, with the offsets that follow from the plans.
tern_status tern__conversion_header(tern__conversion *c);
// Writes what comes after it.
tern_status tern__conversion_data(tern__conversion *c);

// Bytes that tensors start at multiples of.
uint64_t tern__conversion_alignment(const tern__conversion *c);

#endif
