#include <float.h>

#include "backends/opencl/ops/ops.h"

static bool supports(const tern_backend_device *device, const void *desc) {
    const tern_gated_desc *d = desc;
    (void)device;
    return tern_cl_is(&d->gate, TERN_DTYPE_F32) && tern_cl_is(&d->up, TERN_DTYPE_F32) &&
           tern_cl_is(&d->out, TERN_DTYPE_F32) && d->activation < TERN_ACTIVATION_COUNT_;
}

static void emit(tern_cl_builder *builder, const void *desc) {
    const tern_gated_desc *d = desc;
    uint32_t rows = d->out.shape[0];
    uint32_t cols = d->out.shape[1];
    tern_cl_begin(builder, "gated", "", "gated");
    tern_cl_rows(builder, &d->head, rows);
    tern_cl_matrix(builder, &d->gate);
    tern_cl_matrix(builder, &d->up);
    tern_cl_matrix(builder, &d->out);
    tern_cl_uint(builder, cols);
    tern_cl_uint(builder, d->activation);
    tern_cl_float(builder, d->limit != 0.0f ? d->limit : FLT_MAX);
    tern_cl_launch(builder, TERN_CL_GROUP, tern_cl_groups(cols), rows, 1);
}

const tern_cl_op tern_cl_op_gated = {supports, emit};
