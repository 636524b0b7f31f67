// out = flush(flush(activation(min(gate, limit))) * clamp(up, -limit, limit)); |kind| is a
// TERN_ACTIVATION, and the limit is the largest float where there is none.
//
// Work-groups of 64 x 1: columns, rows.
#include "shaders/opencl/include/tensor.clh"
#include "shaders/common/activation.h"

GROUP_KERNEL void gated(ROWS, MATRIX(const float, gate), MATRIX(const float, up),
                        MATRIX(float, out), uint cols, uint kind, float limit) {
    uint k = get_global_id(0);
    uint r = get_global_id(1);
    if (r >= LIVE_ROWS || k >= cols) {
        return;
    }
    float g = fmin(ROW(gate, r)[k], limit);
    float u = fmin(fmax(ROW(up, r)[k], -limit), limit);
    float open = t_flush(t_activation(kind, g));
    float product = open * u;
    ROW(out, r)[k] = t_flush(product);
}
