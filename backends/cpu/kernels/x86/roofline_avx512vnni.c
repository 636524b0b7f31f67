#include "backends/cpu/kernels/kernels.h"

#include <immintrin.h>

// As in roofline_avx2.c.
enum { SUMS = 12 };

uint64_t tern_cpu_read__avx512vnni(const uint8_t *data, size_t bytes, size_t ahead) {
    __m512i sums[4];
    for (int i = 0; i < 4; i++) {
        sums[i] = _mm512_setzero_si512();
    }
    for (size_t at = 0; at < bytes; at += sizeof sums) {
        for (int i = 0; i < 4; i++) {
            const uint8_t *from = data + at + i * sizeof sums[0];
            if (ahead) {
                _mm_prefetch((const char *)from + ahead, _MM_HINT_T0);
            }
            sums[i] = _mm512_add_epi64(sums[i], _mm512_loadu_si512(from));
        }
    }
    // Not the intrinsic that adds the parts of a register: its sums are signed, and may not wrap.
    uint64_t parts[8];
    uint64_t sum = 0;
    _mm512_storeu_si512(parts, _mm512_add_epi64(_mm512_add_epi64(sums[0], sums[1]),
                                                _mm512_add_epi64(sums[2], sums[3])));
    for (int i = 0; i < 8; i++) {
        sum += parts[i];
    }
    return sum;
}

float tern_cpu_peak_f32__avx512vnni(const float *x, const float *y, uint32_t rounds, size_t step) {
    __m512 sums[SUMS];
    for (int i = 0; i < SUMS; i++) {
        sums[i] = _mm512_set1_ps((float)i);
    }
    for (uint32_t r = 0; r < rounds; r++) {
        for (int part = 0; part < 2; part++) {
            __m512 a = _mm512_loadu_ps(x);
            __m512 b = _mm512_loadu_ps(y);
            for (int i = 0; i < SUMS; i++) {
                sums[i] = _mm512_fmadd_ps(a, b, sums[i]);
            }
            x += step;
            y += step;
        }
    }
    float sum = 0.0f;
    for (int i = 0; i < SUMS; i++) {
        sum += _mm512_reduce_add_ps(_mm512_sub_ps(sums[i], _mm512_set1_ps((float)i)));
    }
    return sum;
}
