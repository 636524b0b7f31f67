// What becomes of each tensor: its values are read to see what the new type can hold of them.
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/network/architecture.h"
#include "runtime/model/files/archive.h"
#include "runtime/model/convert/convert.h"
#include "runtime/model/tensors/ggml_decode.h"
#include "runtime/model/tensors/ggml_encode.h"
#include "runtime/model/tensors/i2s_probe.h"
#include "runtime/model/tensors/look.h"
#include "runtime/status.h"
#include "shaders/common/divide.h"
#include "shaders/common/float.h"

// What the scales of a ternary matrix have in common.
typedef struct scan {
    bool ternary;     // it is one
    bool tensor_same; // one scale for all
    bool rows_same;   // one for each row
    bool blocks_same; // one for each block of the result
    bool halves;      // float16 holds all of them,
    bool products;    // and what factors beside make of them
    float tensor;     // that of all
    double size_sum;  // of weights that are not 0, without factors
    uint64_t size_count;
} scan;

static bool allows_loss(const tern__conversion *c) {
    return (c->desc->flags & TERN_CONVERT_LOSSY) != 0;
}

static uint32_t count_weights(const tern__rowsource *source, uint32_t group) {
    uint32_t count = 0;
    uint32_t from = group * source->group_size;
    uint32_t end =
        from + source->group_size < source->cols ? from + source->group_size : source->cols;
    for (uint32_t k = from; k < end; k++) {
        count += (source->codes[k / 4] >> 2 * (k % 4) & 3u) != 1;
    }
    return count;
}

// |*known| is the scale that |same| compares with, 0 before the first.
static void compare(float scale, float *known, bool *same) {
    *same &= *known == 0.0f || *known == scale;
    *known = scale;
}

static tern_status scan_row(const tern__plan *plan, tern__rowsource *source, uint64_t row,
                            scan *s) {
    float of_row = 0.0f, of_block = 0.0f;
    for (uint32_t g = 0; g < source->groups; g++) {
        float scale = source->scales[g];
        uint32_t weights = count_weights(source, g);
        of_block = g * source->group_size % plan->group == 0 ? 0.0f : of_block;
        if (weights == 0) {
            continue;
        }
        if (!isfinite(scale) || t_flush(scale) == 0.0f) {
            return tern__fail(tern__archive_context(source->archive), TERN_STATUS_CORRUPT_DATA,
                              "tensor '%s': scale of block %u of row %" PRIu64
                              " is %g, expected a finite number that is not 0",
                              plan->info.name, g, row, (double)scale);
        }
        compare(scale, &s->tensor, &s->tensor_same);
        compare(scale, &of_row, &s->rows_same);
        compare(scale, &of_block, &s->blocks_same);
        float product = scale * tern__factor_of(&source->factors, row);
        s->halves &= t_round_f16(scale) == scale;
        s->products &= t_round_f16(product) == product;
        s->size_sum += (double)weights * fabs((double)scale);
        s->size_count += weights;
    }
    return TERN_STATUS_OK;
}

static tern_status scan_ternary(tern__conversion *c, const tern__plan *plan,
                                tern__rowsource *source, scan *s) {
    *s = (scan){.ternary = true,
                .tensor_same = true,
                .rows_same = true,
                .blocks_same = true,
                .halves = true,
                .products = true};
    for (uint64_t r = 0; r < source->rows; r++) {
        TERN_TRY(tern__rowsource_ternary(source, r, &s->ternary));
        if (!s->ternary) {
            return TERN_STATUS_OK;
        }
        TERN_TRY(scan_row(plan, source, r, s));
        TERN_TRY(tern__conversion_advance(c, r + 1 == source->rows ? 0 : source->raw_row_bytes));
    }
    s->tensor = s->tensor == 0.0f ? 1.0f : s->tensor;
    return TERN_STATUS_OK;
}

static tern_status lost_scales(const tern__conversion *c, const tern__plan *plan) {
    if (allows_loss(c)) {
        return TERN_STATUS_OK;
    }
    return tern__fail(c->context, TERN_STATUS_INVALID_ARGUMENT,
                      "tensor '%s': %s cannot hold its scales, some would change; --lossy "
                      "(TERN_CONVERT_LOSSY) allows that",
                      plan->info.name, plan->type->name);
}

