// Plain int8 rows into the padded or packed form of activations.clh.
//
// Work-groups of 64 x 1: plain words, rows.
#include "shaders/opencl/include/activations.clh"
#include "shaders/opencl/include/tensor.clh"

GROUP_KERNEL void pack_act(ROWS, MATRIX(const int, q), MATRIX(int, out), uint cols) {
    uint i = get_global_id(0);
    uint r = get_global_id(1);
    if (r >= LIVE_ROWS || i >= PLAIN_WORDS(cols)) {
        return;
    }
    uint word = i < (cols + 3u) / 4u ? (uint)ROW(q, r)[i] : 0u;
#ifdef PACKED
    store_packed(ROW(out, r), i, word);
#else
    ROW(out, r)[i] = (int)word;
#endif
}
