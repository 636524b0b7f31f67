#include "backends/cpu/kernels/kernels.h"

#include <immintrin.h>

enum { LANES = 16 };

static inline __mmask16 lanes_of(uint32_t left) {
    return left < LANES ? (__mmask16)((1u << left) - 1) : (__mmask16)0xffff;
}

// Four maxima: one waits 4 cycles for its last.
static float largest(const float *x, uint32_t k) {
    __m512 most[4];
    for (int i = 0; i < 4; i++) {
        most[i] = _mm512_set1_ps(1e-5f);
    }
    uint32_t at = 0;
    for (; k - at >= 4 * LANES; at += 4 * LANES) {
        for (int i = 0; i < 4; i++) {
            most[i] = _mm512_max_ps(_mm512_abs_ps(_mm512_loadu_ps(x + at + LANES * i)), most[i]);
        }
    }
    for (; at < k; at += LANES) {
        __m512 some = _mm512_maskz_loadu_ps(lanes_of(k - at), x + at);
        most[0] = _mm512_max_ps(_mm512_abs_ps(some), most[0]);
    }
    most[0] = _mm512_max_ps(_mm512_max_ps(most[0], most[1]), _mm512_max_ps(most[2], most[3]));
    return _mm512_reduce_max_ps(most[0]);
}

float tern_cpu_quantize_act__avx512vnni(const float *x, uint32_t k, int8_t *q) {
    float m = largest(x, k);
    const __m512 factor = _mm512_set1_ps(127.0f / m);
    for (uint32_t at = 0; at < k; at += LANES) {
        __mmask16 lanes = lanes_of(k - at);
        __m512 scaled = _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, x + at), factor);
        // Rounds half to even and saturates, as wanted.
        __m128i bytes = _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(scaled));
        _mm_mask_storeu_epi8(q + at, lanes, bytes);
    }
    return m / 127.0f;
}

int32_t tern_cpu_sum_i8__avx512vnni(const int8_t *q, uint32_t k) {
    const __m512i one = _mm512_set1_epi8(1);
    __m512i sums[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    uint32_t at = 0;
    for (; k - at >= 128; at += 128) {
        sums[0] = _mm512_dpbusd_epi32(sums[0], one, _mm512_loadu_si512(q + at));
        sums[1] = _mm512_dpbusd_epi32(sums[1], one, _mm512_loadu_si512(q + at + 64));
    }
    for (; at < k; at += 64) {
        uint32_t left = k - at;
        __mmask64 bytes = left < 64 ? (1ull << left) - 1 : ~0ull;
        sums[0] = _mm512_dpbusd_epi32(sums[0], one, _mm512_maskz_loadu_epi8(bytes, q + at));
    }
    return _mm512_reduce_add_epi32(_mm512_add_epi32(sums[0], sums[1]));
}
