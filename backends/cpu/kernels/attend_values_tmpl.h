// attend_values for levels of few registers: each element of the cache is loaded and widened once
// for all query heads. A source defines, beside add_product, flush and struct type:
//
//     vector, ZERO, SPLAT(p), STORE(p, v)    SPLAT: *p in every lane
//
// and has VECTORS registers for sums. Four heads of 128 on one, 64 positions, AVX2: 0.74 to 0.79
// us, where each head loaded for itself 1.12 to 1.22 (Xeon beside other work, November 2026).

// The flushed |sum|, or the first |some| of it.
TERN_CPU_INLINE void store_sum(float *to, vector sum, uint32_t some) {
    if (some) {
        float lanes[LANES];
        STORE(lanes, flush(sum));
        memcpy(to, lanes, some * sizeof *to);
    } else {
        STORE(to, flush(sum));
    }
}

// |vectors| vectors of columns from |column|, or |some| columns of one vector. |queries| and
// |vectors| are constants wherever this is inlined, so that sums stay in registers.
TERN_CPU_INLINE void value_columns(struct type t, const struct tern_cpu_attend *job, const float *p,
                                   uint32_t queries, uint32_t column, uint32_t vectors,
                                   uint32_t some, float *out) {
    const uint8_t *row = (const uint8_t *)job->rows + column * t.bytes;
    vector sums[TERN_CPU_ATTEND_QUERIES][VECTORS];
    for (uint32_t g = 0; g < queries; g++) {
        for (uint32_t i = 0; i < vectors; i++) {
            sums[g][i] = ZERO;
        }
    }
    for (uint32_t j = 0; j < job->count; j++, row += job->stride * t.bytes) {
        for (uint32_t i = 0; i < vectors; i++) {
            const uint8_t *at = row + LANES * i * t.bytes;
            vector v = some ? t.load_some(at, some) : t.load(at);
            for (uint32_t g = 0; g < queries; g++) {
                sums[g][i] = add_product(t, SPLAT(p + g * job->x_stride + j), v, sums[g][i]);
            }
        }
    }
    for (uint32_t g = 0; g < queries; g++) {
        for (uint32_t i = 0; i < vectors; i++) {
            store_sum(out + g * job->out_stride + column + LANES * i, sums[g][i], some);
        }
    }
}

TERN_CPU_INLINE void values_of(struct type t, const struct tern_cpu_attend *job, const float *p,
                               uint32_t queries, float *out) {
    const uint32_t most = queries < 3 ? VECTORS / queries : VECTORS / 4;
    uint32_t column = 0;
    for (; job->dim - column >= most * LANES; column += most * LANES) {
        value_columns(t, job, p, queries, column, most, 0, out);
    }
    for (; job->dim - column >= most / 2 * LANES; column += most / 2 * LANES) {
        value_columns(t, job, p, queries, column, most / 2, 0, out);
    }
    for (; job->dim - column >= LANES; column += LANES) {
        value_columns(t, job, p, queries, column, 1, 0, out);
    }
    if (column < job->dim) {
        value_columns(t, job, p, queries, column, 1, job->dim - column, out);
    }
}

#include "backends/cpu/kernels/attend_heads_tmpl.h"
