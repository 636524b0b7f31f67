// The CPU's kernels: their types with their contracts, and the set that a device uses.
//
// A kernel is a leaf: pointers and sizes in, results out; no allocation, no threads, no globals.
// Every level gives the same bits. Unless a comment says otherwise, pointers have the alignment of
// their elements, nothing outside the arrays is read or written, sizes may be any number from 1,
// and outputs overlap no input. "in place": the output may be that input.
#ifndef TERN_BACKENDS_CPU_KERNELS_KERNELS_H_
#define TERN_BACKENDS_CPU_KERNELS_KERNELS_H_

#include <stddef.h>
#include <stdint.h>

#include <tern/types.h>

#include "backends/cpu/features.h"

// For functions that are only fast when their arguments are known where they are called.
#ifdef __GNUC__
#define TERN_CPU_INLINE static inline __attribute__((always_inline))
#else
#define TERN_CPU_INLINE static inline
#endif

// Asks for the cache line at an address, be it nobody's; FAR: into the second cache.
#ifdef __GNUC__
#define TERN_CPU_PREFETCH(address) __builtin_prefetch(address)
#define TERN_CPU_PREFETCH_FAR(address) __builtin_prefetch(address, 0, 2)
#else
#define TERN_CPU_PREFETCH(address) ((void)(address))
#define TERN_CPU_PREFETCH_FAR(address) ((void)(address))
#endif

// Rows of weights that a tile may hold at most.
enum { TERN_CPU_MAX_TILE = 16 };

// Rows of activations and tiles of weights that a gemv_t2 takes at most; those of a gemm_t2.
enum { TERN_CPU_GEMV_ROWS = 16, TERN_CPU_GEMV_TILES = 2 };
enum { TERN_CPU_GEMM_ROWS = 8, TERN_CPU_GEMM_TILES = 3 };
enum { TERN_CPU_LINEAR_ROWS = 8 };

// Rows and tiles of a matrix_t2 at most; tiles and columns that it takes in one step.
enum { TERN_CPU_MATRIX_ROWS = 128, TERN_CPU_MATRIX_TILES = 16 };
enum { TERN_CPU_MATRIX_PAIR = 2, TERN_CPU_MATRIX_COLS = 64 };

// Columns of t2 weights come in blocks of this many; a row of a block is one 32-bit word.
enum { TERN_CPU_T2_BLOCK = 16 };

// Five weights a byte: a word holds this many columns, and so many t2 blocks end with a word.
enum { TERN_CPU_T5_COLS = 20, TERN_CPU_T5_BLOCKS = 5 };

// Dense weights and the activations that meet them are padded to this many columns, with zeros.
enum { TERN_CPU_DENSE_PAD = 64 };

// Columns of q8_0 weights that share a scale; a code is held as a byte with this added.
enum { TERN_CPU_Q8_COLS = 32, TERN_CPU_Q8_ZERO = 128 };

// One row to int8 as tern_quantize_act_desc says; returns the scale. Writes |k| bytes.
typedef float tern_cpu_quantize_act_fn(const float *x, uint32_t k, int8_t *q);

// Sum of |k| bytes; k < 2^24.
typedef int32_t tern_cpu_sum_i8_fn(const int8_t *q, uint32_t k);

// What one call of gemv_t2 multiplies.
struct tern_cpu_gemv_t2 {
    // A tile as pack.h lays it out, 4-aligned. Codes are read as 0, 1, 2 for -1, 0, +1 and as 0 in
    // the padding, so what stands in |q| past its end does not matter.
    const uint8_t *tile;
    uint32_t blocks;       // of TERN_CPU_T2_BLOCK columns
    uint32_t group_blocks; // blocks of one group, a divisor or multiple of 16; >= blocks: one group
    const int8_t *q;       // a panel of activations: [blocks][rows][TERN_CPU_T2_BLOCK]
    uint32_t rows;         // 1 to TERN_CPU_GEMV_ROWS
    uint32_t tiles;        // 1 to TERN_CPU_GEMV_TILES, one after the other from |tile| on
};

// Integer sums of |job| modulo 2^32: sums[row][group][tile][i] for row i of a tile; the caller
// subtracts the sum of the activations. blocks <= 2^20.
typedef void tern_cpu_gemv_t2_fn(const struct tern_cpu_gemv_t2 *job, int32_t *sums);

// Unpacks the codes of |count| <= TERN_CPU_GEMM_TILES tiles, |tile_bytes| apart, to a byte each:
// codes[block][s][tile][row][b] of column 4s + b, or as the gemm_t2 of the same level has it. What
// belongs to missing tiles is left as it is.
typedef void tern_cpu_unpack_t2_fn(const uint8_t *tiles, size_t tile_bytes, uint32_t count,
                                   uint32_t blocks, uint8_t *codes);

