#include "backends/cpu/kernels/kernels.h"

#include <string.h>

#include "backends/cpu/kernels/ahead.h"
#include "backends/cpu/kernels/sum.h"
#include "backends/cpu/kernels/x86/sum_avx2.h"

// One row of activations reads each row of weights for up to SPAN blocks of a sum before the next,
// so that memory is read nearly in order. 2560 x 128256 by f16: 24.3 ms, 27.0 GB/s, where the AVX2
// kernel takes 33.2 ms (two threads, Xeon, November 2026).
//
// Asking 8 KiB ahead for the second cache and 512 bytes ahead for the first, 2560 x 32064 by f16
// took 16.6 to 29.4 ms beside other work; 25.0 to 40.7 when it was 4 KiB ahead for the first (five
// runs of each in turn, November 2026).
//
// More rows share a conversion, SUMS sums at a time: eight by 2560 x 128256 take 46 to 47 ms by
// f16, where two passes of four rows took 66 to 67 (medians of 11 and 15 runs in turn).
//
// Of q8_0, scales lie apart from the codes, one shuffle and one fused multiply-add make a weight,
// and one row asks for the next tile as ahead.h does: 2560 x 128256 by one row 15.0 ms where it
// took 18.7, reading alone 13.8; by eight 45 where it took 49 (two threads, medians of 11 runs in
// turn, Xeon, November 2026).
enum { TILE = 8, SPAN = 8, VECTORS = TERN_CPU_SUM_PARTS / 16, SUMS = 16, LINE = 64 };
enum { FAR_BYTES = 8192, NEAR_BYTES = 512 };

// The scales of a block of q8_0, as floats, and each times -Q8_SHIFT.
enum { SCALED = TERN_CPU_Q8_COLS, SCALES = TERN_CPU_SUM_BLOCK / SCALED };
struct scales {
    float scale[SCALES];
    float shift[SCALES];
};

// How a type of weights is read: |load| gives sixteen from column |col| + 16 * |i| of a block of a
// row, |col| a multiple of 64, which many columns take |bytes|, and their scales, if there are any,
// |scale_bytes|. |fused|: the products are exact, so a fused multiply-add gives the same bits.
typedef __m512 load_fn(const uint8_t *block, const struct scales *scales, size_t col, int i);
struct type {
    load_fn *load;
    uint32_t bytes;
    uint32_t scale_bytes;
    int fused;
};

TERN_CPU_INLINE __m512 load_f32(const uint8_t *block, const struct scales *scales, size_t col,
                                int i) {
    (void)scales;
    return _mm512_loadu_ps((const float *)(const void *)block + col + 16 * i);
}

TERN_CPU_INLINE __m256i load_halves(const uint8_t *block, size_t col, int i) {
    return _mm256_loadu_si256((const __m256i *)(const void *)(block + 2 * (col + 16 * i)));
}

TERN_CPU_INLINE __m512 load_f16(const uint8_t *block, const struct scales *scales, size_t col,
                                int i) {
    (void)scales;
    return _mm512_cvtph_ps(load_halves(block, col, i));
}

TERN_CPU_INLINE __m512 load_bf16(const uint8_t *block, const struct scales *scales, size_t col,
                                 int i) {
    (void)scales;
    __m512i wide = _mm512_cvtepu16_epi32(load_halves(block, col, i));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}

// A held code as the second byte of Q8_BASE makes the float 2^15 + 128 + code, so that one shuffle
// converts sixteen, and a fused multiply-add then leaves code * scale: Q8_SHIFT times a scale has
// 20 bits, so all of it is exact.
enum { Q8_BASE = 0x47000000, Q8_SHIFT = 0x8000 + TERN_CPU_Q8_ZERO };

TERN_CPU_INLINE __m512 load_q8_0(const uint8_t *block, const struct scales *scales, size_t col,
                                 int i) {
    const __mmask64 second = 0x2222222222222222; // bytes of four
    const __m512i at = _mm512_slli_epi32(
        _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), 8);
    size_t group = col / SCALED + i / 2;
    __m512i q = _mm512_broadcast_i32x4(
        _mm_loadu_si128((const __m128i *)(const void *)(block + col + 16 * i)));
    __m512i w = _mm512_mask_shuffle_epi8(_mm512_set1_epi32(Q8_BASE), second, q, at);
    return _mm512_fmadd_ps(_mm512_castsi512_ps(w), _mm512_set1_ps(scales->scale[group]),
                           _mm512_set1_ps(scales->shift[group]));
}

