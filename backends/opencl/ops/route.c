#include "backends/opencl/ops/ops.h"

static bool supports(const tern_backend_device *device, const void *desc) {
    const tern_route_desc *d = desc;
    (void)device;
    return tern_cl_is(&d->x, TERN_DTYPE_F32) && tern_cl_is_optional(&d->bias) &&
           tern_cl_is(&d->ids, TERN_DTYPE_I32) && tern_cl_is(&d->weights, TERN_DTYPE_F32) &&
           d->score <= TERN_ROUTE_SIGMOID;
}

static void emit(tern_cl_builder *builder, const void *desc) {
    const tern_route_desc *d = desc;
    uint32_t rows = d->x.shape[0];
    tern_cl_begin(builder, "route", "", "route");
    tern_cl_rows(builder, &d->head, rows);
    tern_cl_matrix(builder, &d->x);
    tern_cl_vector(builder, &d->bias);
    tern_cl_uint(builder, d->bias.buffer != NULL);
    tern_cl_matrix(builder, &d->ids);
    tern_cl_matrix(builder, &d->weights);
    tern_cl_uint(builder, d->x.shape[1]);
    tern_cl_uint(builder, d->ids.shape[1]);
    tern_cl_uint(builder, d->score == TERN_ROUTE_SIGMOID);
    tern_cl_uint(builder, d->normalise);
    tern_cl_float(builder, d->scale);
    tern_cl_launch(builder, TERN_CL_GROUP, 1, rows, 1);
}

const tern_cl_op tern_cl_op_route = {supports, emit};
