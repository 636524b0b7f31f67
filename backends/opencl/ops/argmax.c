#include "backends/opencl/ops/ops.h"

static bool supports(const tern_backend_device *device, const void *desc) {
    const tern_argmax_desc *d = desc;
    (void)device;
    return tern_cl_is(&d->x, TERN_DTYPE_F32) && tern_cl_is(&d->out, TERN_DTYPE_I32) &&
           (!d->positions.buffer || d->positions.dtype == TERN_DTYPE_I32);
}

static void emit(tern_cl_builder *builder, const void *desc) {
    const tern_argmax_desc *d = desc;
    uint32_t rows = d->x.shape[0];
    tern_cl_begin(builder, "argmax", "", "argmax");
    tern_cl_rows(builder, &d->head, rows);
    tern_cl_matrix(builder, &d->x);
    tern_cl_vector(builder, &d->out);
    tern_cl_vector(builder, &d->positions);
    tern_cl_uint(builder, d->positions.buffer != NULL);
    tern_cl_uint(builder, d->x.shape[1]);
    tern_cl_launch(builder, TERN_CL_GROUP, 1, rows, 1);
}

const tern_cl_op tern_cl_op_argmax = {supports, emit};