TERN_CPU_INLINE void load_scales(const uint16_t *halves, uint32_t cols, struct scales *out) {
    uint32_t count = cols / SCALED;
    for (uint32_t i = 0; i < count; i += 16) {
        __mmask16 mask = count - i < 16 ? (__mmask16)((1u << (count - i)) - 1) : 0xffff;
        __m512 scale = _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, halves + i));
        _mm512_storeu_ps(out->scale + i, scale);
        _mm512_storeu_ps(out->shift + i, _mm512_mul_ps(scale, _mm512_set1_ps(-Q8_SHIFT)));
    }
}

TERN_CPU_INLINE __m512 add_product(struct type type, __m512 sum, __m512 a, __m512 w) {
    return type.fused ? _mm512_fmadd_ps(a, w, sum) : _mm512_add_ps(sum, _mm512_mul_ps(a, w));
}

// Columns of the block of a sum from column |from| on.
TERN_CPU_INLINE uint32_t block_cols(const struct tern_cpu_linear *job, uint32_t from) {
    uint32_t left = job->cols - from;
    return left < TERN_CPU_SUM_BLOCK ? left : TERN_CPU_SUM_BLOCK;
}

TERN_CPU_INLINE __m256 join(const __m512 *parts) {
    __m512 all =
        _mm512_add_ps(_mm512_add_ps(parts[0], parts[2]), _mm512_add_ps(parts[1], parts[3]));
    return _mm256_add_ps(_mm512_castps512_ps256(all), _mm512_extractf32x8_ps(all, 1));
}

// Asks for |bytes| of a row ahead of |at|.
TERN_CPU_INLINE void ask(const uint8_t *at, uint32_t bytes) {
    for (uint32_t i = 0; i < bytes / LINE; i++) {
        _mm_prefetch((const char *)at + FAR_BYTES + LINE * i, _MM_HINT_T1);
        _mm_prefetch((const char *)at + NEAR_BYTES + LINE * i, _MM_HINT_T0);
    }
}

// The weights of row |i| from column |from| on.
TERN_CPU_INLINE const uint8_t *weights_at(const struct tern_cpu_linear *job, uint32_t i,
                                          uint32_t from, struct type type) {
    return job->tile + i * job->row_bytes + (size_t)from / TERN_CPU_SUM_PARTS * type.bytes;
}

TERN_CPU_INLINE const uint16_t *scales_at(const struct tern_cpu_linear *job, uint32_t i,
                                          uint32_t from) {
    return job->scales + ((size_t)i * job->cols + from) / SCALED;
}

// Partial sums of row |i| of weights by one row of activations over the block from column |from|
// on, joined to 8 lanes.
TERN_CPU_INLINE __m256 dot(const struct tern_cpu_linear *job, uint32_t i, uint32_t from,
                           struct tern_cpu_ahead *ahead, struct type type) {
    const uint8_t *block = weights_at(job, i, from, type);
    const uint8_t *at = block;
    uint32_t cols = block_cols(job, from);
    struct scales scales;
    if (type.scale_bytes) {
        load_scales(scales_at(job, i, from), cols, &scales);
    }
    __m512 parts[VECTORS];
    for (int v = 0; v < VECTORS; v++) {
        parts[v] = _mm512_setzero_ps();
    }
    for (size_t col = 0; col < cols; col += TERN_CPU_SUM_PARTS) {
        if (type.scale_bytes) {
            tern_cpu_ask(ahead);
        } else {
            ask(at, type.bytes);
            at += type.bytes;
        }
        for (int v = 0; v < VECTORS; v++) {
            __m512 a = _mm512_loadu_ps(job->x + from + col + 16 * v);
            parts[v] = add_product(type, parts[v], a, type.load(block, &scales, col, v));
        }
    }
    return join(parts);
}

