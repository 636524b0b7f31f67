// As tern_recurrence_desc says: by columns, h = flush(flush(f * h) + i) from row to row, where
// every sequence has an h of its own. The current one stays in a register.
//
// Work-groups of 64 x 1: columns, each of which walks |count| rows from |first| on.
#include "shaders/opencl/include/tensor.clh"

GROUP_KERNEL void recurrence(ROWS, uint first, uint count, MATRIX(const float, f),
                             MATRIX(const float, added), MATRIX(float, state), uint states,
                             VECTOR(const int, positions), VECTOR(const int, sequences),
                             MATRIX(float, out), uint cols) {
    uint k = get_global_id(0);
    uint end = min(LIVE_ROWS, first + count);
    if (k >= cols || first >= end) {
        return;
    }
    uint sequence = clamp_index(AT(sequences, first), states);
    float h = ROW(state, sequence)[k];
    for (uint r = first; r < end; r++) {
        uint next = clamp_index(AT(sequences, r), states);
        if (next != sequence) {
            ROW(state, sequence)[k] = h;
            sequence = next;
            h = ROW(state, sequence)[k];
        }
        float kept = ROW(f, r)[k] * h;
        kept = AT(positions, r) <= 0 ? 0.0f : t_flush(kept);
        float sum = kept + ROW(added, r)[k];
        h = t_flush(sum);
        ROW(out, r)[k] = h;
    }
    ROW(state, sequence)[k] = h;
}
