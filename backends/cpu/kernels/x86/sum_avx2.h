// The blocked sum of the numbers contract (rule 4) on 8 vectors of 8 partial sums: vector v, lane i
// is partial sum 8v + i.
#ifndef TERN_BACKENDS_CPU_KERNELS_X86_SUM_AVX2_H_
#define TERN_BACKENDS_CPU_KERNELS_X86_SUM_AVX2_H_

#include <immintrin.h>

#include "backends/cpu/kernels/kernels.h"

enum { TERN_CPU_VECTORS = 8, TERN_CPU_LANES = 8 };

// The upper half of the tree: 32, 16, 8.
TERN_CPU_INLINE __m256 tern_cpu_join_vectors(const __m256 *v) {
    __m256 a = _mm256_add_ps(_mm256_add_ps(v[0], v[4]), _mm256_add_ps(v[2], v[6]));
    __m256 b = _mm256_add_ps(_mm256_add_ps(v[1], v[5]), _mm256_add_ps(v[3], v[7]));
    return _mm256_add_ps(a, b);
}

// The lower half, 4, 2, 1, of eight sums at once: lane i of the result is that of |v[i]|.
TERN_CPU_INLINE __m256 tern_cpu_join_lanes(const __m256 *v) {
    __m256 four[4];
    for (int i = 0; i < 4; i++) {
        four[i] = _mm256_add_ps(_mm256_permute2f128_ps(v[i], v[i + 4], 0x20),
                                _mm256_permute2f128_ps(v[i], v[i + 4], 0x31));
    }
    __m256 two[2];
    for (int i = 0; i < 2; i++) {
        __m256d a = _mm256_castps_pd(four[2 * i]);
        __m256d b = _mm256_castps_pd(four[2 * i + 1]);
        two[i] = _mm256_add_ps(_mm256_castpd_ps(_mm256_unpacklo_pd(a, b)),
                               _mm256_castpd_ps(_mm256_unpackhi_pd(a, b)));
    }
    return _mm256_add_ps(_mm256_shuffle_ps(two[0], two[1], 0x88),
                         _mm256_shuffle_ps(two[0], two[1], 0xdd));
}

#endif