TERN_CPU_INLINE void one_row(const struct tern_cpu_linear *job, float *sums, struct type type) {
    uint32_t steps = TILE * (job->cols / TERN_CPU_SUM_PARTS);
    struct tern_cpu_ahead ahead =
        tern_cpu_ahead_of(job->ahead, (size_t)steps * (type.bytes + type.scale_bytes), steps);
    __m256 total = _mm256_setzero_ps();
    for (uint32_t first = 0; first < job->cols; first += SPAN * TERN_CPU_SUM_BLOCK) {
        __m256 lanes[SPAN][TILE];
        uint32_t left = (job->cols - first + TERN_CPU_SUM_BLOCK - 1) / TERN_CPU_SUM_BLOCK;
        uint32_t blocks = left < SPAN ? left : SPAN;
        for (uint32_t i = 0; i < TILE; i++) {
            for (uint32_t b = 0; b < blocks; b++) {
                lanes[b][i] = dot(job, i, first + b * TERN_CPU_SUM_BLOCK, &ahead, type);
            }
        }
        for (uint32_t b = 0; b < blocks; b++) {
            total = _mm256_add_ps(total, tern_cpu_join_lanes(lanes[b]));
        }
    }
    _mm256_storeu_ps(sums, total);
}

// How many rows of weights meet |rows| rows of activations in SUMS sums.
TERN_CPU_INLINE uint32_t rows_of_weights(uint32_t rows) {
    return rows <= 2 ? 8 : rows <= 4 ? 4 : 2;
}

// One block of each of those: sum r * wide + i is that of row i of weights by row r of activations.
struct group {
    const uint8_t *w[SUMS / 2];
    struct scales scales[SUMS / 2];
    const float *x[TERN_CPU_LINEAR_ROWS];
    uint32_t cols;
    const uint8_t *ahead; // bytes that are needed soon, as many as the group reads
};

// gcc 12 would read |a| again for each row of weights: 0.20 ns a fused multiply-add of f16 by 8
// rows in the first cache, 0.24 without (Xeon, November 2026).
#ifdef __GNUC__
#define READ_ONCE(a) __asm__("" : "+v"(a))
#else
#define READ_ONCE(a) ((void)0)
#endif

// Adds up the products of vector |v| of every 64 columns.
TERN_CPU_INLINE void add_vector(const struct group *group, uint32_t rows, int v, __m512 *out_sums,
                                struct type type) {
    uint32_t wide = rows_of_weights(rows);
    uint32_t step = wide * (type.bytes + type.scale_bytes) / VECTORS;
    const char *ahead = (const char *)group->ahead + v * (group->cols / TERN_CPU_SUM_PARTS) * step;
    __m512 sums[SUMS];
    for (int k = 0; k < SUMS; k++) {
        sums[k] = _mm512_setzero_ps();
    }
    for (size_t col = 0; col < group->cols; col += TERN_CPU_SUM_PARTS) {
        for (uint32_t byte = 0; byte < step; byte += LINE) {
            _mm_prefetch(ahead + byte, _MM_HINT_T1);
        }
        ahead += step;
        __m512 w[SUMS / 2];
        for (uint32_t i = 0; i < wide; i++) {
            w[i] = type.load(group->w[i], &group->scales[i], col, v);
        }
        for (uint32_t r = 0; r < rows; r++) {
            __m512 a = _mm512_loadu_ps(group->x[r] + col + 16 * v);
            READ_ONCE(a);
            for (uint32_t i = 0; i < wide; i++) {
                sums[r * wide + i] = add_product(type, sums[r * wide + i], a, w[i]);
            }
        }
    }
    memcpy(out_sums, sums, sizeof sums);
}

// The lower part of the tree, 8, 4, 2, 1, of sixteen sums at once: lane k of the result is that of
// |v[k]|.
TERN_CPU_INLINE __m512 join_sixteen(const __m512 *v) {
    __m512 four[4];
    for (int k = 0; k < 4; k++) {
        __m512 a = _mm512_add_ps(_mm512_shuffle_f32x4(v[k], v[k + 4], 0x44),
                                 _mm512_shuffle_f32x4(v[k], v[k + 4], 0xee));
        __m512 b = _mm512_add_ps(_mm512_shuffle_f32x4(v[k + 8], v[k + 12], 0x44),
                                 _mm512_shuffle_f32x4(v[k + 8], v[k + 12], 0xee));
        four[k] = _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
    }
    __m512 two[2];
    for (int k = 0; k < 2; k++) {
        __m512d a = _mm512_castps_pd(four[2 * k]);
        __m512d b = _mm512_castps_pd(four[2 * k + 1]);
        two[k] = _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(a, b)),
                               _mm512_castpd_ps(_mm512_unpackhi_pd(a, b)));
    }
    return _mm512_add_ps(_mm512_shuffle_ps(two[0], two[1], 0x88),
                         _mm512_shuffle_ps(two[0], two[1], 0xdd));
}

