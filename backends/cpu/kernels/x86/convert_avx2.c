#include "backends/cpu/kernels/kernels.h"

#include "backends/cpu/kernels/x86/half_avx2.h"
#include "shaders/common/float.h"

void tern_cpu_round_f16__avx2(const float *x, uint32_t n, float *out) {
    uint32_t i = 0;
    for (; n - i >= 8; i += 8) {
        _mm256_storeu_ps(out + i, _mm256_cvtph_ps(tern_cpu_halves(_mm256_loadu_ps(x + i))));
    }
    for (; i < n; i++) {
        out[i] = t_round_f16(x[i]);
    }
}

void tern_cpu_f16_from_f32__avx2(const float *x, uint32_t n, uint16_t *out) {
    uint32_t i = 0;
    for (; n - i >= 8; i += 8) {
        __m128i h = tern_cpu_halves(_mm256_loadu_ps(x + i));
        _mm_storeu_si128((__m128i *)(void *)(out + i), h);
    }
    for (; i < n; i++) {
        out[i] = (uint16_t)t_f16_from_f32(x[i]);
    }
}

void tern_cpu_f32_from_f16__avx2(const uint16_t *x, uint32_t n, float *out) {
    uint32_t i = 0;
    for (; n - i >= 8; i += 8) {
        __m256 wide = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)(x + i)));
        // The smallest float16 is 2^-24: only -0 is flushed.
        _mm256_storeu_ps(out + i, _mm256_add_ps(wide, _mm256_setzero_ps()));
    }
    for (; i < n; i++) {
        out[i] = t_flush(t_f16_to_f32(x[i]));
    }
}
