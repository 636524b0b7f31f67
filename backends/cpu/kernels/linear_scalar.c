#include "backends/cpu/kernels/kernels.h"

#include <string.h>

#include "backends/cpu/kernels/sum.h"
#include "shaders/common/float.h"

enum { TILE = 8, CHUNK = TERN_CPU_SUM_PARTS };

typedef void load_fn(const uint8_t *row, const uint16_t *scales, uint32_t first, float *w);

// CHUNK weights from column |first| of a row; |scales| are those of q8_0.
static inline void load_f32(const uint8_t *row, const uint16_t *scales, uint32_t first, float *w) {
    (void)scales;
    memcpy(w, row + 4 * (size_t)first, CHUNK * sizeof *w);
}

static inline void load_f16(const uint8_t *row, const uint16_t *scales, uint32_t first, float *w) {
    (void)scales;
    uint16_t h[CHUNK];
    memcpy(h, row + 2 * (size_t)first, sizeof h);
    for (int i = 0; i < CHUNK; i++) {
        w[i] = t_f16_to_f32(h[i]);
    }
}

static inline void load_bf16(const uint8_t *row, const uint16_t *scales, uint32_t first, float *w) {
    (void)scales;
    uint16_t h[CHUNK];
    memcpy(h, row + 2 * (size_t)first, sizeof h);
    for (int i = 0; i < CHUNK; i++) {
        w[i] = t_bf16_to_f32(h[i]);
    }
}

static inline void load_q8_0(const uint8_t *row, const uint16_t *scales, uint32_t first, float *w) {
    for (uint32_t i = 0; i < CHUNK; i++) {
        float d = t_f16_to_f32(scales[(first + i) / TERN_CPU_Q8_COLS]);
        w[i] = d * (float)(row[first + i] - TERN_CPU_Q8_ZERO);
    }
}

// Adds to each row's |sums| the products of one block of the weights of row |i|, converted once.
static inline void add_block(const struct tern_cpu_linear *job, int i, uint32_t base, float *sums,
                             load_fn *load) {
    const uint8_t *row = job->tile + i * job->row_bytes;
    const uint16_t *scales = job->scales + (size_t)i * (job->cols / TERN_CPU_Q8_COLS);
    uint32_t left = job->cols - base;
    uint32_t count = left < TERN_CPU_SUM_BLOCK ? left : TERN_CPU_SUM_BLOCK;
    float w[TERN_CPU_SUM_BLOCK];
    for (uint32_t k = 0; k < count; k += CHUNK) {
        load(row, scales, base + k, w + k);
    }
    for (uint32_t r = 0; r < job->rows; r++) {
        const float *x = job->x + (size_t)r * job->cols + base;
        float parts[CHUNK] = {0};
        for (uint32_t k = 0; k < count; k += CHUNK) {
            tern_cpu_sum_add(parts, x + k, w + k, CHUNK);
        }
        sums[r * TILE + i] += tern_cpu_sum_join(parts);
    }
}

static inline void dots(const struct tern_cpu_linear *job, float *sums, load_fn *load) {
    memset(sums, 0, job->rows * TILE * sizeof *sums);
    for (int i = 0; i < TILE; i++) {
        for (uint32_t base = 0; base < job->cols; base += TERN_CPU_SUM_BLOCK) {
            add_block(job, i, base, sums, load);
        }
    }
}

void tern_cpu_linear_f32__scalar(const struct tern_cpu_linear *job, float *sums) {
    dots(job, sums, load_f32);
}

void tern_cpu_linear_f16__scalar(const struct tern_cpu_linear *job, float *sums) {
    dots(job, sums, load_f16);
}

void tern_cpu_linear_bf16__scalar(const struct tern_cpu_linear *job, float *sums) {
    dots(job, sums, load_bf16);
}

void tern_cpu_linear_q8_0__scalar(const struct tern_cpu_linear *job, float *sums) {
    dots(job, sums, load_q8_0);
}