static void put_aside(tern__plan *plan, tern__side_kind side, uint64_t count) {
    plan->side = side;
    plan->side_count = count;
}

// Scales of I2_S: one for all, or 1 and one for each row aside.
static tern_status place_one(const tern__conversion *c, tern__plan *plan,
                             const tern__rowsource *source, const scan *s) {
    plan->scale = s->tensor * source->factors.one;
    if (s->tensor_same && !source->factors.values) {
        return TERN_STATUS_OK;
    }
    if (s->rows_same) {
        plan->scale = 1.0f;
        plan->ones = true;
        put_aside(plan, TERN__SIDE_ROWS, source->rows);
        return TERN_STATUS_OK;
    }
    plan->means = true;
    plan->ones = source->factors.values != NULL;
    plan->scale = (float)(s->size_sum / (double)s->size_count) * source->factors.one;
    if (source->factors.values) {
        plan->scale = 1.0f;
        put_aside(plan, TERN__SIDE_ROWS, source->rows);
    }
    return lost_scales(c, plan);
}

// Scales of blocks: with the factors, unless it was a type of blocks that had them aside; as they
// are; or 1, and those of the matrix or its rows aside.
static tern_status place_blocks(const tern__conversion *c, tern__plan *plan,
                                const tern__rowsource *source, const scan *s) {
    plan->folded = s->blocks_same && s->products && source->type->scale_kind != TERN_SCALE_GROUP;
    if (plan->folded || (s->blocks_same && s->halves)) {
        return TERN_STATUS_OK;
    }
    plan->ones = s->rows_same;
    if (s->tensor_same && !source->factors.values) {
        plan->scale = s->tensor * source->factors.one;
        put_aside(plan, TERN__SIDE_ONE, 1);
    } else if (s->rows_same) {
        put_aside(plan, TERN__SIDE_ROWS, source->rows);
    } else {
        plan->means = true;
        return lost_scales(c, plan);
    }
    return TERN_STATUS_OK;
}

static tern_status plan_ternary(tern__conversion *c, tern__plan *plan, tern__rowsource *source) {
    scan s;
    TERN_TRY(scan_ternary(c, plan, source, &s));
    if (!s.ternary) {
        return TERN_STATUS_OK; // as it is
    }
    plan->mode = TERN__CONVERT_TERNARY;
    return plan->type->rule == TERN__SIZE_I2_S ? place_one(c, plan, source, &s)
                                               : place_blocks(c, plan, source, &s);
}

static float scale_of_mean(double sum, double count, float *out_factor) {
    float mean = (float)(sum / count);
    *out_factor = t_divide(1.0f, mean > 1e-5f ? mean : 1e-5f);
    return t_divide(1.0f, *out_factor);
}

static tern_status plan_absmean(tern__conversion *c, tern__plan *plan, tern__rowsource *source) {
    double sum = 0.0;
    if (source->factors.values || source->factors.one != 1.0f) {
        return tern__fail(c->context, TERN_STATUS_UNSUPPORTED,
                          "tensor '%s' has a scale beside it, which absmean has no use for",
                          plan->info.name);
    }
    if (plan->info.shape[2] > 1 && c->desc->scale == TERN_CONVERT_SCALE_TENSOR) {
        return tern__fail(c->context, TERN_STATUS_UNSUPPORTED,
                          "tensor '%s' is a stack of %" PRIu64 " matrices, for which absmean makes "
                          "scales of rows or groups only",
                          plan->info.name, plan->info.shape[2]);
    }
    plan->mode = TERN__CONVERT_ABSMEAN;
    for (uint64_t r = 0; r < source->rows; r++) {
        TERN_TRY(tern__rowsource_values(source, r));
        for (uint32_t k = 0; k < source->cols; k++) {
            sum += fabs((double)source->values[k]);
        }
        TERN_TRY(tern__conversion_advance(c, r + 1 == source->rows ? 0 : source->raw_row_bytes));
    }
    plan->scale = scale_of_mean(sum, (double)source->rows * source->cols, &plan->factor);
    if (c->desc->scale == TERN_CONVERT_SCALE_ROW) {
        plan->ones = true;
        plan->scale = 1.0f;
        put_aside(plan, TERN__SIDE_ROWS, source->rows);
    } else if (c->desc->scale == TERN_CONVERT_SCALE_TENSOR && plan->type->rule != TERN__SIZE_I2_S &&
               t_round_f16(plan->scale) != plan->scale) {
        plan->ones = true;
        put_aside(plan, TERN__SIDE_ONE, 1);
    }
    plan->factor = c->desc->scale == TERN_CONVERT_SCALE_TENSOR ? plan->factor : 0.0f;
    return TERN_STATUS_OK;
}

