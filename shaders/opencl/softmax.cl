// By rows: e = exp(x - max x), out = flush(e * (1 / sum e)).
//
// Work-groups of 64 x 1: one row.
#include "shaders/opencl/include/softmax.clh"

GROUP_KERNEL void softmax(ROWS, MATRIX(const float, x), MATRIX(float, out), uint cols) {
    local float part[ITEMS];
    FOR_LIVE_ROWS(r) {
        softmax_row(part, ROW(x, r), cols, ROW(out, r));
    }
}
