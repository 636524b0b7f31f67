// Products of int8 activations and ternary weights, scaled, with what stands around them:
// out = flush(y), flush(y + bias), and that plus a residual, flushed; tern/ops.h. Codes, scales and
// sums of weights as backends/opencl/weights.h draws them, activations as activations.clh does.
//
// MATRICES (1 to 3) of the same input are taken one after the other, in parts that begin at output
// |first|. Defined or not:
//     QUANTIZE  the input is one row of floats: its norm and quantising are repeated by each
//               work-group, in local memory
//     GATED     of two matrices, gate and up: out = flush(flush(activation(gate)) * up) as well
//     GROUPED   a scale per |group_words| words of a row, not per row
//     PLAIN or PACKED activations; VECTOR_UNITS: work-items of vectors (ternary_vectors.clh), else
//     of lanes (ternary_lanes.clh)
//
// Work-groups: x units of outputs, in strides of their number; y TILE rows. Of work-groups of
// vectors only every |spread|-th has work: backends/opencl/ops/products.c says why.
#ifdef QUANTIZE
#define ACT local
#else
#define ACT global
#endif

#if LANES * SLICES > 64
#define ITEMS (LANES * SLICES)
#endif

#include "shaders/opencl/include/quantize.clh"
#include "shaders/common/activation.h"

#include "shaders/opencl/include/ternary_multiply.clh"

