// out = flush(x * factor).
//
// Work-groups of 64 x 1: columns, rows.
#include "shaders/opencl/include/tensor.clh"

GROUP_KERNEL void scale(ROWS, MATRIX(const float, x), MATRIX(float, out), uint cols, float factor) {
    uint k = get_global_id(0);
    uint r = get_global_id(1);
    if (r >= LIVE_ROWS || k >= cols) {
        return;
    }
    float product = ROW(x, r)[k] * factor;
    ROW(out, r)[k] = t_flush(product);
}
