#include "backends/cpu/kernels/x86/t5_avx512vbmi.h"

#include <string.h>

// A word of a tile holds 20 columns, byte b of it columns 4n + b, n being 0 to 4. Four words are
// five blocks, the same 20 quads of activations.
//
// Up to SCALED_ROWS rows leave codes where they stand, times 1, 4, 16 and 64, which spares shifts
// and takes a sum for each of the five; one or two rows have two sets of those, so that no sum
// waits for its last addition. A word adds at most 4 * 128 * 128 to one, so FOLD_PARTS of four fit
// 31 bits. For 5 to 12 rows, a second sum for codes times 64 spared shifts and gained nothing.
enum { TILE = 16, VECTOR_BYTES = 64, WORDS = 4, PART_BLOCKS = TERN_CPU_T5_BLOCKS };
enum { GEMV_ROWS = TERN_CPU_GEMV_ROWS, SCALED_ROWS = 4, FOLD_PARTS = 2048 };

// As in gemv_t2_vnni_tmpl.h; 4096 x 14336 took 909 us beside other work, where 4 KiB ahead for the
// first cache took 1005, and 8 KiB ahead for the second 941 (two threads, November 2026).
enum { FAR_BYTES = 4096, NEAR_BYTES = 512 };

// Keeps the compiler from moving the prefetches of all words to the first, which would make this
// slower than gemv_t2 out of cache: 0.88 times (Xeon, 2.7 GHz, November 2026).
#ifdef __GNUC__
#define STAY() __asm__ volatile("" ::: "memory")
#else
#define STAY() ((void)0)
#endif

#define SETS(rows) ((rows) <= 2 ? 2u : 1u)

// Sums of a row.
#define SUMS(rows) ((rows) <= SCALED_ROWS ? 5 * SETS(rows) : 1u)
enum { MOST_SUMS = 20 };

// Four activations of quad |quad| of a part in all lanes.
TERN_CPU_INLINE __m512i four_acts(const int8_t *q, uint32_t quad, uint32_t row, uint32_t rows) {
    int32_t four;
    memcpy(&four, q + (quad / 4 * rows + row) * TERN_CPU_T2_BLOCK + 4 * (quad % 4), sizeof four);
    return _mm512_set1_epi32(four);
}

// |rows|, |word| and |n| are constants wherever these are inlined.
TERN_CPU_INLINE void add_codes(struct tern_cpu_t5 t5, const int8_t *q, uint32_t word, uint32_t n,
                               uint32_t rows, __m512i *sums) {
    __m512i codes = tern_cpu_t5_code(t5, n);
    if (rows <= SCALED_ROWS) {
        codes = n == 4 ? t5.fifth : _mm512_and_si512(t5.four, _mm512_set1_epi8((char)(3 << 2 * n)));
    }
    for (uint32_t r = 0; r < rows; r++) {
        uint32_t sum = rows <= SCALED_ROWS ? word % SETS(rows) * 5 + n : 0;
        __m512i *to = &sums[SUMS(rows) * r + sum];
        *to = _mm512_dpbusd_epi32(*to, codes, four_acts(q, 5 * word + n, r, rows));
    }
}

TERN_CPU_INLINE void add_word(const uint8_t *at, const int8_t *q, uint32_t word, uint32_t rows,
                              __m512i *sums) {
    at += word * VECTOR_BYTES;
    _mm_prefetch((const char *)at + FAR_BYTES, _MM_HINT_T1);
    _mm_prefetch((const char *)at + NEAR_BYTES, _MM_HINT_T0);
    struct tern_cpu_t5 t5 = tern_cpu_t5_decode(_mm512_loadu_si512(at));
    STAY();
    // Spelt out: compilers leave a loop of so many instructions as it is.
    add_codes(t5, q, word, 0, rows, sums);
    add_codes(t5, q, word, 1, rows, sums);
    add_codes(t5, q, word, 2, rows, sums);
    add_codes(t5, q, word, 3, rows, sums);
    add_codes(t5, q, word, 4, rows, sums);
}