static tern_status check_row(const tern__conversion *c, const tern__plan *plan,
                             const tern__rowsource *source, uint64_t row, const uint8_t *encoded,
                             float *back) {
    tern__ggml_values(plan->type, 0, source->cols, encoded, back);
    for (uint32_t k = 0; k < source->cols; k++) {
        if (back[k] != source->values[k]) {
            return tern__fail(c->context, TERN_STATUS_INVALID_ARGUMENT,
                              "tensor '%s': row %" PRIu64 ", column %u: %.9g would become %.9g as "
                              "%s; --lossy (TERN_CONVERT_LOSSY) allows that",
                              plan->info.name, row, k, (double)source->values[k], (double)back[k],
                              plan->type->name);
        }
    }
    return TERN_STATUS_OK;
}

static tern_status lost_answers(const tern__conversion *c, const tern__plan *plan,
                                const char *why) {
    if (allows_loss(c)) {
        return TERN_STATUS_OK;
    }
    return tern__fail(c->context, TERN_STATUS_INVALID_ARGUMENT,
                      "tensor '%s': %s as %s keeps its values, but not the answers: %s; --lossy "
                      "(TERN_CONVERT_LOSSY) allows that",
                      plan->info.name, plan->info.type_name, plan->type->name, why);
}

// How a load holds dense values that float16 has not: as they are, or rounded to it; and which
// activations are multiplied with them.
typedef enum held { HELD_EXACT, HELD_ROUNDED, HELD_FULL } held;

static held held_as(const tern__ggml_type *type, uint32_t types) {
    bool full = type->dtype == TERN_DTYPE_F32 && !(types & TERN__HOLDS_BF16);
    bool rounded = type->dtype == TERN_DTYPE_F16 && !tern__ggml_is_float(type);
    return full ? HELD_FULL : rounded ? HELD_ROUNDED : HELD_EXACT;
}

// |types| of those in look.h hold all values.
static tern_status check_answers(const tern__conversion *c, const tern__plan *plan,
                                 const tern__rowsource *source, uint32_t types) {
    held before = held_as(source->type, types), after = held_as(plan->type, types);
    if ((types & TERN__HOLDS_F16) || before == after) {
        return TERN_STATUS_OK;
    }
    return lost_answers(c, plan,
                        before == HELD_FULL || after == HELD_FULL
                            ? "F32 weights are multiplied with activations as they are, others "
                              "with activations rounded to float16"
                            : "these weights are rounded to float16 when they are loaded");
}

static tern_status check_rows(tern__conversion *c, const tern__plan *plan, tern__rowsource *source,
                              uint8_t *encoded, float *back) {
    uint32_t types = TERN__HOLDS_F16 | TERN__HOLDS_BF16;
    bool ternary = true;
    for (uint64_t r = 0; r < source->rows; r++) {
        TERN_TRY(tern__rowsource_values(source, r));
        tern__ggml_encode_values(plan->type, source->cols, source->values, encoded);
        TERN_TRY(check_row(c, plan, source, r, encoded, back));
        types = tern__look_at_values(source->values, source->cols, types);
        if (ternary) {
            TERN_TRY(tern__rowsource_ternary(source, r, &ternary));
        }
        TERN_TRY(tern__conversion_advance(c, r + 1 == source->rows ? 0 : source->raw_row_bytes));
    }
    return ternary ? TERN_STATUS_OK : check_answers(c, plan, source, types);
}

