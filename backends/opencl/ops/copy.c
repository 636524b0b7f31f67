#include "backends/opencl/ops/ops.h"

static bool is_float(tern_dtype dtype) {
    return dtype == TERN_DTYPE_F32 || dtype == TERN_DTYPE_F16 || dtype == TERN_DTYPE_BF16;
}

static bool supports(const tern_backend_device *device, const void *desc) {
    const tern_copy_desc *d = desc;
    (void)device;
    bool same = d->x.dtype == d->out.dtype && d->x.dtype == TERN_DTYPE_I32;
    bool floats = is_float(d->x.dtype) && is_float(d->out.dtype);
    return d->x.buffer && d->out.buffer && (same || floats) &&
           (!d->rows.buffer || d->rows.dtype == TERN_DTYPE_I32);
}

// Equal types are copied as the words or halves that they are.
static const char *function(const tern_copy_desc *d) {
    if (d->x.dtype != d->out.dtype) {
        return "copy_convert";
    }
    return d->x.dtype == TERN_DTYPE_F32 || d->x.dtype == TERN_DTYPE_I32 ? "copy_words"
                                                                        : "copy_halves";
}

static void emit(tern_cl_builder *builder, const void *desc) {
    const tern_copy_desc *d = desc;
    uint32_t rows = d->out.shape[0];
    uint32_t cols = d->out.shape[1];
    tern_cl_begin(builder, "copy", "", function(d));
    tern_cl_rows(builder, &d->head, rows);
    tern_cl_matrix(builder, &d->x);
    tern_cl_uint(builder, d->x.shape[0]);
    tern_cl_vector(builder, &d->rows);
    tern_cl_uint(builder, d->rows.buffer != NULL);
    tern_cl_matrix(builder, &d->out);
    tern_cl_uint(builder, cols);
    if (d->x.dtype != d->out.dtype) {
        tern_cl_uint(builder, d->x.dtype);
        tern_cl_uint(builder, d->out.dtype);
    }
    tern_cl_launch(builder, TERN_CL_GROUP, tern_cl_groups(cols), rows, 1);
}

const tern_cl_op tern_cl_op_copy = {supports, emit};
