#include "backends/opencl/ops/ops.h"

static bool supports(const tern_backend_device *device, const void *desc) {
    const tern_combine_desc *d = desc;
    (void)device;
    return tern_cl_is(&d->x, TERN_DTYPE_F32) && tern_cl_is(&d->weights, TERN_DTYPE_F32) &&
           tern_cl_is_optional(&d->residual) && tern_cl_is(&d->out, TERN_DTYPE_F32);
}

static void emit(tern_cl_builder *builder, const void *desc) {
    const tern_combine_desc *d = desc;
    uint32_t rows = d->out.shape[0];
    uint32_t cols = d->out.shape[1];
    tern_cl_begin(builder, "combine", "", "combine");
    tern_cl_rows(builder, &d->head, rows);
    tern_cl_matrix(builder, &d->x);
    tern_cl_matrix(builder, &d->weights);
    tern_cl_uint(builder, d->weights.shape[1]);
    tern_cl_matrix(builder, &d->residual);
    tern_cl_uint(builder, d->residual.buffer != NULL);
    tern_cl_matrix(builder, &d->out);
    tern_cl_uint(builder, cols);
    tern_cl_launch(builder, TERN_CL_GROUP, tern_cl_groups(cols), rows, 1);
}

const tern_cl_op tern_cl_op_combine = {supports, emit};