static tern_status plan_dense(tern__conversion *c, tern__plan *plan, tern__rowsource *source) {
    plan->mode = TERN__CONVERT_DENSE;
    if (allows_loss(c)) {
        return TERN_STATUS_OK;
    }
    size_t bytes = (size_t)source->cols * sizeof(float);
    uint8_t *encoded = tern__alloc(c->context, bytes);
    float *back = tern__alloc(c->context, bytes);
    tern_status status = encoded && back ? check_rows(c, plan, source, encoded, back)
                                         : tern__fail_memory(c->context, 2 * bytes, "two rows");
    tern__free(c->context, encoded);
    tern__free(c->context, back);
    return status;
}

// Networks of gated recurrences have an output matrix that is a linear layer like their others.
static bool is_linear_output(const tern_archive *archive, const char *name) {
    const char *said = NULL;
    if (strcmp(name, "output.weight") != 0 ||
        tern__archive_string(archive, "general.architecture", "", &said) != TERN_STATUS_OK) {
        return false;
    }
    const tern__architecture *architecture = tern__architecture_find(said);
    return architecture && (architecture->traits & TERN__RECURRENT) != 0;
}

// Matrices of layers; what chooses experts stays a number.
static bool is_of_layer(const tern_archive *archive, const tern_tensor_info *info) {
    size_t length = strlen(info->name), suffix = strlen(".weight");
    bool of_layer = strncmp(info->name, "blk.", 4) == 0 && length > suffix &&
                    strcmp(info->name + length - suffix, ".weight") == 0 &&
                    !strstr(info->name, "ffn_gate_inp");
    return of_layer || is_linear_output(archive, info->name);
}

static bool is_projection(const tern_archive *archive, const tern_tensor_info *info) {
    return tern__ggml_is_float(tern__ggml_type_of(info)) && is_of_layer(archive, info);
}

// For types that GGUF does not have.
static const tern__ggml_type *common_type(uint64_t cols) {
    return tern__ggml_type_named(cols % 256 == 0 ? "TQ2_0" : cols % 64 == 0 ? "Q2_0" : "F32");
}

// The type that a tensor is to have; its own where there is nothing to do.
static const tern__ggml_type *wanted_type(const tern__conversion *c, const tern_tensor_info *info) {
    const tern__ggml_type *own = tern__i2s_type(tern__ggml_type_of(info), c->i2s_block);
    bool ternary = own->scale_kind != TERN_SCALE_NONE;
    if (!c->type) {
        return own->id >= TERN__GGML_FOREIGN && own->rule != TERN__SIZE_I2_S
                   ? common_type(info->shape[0])
                   : own;
    }
    bool is_vector = info->shape[1] == 1 && info->shape[2] == 1 && info->shape[3] == 1;
    if (own->dtype == TERN_DTYPE_NONE || is_vector) {
        return own;
    }
    return c->type->scale_kind == TERN_SCALE_NONE || ternary || is_projection(c->archive, info)
               ? c->type
               : own;
}

static tern_status plan_matrix(tern__conversion *c, tern__plan *plan) {
    tern__rowsource source;
    tern_status status = tern__rowsource_init(&source, c->archive, &plan->info, c->i2s_block);
    if (status == TERN_STATUS_OK) {
        plan->group = tern__ggml_encoded_group(plan->type, source.cols);
        bool ternary = source.type->scale_kind != TERN_SCALE_NONE;
        bool absmean = (c->desc->flags & TERN_CONVERT_ABSMEAN) != 0 && !ternary;
        status = !plan->group ? plan_dense(c, plan, &source)
                 : absmean    ? plan_absmean(c, plan, &source)
                              : plan_ternary(c, plan, &source);
    }
    tern__rowsource_finish(&source);
    return status;
}

// What is dense in a network of tern.weights = absmean gets another scale than what is ternary.
static tern_status check_absmean(const tern__conversion *c, const tern__plan *plan,
                                 const tern__ggml_type *own) {
    bool was_dense = own->scale_kind == TERN_SCALE_NONE;
    bool is_dense = plan->type->scale_kind == TERN_SCALE_NONE;
    if (!c->absmean || plan->mode == TERN__CONVERT_ABSMEAN || was_dense == is_dense ||
        !is_of_layer(c->archive, &plan->info)) {
        return TERN_STATUS_OK;
    }
    return lost_answers(c, plan, "a load of this model rounds float weights to their mean size");
}

