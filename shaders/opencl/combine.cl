// y = x_0 * weights[0] + x_1 * weights[1] + ..., ascending over the slots; out = flush(y), or where
// a residual is given flush(flush(y) + residual).
//
// Work-groups of 64 x 1: columns, rows.
#include "shaders/opencl/include/tensor.clh"

GROUP_KERNEL void combine(ROWS, MATRIX(const float, x), MATRIX(const float, weights), uint slots,
                          MATRIX(const float, residual), uint has_residual, MATRIX(float, out),
                          uint cols) {
    uint n = get_global_id(0);
    uint r = get_global_id(1);
    if (r >= LIVE_ROWS || n >= cols) {
        return;
    }
    float y = 0.0f;
    for (uint s = 0; s < slots; s++) {
        float product = ROW(x, r)[(ulong)s * cols + n] * ROW(weights, r)[s];
        y = y + product;
    }
    y = t_flush(y);
    if (has_residual) {
        y = y + ROW(residual, r)[n];
        y = t_flush(y);
    }
    ROW(out, r)[n] = y;
}
