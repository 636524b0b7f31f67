// out = flush(x * i) or flush((x * i) * weight), i = 1 / sqrt(mean of squares + eps).
//
// Work-groups of 64 x 1: one row.
#include "shaders/opencl/include/norm.clh"

GROUP_KERNEL void rms_norm(ROWS, MATRIX(const float, x), VECTOR(const float, weight),
                           uint has_weight, MATRIX(float, out), uint cols, float eps) {
    local float part[GROUP];
    FOR_LIVE_ROWS(r) {
        global const float *from = ROW(x, r);
        float factor = rms_factor(part, from, cols, eps);
        for (uint k = get_local_id(0); k < cols; k += GROUP) {
            float w = has_weight ? AT(weight, k) : 1.0f;
            ROW(out, r)[k] = rms_value(from[k], factor, has_weight, w);
        }
    }
}
