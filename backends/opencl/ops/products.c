#include "backends/opencl/ops/products.h"

#include <stdio.h>

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
    act.words = tern_cl_scratch(builder, TERN_DTYPE_I32, rows,
                                tern_cl_act_words(builder->device->candidate, cols));
    act.scale = tern_cl_scratch(builder, TERN_DTYPE_F32, rows, 0);
    return act;
}

static bool is_grouped(const tern_backend_weights *weights) {
    return weights->info.scale_kind == TERN_SCALE_GROUP;
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
        tern_cl_local(builder, (size_t)tern_cl_act_words(builder->device->candidate, cols) * 4);
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
static uint32_t count_units(const tern_cl_products *products, const tern_cl_variant *variant,
                            uint32_t part) {
    uint32_t units = 0;
    for (uint32_t i = 0; i < (products->gated ? 1 : products->count); i++) {
        uint32_t rows = products->projections[i].weights->parts[part].rows;
        units += (rows + variant->outputs - 1) / variant->outputs;
    }
    return units;
}

static void launch(tern_cl_builder *builder, const tern_cl_products *products,
                   const tern_cl_variant *variant, uint32_t part) {
    const tern_cl_candidate *candidate = builder->device->candidate;
    uint32_t units = count_units(products, variant, part);
    uint32_t most = candidate->compute_units * GROUPS_PER_UNIT;
    uint32_t groups = products->act || units < most ? units : most;
    uint32_t rows = products->projections[0].out->shape[0];
    uint32_t tiles = (rows + variant->tile - 1) / variant->tile;
    if (variant->processor) {
        uint32_t spread = candidate->compute_units * HANDED_OUT / (groups * tiles);
        spread = spread > 0 ? spread : 1;
        tern_cl_uint(builder, spread);
        groups *= spread;
    }
    tern_cl_launch(builder, variant->items, groups, tiles, 1);
}

static void emit_part(tern_cl_builder *builder, const tern_cl_products *products, uint32_t part) {
    const tern_backend_weights *weights = products->projections[0].weights;
    uint32_t rows = products->projections[0].out->shape[0];
    const tern_cl_candidate *candidate = builder->device->candidate;
    const tern_cl_variant *variant = tern_cl_variant_choose(candidate, rows, is_grouped(weights));
    char options[TERN_CL_OPTIONS];
    snprintf(options, sizeof options, "%s -DBYTES=%u -DMATRICES=%u%s%s", variant->options,
             candidate->vector_bytes, products->count, products->gated ? " -DGATED" : "",
             products->act ? "" : " -DQUANTIZE");
    tern_cl_begin(builder, "ternary_matmul", options, "ternary_matmul");
    tern_cl_label(builder, variant->name);
    tern_cl_rows(builder, products->head, rows);
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
    launch(builder, products, variant, part);
}

void tern_cl_emit_products(tern_cl_builder *builder, const tern_cl_products *products) {
    for (uint32_t i = 0; i < products->projections[0].weights->part_count; i++) {
        emit_part(builder, products, i);
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
    uint64_t bytes = (uint64_t)tern_cl_act_words(candidate, weights->info.cols) * 4;
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
    const tern_cl_candidate *candidate = builder->device->candidate;
    uint32_t rows = d->x.shape[0];
    tern_cl_begin(builder, "quantize_act", tern_cl_act_options(candidate), "quantize_act");
    tern_cl_rows(builder, &d->head, rows);
    put_source(builder, d);
    tern_cl_matrix(builder, &act->words);
    tern_cl_vector(builder, &act->scale);
    tern_cl_uint(builder, d->x.shape[1]);
    tern_cl_uint(builder, 1); // part of a row
    tern_cl_launch(builder, tern_cl_names_vectors(candidate) ? 1 : TERN_CL_GROUP, 1, rows, 1);
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
