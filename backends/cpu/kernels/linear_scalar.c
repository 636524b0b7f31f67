#include "backends/cpu/kernels/kernels.h"

#include <string.h>

#include "backends/cpu/kernels/sum.h"
#include "shaders/common/float.h"

enum { TILE = 8, CHUNK = TERN_CPU_SUM_PARTS };

typedef void load_fn(const uint8_t *row, uint32_t first, float *w);

// CHUNK weights from column |first| of a row.
static inline void load_f32(const uint8_t *row, uint32_t first, float *w) {
    memcpy(w, row + 4 * (size_t)first, CHUNK * sizeof *w);
}

static inline void load_f16(const uint8_t *row, uint32_t first, float *w) {
    uint16_t h[CHUNK];
    memcpy(h, row + 2 * (size_t)first, sizeof h);
    for (int i = 0; i < CHUNK; i++) {
        w[i] = t_f16_to_f32(h[i]);
    }
}

static inline void load_bf16(const uint8_t *row, uint32_t first, float *w) {
    uint16_t h[CHUNK];
    memcpy(h, row + 2 * (size_t)first, sizeof h);
    for (int i = 0; i < CHUNK; i++) {
        w[i] = t_bf16_to_f32(h[i]);
    }
}

static inline void load_q8_0(const uint8_t *row, uint32_t first, float *w) {
    const uint8_t *block = row + 34 * (size_t)(first / 32);
    for (int i = 0; i < CHUNK; i++) {
        const uint8_t *b = block + 34 * (i / 32);
        float d = t_f16_to_f32((uint32_t)b[0] | (uint32_t)b[1] << 8);
        w[i] = d * (float)(int8_t)b[2 + i % 32];
    }
}

static inline float dot(const uint8_t *row, const float *x, uint32_t cols, load_fn *load) {
    float sum = 0.0f;
    for (uint32_t base = 0; base < cols; base += TERN_CPU_SUM_BLOCK) {
        float parts[CHUNK] = {0};
        uint32_t end = cols - base < TERN_CPU_SUM_BLOCK ? cols : base + TERN_CPU_SUM_BLOCK;
        for (uint32_t i = base; i < end; i += CHUNK) {
            float w[CHUNK];
            load(row, i, w);
            tern_cpu_sum_add(parts, x + i, w, CHUNK);
        }
        sum += tern_cpu_sum_join(parts);
    }
    return sum;
}

static inline void dots(const uint8_t *tile, size_t row_bytes, const float *x, uint32_t cols,
                        float *sums, load_fn *load) {
    for (int i = 0; i < TILE; i++) {
        sums[i] = dot(tile + i * row_bytes, x, cols, load);
    }
}

void tern_cpu_linear_f32__scalar(const uint8_t *tile, size_t row_bytes, const float *x,
                                 uint32_t cols, float *sums) {
    dots(tile, row_bytes, x, cols, sums, load_f32);
}

void tern_cpu_linear_f16__scalar(const uint8_t *tile, size_t row_bytes, const float *x,
                                 uint32_t cols, float *sums) {
    dots(tile, row_bytes, x, cols, sums, load_f16);
}

void tern_cpu_linear_bf16__scalar(const uint8_t *tile, size_t row_bytes, const float *x,
                                  uint32_t cols, float *sums) {
    dots(tile, row_bytes, x, cols, sums, load_bf16);
}

void tern_cpu_linear_q8_0__scalar(const uint8_t *tile, size_t row_bytes, const float *x,
                                  uint32_t cols, float *sums) {
    dots(tile, row_bytes, x, cols, sums, load_q8_0);
}
