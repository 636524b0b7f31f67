// How weights lie in memory: tiles of as many rows as a kernel takes in one call.
//
// Dense: rows one after the other, padded with zeros to TERN_CPU_DENSE_PAD columns, canonical but
// for that. q8_0: the scales of all rows of a tile, row after row, padded to |scale_bytes|, then
// their codes, row after row, each + TERN_CPU_Q8_ZERO.
//
// t2: blocks of TERN_CPU_T2_BLOCK columns; in a block one 32-bit word per row of the tile; in a
// word, bits 8b + 2s are the code of column 4s + b, so that shifting by 2s leaves the codes of four
// neighbouring columns in the low bits of four bytes:
//
//     tile   [block 0: row 0, row 1, ... row R-1][block 1: row 0, ...]...
//     word   bit 31     24 23     16 15      8 7       0
//            [15 11  7  3][14 10  6  2][13  9  5  1][12  8  4  0]      column of each code
//
// t5, a layout of t2 weights where |fives| is set: a word holds 20 columns, its byte b those of
// 4n + b, n = 0 to 4, as kernels/t5.h puts five in a byte. Rows are padded to 80 columns, which
// four words and five blocks hold.
//
// Codes are those of t2, 0 to 2; columns and rows of padding are code 0 and the kernels subtract
// only the activations that exist.
#ifndef TERN_BACKENDS_CPU_PACK_H_
#define TERN_BACKENDS_CPU_PACK_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tern/weights.h>

struct tern_cpu_layout {
    tern_dtype dtype;
    uint32_t rows;
    uint32_t cols;
    uint32_t tile_rows;
    bool fives;
    uint32_t tiles;
    uint32_t padded_cols;
    uint64_t canonical_bytes; // of one row
    uint64_t row_bytes;       // of one row in a tile; a t2 row is not in one piece
    uint64_t scale_bytes;     // before the rows of a tile, a multiple of 64; 0 but for q8_0
    uint64_t tile_bytes;
};

struct tern_cpu_layout tern_cpu_layout_make(const tern_weights_info *info, uint32_t tile_rows,
                                            bool fives);

// All tiles; false if they cannot be addressed.
bool tern_cpu_layout_size(const struct tern_cpu_layout *layout, size_t *out_size);

// Puts a canonical row into |packed|, which was zero; takes one out again, bit for bit.
void tern_cpu_pack_row(const struct tern_cpu_layout *layout, uint8_t *packed, uint32_t row,
                       const uint8_t *canonical);
void tern_cpu_unpack_row(const struct tern_cpu_layout *layout, const uint8_t *packed, uint32_t row,
                         uint8_t *canonical);

#endif
