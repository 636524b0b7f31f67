// Eight float16 at a time.
#ifndef TERN_BACKENDS_CPU_KERNELS_X86_HALF_AVX2_H_
#define TERN_BACKENDS_CPU_KERNELS_X86_HALF_AVX2_H_

#include <immintrin.h>

// As t_f16_from_f32: saturating, and what rounds to zero is +0.
static inline __m128i tern_cpu_halves(__m256 x) {
    const __m256 most = _mm256_set1_ps(65504.0f);
    const __m256 least = _mm256_set1_ps(-65504.0f);
    x = _mm256_min_ps(_mm256_max_ps(x, least), most);
    __m128i h = _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m128i magnitude = _mm_and_si128(h, _mm_set1_epi16(0x7fff));
    return _mm_andnot_si128(_mm_cmpeq_epi16(magnitude, _mm_setzero_si128()), h);
}

#endif
