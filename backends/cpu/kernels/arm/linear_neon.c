#include "backends/cpu/kernels/kernels.h"

#include <string.h>

#include "backends/cpu/kernels/arm/half_neon.h"
#include "backends/cpu/kernels/arm/sum_neon.h"
#include "backends/cpu/kernels/sum.h"

enum { TILE = 8, LANES = TERN_CPU_LANES, VECTORS = TERN_CPU_VECTORS };

// Four weights from column |col| + 4 * |i| of a row; |col| is a multiple of 64.
typedef float32x4_t load_fn(const uint8_t *row, uint32_t col, int i);

TERN_CPU_INLINE float32x4_t load_f32(const uint8_t *row, uint32_t col, int i) {
    return vld1q_f32((const float *)(const void *)row + col + LANES * i);
}

TERN_CPU_INLINE uint16x4_t load_halves(const uint8_t *row, uint32_t col, int i) {
    return vld1_u16((const uint16_t *)(const void *)row + col + LANES * i);
}

TERN_CPU_INLINE float32x4_t load_f16(const uint8_t *row, uint32_t col, int i) {
    return tern_cpu_widen(load_halves(row, col, i));
}

TERN_CPU_INLINE float32x4_t load_bf16(const uint8_t *row, uint32_t col, int i) {
    return vreinterpretq_f32_u32(vshll_n_u16(load_halves(row, col, i), 16));
}

TERN_CPU_INLINE float32x4_t load_q8_0(const uint8_t *row, uint32_t col, int i) {
    const uint8_t *block = row + 34 * ((size_t)col / 32 + i / 8);
    uint16_t half;
    int32_t four;
    memcpy(&half, block, sizeof half);
    memcpy(&four, block + 2 + LANES * (i % 8), sizeof four);
    int16x8_t q = vmovl_s8(vreinterpret_s8_s32(vdup_n_s32(four)));
    float32x4_t d = tern_cpu_widen(vdup_n_u16(half));
    return vmulq_f32(d, vcvtq_f32_s32(vmovl_s16(vget_low_s16(q))));
}

// Partial sums of one row over columns |from| to |to|. |fused|: the products are exact, so a fused
// multiply-add gives the same bits.
TERN_CPU_INLINE float32x4_t dot(const uint8_t *row, const float *x, uint32_t from, uint32_t to,
                                load_fn *load, int fused) {
    float32x4_t parts[VECTORS];
    for (int i = 0; i < VECTORS; i++) {
        parts[i] = vdupq_n_f32(0.0f);
    }
    for (uint32_t col = from; col < to; col += TERN_CPU_SUM_PARTS) {
        for (int i = 0; i < VECTORS; i++) {
            float32x4_t w = load(row, col, i);
            float32x4_t a = vld1q_f32(x + col + LANES * i);
            parts[i] = fused ? vfmaq_f32(parts[i], a, w) : vaddq_f32(parts[i], vmulq_f32(a, w));
        }
    }
    return tern_cpu_join_vectors(parts);
}

TERN_CPU_INLINE void dots(const uint8_t *tile, size_t row_bytes, const float *x, uint32_t cols,
                          float *sums, load_fn *load, int fused) {
    for (int first = 0; first < TILE; first += LANES) {
        float32x4_t total = vdupq_n_f32(0.0f);
        for (uint32_t from = 0; from < cols; from += TERN_CPU_SUM_BLOCK) {
            uint32_t to = cols - from < TERN_CPU_SUM_BLOCK ? cols : from + TERN_CPU_SUM_BLOCK;
            float32x4_t rows[LANES];
            for (int i = 0; i < LANES; i++) {
                rows[i] = dot(tile + (first + i) * row_bytes, x, from, to, load, fused);
            }
            total = vaddq_f32(total, tern_cpu_join_lanes(rows));
        }
        vst1q_f32(sums + first, total);
    }
}

void tern_cpu_linear_f32__neon(const uint8_t *tile, size_t row_bytes, const float *x, uint32_t cols,
                               float *sums) {
    dots(tile, row_bytes, x, cols, sums, load_f32, 0);
}

void tern_cpu_linear_f16__neon(const uint8_t *tile, size_t row_bytes, const float *x, uint32_t cols,
                               float *sums) {
    dots(tile, row_bytes, x, cols, sums, load_f16, 1);
}

void tern_cpu_linear_bf16__neon(const uint8_t *tile, size_t row_bytes, const float *x,
                                uint32_t cols, float *sums) {
    dots(tile, row_bytes, x, cols, sums, load_bf16, 1);
}

void tern_cpu_linear_q8_0__neon(const uint8_t *tile, size_t row_bytes, const float *x,
                                uint32_t cols, float *sums) {
    dots(tile, row_bytes, x, cols, sums, load_q8_0, 0);
}