// Vectors 0 and 2 first, then 1 and 3: the tree joins those.
TERN_CPU_INLINE __m512 sum_group(const struct group *group, uint32_t rows, struct type type) {
    __m512 halves[2][SUMS];
    for (int half = 0; half < 2; half++) {
        __m512 upper[SUMS];
        add_vector(group, rows, half, halves[half], type);
        add_vector(group, rows, half + 2, upper, type);
        for (int k = 0; k < SUMS; k++) {
            halves[half][k] = _mm512_add_ps(halves[half][k], upper[k]);
        }
    }
    for (int k = 0; k < SUMS; k++) {
        halves[0][k] = _mm512_add_ps(halves[0][k], halves[1][k]);
    }
    return join_sixteen(halves[0]);
}

// Group |g| of a tile in the block from column |from| on.
TERN_CPU_INLINE void set_weights(const struct tern_cpu_linear *job, uint32_t g, uint32_t from,
                                 uint32_t wide, struct group *group, struct type type) {
    for (uint32_t i = 0; i < wide; i++) {
        group->w[i] = weights_at(job, g * wide + i, from, type);
        if (type.scale_bytes) {
            load_scales(scales_at(job, g * wide + i, from), group->cols, &group->scales[i]);
        }
    }
}

// The blocks of a sum are the outer loop: one of 8 rows of activations is 32 KiB, which the first
// cache keeps, and all of 2560 columns are 80.
TERN_CPU_INLINE void many_rows(const struct tern_cpu_linear *job, float *sums, uint32_t rows,
                               struct type type) {
    uint32_t wide = rows_of_weights(rows);
    uint32_t groups = TILE / wide;
    __m512 total[TILE / 2];
    for (uint32_t g = 0; g < groups; g++) {
        total[g] = _mm512_setzero_ps();
    }
    struct group group;
    group.ahead = job->ahead;
    for (uint32_t from = 0; from < job->cols; from += TERN_CPU_SUM_BLOCK) {
        group.cols = block_cols(job, from);
        for (uint32_t r = 0; r < rows; r++) {
            group.x[r] = job->x + (size_t)r * job->cols + from;
        }
        for (uint32_t g = 0; g < groups; g++) {
            set_weights(job, g, from, wide, &group, type);
            total[g] = _mm512_add_ps(total[g], sum_group(&group, rows, type));
            group.ahead +=
                (size_t)wide * (type.bytes + type.scale_bytes) * (group.cols / TERN_CPU_SUM_PARTS);
        }
    }
    for (uint32_t g = 0; g < groups; g++) {
        float out[SUMS];
        _mm512_storeu_ps(out, total[g]);
        for (uint32_t r = 0; r < rows; r++) {
            memcpy(sums + r * TILE + g * wide, out + r * wide, wide * sizeof *out);
        }
    }
}

// A loop of its own for each number of rows.
TERN_CPU_INLINE void choose(const struct tern_cpu_linear *job, float *sums, struct type type) {
    switch (job->rows) {
    case 1:
        one_row(job, sums, type);
        break;
    case 2:
        many_rows(job, sums, 2, type);
        break;
    case 3:
        many_rows(job, sums, 3, type);
        break;
    case 4:
        many_rows(job, sums, 4, type);
        break;
    case 5:
        many_rows(job, sums, 5, type);
        break;
    case 6:
        many_rows(job, sums, 6, type);
        break;
    case 7:
        many_rows(job, sums, 7, type);
        break;
    default:
        many_rows(job, sums, TERN_CPU_LINEAR_ROWS, type);
        break;
    }
}

void tern_cpu_linear_f32__avx512vnni(const struct tern_cpu_linear *job, float *sums) {
    choose(job, sums, (struct type){load_f32, 256, 0, 0});
}

void tern_cpu_linear_f16__avx512vnni(const struct tern_cpu_linear *job, float *sums) {
    choose(job, sums, (struct type){load_f16, 128, 0, 1});
}

void tern_cpu_linear_bf16__avx512vnni(const struct tern_cpu_linear *job, float *sums) {
    choose(job, sums, (struct type){load_bf16, 128, 0, 1});
}

void tern_cpu_linear_q8_0__avx512vnni(const struct tern_cpu_linear *job, float *sums) {
    choose(job, sums, (struct type){load_q8_0, 64, 4, 0});
}
