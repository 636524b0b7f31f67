#include "runtime/model/scales.h"

#include <math.h>
#include <stdbool.h>

#include "runtime/status.h"
#include "shaders/common/float.h"

// Every code is 1, a weight of zero.
static bool is_zero(const uint8_t *codes, uint32_t bytes) {
    for (uint32_t i = 0; i < bytes; i++) {
        if (codes[i] != 0x55) {
            return false;
        }
    }
    return true;
}

// After this a value is 0 only where it may be anything.
static tern_status check(tern_context *context, const char *name, const tern__scales *scales) {
    size_t count = (size_t)scales->rows * scales->groups;
    for (size_t i = 0; i < count; i++) {
        float value = scales->values[i];
        if (isfinite(value) && t_flush(value) != 0.0f) {
            continue;
        }
        if (!isfinite(value) ||
            !is_zero(scales->codes + i * scales->group_bytes, scales->group_bytes)) {
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

tern_scale_kind tern__scales_kind(const float *values, uint32_t rows, uint32_t groups) {
    float scale;
    if (common(values, (size_t)rows * groups, &scale)) {
        return TERN_SCALE_TENSOR;
    }
    for (size_t r = 0; r < rows; r++) {
        if (!common(values + r * groups, groups, &scale)) {
            return TERN_SCALE_GROUP;
        }
    }
    return TERN_SCALE_ROW;
}

tern_status tern__scales_reduce(tern_context *context, const char *name, tern__scales *scales) {
    TERN_TRY(check(context, name, scales));
    size_t rows = scales->rows;
    size_t count = rows * scales->groups;
    scales->kind = tern__scales_kind(scales->values, scales->rows, scales->groups);
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
