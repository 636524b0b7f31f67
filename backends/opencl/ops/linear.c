#include "backends/opencl/ops/ops.h"

// Work-items of a group where each has an output of its own. Measured on PoCL 3.1 and llvmpipe with
// 2048 x 256 float16 weights, 2 cores, 2026-11: 0.11 and 11 ms; 1: 0.15 and 49; 64: 0.38 and 17;
// a work-group for each output: 1.5 and 47.
#define ITEMS 8

static const char *options(tern_dtype dtype) {
    switch (dtype) {
    case TERN_DTYPE_F32:
        return "-DWEIGHTS_F32";
    case TERN_DTYPE_F16:
        return "-DWEIGHTS_F16";
    case TERN_DTYPE_BF16:
        return "-DWEIGHTS_BF16";
    case TERN_DTYPE_Q8_0:
        return "-DWEIGHTS_Q8_0";
    default:
        return NULL;
    }
}

static bool supports(const tern_backend_device *device, const void *desc) {
    const tern_linear_desc *d = desc;
    (void)device;
    return tern_cl_has(d->weights, TERN_WEIGHTS_MATMUL) && tern_cl_is(&d->x, TERN_DTYPE_F32) &&
           tern_cl_is_optional(&d->bias) && tern_cl_is(&d->out, TERN_DTYPE_F32) &&
           options(tern_op_weights(d->weights)->info.dtype);
}

// Rows of |x| rounded to float16, as products that are to be exact need them; in scratch.
static tern_tensor emit_round(tern_cl_builder *builder, const tern_linear_desc *d) {
    uint32_t rows = d->x.shape[0];
    uint32_t cols = d->x.shape[1];
    tern_tensor rounded = tern_cl_scratch(builder, TERN_DTYPE_F32, rows, cols);
    tern_cl_begin(builder, "round_f16", "", "round_f16");
    tern_cl_rows(builder, &d->head, rows);
    tern_cl_matrix(builder, &d->x);
    tern_cl_matrix(builder, &rounded);
    tern_cl_uint(builder, cols);
    tern_cl_launch(builder, TERN_CL_GROUP, tern_cl_groups(cols), rows, 1);
    return rounded;
}

static void emit(tern_cl_builder *builder, const void *desc) {
    const tern_linear_desc *d = desc;
    const tern_backend_weights *weights = tern_op_weights(d->weights);
    uint32_t rows = d->x.shape[0];
    bool wide = weights->info.dtype == TERN_DTYPE_F32;
    tern_tensor x = wide ? d->x : emit_round(builder, d);
    bool items = builder->device->candidate->processor;
    for (uint32_t i = 0; i < weights->part_count; i++) {
        const tern_cl_part *part = &weights->parts[i];
        tern_cl_begin(builder, "linear", options(weights->info.dtype),
                      items ? "linear_items" : "linear");
        tern_cl_rows(builder, &d->head, rows);
        tern_cl_matrix(builder, &x);
        tern_cl_memory_arg(builder, &part->codes);
        tern_cl_uint(builder, (uint32_t)weights->pitch);
        tern_cl_uint(builder, part->first);
        tern_cl_vector(builder, &d->bias);
        tern_cl_uint(builder, d->bias.buffer != NULL);
        tern_cl_matrix(builder, &d->out);
        tern_cl_uint(builder, weights->info.cols);
        if (items) {
            tern_cl_uint(builder, part->rows);
            tern_cl_launch(builder, ITEMS, (part->rows - 1) / ITEMS + 1, rows, 1);
        } else {
            tern_cl_launch(builder, TERN_CL_GROUP, part->rows, rows, 1);
        }
    }
}

const tern_cl_op tern_cl_op_linear = {supports, emit};
