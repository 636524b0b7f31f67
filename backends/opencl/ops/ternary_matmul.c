#include "backends/opencl/ops/products.h"
#include "backends/opencl/variant.h"

static bool supports(const tern_backend_device *device, const void *desc) {
    const tern_ternary_matmul_desc *d = desc;
    (void)device;
    return tern_cl_has(d->weights, TERN_WEIGHTS_MATMUL) && tern_cl_is(&d->q, TERN_DTYPE_I8) &&
           tern_cl_is(&d->scale, TERN_DTYPE_F32) && tern_cl_is_optional(&d->bias) &&
           tern_cl_is(&d->out, TERN_DTYPE_F32) &&
           tern_op_weights(d->weights)->info.dtype == TERN_DTYPE_T2;
}

// Activations in the form that the kernels take.
static tern_cl_act pack(tern_cl_builder *builder, const tern_ternary_matmul_desc *d) {
    uint32_t rows = d->q.shape[0];
    uint32_t cols = d->q.shape[1];
    tern_tensor words = d->q; // four values in a word
    words.dtype = TERN_DTYPE_I32;
    words.strides[0] /= 4;
    tern_cl_act act = tern_cl_act_scratch(builder, rows, cols);
    tern_cl_begin(builder, "pack_act", tern_cl_act_options(builder->device), "pack_act");
    tern_cl_rows(builder, &d->head, rows);
    tern_cl_matrix(builder, &words);
    tern_cl_matrix(builder, &act.words);
    tern_cl_uint(builder, cols);
    tern_cl_launch(builder, TERN_CL_GROUP, tern_cl_groups((cols + 15) / 16 * 4), rows, 1);
    act.scale = d->scale;
    return act;
}

static void emit(tern_cl_builder *builder, const void *desc) {
    const tern_ternary_matmul_desc *d = desc;
    const tern_tensor none = {NULL};
    tern_cl_act act = pack(builder, d);
    tern_cl_emit_products(
        builder, &(tern_cl_products){
                     .head = &d->head,
                     .act = &act,
                     .count = 1,
                     .projections = {{tern_op_weights(d->weights), &d->bias, &none, &d->out}}});
}

const tern_cl_op tern_cl_op_ternary_matmul = {supports, emit};
