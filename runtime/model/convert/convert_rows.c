// Rows of ternary results.
#include <math.h>

#include "runtime/model/convert/convert.h"
#include "runtime/status.h"
#include "shaders/common/divide.h"
#include "shaders/common/float.h"

static uint32_t code_of(const tern__rowsource *source, uint32_t column) {
    return source->codes[column / 4] >> 2 * (column % 4) & 3u;
}

static void put_code(const tern__rowsource *source, uint32_t column, uint32_t code) {
    uint32_t shift = 2 * (column % 4);
    uint8_t *byte = &source->codes[column / 4];
    *byte = (uint8_t)((*byte & ~(3u << shift)) | code << shift);
}

// Weights of scales below 0 change their sign instead.
static void make_positive(const tern__rowsource *source) {
    for (uint32_t k = 0; k < source->cols; k++) {
        uint32_t code = code_of(source, k);
        if (source->scales[k / source->group_size] < 0.0f && code < 3) {
            put_code(source, k, 2 - code);
        }
    }
    for (uint32_t g = 0; g < source->groups; g++) {
        source->scales[g] = fabsf(source->scales[g]);
    }
}

// The mean scale of the weights in [from, end) that are not 0, which is theirs if they have but
// one; |none| if there are none.
static float scale_of(const tern__rowsource *source, uint32_t from, uint32_t end, float none) {
    double sum = 0.0;
    float first = 0.0f;
    uint32_t count = 0;
    bool same = true;
    for (uint32_t k = from; k < end; k++) {
        if (code_of(source, k) != 1) {
            float scale = source->scales[k / source->group_size];
            first = count++ == 0 ? scale : first;
            same &= scale == first;
            sum += (double)scale;
        }
    }
    return count == 0 ? none : same ? first : (float)(sum / count);
}

static tern_status ternary_row(const tern__plan *plan, tern__rowsource *source, uint64_t row,
                               float *scales, float *out_row) {
    bool ternary;
    TERN_TRY(tern__rowsource_ternary(source, row, &ternary));
    if (plan->means) {
        make_positive(source);
    }
    float factor = tern__factor_of(&source->factors, row);
    *out_row = plan->ones ? scale_of(source, 0, source->cols, 1.0f) * factor : 1.0f;
    factor = plan->folded ? factor : 1.0f;
    for (uint32_t g = 0, from = 0; from < source->cols; g++, from += plan->group) {
        uint32_t end = from + plan->group < source->cols ? from + plan->group : source->cols;
        float none = source->scales[from / source->group_size];
        scales[g] = plan->ones ? 1.0f : scale_of(source, from, end, none) * factor;
    }
    return TERN_STATUS_OK;
}

static float factor_of_mean(const tern__rowsource *source, uint32_t from, uint32_t end) {
    double sum = 0.0;
    for (uint32_t k = from; k < end; k++) {
        sum += fabs((double)source->values[k]);
    }
    float mean = (float)(sum / (double)(end - from));
    return t_divide(1.0f, mean > 1e-5f ? mean : 1e-5f);
}

static void round_codes(const tern__rowsource *source, uint32_t from, uint32_t end, float factor) {
    for (uint32_t k = from; k < end; k++) {
        T_PRECISE float scaled = source->values[k] * factor;
        // 1/2 goes to the even 0.
        put_code(source, k, scaled > 0.5f ? 2u : scaled < -0.5f ? 0u : 1u);
    }
}

static tern_status absmean_row(const tern__plan *plan, tern__rowsource *source, uint64_t row,
                               float *scales, float *out_row) {
    TERN_TRY(tern__rowsource_values(source, row));
    bool whole_row = plan->factor == 0.0f && plan->ones;
    float of_row = whole_row ? factor_of_mean(source, 0, source->cols) : plan->factor;
    *out_row = whole_row ? t_divide(1.0f, of_row) : 1.0f;
    for (uint32_t g = 0, from = 0; from < source->cols; g++, from += plan->group) {
        uint32_t end = from + plan->group < source->cols ? from + plan->group : source->cols;
        float factor = of_row != 0.0f ? of_row : factor_of_mean(source, from, end);
        round_codes(source, from, end, factor);
        scales[g] = plan->ones ? 1.0f : t_divide(1.0f, factor);
    }
    return TERN_STATUS_OK;
}

tern_status tern__conversion_row(const tern__plan *plan, tern__rowsource *source, uint64_t row,
                                 float *scales, float *out_row) {
    return plan->mode == TERN__CONVERT_ABSMEAN ? absmean_row(plan, source, row, scales, out_row)
                                               : ternary_row(plan, source, row, scales, out_row);
}
