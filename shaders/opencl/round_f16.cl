// out = the float16 nearest to x, as a float: operands of products that are to be exact.
//
// Work-groups of 64 x 1: columns, rows.
#include "shaders/opencl/include/tensor.clh"

GROUP_KERNEL void round_f16(ROWS, MATRIX(const float, x), MATRIX(float, out), uint cols) {
    uint k = get_global_id(0);
    uint r = get_global_id(1);
    if (r >= LIVE_ROWS || k >= cols) {
        return;
    }
    ROW(out, r)[k] = t_round_f16(ROW(x, r)[k]);
}
