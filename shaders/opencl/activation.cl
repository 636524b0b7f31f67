// out = flush(activation(x)); |kind| is a TERN_ACTIVATION.
//
// Work-groups of 64 x 1: columns, rows.
#include "shaders/opencl/include/tensor.clh"
#include "shaders/common/activation.h"

GROUP_KERNEL void activation(ROWS, MATRIX(const float, x), MATRIX(float, out), uint cols,
                             uint kind) {
    uint k = get_global_id(0);
    uint r = get_global_id(1);
    if (r >= LIVE_ROWS || k >= cols) {
        return;
    }
    float y = t_activation(kind, ROW(x, r)[k]);
    ROW(out, r)[k] = t_flush(y);
}
