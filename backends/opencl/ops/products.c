#include "backends/opencl/ops/products.h"

#include <stdio.h>

#include "backends/common/report.h"
#include "backends/opencl/choice.h"
#include "backends/opencl/variant.h"

// Work-groups for each compute unit where each quantises the input for itself.
#define GROUPS_PER_UNIT 4
// PoCL hands out up to 32 work-groups at a time, so that one thread would get all of a few: where
// there are fewer than 32 for each thread, idle ones are put between them. Measured on PoCL 3.1, 2
// cores, 2026-11, 4096 x 14336 in 8 work-groups: 0.97 ms, without 2.03 ms.
#define HANDED_OUT 32
// Local memory that kernels take besides the input.
#define OTHER_LOCAL_BYTES 4096

tern_cl_act tern_cl_act_scratch(tern_cl_builder *builder, uint32_t rows, uint32_t cols) {
    tern_cl_act act;
    act.words =
        tern_cl_scratch(builder, TERN_DTYPE_I32, rows, tern_cl_act_words(builder->device, cols));
    act.scale = tern_cl_scratch(builder, TERN_DTYPE_F32, rows, 0);
    return act;
}

static bool is_grouped(const tern_backend_weights *weights) {
    return weights->info.scale_kind == TERN_SCALE_GROUP;
}

static uint32_t rows_of(const tern_cl_products *products) {
    return products->projections[0].out->shape[0];
}

static void put_source(tern_cl_builder *builder, const tern_bitlinear_desc *d) {
    enum { NONE, PLAIN, WEIGHTED }; // NORM_* of quantize.clh
    bool weighted = d->norm_weight.buffer != NULL;
    tern_cl_matrix(builder, &d->x);
    tern_cl_vector(builder, &d->norm_weight);
    tern_cl_uint(builder, d->norm == TERN_NORM_NONE ? NONE : weighted ? WEIGHTED : PLAIN);
    tern_cl_float(builder, d->norm_eps);
}

static void put_input(tern_cl_builder *builder, const tern_cl_products *products, uint32_t cols) {
    if (products->act) {
        tern_cl_matrix(builder, &products->act->words);
        tern_cl_vector(builder, &products->act->scale);
    } else {
        put_source(builder, products->input);
        tern_cl_local(builder, (size_t)tern_cl_act_words(builder->device, cols) * 4);
    }
    tern_cl_uint(builder, cols);
}

static void put_matrix(tern_cl_builder *builder, const tern_cl_projection *p,
                       const tern_cl_part *part) {
    tern_cl_memory_arg(builder, &part->codes);
    tern_cl_memory_arg(builder, &part->scales);
    tern_cl_memory_arg(builder, &part->sums);
    tern_cl_uint(builder, part->first);
    tern_cl_uint(builder, part->rows);
    tern_cl_vector(builder, p->bias);
    tern_cl_uint(builder, p->bias->buffer != NULL);
    tern_cl_matrix(builder, p->residual);
    tern_cl_uint(builder, p->residual->buffer != NULL);
    tern_cl_matrix(builder, p->out);
}

// Work-groups along the outputs.
static uint32_t count_units(const tern_cl_products *products, uint32_t outputs, uint32_t part) {
    uint32_t units = 0;
    for (uint32_t i = 0; i < (products->gated ? 1 : products->count); i++) {
        uint32_t rows = products->projections[i].weights->parts[part].rows;
        units += (rows + outputs - 1) / outputs;
    }
    return units;
}

static void launch(tern_cl_builder *builder, const tern_cl_products *products,
                   const tern_cl_ternary_kernel *kernel, uint32_t part) {
    const tern_cl_candidate *candidate = builder->device->candidate;
    uint32_t units = count_units(products, tern_cl_kernel_outputs(kernel), part);
    uint32_t most = candidate->compute_units * GROUPS_PER_UNIT;
    uint32_t groups = products->act || units < most ? units : most;
    uint32_t tiles = (rows_of(products) + kernel->tile - 1) / kernel->tile;
    if (kernel->vectors) {
        uint32_t spread = candidate->compute_units * HANDED_OUT / (groups * tiles);
        spread = spread > 0 ? spread : 1;
        tern_cl_uint(builder, spread);
        groups *= spread;
    }
    tern_cl_launch(builder, tern_cl_kernel_items(kernel), groups, tiles, 1);
}

