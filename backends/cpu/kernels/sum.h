// Sums and maxima of rows in plain C, written so that compilers vectorise them.
#ifndef TERN_BACKENDS_CPU_KERNELS_SUM_H_
#define TERN_BACKENDS_CPU_KERNELS_SUM_H_

#include <stdint.h>

enum { TERN_CPU_SUM_PARTS = 64, TERN_CPU_SUM_BLOCK = 1024 };

// The blocked sum of the numbers contract, rule 4.

// Joins the 64 partial sums of a block, using them up.
static inline float tern_cpu_sum_join(float *parts) {
    for (int half = TERN_CPU_SUM_PARTS / 2; half > 0; half /= 2) {
        for (int i = 0; i < half; i++) {
            parts[i] += parts[i + half];
        }
    }
    return parts[0];
}

static inline void tern_cpu_sum_add(float *parts, const float *a, const float *b, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        parts[i] += a[i] * b[i];
    }
}

// sum(a[i] * b[i]), products rounded. Whole chunks have a constant count, so that they vectorise.
static inline float tern_cpu_sum_products(const float *a, const float *b, uint32_t n) {
    float sum = 0.0f;
    for (uint32_t base = 0; base < n; base += TERN_CPU_SUM_BLOCK) {
        float parts[TERN_CPU_SUM_PARTS] = {0};
        uint32_t end = n - base < TERN_CPU_SUM_BLOCK ? n : base + TERN_CPU_SUM_BLOCK;
        uint32_t i = base;
        for (; end - i >= TERN_CPU_SUM_PARTS; i += TERN_CPU_SUM_PARTS) {
            tern_cpu_sum_add(parts, a + i, b + i, TERN_CPU_SUM_PARTS);
        }
        tern_cpu_sum_add(parts, a + i, b + i, end - i);
        sum += tern_cpu_sum_join(parts);
    }
    return sum;
}

// sum(a[i]).
static inline float tern_cpu_sum(const float *a, uint32_t n) {
    float sum = 0.0f;
    for (uint32_t base = 0; base < n; base += TERN_CPU_SUM_BLOCK) {
        float parts[TERN_CPU_SUM_PARTS] = {0};
        uint32_t end = n - base < TERN_CPU_SUM_BLOCK ? n : base + TERN_CPU_SUM_BLOCK;
        uint32_t i = base;
        for (; end - i >= TERN_CPU_SUM_PARTS; i += TERN_CPU_SUM_PARTS) {
            for (uint32_t part = 0; part < TERN_CPU_SUM_PARTS; part++) {
                parts[part] += a[i + part];
            }
        }
        for (uint32_t part = 0; i + part < end; part++) {
            parts[part] += a[i + part];
        }
        sum += tern_cpu_sum_join(parts);
    }
    return sum;
}

// The largest of a[i]; n > 0. A maximum is the same in any order.
static inline float tern_cpu_largest(const float *a, uint32_t n) {
    enum { LANES = 16 };
    float most[LANES];
    for (uint32_t lane = 0; lane < LANES; lane++) {
        most[lane] = a[0];
    }
    uint32_t i = 0;
    for (; n - i >= LANES; i += LANES) {
        for (uint32_t lane = 0; lane < LANES; lane++) {
            most[lane] = a[i + lane] > most[lane] ? a[i + lane] : most[lane];
        }
    }
    for (; i < n; i++) {
        most[0] = a[i] > most[0] ? a[i] : most[0];
    }
    for (uint32_t half = LANES / 2; half > 0; half /= 2) {
        for (uint32_t lane = 0; lane < half; lane++) {
            most[lane] = most[lane + half] > most[lane] ? most[lane + half] : most[lane];
        }
    }
    return most[0];
}

#endif
