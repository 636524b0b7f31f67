#include "backends/cpu/kernels/kernels.h"

#include <immintrin.h>

#include "shaders/common/float.h"

static float largest(const float *x, uint32_t k) {
    const __m256 magnitude = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
    __m256 most = _mm256_set1_ps(1e-5f);
    uint32_t i = 0;
    for (; k - i >= 8; i += 8) {
        most = _mm256_max_ps(_mm256_and_ps(_mm256_loadu_ps(x + i), magnitude), most);
    }
    float lanes[8];
    _mm256_storeu_ps(lanes, most);
    float m = lanes[0];
    for (int lane = 1; lane < 8; lane++) {
        m = lanes[lane] > m ? lanes[lane] : m;
    }
    for (; i < k; i++) {
        float a = T_ABS(x[i]);
        m = a > m ? a : m;
    }
    return m;
}

static __m256i round8(const float *x, __m256 factor) {
    return _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x), factor));
}

float tern_cpu_quantize_act__avx2(const float *x, uint32_t k, int8_t *q) {
    // The packs leave dwords of the sources in the order 0 2 4 6 1 3 5 7, and saturate as wanted.
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    float m = largest(x, k);
    float factor = 127.0f / m;
    __m256 wide = _mm256_set1_ps(factor);
    uint32_t i = 0;
    for (; k - i >= 32; i += 32) {
        __m256i low = _mm256_packs_epi32(round8(x + i, wide), round8(x + i + 8, wide));
        __m256i high = _mm256_packs_epi32(round8(x + i + 16, wide), round8(x + i + 24, wide));
        __m256i bytes = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(low, high), order);
        _mm256_storeu_si256((__m256i *)(void *)(q + i), bytes);
    }
    for (; i < k; i++) {
        float r = t_rint(x[i] * factor);
        r = r > 127.0f ? 127.0f : r >= -128.0f ? r : -128.0f;
        q[i] = (int8_t)r;
    }
    return m / 127.0f;
}

int32_t tern_cpu_sum_i8__avx2(const int8_t *q, uint32_t k) {
    const __m256i ones8 = _mm256_set1_epi8(1);
    const __m256i ones16 = _mm256_set1_epi16(1);
    __m256i total = _mm256_setzero_si256();
    uint32_t i = 0;
    for (; k - i >= 32; i += 32) {
        __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)(q + i));
        __m256i pairs = _mm256_maddubs_epi16(ones8, bytes);
        total = _mm256_add_epi32(total, _mm256_madd_epi16(pairs, ones16));
    }
    int32_t lanes[8];
    _mm256_storeu_si256((__m256i *)(void *)lanes, total);
    int32_t sum = 0;
    for (int lane = 0; lane < 8; lane++) {
        sum += lanes[lane];
    }
    for (; i < k; i++) {
        sum += q[i];
    }
    return sum;
}