static void begin(tern_cl_builder *builder, const tern_cl_products *products,
                  const tern_cl_ternary_kernel *kernel) {
    bool grouped = is_grouped(products->projections[0].weights);
    char more[48];
    char options[TERN_CL_OPTIONS];
    char label[TERN_CL_KERNEL_NAME];
    snprintf(more, sizeof more, " -DMATRICES=%u%s%s", products->count,
             products->gated ? " -DGATED" : "", products->act ? "" : " -DQUANTIZE");
    tern_cl_kernel_options(builder->device, kernel, grouped, more, options);
    tern_cl_kernel_label(builder->device, kernel, grouped, label);
    tern_cl_begin(builder, "ternary_matmul", options, "ternary_matmul");
    tern_cl_label(builder, label);
}

static void emit_part(tern_cl_builder *builder, const tern_cl_products *products,
                      const tern_cl_ternary_kernel *kernel, uint32_t part) {
    const tern_backend_weights *weights = products->projections[0].weights;
    begin(builder, products, kernel);
    tern_cl_rows(builder, products->head, rows_of(products));
    put_input(builder, products, weights->info.cols);
    for (uint32_t i = 0; i < products->count; i++) {
        const tern_cl_projection *p = &products->projections[i];
        put_matrix(builder, p, &p->weights->parts[part]);
    }
    if (is_grouped(weights)) {
        tern_cl_uint(builder, weights->groups);
        tern_cl_uint(builder, weights->info.group_size / 16);
    }
    if (products->gated) {
        tern_cl_matrix(builder, &products->gated->out);
        tern_cl_uint(builder, products->gated->activation);
    }
    launch(builder, products, kernel, part);
}

// Products, and the kernels that may make them.
typedef struct contest {
    const tern_cl_products *products;
    tern_cl_ternary_kernel kernels[TERN_CL_TERNARY_KERNELS];
} contest;

// Candidate |index|: the first part of the same weights, by rows and to results of no one.
static void emit_trial(tern_cl_builder *builder, const void *user, uint32_t index) {
    const contest *c = user;
    const tern_op_header head = {.live = 0};
    const tern_tensor none = {NULL};
    tern_tensor outs[TERN_FUSE_PROJECTIONS];
    tern_cl_act act;
    tern_bitlinear_desc input = {.head = head};
    tern_gated_desc gated = {.head = head};
    tern_cl_products products = *c->products;
    uint32_t rows = rows_of(&products);
    uint32_t cols = products.projections[0].weights->info.cols;
    products.head = &head;
    for (uint32_t i = 0; i < products.count; i++) {
        const tern_backend_weights *weights = products.projections[i].weights;
        outs[i] = tern_cl_scratch(builder, TERN_DTYPE_F32, rows, weights->info.rows);
        products.projections[i] = (tern_cl_projection){weights, &none, &none, &outs[i]};
    }
    if (products.act) {
        act = tern_cl_act_scratch(builder, rows, cols);
        products.act = &act;
    } else {
        input.x = tern_cl_scratch(builder, TERN_DTYPE_F32, rows, cols);
        input.norm = products.input->norm;
        input.norm_eps = products.input->norm_eps;
        products.input = &input;
    }
    if (products.gated) {
        gated.activation = products.gated->activation;
        gated.out = outs[0];
        products.gated = &gated;
    }
    emit_part(builder, &products, &c->kernels[index], 0);
}

enum { MOST_SHAPE = 128 };

static void describe_shape(const tern_cl_products *products, char out_shape[MOST_SHAPE]) {
    const tern_weights_info *info = &products->projections[0].weights->info;
    uint32_t outputs[TERN_FUSE_PROJECTIONS] = {0};
    for (uint32_t i = 0; i < products->count; i++) {
        outputs[i] = products->projections[i].weights->info.rows;
    }
    snprintf(out_shape, MOST_SHAPE, "%u rows%s%s, %ux%u+%u+%u, groups of %u", rows_of(products),
             products->act ? "" : " to quantise", products->gated ? ", gated" : "", info->cols,
             outputs[0], outputs[1], outputs[2], info->group_size);
}

// The fastest of those that this device runs; |kernel| stays where that cannot be found.
static tern_status choose_kernel(tern_backend_device *device, const tern_cl_products *products,
                                 tern_cl_ternary_kernel *kernel) {
    contest c = {.products = products};
    char shape[MOST_SHAPE];
    bool grouped = is_grouped(products->projections[0].weights);
    uint32_t count = tern_cl_kernels_find(device, rows_of(products), grouped, c.kernels);
    uint32_t index = count;
    describe_shape(products, shape);
    tern_cl_trial trial = {.shape = shape, .count = count, .emit = emit_trial, .user = &c};
    trial.hash = tern_choice_hash(tern_cl_source_hash("ternary_matmul"), c.kernels,
                                  count * sizeof c.kernels[0]);
    TERN_TRY(tern_cl_choose(device, &trial, &index));
    if (index < count) {
        *kernel = c.kernels[index];
    }
    return TERN_STATUS_OK;
}