// Weights that nothing reads would stay as they are in a file said to be of another type, by which
// their type's number may then mean something else.
static tern_status check_readable(const tern__conversion *c, const tern__plan *plan,
                                  const tern__ggml_type *own) {
    bool numbers = own->block_elements == 1 && !own->microsoft; // I8 to F64
    return !c->type || numbers || own->dtype != TERN_DTYPE_NONE
               ? TERN_STATUS_OK
               : tern__fail(c->context, TERN_STATUS_UNSUPPORTED,
                            "tensor '%s': its type %s cannot be read, so that it cannot become %s; "
                            "a conversion without a type copies it",
                            plan->info.name, plan->info.type_name, c->type->name);
}

static tern_status plan_tensor(tern__conversion *c, tern__plan *plan) {
    uint64_t before = c->done;
    const tern__ggml_type *own = tern__i2s_type(tern__ggml_type_of(&plan->info), c->i2s_block);
    TERN_TRY(check_readable(c, plan, own));
    plan->type = wanted_type(c, &plan->info);
    plan->bytes = plan->info.size;
    if (plan->type != own) {
        uint64_t bytes = 0;
        if (!tern__ggml_tensor_bytes(plan->type, plan->info.shape, &bytes)) {
            return tern__fail(c->context, TERN_STATUS_UNSUPPORTED,
                              "tensor '%s': rows of %" PRIu64 " are no whole blocks of %u, which "
                              "%s has",
                              plan->info.name, plan->info.shape[0], plan->type->block_elements,
                              plan->type->name);
        }
        TERN_TRY(plan_matrix(c, plan));
        plan->bytes = plan->mode == TERN__CONVERT_COPY ? plan->info.size : bytes;
        plan->type = plan->mode == TERN__CONVERT_COPY ? own : plan->type;
        TERN_TRY(check_absmean(c, plan, own));
    }
    c->done = before;
    return tern__conversion_advance(c, plan->info.size);
}

// What becomes of the scales beside a matrix that was planned.
static tern_status plan_side(tern__conversion *c, tern__plan *plan, bool inverse) {
    tern_tensor_info info = {sizeof info};
    if (plan->mode == TERN__CONVERT_DROP ||
        !tern__factors_find(c->archive, plan->info.name, &info)) {
        return TERN_STATUS_OK;
    }
    bool was_dense = tern__ggml_type_of(&plan->info)->scale_kind == TERN_SCALE_NONE;
    bool blocks = plan->mode == TERN__CONVERT_TERNARY && !plan->ones && !plan->folded &&
                  plan->type->rule != TERN__SIZE_I2_S;
    bool stays = blocks || plan->mode == TERN__CONVERT_COPY ||
                 (plan->mode == TERN__CONVERT_DENSE && was_dense);
    if (stays && !inverse) {
        return TERN_STATUS_OK;
    }
    if (stays) {
        put_aside(plan, TERN__SIDE_FACTORS,
                  info.shape[0] * info.shape[1] * info.shape[2] * info.shape[3]);
    }
    c->plans[info.index].mode = TERN__CONVERT_DROP;
    return TERN_STATUS_OK;
}

tern_status tern__conversion_plan(tern__conversion *c) {
    bool inverse = false;
    const char *weights = NULL;
    TERN_TRY(tern__factors_direction(c->archive, &inverse));
    TERN_TRY(tern__archive_string(c->archive, "tern.weights", "", &weights));
    c->absmean = strcmp(weights, "absmean") == 0;
    for (uint64_t i = 0; i < c->count; i++) {
        TERN_TRY(plan_tensor(c, &c->plans[i]));
    }
    for (uint64_t i = 0; i < c->count; i++) {
        TERN_TRY(plan_side(c, &c->plans[i], inverse));
    }
    return TERN_STATUS_OK;
}