// The same for tiles of five weights a byte, in one group: blocks are a multiple of
// TERN_CPU_T5_BLOCKS. What unpack_t5 leaves is for gemm_t2.
typedef tern_cpu_gemv_t2_fn tern_cpu_gemv_t5_fn;
typedef tern_cpu_unpack_t2_fn tern_cpu_unpack_t5_fn;

// As gemv_t2 for codes that unpack_t2 left, whose cost many rows share:
// sums[row][group][tile][i].
struct tern_cpu_gemm_t2 {
    const uint8_t *codes;
    uint32_t blocks;
    uint32_t group_blocks;
    const int8_t *q;      // as above
    uint32_t rows;        // 1 to TERN_CPU_GEMM_ROWS
    const uint8_t *ahead; // a tile that is needed soon, or any address: prefetched
};
typedef void tern_cpu_gemm_t2_fn(const struct tern_cpu_gemm_t2 *job, int32_t *sums);

// As gemv_t2 and gemv_t5 by processors that multiply matrices, for up to TERN_CPU_MATRIX_ROWS rows
// and TERN_CPU_MATRIX_TILES tiles; groups are of whole steps. A panel has more columns side by
// side, [steps][rows][TERN_CPU_MATRIX_COLS], with any values in the padding of the last step.
typedef tern_cpu_gemv_t2_fn tern_cpu_matrix_t2_fn, tern_cpu_matrix_t5_fn;

// From sums to outputs: the epilogue of tern_ternary_matmul_desc for a tile's outputs of one row.
struct tern_cpu_scale_t2 {
    const int32_t *sums; // [groups], |sums_stride| apart, |tile| of each
    size_t sums_stride;
    const float *weight_scale; // [groups][tile]
    uint32_t tile;             // a multiple of 8
    uint32_t groups;
    uint32_t grouped;        // nonzero: TERN_SCALE_GROUP
    const int32_t *row_sums; // [groups] sums of the activations
    float act_scale;
    const float *bias;     // NULL: none
    const float *residual; // NULL: none
    uint32_t count;        // outputs to write, 1 to |tile|; bias and residual have no more
};

// |out| may be the residual.
typedef void tern_cpu_scale_t2_fn(const struct tern_cpu_scale_t2 *job, float *out);

// What one call of linear_* multiplies: a tile of |tile| rows of weights by rows of activations,
// rounded already as the type of the weights wants: sums[row][i] for row i of the tile. x and f32
// weights are 32-aligned.
struct tern_cpu_linear {
    const uint8_t *tile;
    size_t row_bytes;       // from one row of the tile to the next
    const uint16_t *scales; // q8_0: float16, [row of the tile][cols / TERN_CPU_Q8_COLS]
    const float *x;         // [rows][cols]
    uint32_t cols;          // a multiple of TERN_CPU_DENSE_PAD
    uint32_t rows;          // 1 to TERN_CPU_LINEAR_ROWS
    const uint8_t *ahead;   // a tile that is needed soon, or any address: may be prefetched
};
typedef void tern_cpu_linear_f32_fn(const struct tern_cpu_linear *job, float *sums);
typedef tern_cpu_linear_f32_fn tern_cpu_linear_f16_fn, tern_cpu_linear_bf16_fn,
    tern_cpu_linear_q8_0_fn;

// Conversions of |n| elements, as tern_copy_desc says; to f32 flushed. round_f16 is the nearest
// float16 as a float32, in place.
typedef void tern_cpu_round_f16_fn(const float *x, uint32_t n, float *out);
typedef void tern_cpu_f16_from_f32_fn(const float *x, uint32_t n, uint16_t *out);
typedef void tern_cpu_f32_from_f16_fn(const uint16_t *x, uint32_t n, float *out);
typedef void tern_cpu_bf16_from_f32_fn(const float *x, uint32_t n, uint16_t *out);
typedef void tern_cpu_f32_from_bf16_fn(const uint16_t *x, uint32_t n, float *out);

// One row of the op of that name; in place. |weight| and |bias| may be
// NULL.
typedef void tern_cpu_rms_norm_fn(const float *x, uint32_t k, const float *weight, float eps,
                                  float *out);
typedef void tern_cpu_layer_norm_fn(const float *x, uint32_t k, const float *weight,
                                    const float *bias, float eps, float *out);
typedef void tern_cpu_softmax_fn(const float *x, uint32_t k, float *out);
typedef uint32_t tern_cpu_argmax_fn(const float *x, uint32_t k);

// One head of the op rotary: x and out of head_dim elements, |table| a row of it; in place.
struct tern_cpu_rotary {
    const float *table;
    uint32_t dims;
    uint32_t head_dim;
    uint32_t pairs;
};
typedef void tern_cpu_rotary_fn(const struct tern_cpu_rotary *job, const float *x, float *out);

// Elementwise ops; in place.
typedef void tern_cpu_add_fn(const float *a, const float *b, uint32_t n, float *out);
typedef void tern_cpu_mul_fn(const float *a, const float *b, uint32_t n, float *out);
typedef void tern_cpu_scale_fn(const float *x, float factor, uint32_t n, float *out);
typedef void tern_cpu_activation_fn(const float *x, tern_activation kind, uint32_t n, float *out);
// |limit| is the largest float where there is none.
typedef void tern_cpu_gated_fn(const float *gate, const float *up, tern_activation kind,
                               float limit, uint32_t n, float *out);

