#include "backends/cpu/kernels/kernels.h"

#include <string.h>

#include "backends/cpu/kernels/arm/half_neon.h"
#include "backends/cpu/kernels/arm/sum_neon.h"
#include "backends/cpu/kernels/sum.h"

enum { TILE = 8, LANES = TERN_CPU_LANES, VECTORS = TERN_CPU_VECTORS };

// Four weights from column |col| + 4 * |i| of a row; |col| is a multiple of 64. |scales| are those
// of a row of q8_0.
typedef float32x4_t load_fn(const uint8_t *row, const uint16_t *scales, uint32_t col, int i);

TERN_CPU_INLINE float32x4_t load_f32(const uint8_t *row, const uint16_t *scales, uint32_t col,
                                     int i) {
    (void)scales;
    return vld1q_f32((const float *)(const void *)row + col + LANES * i);
}

TERN_CPU_INLINE uint16x4_t load_halves(const uint8_t *row, uint32_t col, int i) {
    return vld1_u16((const uint16_t *)(const void *)row + col + LANES * i);
}

TERN_CPU_INLINE float32x4_t load_f16(const uint8_t *row, const uint16_t *scales, uint32_t col,
                                     int i) {
    (void)scales;
    return tern_cpu_widen(load_halves(row, col, i));
}

TERN_CPU_INLINE float32x4_t load_bf16(const uint8_t *row, const uint16_t *scales, uint32_t col,
                                      int i) {
    (void)scales;
    return vreinterpretq_f32_u32(vshll_n_u16(load_halves(row, col, i), 16));
}

// (code + 128) * d - 128 * d: a fused multiply-add leaves the exact product.
TERN_CPU_INLINE float32x4_t load_q8_0(const uint8_t *row, const uint16_t *scales, uint32_t col,
                                      int i) {
    uint32_t four;
    memcpy(&four, row + col + LANES * i, sizeof four);
    uint16x8_t q = vmovl_u8(vreinterpret_u8_u32(vdup_n_u32(four)));
    float32x4_t d = tern_cpu_widen(vdup_n_u16(scales[col / TERN_CPU_Q8_COLS + i / 8]));
    float32x4_t zero = vmulq_n_f32(d, -(float)TERN_CPU_Q8_ZERO);
    return vfmaq_f32(zero, d, vcvtq_f32_u32(vmovl_u16(vget_low_u16(q))));
}

// Partial sums of one row over columns |from| to |to|. |fused|: the products are exact, so a fused
// multiply-add gives the same bits.
TERN_CPU_INLINE float32x4_t dot(const uint8_t *row, const uint16_t *scales, const float *x,
                                uint32_t from, uint32_t to, load_fn *load, int fused) {
    float32x4_t parts[VECTORS];
    for (int i = 0; i < VECTORS; i++) {
        parts[i] = vdupq_n_f32(0.0f);
    }
    for (uint32_t col = from; col < to; col += TERN_CPU_SUM_PARTS) {
        for (int i = 0; i < VECTORS; i++) {
            float32x4_t w = load(row, scales, col, i);
            float32x4_t a = vld1q_f32(x + col + LANES * i);
            parts[i] = fused ? vfmaq_f32(parts[i], a, w) : vaddq_f32(parts[i], vmulq_f32(a, w));
        }
    }
    return tern_cpu_join_vectors(parts);
}

// The weights of row |i| from |from| to |to|, one block, for all rows of activations.
TERN_CPU_INLINE void dot_rows(const struct tern_cpu_linear *job, int i, uint32_t from, uint32_t to,
                              float32x4_t (*sums)[TILE], load_fn *load, int fused) {
    const uint8_t *row = job->tile + i * job->row_bytes;
    const uint16_t *scales = job->scales + (size_t)i * (job->cols / TERN_CPU_Q8_COLS);
    if (job->rows == 1) {
        sums[0][i] = dot(row, scales, job->x, from, to, load, fused);
        return;
    }
    float w[TERN_CPU_SUM_BLOCK];
    for (uint32_t col = from; col < to; col += TERN_CPU_SUM_PARTS) {
        for (int v = 0; v < VECTORS; v++) {
            vst1q_f32(w + (col - from) + LANES * v, load(row, scales, col, v));
        }
    }
    for (uint32_t r = 0; r < job->rows; r++) {
        const float *x = job->x + (size_t)r * job->cols + from;
        sums[r][i] = dot((const uint8_t *)w, NULL, x, 0, to - from, load_f32, fused);
    }
}

TERN_CPU_INLINE void dots(const struct tern_cpu_linear *job, float *sums, load_fn *load,
                          int fused) {
    memset(sums, 0, job->rows * TILE * sizeof *sums);
    for (uint32_t from = 0; from < job->cols; from += TERN_CPU_SUM_BLOCK) {
        uint32_t left = job->cols - from;
        uint32_t to = left < TERN_CPU_SUM_BLOCK ? job->cols : from + TERN_CPU_SUM_BLOCK;
        float32x4_t rows[TERN_CPU_LINEAR_ROWS][TILE];
        for (int i = 0; i < TILE; i++) {
            dot_rows(job, i, from, to, rows, load, fused);
        }
        for (uint32_t r = 0; r < job->rows; r++) {
            for (int i = 0; i < TILE; i += LANES) {
                float *sum = sums + r * TILE + i;
                vst1q_f32(sum, vaddq_f32(vld1q_f32(sum), tern_cpu_join_lanes(rows[r] + i)));
            }
        }
    }
}

void tern_cpu_linear_f32__neon(const struct tern_cpu_linear *job, float *sums) {
    dots(job, sums, load_f32, 0);
}

void tern_cpu_linear_f16__neon(const struct tern_cpu_linear *job, float *sums) {
    dots(job, sums, load_f16, 1);
}

void tern_cpu_linear_bf16__neon(const struct tern_cpu_linear *job, float *sums) {
    dots(job, sums, load_bf16, 1);
}

void tern_cpu_linear_q8_0__neon(const struct tern_cpu_linear *job, float *sums) {
    dots(job, sums, load_q8_0, 0);
}
