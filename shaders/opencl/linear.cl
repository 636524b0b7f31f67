// out = flush(sum x w) or flush(sum x w + bias); x is rounded to float16 already but for float32
// weights. The matrix is a part, its rows |pitch| bytes apart, the first being output |first|.
//
// Work-groups of 64 x 1: one output of one row. linear_items, for processors: a work-item for each
// of |count| outputs of a row, work-groups of any size.
#include "shaders/opencl/include/reduce.clh"
#include "shaders/opencl/include/weights.clh"

#include "shaders/opencl/include/dot.clh"

GROUP_KERNEL void linear(ROWS, MATRIX(const float, x), global const WEIGHTS_TYPE *weights,
                         uint pitch, uint first, VECTOR(const float, bias), uint has_bias,
                         MATRIX(float, out), uint cols) {
    local float part[GROUP];
    uint n = get_group_id(0);
    FOR_LIVE_ROWS(r) {
        global const float *from = ROW(x, r);
        global const WEIGHTS_TYPE *row = weights + (ulong)n * (pitch / sizeof(WEIGHTS_TYPE));
        float sum = 0.0f;
        BLOCKED_SUM(sum, part, cols, k, from[k] * dense_weight(row, k));
        if (get_local_id(0) == 0) {
            if (has_bias) {
                sum = sum + AT(bias, first + n);
            }
            ROW(out, r)[first + n] = t_flush(sum);
        }
    }
}

kernel void linear_items(ROWS, MATRIX(const float, x), global const WEIGHTS_TYPE *weights,
                         uint pitch, uint first, VECTOR(const float, bias), uint has_bias,
                         MATRIX(float, out), uint cols, uint count) {
    uint n = get_global_id(0);
    uint r = get_global_id(1);
    if (r >= LIVE_ROWS || n >= count) {
        return;
    }
    global const WEIGHTS_TYPE *row = weights + (ulong)n * (pitch / sizeof(WEIGHTS_TYPE));
    float sum = dot_product(ROW(x, r), row, cols);
    if (has_bias) {
        sum = sum + AT(bias, first + n);
    }
    ROW(out, r)[first + n] = t_flush(sum);
}