TERN_CPU_INLINE __m512i fold(const __m512i *sums, uint32_t rows) {
    __m512i scaled[5];
    for (uint32_t n = 0; n < 5; n++) {
        scaled[n] = SETS(rows) == 2 ? _mm512_add_epi32(sums[n], sums[5 + n]) : sums[n];
    }
    __m512i by64 = _mm512_add_epi32(scaled[3], scaled[4]);
    __m512i low = _mm512_add_epi32(scaled[0], _mm512_srai_epi32(scaled[1], 2));
    __m512i high = _mm512_add_epi32(_mm512_srai_epi32(scaled[2], 4), _mm512_srai_epi32(by64, 6));
    return _mm512_add_epi32(low, high);
}

// Parts |first| to |end|, at most FOLD_PARTS, added to |out|.
TERN_CPU_INLINE void dot_parts(const struct tern_cpu_gemv_t2 *job, uint32_t first, uint32_t end,
                               uint32_t rows, __m512i *out) {
    __m512i sums[MOST_SUMS];
    for (uint32_t i = 0; i < rows * SUMS(rows); i++) {
        sums[i] = _mm512_setzero_si512();
    }
    for (uint32_t part = first; part < end; part++) {
        const uint8_t *at = job->tile + (size_t)part * WORDS * VECTOR_BYTES;
        const int8_t *q = job->q + (size_t)part * PART_BLOCKS * rows * TERN_CPU_T2_BLOCK;
        add_word(at, q, 0, rows, sums);
        add_word(at, q, 1, rows, sums);
        add_word(at, q, 2, rows, sums);
        add_word(at, q, 3, rows, sums);
    }
    for (uint32_t r = 0; r < rows; r++) {
        out[r] = _mm512_add_epi32(out[r], rows <= SCALED_ROWS ? fold(sums + SUMS(rows) * r, rows)
                                                              : sums[r]);
    }
}

TERN_CPU_INLINE void dot_rows(const struct tern_cpu_gemv_t2 *job, uint32_t rows, int32_t *sums) {
    uint32_t parts = job->blocks / PART_BLOCKS;
    __m512i out[GEMV_ROWS];
    for (uint32_t r = 0; r < rows; r++) {
        out[r] = _mm512_setzero_si512();
    }
    for (uint32_t some = 0; some < parts; some += FOLD_PARTS) {
        dot_parts(job, some, parts - some < FOLD_PARTS ? parts : some + FOLD_PARTS, rows, out);
    }
    for (uint32_t r = 0; r < rows; r++) {
        _mm512_storeu_si512(sums + (size_t)r * job->tiles * TILE, out[r]);
    }
}

// Of the first tile.
static void dot_tile(const struct tern_cpu_gemv_t2 *job, int32_t *sums) {
    switch (job->rows) {
#define CASE(n)                                                                                    \
    case n:                                                                                        \
        dot_rows(job, n, sums);                                                                    \
        break
        CASE(1);
        CASE(2);
        CASE(3);
        CASE(4);
        CASE(5);
        CASE(6);
        CASE(7);
        CASE(8);
        CASE(9);
        CASE(10);
        CASE(11);
        CASE(12);
        CASE(13);
        CASE(14);
        CASE(15);
#undef CASE
    default:
        dot_rows(job, GEMV_ROWS, sums);
    }
}

void tern_cpu_gemv_t5__avx512vbmi(const struct tern_cpu_gemv_t2 *job, int32_t *sums) {
    struct tern_cpu_gemv_t2 from = *job;
    for (uint32_t tile = 0; tile < job->tiles; tile++) {
        dot_tile(&from, sums + (size_t)tile * TILE);
        from.tile += (size_t)job->blocks / PART_BLOCKS * WORDS * VECTOR_BYTES;
    }
}
