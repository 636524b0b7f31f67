#include "backends/opencl/ops/ops.h"

static bool supports(const tern_backend_device *device, const void *desc) {
    const tern_bitlinear_desc *d = desc;
    (void)device;
    return tern_cl_has(d->weights, TERN_WEIGHTS_MATMUL) && tern_cl_is(&d->x, TERN_DTYPE_F32) &&
           d->norm <= TERN_NORM_RMS && tern_cl_is_optional(&d->norm_weight) &&
           tern_cl_is_optional(&d->bias) && tern_cl_is_optional(&d->residual) &&
           tern_cl_is(&d->out, TERN_DTYPE_F32) &&
           tern_op_weights(d->weights)->info.dtype == TERN_DTYPE_T2;
}

// Norm and quantising in one launch, products, bias and residual in another.
static void emit(tern_cl_builder *builder, const void *desc) {
    const tern_bitlinear_desc *d = desc;
    uint32_t rows = d->x.shape[0];
    uint32_t cols = d->x.shape[1];
    bool norm = d->norm == TERN_NORM_RMS;
    tern_cl_act act = tern_cl_act_scratch(builder, rows, cols);
    tern_cl_begin(builder, "quantize_act", tern_cl_act_options(builder->device),
                  norm ? "rms_norm_quantize_act" : "quantize_act");
    tern_cl_rows(builder, &d->head, rows);
    tern_cl_matrix(builder, &d->x);
    if (norm) {
        tern_cl_vector(builder, &d->norm_weight);
        tern_cl_uint(builder, d->norm_weight.buffer != NULL);
        tern_cl_float(builder, d->norm_eps);
    }
    tern_cl_matrix(builder, &act.words);
    tern_cl_vector(builder, &act.scale);
    tern_cl_uint(builder, cols);
    tern_cl_launch(builder, TERN_CL_GROUP, 1, rows, 1);
    tern_cl_emit_ternary(builder, &(tern_cl_ternary){.head = &d->head,
                                                     .weights = tern_op_weights(d->weights),
                                                     .act = &act,
                                                     .bias = &d->bias,
                                                     .residual = &d->residual,
                                                     .out = &d->out});
}

const tern_cl_op tern_cl_op_bitlinear = {supports, emit};
