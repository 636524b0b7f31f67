#include "backends/opencl/ops/ops.h"

// Rows that a work-item computes at once where there are several, so that codes are unpacked once.
#define ROWS_PER_ITEM 4
// Outputs that a work-item computes at once where vectors are the device's own.
#define VECTOR_OUTPUTS 16

static bool supports(const tern_backend_device *device, const void *desc) {
    const tern_ternary_matmul_desc *d = desc;
    (void)device;
    return tern_cl_has(d->weights, TERN_WEIGHTS_MATMUL) && tern_cl_is(&d->q, TERN_DTYPE_I8) &&
           tern_cl_is(&d->scale, TERN_DTYPE_F32) && tern_cl_is_optional(&d->bias) &&
           tern_cl_is(&d->out, TERN_DTYPE_F32) &&
           tern_op_weights(d->weights)->info.dtype == TERN_DTYPE_T2;
}

const char *tern_cl_act_options(const tern_backend_device *device) {
    return device->candidate->integer_dot ? "" : "-DPACK";
}

tern_cl_act tern_cl_act_scratch(tern_cl_builder *builder, uint32_t rows, uint32_t cols) {
    uint32_t words =
        builder->device->candidate->integer_dot ? (cols + 3) / 4 : (cols + 15) / 16 * 8;
    tern_cl_act act;
    act.words = tern_cl_scratch(builder, TERN_DTYPE_I32, rows, words);
    act.scale = tern_cl_scratch(builder, TERN_DTYPE_F32, rows, 0);
    return act;
}

// Activations of the op ternary_matmul, in the form that the kernels take.
static tern_tensor pack(tern_cl_builder *builder, const tern_ternary_matmul_desc *d) {
    tern_tensor words = d->q; // four values in a word
    words.dtype = TERN_DTYPE_I32;
    words.strides[0] /= 4;
    if (builder->device->candidate->integer_dot) {
        return words;
    }
    uint32_t rows = d->q.shape[0];
    uint32_t cols = d->q.shape[1];
    tern_cl_act act = tern_cl_act_scratch(builder, rows, cols);
    tern_cl_begin(builder, "pack_act", "", "pack_act");
    tern_cl_rows(builder, &d->head, rows);
    tern_cl_matrix(builder, &words);
    tern_cl_matrix(builder, &act.words);
    tern_cl_uint(builder, cols);
    tern_cl_launch(builder, TERN_CL_GROUP, tern_cl_groups((cols + 15) / 16 * 4), rows, 1);
    return act.words;
}

static const char *options(const tern_backend_device *device, bool vectors, bool many) {
    if (device->candidate->integer_dot) {
        return many ? "-DINTEGER_DOT -DOUTPUTS=1 -DTILE=4" : "-DINTEGER_DOT -DOUTPUTS=1 -DTILE=1";
    }
    if (vectors) {
        return many ? "-DOUTPUTS=16 -DTILE=4" : "-DOUTPUTS=16 -DTILE=1";
    }
    return many ? "-DOUTPUTS=1 -DTILE=4" : "-DOUTPUTS=1 -DTILE=1";
}

static void emit_part(tern_cl_builder *builder, const tern_cl_ternary *t,
                      const tern_cl_part *part) {
    const tern_backend_weights *weights = t->weights;
    const tern_cl_candidate *candidate = builder->device->candidate;
    uint32_t rows = t->out->shape[0];
    bool many = rows > 1;
    bool vectors = candidate->vector_width >= 4 && !candidate->integer_dot;
    bool grouped = weights->info.scale_kind == TERN_SCALE_GROUP;
    tern_cl_begin(builder, "ternary_matmul", options(builder->device, vectors, many),
                  grouped ? "ternary_matmul_grouped" : "ternary_matmul");
    tern_cl_rows(builder, t->head, rows);
    tern_cl_matrix(builder, &t->act->words);
    tern_cl_vector(builder, &t->act->scale);
    tern_cl_memory_arg(builder, &part->codes);
    tern_cl_memory_arg(builder, &part->scales);
    tern_cl_memory_arg(builder, &part->sums);
    tern_cl_uint(builder, weights->info.cols);
    tern_cl_uint(builder, part->first);
    tern_cl_uint(builder, part->rows);
    tern_cl_vector(builder, t->bias);
    tern_cl_uint(builder, t->bias->buffer != NULL);
    tern_cl_matrix(builder, t->residual);
    tern_cl_uint(builder, t->residual->buffer != NULL);
    tern_cl_matrix(builder, t->out);
    if (grouped) {
        tern_cl_uint(builder, weights->groups);
        tern_cl_uint(builder, weights->info.group_size / 16);
    }
    uint32_t per_item = vectors ? VECTOR_OUTPUTS : 1;
    uint32_t items = (part->rows + per_item - 1) / per_item;
    uint32_t row_items = many ? (rows + ROWS_PER_ITEM - 1) / ROWS_PER_ITEM : 1;
    if (vectors) { // a work-group of one item: nothing is left to be vectorised across items
        tern_cl_launch(builder, 1, items, row_items, 1);
    } else {
        tern_cl_launch(builder, TERN_CL_GROUP, tern_cl_groups(items), row_items, 1);
    }
}

void tern_cl_emit_ternary(tern_cl_builder *builder, const tern_cl_ternary *ternary) {
    for (uint32_t i = 0; i < ternary->weights->part_count; i++) {
        emit_part(builder, ternary, &ternary->weights->parts[i]);
    }
}

static void emit(tern_cl_builder *builder, const void *desc) {
    const tern_ternary_matmul_desc *d = desc;
    const tern_tensor none = {NULL};
    tern_cl_act act = {.words = pack(builder, d), .scale = d->scale};
    tern_cl_emit_ternary(builder, &(tern_cl_ternary){.head = &d->head,
                                                     .weights = tern_op_weights(d->weights),
                                                     .act = &act,
                                                     .bias = &d->bias,
                                                     .residual = &none,
                                                     .out = &d->out});
}

const tern_cl_op tern_cl_op_ternary_matmul = {supports, emit};
