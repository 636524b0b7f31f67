// Products with ternary matrices: the launches of ternary_matmul.cl.
#ifndef TERN_OPENCL_OPS_PRODUCTS_H_
#define TERN_OPENCL_OPS_PRODUCTS_H_

#include "backends/common/fuse.h"
#include "backends/opencl/ops/ops.h"

// Quantised activations in the form that this device's kernels take.
typedef struct tern_cl_act {
    tern_tensor words; // i32 [R, words]
    tern_tensor scale; // [R]
} tern_cl_act;

// One matrix, and where its products go; absent tensors have no buffer.
typedef struct tern_cl_projection {
    const tern_backend_weights *weights;
    const tern_tensor *bias;
    const tern_tensor *residual;
    const tern_tensor *out;
} tern_cl_projection;

// What ternary_matmul.cl does in one launch.
typedef struct tern_cl_products {
    const tern_op_header *head;
    const tern_cl_act *act;           // NULL: the kernel quantises |input| itself
    const tern_bitlinear_desc *input; // its x and norm
    const tern_gated_desc *gated;     // NULL, or of the outputs of two projections
    uint32_t count;
    tern_cl_projection projections[TERN_FUSE_PROJECTIONS];
} tern_cl_products;

// One launch, or one for each part where there is a single matrix in parts.
void tern_cl_emit_products(tern_cl_builder *builder, const tern_cl_products *products);

// Scratch for the quantised form of |rows| rows of |cols| values.
tern_cl_act tern_cl_act_scratch(tern_cl_builder *builder, uint32_t rows, uint32_t cols);

// Emits |count| bitlinears of one input, and |gated| where it is not NULL. False, and nothing is
// emitted, if one launch cannot do their products.
bool tern_cl_emit_bitlinears(tern_cl_builder *builder, const tern_op_header *const *ops,
                             uint32_t count, const tern_gated_desc *gated);

#endif
