#include "backends/opencl/ops/ops.h"

static bool supports(const tern_backend_device *device, const void *desc) {
    const tern_rms_norm_desc *d = desc;
    (void)device;
    return tern_cl_is(&d->x, TERN_DTYPE_F32) && tern_cl_is_optional(&d->weight) &&
           tern_cl_is(&d->out, TERN_DTYPE_F32);
}

static void emit(tern_cl_builder *builder, const void *desc) {
    const tern_rms_norm_desc *d = desc;
    uint32_t rows = d->out.shape[0];
    uint32_t heads = d->heads ? d->heads : 1;
    tern_cl_begin(builder, "rms_norm", "", "rms_norm");
    tern_cl_rows(builder, &d->head, rows);
    tern_cl_matrix(builder, &d->x);
    tern_cl_vector(builder, &d->weight);
    tern_cl_uint(builder, d->weight.buffer != NULL);
    tern_cl_matrix(builder, &d->out);
    tern_cl_uint(builder, d->out.shape[1] / heads);
    tern_cl_float(builder, d->eps);
    tern_cl_launch(builder, TERN_CL_GROUP, heads, rows, 1);
}

const tern_cl_op tern_cl_op_rms_norm = {supports, emit};
