#include "backends/opencl/ops/ops.h"

static const char *options(tern_dtype dtype) {
    switch (dtype) {
    case TERN_DTYPE_T2:
        return "-DWEIGHTS_T2";
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
    const tern_embedding_desc *d = desc;
    (void)device;
    return tern_cl_has(d->weights, TERN_WEIGHTS_GATHER) && tern_cl_is(&d->ids, TERN_DTYPE_I32) &&
           tern_cl_is(&d->out, TERN_DTYPE_F32) && options(tern_op_weights(d->weights)->info.dtype);
}

// Each part of the matrix serves the ids that lie in it.
static void emit(tern_cl_builder *builder, const void *desc) {
    const tern_embedding_desc *d = desc;
    const tern_backend_weights *weights = tern_op_weights(d->weights);
    bool ternary = weights->info.dtype == TERN_DTYPE_T2;
    uint32_t rows = d->ids.shape[0];
    uint32_t cols = weights->info.cols;
    uint32_t group = weights->info.group_size;
    for (uint32_t i = 0; i < weights->part_count; i++) {
        const tern_cl_part *part = &weights->parts[i];
        tern_cl_begin(builder, "embedding", options(weights->info.dtype), "embedding");
        tern_cl_rows(builder, &d->head, rows);
        tern_cl_vector(builder, &d->ids);
        tern_cl_uint(builder, weights->info.rows);
        tern_cl_uint(builder, part->first);
        tern_cl_uint(builder, part->rows);
        tern_cl_memory_arg(builder, &part->codes);
        tern_cl_uint(builder, ternary ? weights->words : (uint32_t)weights->pitch);
        if (ternary) {
            tern_cl_memory_arg(builder, &part->scales);
            tern_cl_uint(builder, weights->groups);
            tern_cl_uint(builder, group ? group : cols);
        }
        tern_cl_matrix(builder, &d->out);
        tern_cl_uint(builder, cols);
        tern_cl_launch(builder, TERN_CL_GROUP, tern_cl_groups(cols), rows, 1);
    }
}

const tern_cl_op tern_cl_op_embedding = {supports, emit};