#define MATRIX_OPERANDS(m)                                                                         \
    global const uint *m##_codes, global const float *m##_scales, global const int *m##_sums,      \
        uint m##_first, uint m##_count, VECTOR(const float, m##_bias), uint m##_has_bias,          \
        MATRIX(const float, m##_residual), uint m##_has_residual, MATRIX(float, m##_out)

#define TAKE(to, m, r)                                                                             \
    to.codes = m##_codes;                                                                          \
    to.scales = m##_scales;                                                                        \
    to.sums = m##_sums;                                                                            \
    to.bias = m##_has_bias ? m##_bias + m##_bias_at + m##_first : 0;                               \
    to.residual = m##_has_residual ? ROW(m##_residual, r) + m##_first : 0;                         \
    to.out = ROW(m##_out, r) + m##_first;                                                          \
    to.residual_stride = m##_residual_stride;                                                      \
    to.out_stride = m##_out_stride;                                                                \
    to.count = m##_count;

#define UNITS(m) ((m##_count + UNIT - 1u) / UNIT)

// Bias and residual of |count| outputs, at most those of a vector, and their storing.
static void finish_some(const matrix *m, uint t, uint n, uint count, float *values) {
    for (uint j = 0; j < count; j++) {
        float v = values[j];
        if (m->bias) {
            v = v + m->bias[n + j];
        }
        v = t_flush(v);
        if (m->residual) {
            v = v + m->residual[(ulong)t * m->residual_stride + n + j];
            v = t_flush(v);
        }
        m->out[(ulong)t * m->out_stride + n + j] = v;
        values[j] = v;
    }
}

#if PER_VECTOR == 16

static float16 finish_vector(const matrix *m, uint t, uint n, float16 v) {
    if (m->bias) {
        v = v + vload16(0, m->bias + n);
    }
    v = flush16(v);
    if (m->residual) {
        v = v + vload16(0, m->residual + (ulong)t * m->residual_stride + n);
        v = flush16(v);
    }
    vstore16(v, 0, m->out + (ulong)t * m->out_stride + n);
    return v;
}

// Every row of the tile that is live; |y| becomes what was stored.
static void finish(const matrix *m, uint n, uint rows, float_v y[TILE][VECTORS]) {
    for (uint t = 0; t < TILE && t < rows; t++) {
        for (uint v = 0; v < VECTORS; v++) {
            uint at = n + 16u * v;
            if (at + 16u <= m->count) {
                y[t][v] = finish_vector(m, t, at, y[t][v]);
            } else if (at < m->count) {
                float values[16];
                vstore16(y[t][v], 0, values);
                finish_some(m, t, at, m->count - at, values);
                y[t][v] = vload16(0, values);
            }
        }
    }
}

#else

static void finish(const matrix *m, uint n, uint rows, float_v y[TILE][VECTORS]) {
    for (uint t = 0; t < TILE && t < rows && n < m->count && SLICE == 0; t++) {
        finish_some(m, t, n, 1u, &y[t][0]);
    }
}

#endif

#ifdef GATED

// |gate| and |up| hold what was stored of both.
static void finish_gated(global float *out, uint stride, uint kind, uint count, uint n, uint rows,
                         float_v gate[TILE][VECTORS], float_v up[TILE][VECTORS]) {
    for (uint t = 0; t < TILE && t < rows && SLICE == 0; t++) {
        float g[OUTPUTS];
        float u[OUTPUTS];
        for (uint v = 0; v < VECTORS; v++) {
            STORE(gate[t][v], g + v * PER_VECTOR);
            STORE(up[t][v], u + v * PER_VECTOR);
        }
        for (uint j = 0; j < OUTPUTS && n + j < count; j++) {
            float open = t_flush(t_activation(kind, g[j]));
            float product = open * u[j];
            out[(ulong)t * stride + n + j] = t_flush(product);
        }
    }
}

#endif

#if MATRICES == 3
#define MORE_MATRICES , MATRIX_OPERANDS(b), MATRIX_OPERANDS(c)
#elif MATRICES == 2
#define MORE_MATRICES , MATRIX_OPERANDS(b)
#else
#define MORE_MATRICES
#endif

#ifdef GROUPED
#define GROUP_OPERANDS , uint groups, uint group_words
#define JOINED_TYPE float
#else
#define GROUP_OPERANDS
#define JOINED_TYPE int
#endif

#ifdef GATED
#define GATE_OPERANDS , MATRIX(float, gated), uint kind
#else
#define GATE_OPERANDS
#endif

#ifdef VECTOR_UNITS
#define SPREAD_OPERAND , uint spread
#define WORKER (get_group_id(0) / spread)
#define WORKERS (get_num_groups(0) / spread)
#else
#define SPREAD_OPERAND
#define WORKER get_group_id(0)
#define WORKERS get_num_groups(0)
#endif

#ifdef QUANTIZE
#define INPUT_OPERANDS                                                                             \
    MATRIX(const float, x), VECTOR(const float, weight), uint norm, float eps, local int *q
#else
#define INPUT_OPERANDS MATRIX(const int, q), VECTOR(const float, scale)
#endif

kernel __attribute__((reqd_work_group_size(LANES *SLICES, 1, 1))) void
ternary_matmul(ROWS, INPUT_OPERANDS, uint cols, MATRIX_OPERANDS(a) MORE_MATRICES GROUP_OPERANDS
                   GATE_OPERANDS SPREAD_OPERAND) {
#if SLICES > 1
    local JOINED_TYPE joined[LANES * SLICES];
#else
    local JOINED_TYPE *joined = 0;
#endif
#ifdef VECTOR_UNITS
    if (get_group_id(0) % spread != 0) {
        return;
    }
#endif
    uint live = LIVE_ROWS;
    uint r = get_group_id(1) * TILE;
    input in;
    in.words = (cols + 15u) / 16u;
#ifdef GROUPED
    in.groups = groups;
    in.group_words = group_words;
#endif
#ifdef QUANTIZE
    row_source from = {ROW(x, 0), weight + weight_at, norm, eps, cols};
#ifdef SINGLE
    in.scale[0] = quantize_row(&from, q);
#else
    local float part[ITEMS];
    in.scale[0] = quantize_row(part, &from, q);
    barrier(CLK_LOCAL_MEM_FENCE);
#endif
    in.act[0] = q;
#else
    for (uint t = 0; t < TILE; t++) {
        uint row = min(r + t, max(live, 1u) - 1u);
        in.act[t] = ROW(q, row);
        in.scale[t] = AT(scale, row);
    }
#endif
    uint units = UNITS(a);
#if MATRICES > 1 && !defined(GATED)
    uint units_b = units + UNITS(b);
    units = units_b;
#if MATRICES > 2
    units += UNITS(c);
#endif
#endif
    units = r < live ? units : 0u;
    for (uint unit = WORKER; unit < units; unit += WORKERS) {
        matrix m;
        float_v y[TILE][VECTORS];
        uint from_unit = 0;
        TAKE(m, a, r)
#if MATRICES > 1 && !defined(GATED)
        if (unit >= UNITS(a)) {
            TAKE(m, b, r)
            from_unit = UNITS(a);
        }
#if MATRICES > 2
        if (unit >= units_b) {
            TAKE(m, c, r)
            from_unit = units_b;
        }
#endif
#endif
        uint n = (unit - from_unit) * UNIT + LANE;
        multiply(&in, &m, n, joined, y);
        finish(&m, n, live - r, y);
#ifdef GATED
        float_v z[TILE][VECTORS];
        TAKE(m, b, r)
        multiply(&in, &m, n, joined, z);
        finish(&m, n, live - r, z);
        finish_gated(ROW(gated, r), gated_stride, kind, m.count, n, live - r, y, z);
#endif
    }
}
