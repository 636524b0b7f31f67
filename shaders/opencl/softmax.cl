// By rows: e = exp(x - max x), out = flush(e * (1 / sum e)).
//
// Work-groups of 64 x 1: one row.
#include "shaders/common/divide.h"
#include "shaders/common/exp.h"
#include "shaders/opencl/include/reduce.clh"

static float exp_below(float x, float m) {
    float below = x - m;
    return t_exp(below);
}

GROUP_KERNEL void softmax(ROWS, MATRIX(const float, x), MATRIX(float, out), uint cols) {
    local float part[GROUP];
    uint l = get_local_id(0);
    FOR_LIVE_ROWS(r) {
        global const float *from = ROW(x, r);
        float m = -FLT_MAX;
        for (uint k = l; k < cols; k += GROUP) {
            m = from[k] > m ? from[k] : m;
        }
        m = tree_max(part, m);
        float sum = 0.0f;
        BLOCKED_SUM(sum, part, cols, i, exp_below(from[i], m));
        float inverse = t_divide(1.0f, sum);
        for (uint k = l; k < cols; k += GROUP) {
            float y = exp_below(from[k], m) * inverse;
            ROW(out, r)[k] = t_flush(y);
        }
    }
}
