// Of each part of |cols| columns of a row alone: out = flush(x * i) or flush((x * i) * weight),
// i = 1 / sqrt(mean of squares + eps).
//
// Work-groups of 64 x 1: parts of a row, rows.
#include "shaders/opencl/include/norm.clh"

GROUP_KERNEL void rms_norm(ROWS, MATRIX(const float, x), VECTOR(const float, weight),
                           uint has_weight, MATRIX(float, out), uint cols, float eps) {
    local float part[GROUP];
    FOR_LIVE_ROWS(r) {
        uint first = get_group_id(0) * cols;
        global const float *from = ROW(x, r) + first;
        float factor = rms_factor(part, from, cols, eps);
        for (uint k = get_local_id(0); k < cols; k += GROUP) {
            float w = has_weight ? AT(weight, k) : 1.0f;
            ROW(out, r)[first + k] = rms_value(from[k], factor, has_weight, w);
        }
    }
}