void tern_cl_emit_products(tern_cl_builder *builder, const tern_cl_products *products) {
    tern_backend_device *device = builder->device;
    bool grouped = is_grouped(products->projections[0].weights);
    tern_cl_ternary_kernel kernel = tern_cl_kernel_pick(device, rows_of(products), grouped);
    if (device->variant.measured && builder->status == TERN_STATUS_OK) {
        builder->status = choose_kernel(device, products, &kernel);
    }
    for (uint32_t i = 0; i < products->projections[0].weights->part_count; i++) {
        emit_part(builder, products, &kernel, i);
    }
}

// Whether one launch can take |weights| beside |first|.
static bool goes_with(const tern_backend_weights *first, const tern_backend_weights *weights) {
    return first->part_count == 1 && weights->part_count == 1 &&
           is_grouped(first) == is_grouped(weights) && first->groups == weights->groups &&
           first->info.group_size == weights->info.group_size;
}

// Of a single row, each work-group may as well quantise it; of several that would cost too much.
static bool quantises_itself(const tern_cl_builder *builder, const tern_cl_products *products) {
    const tern_cl_candidate *candidate = builder->device->candidate;
    const tern_backend_weights *weights = products->projections[0].weights;
    uint64_t bytes = (uint64_t)tern_cl_act_words(builder->device, weights->info.cols) * 4;
    return products->input->x.shape[0] == 1 && weights->part_count == 1 &&
           bytes + OTHER_LOCAL_BYTES <= candidate->local_bytes;
}

static bool same_input(const tern_bitlinear_desc *a, const tern_bitlinear_desc *b) {
    return a->head.live == b->head.live && tern_same_view(&a->x, &b->x) && a->norm == b->norm &&
           a->norm_eps == b->norm_eps && tern_same_view(&a->norm_weight, &b->norm_weight);
}

// Quantises into the scratch, unless the ops before left the same rows there: laid out alike, and
// no output of theirs overlaps x.
static void emit_quantize(tern_cl_builder *builder, const tern_bitlinear_desc *d,
                          const tern_cl_act *act) {
    bool kept = builder->quantised && builder->quantised_end == builder->op &&
                same_input(builder->quantised, d);
    builder->quantised = d;
    builder->quantised_end = builder->op + builder->op_count;
    if (kept) {
        return;
    }
    const tern_backend_device *device = builder->device;
    uint32_t rows = d->x.shape[0];
    tern_cl_begin(builder, "quantize_act", tern_cl_act_options(device), "quantize_act");
    tern_cl_rows(builder, &d->head, rows);
    put_source(builder, d);
    tern_cl_matrix(builder, &act->words);
    tern_cl_vector(builder, &act->scale);
    tern_cl_uint(builder, d->x.shape[1]);
    tern_cl_uint(builder, 1); // part of a row
    tern_cl_launch(builder, tern_cl_names_vectors(device) ? 1 : TERN_CL_GROUP, 1, rows, 1);
}

bool tern_cl_emit_bitlinears(tern_cl_builder *builder, const tern_op_header *const *ops,
                             uint32_t count, const tern_gated_desc *gated) {
    const tern_bitlinear_desc *first = (const tern_bitlinear_desc *)(const void *)ops[0];
    tern_cl_products products = {
        .head = ops[0], .input = first, .gated = gated, .count = count, .projections = {{NULL}}};
    for (uint32_t i = 0; i < count; i++) {
        const tern_bitlinear_desc *d = (const tern_bitlinear_desc *)(const void *)ops[i];
        const tern_backend_weights *weights = tern_op_weights(d->weights);
        if (i > 0 && !goes_with(products.projections[0].weights, weights)) {
            return false;
        }
        products.projections[i] = (tern_cl_projection){weights, &d->bias, &d->residual, &d->out};
    }
    tern_cl_act act;
    if (!quantises_itself(builder, &products)) {
        act = tern_cl_act_scratch(builder, first->x.shape[0], first->x.shape[1]);
        emit_quantize(builder, first, &act);
        products.act = &act;
    }
    tern_cl_emit_products(builder, &products);
    return true;
}
