// Products of quantised activations with the rows of weights that their expert has: slot s of row r
// is product r * slots + s, with |count| outputs of the matrix from expert * |count| on. Codes,
// scales and activations are those of ternary_matmul.cl; TILE is 1. A part of the matrix begins at
// row |first|, a multiple of 64.
//
// Work-groups: x units of outputs, aligned in the matrix as if it were one; y products, in strides
// of their number.
#define ACT global

#include "shaders/opencl/include/ternary_multiply.clh"

#ifdef GROUPED
#define GROUP_OPERANDS , uint groups, uint group_words
#define JOINED_TYPE float
#else
#define GROUP_OPERANDS
#define JOINED_TYPE int
#endif

// Stores those of the values from row |n| of the part on that lie in rows |begin| to |end| - 1.
static void store_outputs(global float *out, uint n, long begin, long end, float_v y) {
    float values[PER_VECTOR];
    STORE(y, values);
    for (uint i = 0; i < PER_VECTOR; i++) {
        long at = (long)n + i;
        if (at >= begin && at < end) {
            out[at - begin] = t_flush(values[i]);
        }
    }
}

kernel __attribute__((reqd_work_group_size(LANES * SLICES, 1, 1))) void
expert_bitlinear(ROWS, MATRIX(const int, q), VECTOR(const float, scale), uint cols,
                 MATRIX(const int, ids), uint slots, uint sharing, uint experts, uint count,
                 global const uint *codes, global const float *scales, global const int *sums,
                 uint first, uint part_rows, MATRIX(float, out) GROUP_OPERANDS) {
#if SLICES > 1
    local JOINED_TYPE joined[LANES * SLICES];
#else
    local JOINED_TYPE *joined = 0;
#endif
    input in;
    in.words = (cols + 15u) / 16u;
#ifdef GROUPED
    in.groups = groups;
    in.group_words = group_words;
#endif
    matrix m = {codes, scales, sums, 0, 0, 0, 0, 0, 0};
    FOR_ROWS(product, LIVE_ROWS * slots) {
        uint r = product / slots;
        uint s = product % slots;
        // Rows of the part.
        long begin = (long)clamp_index(ROW(ids, r)[s], experts) * count - first;
        long end = min(begin + count, (long)part_rows);
        long unit = (begin + first) / UNIT * UNIT - first + (long)get_group_id(0) * UNIT;
        if (unit >= 0 && unit < end) { // the same for the whole group
            float_v y[TILE][VECTORS];
            uint n = (uint)unit + LANE;
            in.act[0] = ROW(q, product / sharing);
            in.scale[0] = AT(scale, product / sharing);
            multiply(&in, &m, n, joined, y);
            for (uint v = 0; v < VECTORS && SLICE == 0; v++) {
                store_outputs(ROW(out, r) + (ulong)s * count, n + v * PER_VECTOR, begin, end,
                              y[0][v]);
            }
        }
    }
}
