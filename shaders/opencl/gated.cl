// out = flush(flush(activation(gate)) * up); |kind| is a TERN_ACTIVATION.
//
// Work-groups of 64 x 1: columns, rows.
#include "shaders/opencl/include/tensor.clh"
#include "shaders/common/activation.h"

GROUP_KERNEL void gated(ROWS, MATRIX(const float, gate), MATRIX(const float, up),
                        MATRIX(float, out), uint cols, uint kind) {
    uint k = get_global_id(0);
    uint r = get_global_id(1);
    if (r >= LIVE_ROWS || k >= cols) {
        return;
    }
    float open = t_flush(t_activation(kind, ROW(gate, r)[k]));
    float product = open * ROW(up, r)[k];
    ROW(out, r)[k] = t_flush(product);
}
