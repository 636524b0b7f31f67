// out = flush(a + b); a stride of 0 repeats b for every row.
//
// Work-groups of 64 x 1: columns, rows.
#include "shaders/opencl/include/tensor.clh"

GROUP_KERNEL void add(ROWS, MATRIX(const float, a), MATRIX(const float, b), MATRIX(float, out),
                      uint cols) {
    uint k = get_global_id(0);
    uint r = get_global_id(1);
    if (r >= LIVE_ROWS || k >= cols) {
        return;
    }
    float sum = ROW(a, r)[k] + ROW(b, r)[k];
    ROW(out, r)[k] = t_flush(sum);
}
