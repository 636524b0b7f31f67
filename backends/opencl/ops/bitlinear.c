#include "backends/opencl/ops/products.h"

static bool supports(const tern_backend_device *device, const void *desc) {
    const tern_bitlinear_desc *d = desc;
    (void)device;
    return tern_cl_has(d->weights, TERN_WEIGHTS_MATMUL) && tern_cl_is(&d->x, TERN_DTYPE_F32) &&
           d->norm <= TERN_NORM_RMS && tern_cl_is_optional(&d->norm_weight) &&
           tern_cl_is_optional(&d->bias) && tern_cl_is_optional(&d->residual) &&
           tern_cl_is(&d->out, TERN_DTYPE_F32) &&
           tern_op_weights(d->weights)->info.dtype == TERN_DTYPE_T2;
}

static void emit(tern_cl_builder *builder, const void *desc) {
    const tern_op_header *op = desc;
    tern_cl_emit_bitlinears(builder, &op, 1, NULL);
}

const tern_cl_op tern_cl_op_bitlinear = {supports, emit};
