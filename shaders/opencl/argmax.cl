// Index of each row's largest element, the lowest of equals; then positions[r] += 1 if they are
// given.
//
// Work-groups of 64 x 1: rows, in strides of their number.
#include "shaders/opencl/include/reduce.clh"

GROUP_KERNEL void argmax(ROWS, MATRIX(const float, x), VECTOR(int, out), VECTOR(int, positions),
                         uint has_positions, uint cols) {
    local float value[GROUP];
    local uint index[GROUP];
    uint l = get_local_id(0);
    FOR_LIVE_ROWS(r) {
        global const float *from = ROW(x, r);
        uint best = l; // at or past |cols|: none
        for (uint k = l + GROUP; k < cols; k += GROUP) {
            best = from[k] > from[best] ? k : best;
        }
        index[l] = best;
        value[l] = best < cols ? from[best] : 0.0f;
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint width = GROUP / 2; width > 0; width /= 2) {
            if (l < width && index[l + width] < cols) {
                bool more = value[l + width] > value[l];
                bool before = value[l + width] == value[l] && index[l + width] < index[l];
                if (more || before) {
                    value[l] = value[l + width];
                    index[l] = index[l + width];
                }
            }
            barrier(CLK_LOCAL_MEM_FENCE);
        }
        if (l == 0) {
            AT(out, r) = (int)index[0];
            if (has_positions) {
                AT(positions, r) = AT(positions, r) + 1;
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}
