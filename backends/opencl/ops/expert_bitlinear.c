#include "backends/opencl/ops/products.h"
#include "backends/opencl/variant.h"

// Rows of K values that a row of x is.
static uint32_t parts_of(const tern_expert_bitlinear_desc *d) {
    return d->x.shape[1] / tern_op_weights(d->weights)->info.cols;
}

static bool supports(const tern_backend_device *device, const void *desc) {
    const tern_expert_bitlinear_desc *d = desc;
    (void)device;
    return tern_cl_has(d->weights, TERN_WEIGHTS_MATMUL) && tern_cl_is(&d->x, TERN_DTYPE_F32) &&
           tern_cl_is(&d->ids, TERN_DTYPE_I32) && tern_cl_is(&d->out, TERN_DTYPE_F32) &&
           tern_op_weights(d->weights)->info.dtype == TERN_DTYPE_T2 &&
           (uint64_t)d->ids.shape[0] * d->ids.shape[1] <= UINT32_MAX;
}

// What is quantised once.
static tern_cl_act emit_input(tern_cl_builder *builder, const tern_expert_bitlinear_desc *d) {
    const tern_backend_device *device = builder->device;
    uint32_t parts = parts_of(d);
    uint32_t rows = d->x.shape[0] * parts;
    tern_cl_act act = tern_cl_act_scratch(builder, rows, d->x.shape[1] / parts);
    tern_cl_begin(builder, "quantize_act", tern_cl_act_options(device), "quantize_act");
    tern_cl_rows(builder, &d->head, d->x.shape[0]);
    tern_cl_matrix(builder, &d->x);
    tern_cl_vector(builder, &(tern_tensor){NULL});
    tern_cl_uint(builder, 0); // no norm
    tern_cl_float(builder, 0.0f);
    tern_cl_matrix(builder, &act.words);
    tern_cl_vector(builder, &act.scale);
    tern_cl_uint(builder, d->x.shape[1] / parts);
    tern_cl_uint(builder, parts);
    tern_cl_launch(builder, tern_cl_names_vectors(device) ? 1 : TERN_CL_GROUP, 1, rows, 1);
    return act;
}

static void put_choice(tern_cl_builder *builder, const tern_expert_bitlinear_desc *d) {
    uint32_t slots = d->ids.shape[1];
    tern_cl_matrix(builder, &d->ids);
    tern_cl_uint(builder, slots);
    tern_cl_uint(builder, slots / parts_of(d));
    tern_cl_uint(builder, d->experts);
    tern_cl_uint(builder, tern_op_weights(d->weights)->info.rows / d->experts);
}

static void emit_part(tern_cl_builder *builder, const tern_expert_bitlinear_desc *d,
                      const tern_cl_act *act, const tern_cl_part *part) {
    const tern_backend_weights *weights = tern_op_weights(d->weights);
    bool grouped = weights->info.scale_kind == TERN_SCALE_GROUP;
    tern_cl_ternary_kernel kernel = tern_cl_kernel_pick(builder->device, 1, grouped);
    uint32_t outputs = weights->info.rows / d->experts;
    char options[TERN_CL_OPTIONS];
    tern_cl_kernel_options(builder->device, &kernel, grouped, "", options);
    tern_cl_begin(builder, "expert_bitlinear", options, "expert_bitlinear");
    tern_cl_rows(builder, &d->head, d->ids.shape[0]);
    tern_cl_matrix(builder, &act->words);
    tern_cl_vector(builder, &act->scale);
    tern_cl_uint(builder, weights->info.cols);
    put_choice(builder, d);
    tern_cl_memory_arg(builder, &part->codes);
    tern_cl_memory_arg(builder, &part->scales);
    tern_cl_memory_arg(builder, &part->sums);
    tern_cl_uint(builder, part->first);
    tern_cl_uint(builder, part->rows);
    tern_cl_matrix(builder, &d->out);
    if (grouped) {
        tern_cl_uint(builder, weights->groups);
        tern_cl_uint(builder, weights->info.group_size / 16);
    }
    // An expert that begins within a unit may end in one more.
    uint32_t unit = tern_cl_kernel_outputs(&kernel);
    uint32_t units = (outputs + unit - 1) / unit + (outputs % unit != 0);
    size_t products = (size_t)d->ids.shape[0] * d->ids.shape[1];
    tern_cl_launch(builder, tern_cl_kernel_items(&kernel), units, products, 1);
}

static void emit(tern_cl_builder *builder, const void *desc) {
    const tern_expert_bitlinear_desc *d = desc;
    const tern_backend_weights *weights = tern_op_weights(d->weights);
    tern_cl_act act = emit_input(builder, d);
    builder->quantised = NULL;
    for (uint32_t i = 0; i < weights->part_count; i++) {
        emit_part(builder, d, &act, &weights->parts[i]);
    }
}

const tern_cl_op tern_cl_op_expert_bitlinear = {supports, emit};
