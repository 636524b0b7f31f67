#include "backends/opencl/ops/ops.h"

static bool supports(const tern_backend_device *device, const void *desc) {
    const tern_recurrence_desc *d = desc;
    (void)device;
    return tern_cl_is(&d->f, TERN_DTYPE_F32) && tern_cl_is(&d->i, TERN_DTYPE_F32) &&
           tern_cl_is(&d->state, TERN_DTYPE_F32) && tern_cl_is(&d->positions, TERN_DTYPE_I32) &&
           tern_cl_is(&d->sequences, TERN_DTYPE_I32) && tern_cl_is(&d->out, TERN_DTYPE_F32);
}

// Rows of one launch: no driver may take so many rounds of a loop for an endless one.
#define ROWS_AT_ONCE 32768u

static void emit_rows(tern_cl_builder *builder, const tern_recurrence_desc *d, uint32_t first) {
    uint32_t cols = d->f.shape[1];
    tern_cl_begin(builder, "recurrence", "", "recurrence");
    tern_cl_rows(builder, &d->head, d->f.shape[0]);
    tern_cl_uint(builder, first);
    tern_cl_uint(builder, ROWS_AT_ONCE);
    tern_cl_matrix(builder, &d->f);
    tern_cl_matrix(builder, &d->i);
    tern_cl_matrix(builder, &d->state);
    tern_cl_uint(builder, d->state.shape[0]);
    tern_cl_vector(builder, &d->positions);
    tern_cl_vector(builder, &d->sequences);
    tern_cl_matrix(builder, &d->out);
    tern_cl_uint(builder, cols);
    tern_cl_launch(builder, TERN_CL_GROUP, tern_cl_groups(cols), 1, 1);
}

static void emit(tern_cl_builder *builder, const void *desc) {
    const tern_recurrence_desc *d = desc;
    for (uint64_t first = 0; first < d->f.shape[0]; first += ROWS_AT_ONCE) {
        emit_rows(builder, d, (uint32_t)first);
    }
}

const tern_cl_op tern_cl_op_recurrence = {supports, emit};
