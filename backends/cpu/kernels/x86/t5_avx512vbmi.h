// Bytes of five weights (see t5.h), decoded by table in 5 instructions: four codes of 2 bits, and
// the fifth. One row of activations, weights of 1 GB out of cache, both threads of a 2-core Xeon
// (2.7 GHz, November 2026): 155 G weights a second, 1.32 times those of gemv_t2__avx512vnni in the
// same process; from the second cache, one thread, 1.13 times. Taking trits off by multiplication
// had reached 0.92 times.
#ifndef TERN_BACKENDS_CPU_KERNELS_X86_T5_AVX512VBMI_H_
#define TERN_BACKENDS_CPU_KERNELS_X86_T5_AVX512VBMI_H_

#include <immintrin.h>

#include "backends/cpu/kernels/kernels.h"
#include "backends/cpu/kernels/t5.h"

// A byte's lower six bits choose among 64 entries.
#define TERN_CPU_T5_8(entry, i)                                                                    \
    entry(i), entry(i + 1), entry(i + 2), entry(i + 3), entry(i + 4), entry(i + 5), entry(i + 6),  \
        entry(i + 7)
#define TERN_CPU_T5_64(entry)                                                                      \
    {                                                                                              \
        TERN_CPU_T5_8(entry, 0), TERN_CPU_T5_8(entry, 8), TERN_CPU_T5_8(entry, 16),                \
            TERN_CPU_T5_8(entry, 24), TERN_CPU_T5_8(entry, 32), TERN_CPU_T5_8(entry, 40),          \
            TERN_CPU_T5_8(entry, 48), TERN_CPU_T5_8(entry, 56)                                     \
    }
#define TERN_CPU_T5_LOW(i) (uint8_t) TERN_CPU_T5_FOUR(i)
#define TERN_CPU_T5_HIGH(i) (uint8_t) TERN_CPU_T5_FOUR(64 + (i) % 17)
#define TERN_CPU_T5_FIFTH(i) (uint8_t)((i) / 17 << 6)

static const uint8_t tern_cpu_t5_low[64] = TERN_CPU_T5_64(TERN_CPU_T5_LOW);     // below 192
static const uint8_t tern_cpu_t5_high[64] = TERN_CPU_T5_64(TERN_CPU_T5_HIGH);   // 192 and above
static const uint8_t tern_cpu_t5_fifth[64] = TERN_CPU_T5_64(TERN_CPU_T5_FIFTH); // the same

struct tern_cpu_t5 {
    __m512i four;  // codes 0 to 3, two bits each
    __m512i fifth; // code 4, times 64
};

TERN_CPU_INLINE struct tern_cpu_t5 tern_cpu_t5_decode(__m512i bytes) {
    const __m512i top = _mm512_set1_epi8((char)192);
    const __m512i low = _mm512_loadu_si512(tern_cpu_t5_low);
    const __m512i high = _mm512_loadu_si512(tern_cpu_t5_high);
    const __m512i fifth = _mm512_loadu_si512(tern_cpu_t5_fifth);
    __mmask64 above = _mm512_cmp_epu8_mask(bytes, top, _MM_CMPINT_NLT);
    __m512i four = _mm512_permutexvar_epi8(bytes, low);
    __m512i last = _mm512_and_si512(bytes, top);
    return (struct tern_cpu_t5){_mm512_mask_permutexvar_epi8(four, above, bytes, high),
                                _mm512_mask_permutexvar_epi8(last, above, bytes, fifth)};
}

// Code |n| of each byte.
TERN_CPU_INLINE __m512i tern_cpu_t5_code(struct tern_cpu_t5 t5, uint32_t n) {
    const __m512i low = _mm512_set1_epi8(3);
    if (n == 4) {
        return _mm512_and_si512(_mm512_srli_epi32(t5.fifth, 6), low);
    }
    return _mm512_and_si512(_mm512_srli_epi32(t5.four, 2 * n), low);
}

#endif
