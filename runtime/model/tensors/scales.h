// Scales of a ternary matrix, brought to the simplest kind that says the same: files store one per
// block of 256 where the network has one per matrix, and then a product needs one sum, not many.
#ifndef TERN_RUNTIME_MODEL_SCALES_H_
#define TERN_RUNTIME_MODEL_SCALES_H_

#include <tern/context.h>
#include <tern/types.h>

typedef struct tern__scales {
    uint32_t rows;
    uint32_t groups;      // scales per row
    uint32_t group_size;  // columns under each scale, the last of a row may have fewer
    uint32_t row_bytes;   // of t2 codes; padding holds zero weights
    const uint8_t *codes; // rows * row_bytes
    float *values;        // rows * groups; what is left after reducing comes first

    tern_scale_kind kind; // set by reducing: TENSOR, ROW, or GROUP with |groups| and |group_size|
    float tensor;         // with TERN_SCALE_TENSOR
} tern__scales;

// The simplest kind that says the same as |*groups| scales, one per |*group_size| columns, for each
// of |rows| rows, of which those that are 0 can be anything. Groups become larger where they agree:
// then |values|, |*groups| and |*group_size| change.
tern_scale_kind tern__scales_kind(float *values, uint32_t rows, uint32_t *groups,
                                  uint32_t *group_size);

// A scale over zero weights only can be anything and says nothing: the same weights have the same
// kind, however they are stored. CORRUPT_DATA names |name| and the block for any other 0, and for
// NaN and infinity.
tern_status tern__scales_reduce(tern_context *context, const char *name, tern__scales *scales);

#endif
