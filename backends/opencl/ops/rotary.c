#include "backends/opencl/ops/ops.h"

static bool supports(const tern_backend_device *device, const void *desc) {
    const tern_rotary_desc *d = desc;
    (void)device;
    return tern_cl_is(&d->x, TERN_DTYPE_F32) && tern_cl_is(&d->table, TERN_DTYPE_F32) &&
           tern_cl_is(&d->positions, TERN_DTYPE_I32) && tern_cl_is(&d->out, TERN_DTYPE_F32) &&
           d->pairs <= TERN_ROTARY_INTERLEAVED;
}

static void emit(tern_cl_builder *builder, const void *desc) {
    const tern_rotary_desc *d = desc;
    uint32_t rows = d->x.shape[0];
    uint32_t heads = d->x.shape[1] / d->head_dim;
    uint32_t dims = d->table.shape[1];
    tern_cl_begin(builder, "rotary", "", "rotary");
    tern_cl_rows(builder, &d->head, rows);
    tern_cl_matrix(builder, &d->x);
    tern_cl_matrix(builder, &d->table);
    tern_cl_uint(builder, d->table.shape[0]);
    tern_cl_vector(builder, &d->positions);
    tern_cl_matrix(builder, &d->out);
    tern_cl_uint(builder, d->head_dim);
    tern_cl_uint(builder, dims);
    tern_cl_uint(builder, d->pairs == TERN_ROTARY_INTERLEAVED);
    tern_cl_launch(builder, TERN_CL_GROUP, tern_cl_groups(d->head_dim - dims / 2), heads, rows);
}

const tern_cl_op tern_cl_op_rotary = {supports, emit};