// One row of the op combine; in place of the residual, which may be NULL.
struct tern_cpu_combine {
    const float *x; // [slots][n]
    const float *weights;
    uint32_t slots;
    const float *residual;
};
typedef void tern_cpu_combine_fn(const struct tern_cpu_combine *job, uint32_t n, float *out);

// state = out = flush(flush(f * state) + in); |out| may be |f| or |in|, |state| neither.
typedef void tern_cpu_recurrence_fn(const float *f, const float *in, uint32_t n, float *state,
                                    float *out);

// x[i] = exp(x[i] * scale - m), where m is the largest x[i] * scale; returns m.
typedef float tern_cpu_exp_scaled_fn(float *x, uint32_t n, float scale);

// Query heads that one call of an attend kernel takes at most.
enum { TERN_CPU_ATTEND_QUERIES = 4 };

// Attention of the query heads that share a key head, within one block of positions: |count| <= 64
// rows of a cache.
struct tern_cpu_attend {
    const void *rows;  // f16, f32, or i8 with each row's scale behind its |dim| elements
    const void *ahead; // TERN_KV_BLOCK rows that are needed soon, or any address: may be prefetched
    size_t stride;     // elements
    uint32_t count;
    uint32_t dim;
    uint32_t queries; // 1 to TERN_CPU_ATTEND_QUERIES
    size_t x_stride;  // from one query head to the next, here and below
    size_t out_stride;
};

// For every query head, |x| and |out| that head's:
// keys: out[j] = sum_d(x[d] * row_j[d]) by rule 4, |x| a query rounded as the cache is.
// values: out[d] = flush(x[0] * row_0[d] + x[1] * row_1[d] + ...), the sum ascending from +0, |x|
// probabilities.
// Of i8, keys gives each sum times the row's scale, and values leaves the scales alone: weights
// makes |x| of probabilities, in place: out[j] = r16(x[j] * scale_j).
typedef void tern_cpu_attend_keys_f32_fn(const struct tern_cpu_attend *job, const float *x,
                                         float *out);
typedef tern_cpu_attend_keys_f32_fn tern_cpu_attend_keys_f16_fn, tern_cpu_attend_values_f32_fn,
    tern_cpu_attend_values_f16_fn, tern_cpu_attend_keys_i8_fn, tern_cpu_attend_weights_i8_fn,
    tern_cpu_attend_values_i8_fn;

// What a level can do at most, for tern_device_measure. A read sums |bytes|, a multiple of 512, as
// 64-bit words, each time asking for what lies |ahead| bytes later (0: not), be it past the end.
typedef uint64_t tern_cpu_read_fn(const uint8_t *data, size_t bytes, size_t ahead);

// A peak multiplies and adds in registers, TERN_CPU_PEAK_TIMES times a round: it returns |rounds| *
// TERN_CPU_PEAK_TIMES times the product of two vectors, wrapped to 32 bits; codes are 0 to 2, and
// floats such that all sums are exact. |step| is 0, which no compiler knows: it may not keep a
// product from one time to the next. With a tile, that many rows of codes meet as many of
// activations, all the same.
enum { TERN_CPU_PEAK_TIMES = 24, TERN_CPU_PEAK_I8 = 64, TERN_CPU_PEAK_F32 = 16 };
typedef int32_t tern_cpu_peak_i8_fn(const uint8_t *codes, const int8_t *q, uint32_t rounds,
                                    size_t step);
typedef float tern_cpu_peak_f32_fn(const float *x, const float *y, uint32_t rounds, size_t step);

// Declares every kernel: tern_cpu_<slot>__<level>.
#define TERN_CPU_SCALAR(slot, tile) tern_cpu_##slot##_fn tern_cpu_##slot##__scalar;
#define TERN_CPU_SIMD(slot, isa, tile) tern_cpu_##slot##_fn tern_cpu_##slot##__##isa;
#include "backends/cpu/kernels/kernels.inc"

// The kernels of a device. |tile| travels with the pointer, because weights are packed for it.
struct tern_cpu_kernels {
#define TERN_CPU_SCALAR(slot, tile) TERN_CPU_NO_SCALAR(slot)
#define TERN_CPU_NO_SCALAR(slot)                                                                   \
    struct {                                                                                       \
        tern_cpu_##slot##_fn *fn;                                                                  \
        uint32_t tile_rows;                                                                        \
        enum tern_cpu_level level;                                                                 \
    } slot;
#include "backends/cpu/kernels/kernels.inc"
};

// Picks for each slot the best kernel that |levels| allow.
void tern_cpu_kernels_init(struct tern_cpu_kernels *kernels, tern_cpu_levels levels);

#endif
