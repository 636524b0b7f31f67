#include "backends/cpu/kernels/kernels.h"

#include <immintrin.h>

// Sums that are independent of each other, enough to hide the latency of 4 to 5 cycles of two
// multiply-adds a cycle. They start unlike, or a compiler would see that they are one.
enum { SUMS = 12, WIDEN_ROUNDS = 2 };

uint64_t tern_cpu_read__avx2(const uint8_t *data, size_t bytes, size_t ahead) {
    __m256i sums[4];
    for (int i = 0; i < 4; i++) {
        sums[i] = _mm256_setzero_si256();
    }
    for (size_t at = 0; at < bytes; at += sizeof sums) {
        if (ahead) {
            _mm_prefetch((const char *)data + at + ahead, _MM_HINT_T0);
            _mm_prefetch((const char *)data + at + ahead + 64, _MM_HINT_T0);
        }
        for (int i = 0; i < 4; i++) {
            const void *from = data + at + i * sizeof sums[0];
            sums[i] = _mm256_add_epi64(sums[i], _mm256_loadu_si256((const __m256i *)from));
        }
    }
    uint64_t parts[4];
    __m256i all =
        _mm256_add_epi64(_mm256_add_epi64(sums[0], sums[1]), _mm256_add_epi64(sums[2], sums[3]));
    _mm256_storeu_si256((__m256i *)(void *)parts, all);
    return parts[0] + parts[1] + parts[2] + parts[3];
}

static int32_t sum_lanes(__m256i v) {
    uint32_t lanes[8];
    uint32_t sum = 0;
    _mm256_storeu_si256((__m256i *)(void *)lanes, v);
    for (int i = 0; i < 8; i++) {
        sum += lanes[i];
    }
    return (int32_t)sum;
}

// As gemv_t2 does it: products in 16 bits as long as they fit, which is 64 of these codes.
// Additions take one cycle, so two sums are enough, and many would not fit into 16 registers.
int32_t tern_cpu_peak_i8__avx2(const uint8_t *codes, const int8_t *q, uint32_t rounds,
                               size_t step) {
    const __m256i one = _mm256_set1_epi16(1);
    const __m256i low = _mm256_loadu_si256((const __m256i *)(const void *)codes);
    const __m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(codes + 32));
    __m256i wide = _mm256_setzero_si256();
    for (uint32_t first = 0; first < rounds; first += WIDEN_ROUNDS) {
        uint32_t left = rounds - first < WIDEN_ROUNDS ? rounds - first : WIDEN_ROUNDS;
        __m256i sums[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
        for (uint32_t i = 0; i < left * (TERN_CPU_PEAK_TIMES / 4); i++) {
            for (int part = 0; part < 4; part++) {
                __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)q);
                __m256i y = _mm256_loadu_si256((const __m256i *)(const void *)(q + 32));
                sums[0] = _mm256_add_epi16(sums[0], _mm256_maddubs_epi16(low, x));
                sums[1] = _mm256_add_epi16(sums[1], _mm256_maddubs_epi16(high, y));
                q += step;
            }
        }
        wide = _mm256_add_epi32(wide, _mm256_madd_epi16(sums[0], one));
        wide = _mm256_add_epi32(wide, _mm256_madd_epi16(sums[1], one));
    }
    return sum_lanes(wide);
}

float tern_cpu_peak_f32__avx2(const float *x, const float *y, uint32_t rounds, size_t step) {
    __m256 sums[SUMS];
    for (int i = 0; i < SUMS; i++) {
        sums[i] = _mm256_set1_ps((float)i);
    }
    for (uint32_t r = 0; r < rounds; r++) {
        for (int part = 0; part < 4; part++) {
            __m256 a = _mm256_loadu_ps(x + part % 2 * 8);
            __m256 b = _mm256_loadu_ps(y + part % 2 * 8);
            for (int i = 0; i < SUMS; i++) {
                sums[i] = _mm256_fmadd_ps(a, b, sums[i]);
            }
            x += step;
            y += step;
        }
    }
    __m256 all = _mm256_setzero_ps();
    for (int i = 0; i < SUMS; i++) {
        all = _mm256_add_ps(all, _mm256_sub_ps(sums[i], _mm256_set1_ps((float)i)));
    }
    float parts[8];
    float sum = 0.0f;
    _mm256_storeu_ps(parts, all);
    for (int i = 0; i < 8; i++) {
        sum += parts[i];
    }
    return sum;
}
