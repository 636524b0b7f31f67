// As tern_layer_norm_desc says: out = flush((d * i) * weight + bias), with d = flush(x - mean) and
// i = 1 / sqrt(sum(d * d) / K + eps).
//
// Work-groups of 64 x 1: one row.
#include "shaders/opencl/include/norm.clh"

static float beyond(float x, float mean) {
    float d = x - mean;
    return t_flush(d);
}

static float squared(float d) {
    return d * d;
}

GROUP_KERNEL void layer_norm(ROWS, MATRIX(const float, x), VECTOR(const float, weight),
                             uint has_weight, VECTOR(const float, bias), uint has_bias,
                             MATRIX(float, out), uint cols, float eps) {
    local float part[GROUP];
    FOR_LIVE_ROWS(r) {
        global const float *from = ROW(x, r);
        float sum = 0.0f;
        BLOCKED_SUM(sum, part, cols, i, from[i]);
        float mean = t_divide(sum, (float)cols);
        float squares = 0.0f;
        BLOCKED_SUM(squares, part, cols, i, squared(beyond(from[i], mean)));
        float factor = rms_of_sum(squares, cols, eps);
        for (uint k = get_local_id(0); k < cols; k += GROUP) {
            float y = beyond(from[k], mean) * factor;
            if (has_weight) {
                y = y * AT(weight, k);
            }
            if (has_bias) {
                y = y + AT(bias, k);
            }
            ROW(out, r)[k] = t_flush(y);
        }
    }
}
