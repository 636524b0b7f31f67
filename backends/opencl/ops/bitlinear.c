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

static bool same_view(const tern_tensor *a, const tern_tensor *b) {
    return a->buffer == b->buffer && a->offset == b->offset && a->shape[0] == b->shape[0] &&
           a->shape[1] == b->shape[1] && a->strides[0] == b->strides[0];
}

// Whether the op before quantised the same rows: its scratch, laid out alike, still holds them, and
// no output of its own overlaps them.
static bool quantised_before(const tern_cl_builder *builder, const tern_bitlinear_desc *d) {
    if (!builder->previous || builder->previous->kind != TERN_OP_BITLINEAR) {
        return false;
    }
    const tern_bitlinear_desc *before =
        (const tern_bitlinear_desc *)(const void *)builder->previous;
    return before->head.live == d->head.live && same_view(&before->x, &d->x) &&
           before->norm == d->norm && before->norm_eps == d->norm_eps &&
           before->norm_weight.buffer == d->norm_weight.buffer &&
           before->norm_weight.offset == d->norm_weight.offset;
}

static void emit_quantize(tern_cl_builder *builder, const tern_bitlinear_desc *d,
                          const tern_cl_act *act) {
    uint32_t rows = d->x.shape[0];
    uint32_t cols = d->x.shape[1];
    bool norm = d->norm == TERN_NORM_RMS;
    tern_cl_begin(builder, "quantize_act", tern_cl_act_options(builder->device),
                  norm ? "rms_norm_quantize_act" : "quantize_act");
    tern_cl_rows(builder, &d->head, rows);
    tern_cl_matrix(builder, &d->x);
    if (norm) {
        tern_cl_vector(builder, &d->norm_weight);
        tern_cl_uint(builder, d->norm_weight.buffer != NULL);
        tern_cl_float(builder, d->norm_eps);
    }
    tern_cl_matrix(builder, &act->words);
    tern_cl_vector(builder, &act->scale);
    tern_cl_uint(builder, cols);
    tern_cl_launch(builder, TERN_CL_GROUP, 1, rows, 1);
}

// Norm and quantising in one launch, products, bias and residual in another.
static void emit(tern_cl_builder *builder, const void *desc) {
    const tern_bitlinear_desc *d = desc;
    tern_cl_act act = tern_cl_act_scratch(builder, d->x.shape[0], d->x.shape[1]);
    if (!quantised_before(builder, d)) {
        emit_quantize(builder, d, &act);
    }
    tern_cl_emit_ternary(builder, &(tern_cl_ternary){.head = &d->head,
                                                     .weights = tern_op_weights(d->weights),
                                                     .act = &act,
                                                     .bias = &d->bias,
                                                     .residual = &d->residual,
                                                     .out = &d->out});
}

const tern_cl_op tern_cl_op_bitlinear = {supports, emit};
