// Vectors of one width, for the templates of ternary kernels: a source defines TERN_CPU_ISA and
// TERN_CPU_BITS, 256 or 512.
#ifndef TERN_BACKENDS_CPU_KERNELS_X86_VECTOR_TMPL_H_
#define TERN_BACKENDS_CPU_KERNELS_X86_VECTOR_TMPL_H_

#include <immintrin.h>
#include <string.h>

#include "backends/cpu/kernels/template.h"

#if TERN_CPU_BITS == 512
typedef __m512i vector;
#define ZERO() _mm512_setzero_si512()
#define LOAD(at) _mm512_loadu_si512(at)
#define STORE(at, v) _mm512_storeu_si512(at, v)
#define ALL8(x) _mm512_set1_epi8(x)
#define ALL32(x) _mm512_set1_epi32(x)
#define AND(a, b) _mm512_and_si512(a, b)
#define ADD(a, b) _mm512_add_epi32(a, b)
#define RIGHT(a, n) _mm512_srli_epi32(a, n)
#define RIGHT_SIGNED(a, n) _mm512_srai_epi32(a, n)
#define DOT(sum, codes, q) _mm512_dpbusd_epi32(sum, codes, q)
#else
typedef __m256i vector;
#define ZERO() _mm256_setzero_si256()
#define LOAD(at) _mm256_loadu_si256((const __m256i *)(const void *)(at))
#define STORE(at, v) _mm256_storeu_si256((__m256i *)(void *)(at), v)
#define ALL8(x) _mm256_set1_epi8(x)
#define ALL32(x) _mm256_set1_epi32(x)
#define AND(a, b) _mm256_and_si256(a, b)
#define ADD(a, b) _mm256_add_epi32(a, b)
#define RIGHT(a, n) _mm256_srli_epi32(a, n)
#define RIGHT_SIGNED(a, n) _mm256_srai_epi32(a, n)
#if defined(__AVX512VNNI__)
#define DOT(sum, codes, q) _mm256_dpbusd_epi32(sum, codes, q)
#else
#define DOT(sum, codes, q) _mm256_dpbusd_avx_epi32(sum, codes, q)
#endif
#endif

// How many registers hold sums, of 32 that AVX-512 has and of 16 without it: the rows of a gemv_t2
// that go in one pass, and those of a gemm_t2.
#ifdef __AVX512VNNI__
#define MANY_REGISTERS 1
enum { GEMV_ROWS = 16, GEMM_ROWS = 8 };
#else
#define MANY_REGISTERS 0
enum { GEMV_ROWS = 8, GEMM_ROWS = 4 };
#endif

enum { TILE = TERN_CPU_BITS / 32, VECTOR_BYTES = TERN_CPU_BITS / 8 };

TERN_CPU_INLINE vector four_everywhere(const int8_t *q) {
    int32_t four;
    memcpy(&four, q, sizeof four);
    return ALL32(four);
}

#endif
