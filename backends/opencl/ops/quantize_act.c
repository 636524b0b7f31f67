#include "backends/opencl/ops/ops.h"

static bool supports(const tern_backend_device *device, const void *desc) {
    const tern_quantize_act_desc *d = desc;
    (void)device;
    return tern_cl_is(&d->x, TERN_DTYPE_F32) && tern_cl_is(&d->q, TERN_DTYPE_I8) &&
           tern_cl_is(&d->scale, TERN_DTYPE_F32);
}

static void emit(tern_cl_builder *builder, const void *desc) {
    const tern_quantize_act_desc *d = desc;
    uint32_t rows = d->x.shape[0];
    tern_tensor words = d->q; // four values in a word
    words.dtype = TERN_DTYPE_I32;
    words.strides[0] /= 4;
    tern_cl_begin(builder, "quantize_act", "", "quantize_act");
    tern_cl_rows(builder, &d->head, rows);
    tern_cl_matrix(builder, &d->x);
    tern_cl_vector(builder, &(tern_tensor){NULL});
    tern_cl_uint(builder, 0); // no norm
    tern_cl_float(builder, 0.0f);
    tern_cl_matrix(builder, &words);
    tern_cl_vector(builder, &d->scale);
    tern_cl_uint(builder, d->x.shape[1]);
    tern_cl_uint(builder, 1); // part of a row
    tern_cl_launch(builder, TERN_CL_GROUP, 1, rows, 1);
}

const tern_cl_op tern_cl_op_quantize_act = {supports, emit};
