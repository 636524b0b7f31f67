#include "runtime/model/tensors/scales.h"

#include <math.h>
#include <stdbool.h>

#include "runtime/status.h"
#include "shaders/common/float.h"

enum { LARGEST_GROUP = 256 };

// Every code is 1, a weight of zero.
static bool is_zero(const uint8_t *codes, uint32_t bytes) {
    for (uint32_t i = 0; i < bytes; i++) {
        if (codes[i] != 0x55) {
            return false;
        }
    }
    return true;
}

static bool is_group_zero(const tern__scales *scales, size_t index) {
    uint32_t step = (scales->group_size + 3) / 4;
    uint32_t from = (uint32_t)(index % scales->groups) * step;
    uint32_t left = scales->row_bytes - from;
    return is_zero(scales->codes + index / scales->groups * scales->row_bytes + from,
                   left < step ? left : step);
}

// After this a value is 0 where it may be anything, and only there.
static tern_status check(tern_context *context, const char *name, const tern__scales *scales) {
    size_t count = (size_t)scales->rows * scales->groups;
    for (size_t i = 0; i < count; i++) {
        float value = scales->values[i];
        bool says_nothing = isfinite(value) && is_group_zero(scales, i);
        if (!says_nothing && isfinite(value) && t_flush(value) != 0.0f) {
            continue;
        }
        if (!says_nothing) {
            return tern__fail(
                context, TERN_STATUS_CORRUPT_DATA,
                "tensor '%s': scale of block %llu of row %llu is %g, expected a finite "
                "number that is not 0",
                name, (unsigned long long)(i % scales->groups),
                (unsigned long long)(i / scales->groups), (double)value);
        }
        scales->values[i] = 0.0f;
    }
    return TERN_STATUS_OK;
}

// The one value that all of |values| have but for zeros; false if there are two. All zero: 0.
static bool common(const float *values, size_t count, float *out) {
    *out = 0.0f;
    for (size_t i = 0; i < count; i++) {
        if (values[i] != 0.0f && *out != 0.0f && values[i] != *out) {
            return false;
        }
        *out = values[i] != 0.0f ? values[i] : *out;
    }
    return true;
}

// Makes groups twice as large, if each two neighbours of a row agree.
static bool join_pairs(float *values, uint32_t rows, uint32_t *groups) {
    uint32_t left = (*groups + 1) / 2;
    float scale;
    for (size_t i = 0; i < (size_t)rows * left; i++) {
        size_t first = i / left * *groups + i % left * 2;
        if (!common(values + first, i % left * 2 + 1 < *groups ? 2 : 1, &scale)) {
            return false;
        }
    }
    for (size_t i = 0; i < (size_t)rows * left; i++) {
        size_t first = i / left * *groups + i % left * 2;
        common(values + first, i % left * 2 + 1 < *groups ? 2 : 1, &scale);
        values[i] = scale;
    }
    *groups = left;
    return true;
}

static bool have_own(const float *values, uint32_t rows, uint32_t groups) {
    float scale;
    for (size_t r = 0; r < rows; r++) {
        if (!common(values + r * groups, groups, &scale)) {
            return true;
        }
    }
    return false;
}

tern_scale_kind tern__scales_kind(float *values, uint32_t rows, uint32_t *groups,
                                  uint32_t *group_size) {
    float scale;
    if (common(values, (size_t)rows * *groups, &scale)) {
        return TERN_SCALE_TENSOR;
    }
    if (!have_own(values, rows, *groups)) {
        return TERN_SCALE_ROW;
    }
    while (*group_size < LARGEST_GROUP && join_pairs(values, rows, groups)) {
        *group_size *= 2;
    }
    return TERN_SCALE_GROUP;
}

tern_status tern__scales_reduce(tern_context *context, const char *name, tern__scales *scales) {
    TERN_TRY(check(context, name, scales));
    size_t rows = scales->rows;
    scales->kind =
        tern__scales_kind(scales->values, scales->rows, &scales->groups, &scales->group_size);
    size_t count = rows * scales->groups;
    if (scales->kind == TERN_SCALE_TENSOR) {
        common(scales->values, count, &scales->tensor);
        scales->tensor = scales->tensor != 0.0f ? scales->tensor : 1.0f;
        return TERN_STATUS_OK;
    }
    for (size_t r = 0; scales->kind == TERN_SCALE_ROW && r < rows; r++) {
        float scale;
        common(scales->values + r * scales->groups, scales->groups, &scale);
        scales->values[r] = scale;
    }
    size_t left = scales->kind == TERN_SCALE_ROW ? rows : count;
    for (size_t i = 0; i < left; i++) {
        scales->values[i] = scales->values[i] != 0.0f ? scales->values[i] : 1.0f;
    }
    return TERN_STATUS_OK;
}
