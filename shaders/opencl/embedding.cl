// out[r] = flush(weights[ids[r]]) for the ids that lie in this part of the matrix: rows |first| to
// first + part_rows - 1 of |table_rows|.
//
// Work-groups of 64 x 1: columns, rows.
#include "shaders/opencl/include/tensor.clh"
#include "shaders/opencl/include/weights.clh"

#ifdef WEIGHTS_T2
#define WEIGHTS                                                                                    \
    global const uint *codes, uint words, global const float *scales, uint groups, uint group
#else
#define WEIGHTS global const WEIGHTS_TYPE *weights, uint pitch
#endif

GROUP_KERNEL void embedding(ROWS, VECTOR(const int, ids), uint table_rows, uint first,
                            uint part_rows, WEIGHTS, MATRIX(float, out), uint cols) {
    uint k = get_global_id(0);
    uint r = get_global_id(1);
    if (r >= LIVE_ROWS || k >= cols) {
        return;
    }
    uint n = clamp_index(AT(ids, r), table_rows) - first;
    if (n >= part_rows) { // also below |first|
        return;
    }
#ifdef WEIGHTS_T2
    float code = (float)(ternary_code(codes, words, n, k) - 1);
    float y = scales[((ulong)(n / 64u) * groups + k / group) * 64u + n % 64u] * code;
#else
    float y = dense_weight(weights + (ulong)n * (pitch / sizeof(WEIGHTS_TYPE)), k);
#endif
    ROW(out, r)[k] = t_flush(y);
}
