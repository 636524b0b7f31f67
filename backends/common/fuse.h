// Which neighbouring ops of a list may become one launch. Every op of a group still writes all that
// it writes alone, with the same bits; what is saved are launches, and reads of what was just
// written.
#ifndef TERN_BACKENDS_COMMON_FUSE_H_
#define TERN_BACKENDS_COMMON_FUSE_H_

#include <stdbool.h>

#include <tern/backend.h>

enum { TERN_FUSE_PROJECTIONS = 3 };

typedef enum tern_group_kind {
    TERN_GROUP_SINGLE, // one op of any kind
    // Two or three bitlinears of one input (x, norm, live rows), in any order.
    TERN_GROUP_PROJECTIONS,
    // Two such bitlinears without residuals, then the gated op of their outputs: gate, up.
    TERN_GROUP_GATED,
    // rotary, rotary and kv_append, whose k is what the second wrote, at the same positions.
    TERN_GROUP_ROTARY_APPEND
} tern_group_kind;

typedef struct tern_group {
    tern_group_kind kind;
    uint32_t count; // ops, from the first on
} tern_group;

// The largest group of |ops|, |count| of them, that begins at op |first|. A backend that cannot do
// it takes the first op alone and asks again.
tern_group tern_fuse_at(const tern_op_header *const *ops, uint32_t count, uint32_t first);

// Whether both name the same elements.
bool tern_same_view(const tern_tensor *a, const tern_tensor *b);
// Whether they may share a byte. Absent tensors share none.
bool tern_tensors_overlap(const tern_tensor *a, const tern_tensor *b);

#endif
