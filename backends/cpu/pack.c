#include "backends/cpu/pack.h"

#include <string.h>

#include "backends/common/sizes.h"
#include "backends/cpu/kernels/kernels.h"
#include "backends/cpu/kernels/t5.h"

// A canonical block of q8_0: the scale, then the codes.
enum { SCALE_BYTES = 2, Q8_BLOCK = SCALE_BYTES + TERN_CPU_Q8_COLS };

static uint64_t row_scale_bytes(uint64_t cols) {
    return cols / TERN_CPU_Q8_COLS * SCALE_BYTES;
}

static uint64_t row_bytes(tern_dtype dtype, uint64_t cols) {
    switch (dtype) {
    case TERN_DTYPE_T2:
        return (cols + 3) / 4;
    case TERN_DTYPE_F32:
        return 4 * cols;
    case TERN_DTYPE_Q8_0:
        return (cols + TERN_CPU_Q8_COLS - 1) / TERN_CPU_Q8_COLS * Q8_BLOCK;
    default:
        return tern_round_up(2 * cols, 4); // f16, bf16
    }
}

struct tern_cpu_layout tern_cpu_layout_make(const tern_weights_info *info, uint32_t tile_rows,
                                            bool fives) {
    uint32_t pad = info->dtype != TERN_DTYPE_T2 ? TERN_CPU_DENSE_PAD
                   : fives                      ? TERN_CPU_T5_BLOCKS * TERN_CPU_T2_BLOCK
                                                : TERN_CPU_T2_BLOCK;
    struct tern_cpu_layout layout = {.dtype = info->dtype,
                                     .rows = info->rows,
                                     .cols = info->cols,
                                     .tile_rows = tile_rows,
                                     .fives = fives};
    layout.tiles = (uint32_t)(tern_round_up(info->rows, tile_rows) / tile_rows);
    layout.padded_cols = (uint32_t)tern_round_up(info->cols, pad);
    layout.canonical_bytes = row_bytes(info->dtype, info->cols);
    layout.row_bytes = fives ? layout.padded_cols / 5 : row_bytes(info->dtype, layout.padded_cols);
    if (info->dtype == TERN_DTYPE_Q8_0) {
        layout.row_bytes = layout.padded_cols;
        layout.scale_bytes = tern_round_up(tile_rows * row_scale_bytes(layout.padded_cols), 64);
    }
    layout.tile_bytes = layout.scale_bytes + layout.row_bytes * tile_rows;
    return layout;
}

bool tern_cpu_layout_size(const struct tern_cpu_layout *layout, size_t *out_size) {
    // Fewer than 2^32 rows of fewer than 2^26 bytes cannot overflow 64 bits.
    uint64_t size = layout->tile_bytes * layout->tiles;
    *out_size = (size_t)size;
    return size <= SIZE_MAX / 2;
}

// Swaps b and s of bits 8b + 2s: a 4 x 4 matrix of 2-bit codes, transposed. Its own inverse.
static uint32_t transpose(uint32_t word) {
    uint32_t swap = (word ^ word >> 6) & 0x00cc00ccu;
    word ^= swap ^ swap << 6;
    swap = (word ^ word >> 12) & 0x0000f0f0u;
    return word ^ swap ^ swap << 12;
}

// Of the first word of a row.
static size_t t2_offset(const struct tern_cpu_layout *layout, uint32_t row) {
    uint64_t tile = row / layout->tile_rows;
    return (size_t)(tile * layout->tile_bytes) + 4 * (row % layout->tile_rows);
}

static void pack_t2(const struct tern_cpu_layout *layout, uint8_t *packed, uint32_t row,
                    const uint8_t *canonical) {
    uint8_t *to = packed + t2_offset(layout, row);
    for (uint32_t col = 0; col < layout->cols; col += TERN_CPU_T2_BLOCK) {
        uint32_t left = layout->cols - col;
        uint32_t word = 0;
        for (uint32_t i = 0; i < 4 && 4 * i < left; i++) {
            word |= (uint32_t)canonical[col / 4 + i] << 8 * i;
        }
        if (left < TERN_CPU_T2_BLOCK) {
            word &= (1u << 2 * left) - 1;
        }
        word = transpose(word);
        memcpy(to, &word, sizeof word);
        to += 4 * (size_t)layout->tile_rows;
    }
}

static void unpack_t2(const struct tern_cpu_layout *layout, const uint8_t *packed, uint32_t row,
                      uint8_t *canonical) {
    const uint8_t *from = packed + t2_offset(layout, row);
    for (uint32_t col = 0; col < layout->cols; col += TERN_CPU_T2_BLOCK) {
        uint32_t left = layout->cols - col;
        uint32_t word;
        memcpy(&word, from, sizeof word);
        word = transpose(word);
        if (left < TERN_CPU_T2_BLOCK) {
            word |= 0x55555555u << 2 * left; // weights of zero
        }
        for (uint32_t i = 0; i < 4 && 4 * i < left; i++) {
            canonical[col / 4 + i] = (uint8_t)(word >> 8 * i);
        }
        from += 4 * (size_t)layout->tile_rows;
    }
}

static uint8_t code_at(const uint8_t *canonical, uint32_t cols, uint32_t col) {
    return col < cols ? canonical[col / 4] >> 2 * (col % 4) & 3 : 0;
}

static void pack_t5(const struct tern_cpu_layout *layout, uint8_t *packed, uint32_t row,
                    const uint8_t *canonical) {
    uint8_t *to = packed + t2_offset(layout, row);
    for (uint32_t col = 0; col < layout->cols; col += TERN_CPU_T5_COLS) {
        for (uint32_t b = 0; b < 4; b++) {
            uint8_t codes[5];
            for (uint32_t n = 0; n < 5; n++) {
                codes[n] = code_at(canonical, layout->cols, col + 4 * n + b);
            }
            to[b] = tern_cpu_t5_make(codes);
        }
        to += 4 * (size_t)layout->tile_rows;
    }
}

static void unpack_t5(const struct tern_cpu_layout *layout, const uint8_t *packed, uint32_t row,
                      uint8_t *canonical) {
    const uint8_t *from = packed + t2_offset(layout, row);
    memset(canonical, 0x55, (size_t)layout->canonical_bytes); // weights of zero
    for (uint32_t col = 0; col < layout->cols; col += TERN_CPU_T5_COLS) {
        for (uint32_t b = 0; b < 4; b++) {
            uint8_t codes[5];
            tern_cpu_t5_codes(from[b], codes);
            for (uint32_t n = 0; n < 5 && col + 4 * n + b < layout->cols; n++) {
                uint32_t at = col + 4 * n + b;
                canonical[at / 4] ^= (uint8_t)((codes[n] ^ 1) << 2 * (at % 4));
            }
        }
        from += 4 * (size_t)layout->tile_rows;
    }
}

// Where the parts of a row of q8_0 are, from the first byte of all tiles.
struct q8_row {
    size_t scales;
    size_t codes;
};

static struct q8_row q8_row_at(const struct tern_cpu_layout *layout, uint32_t row) {
    uint64_t tile = row / layout->tile_rows * layout->tile_bytes;
    uint64_t in_tile = row % layout->tile_rows;
    return (struct q8_row){(size_t)(tile + in_tile * row_scale_bytes(layout->padded_cols)),
                           (size_t)(tile + layout->scale_bytes + in_tile * layout->row_bytes)};
}

static void pack_q8_0(const struct tern_cpu_layout *layout, uint8_t *packed, uint32_t row,
                      const uint8_t *canonical) {
    struct q8_row at = q8_row_at(layout, row);
    for (uint64_t block = 0; block < layout->canonical_bytes / Q8_BLOCK; block++) {
        const uint8_t *from = canonical + block * Q8_BLOCK;
        memcpy(packed + at.scales + block * SCALE_BYTES, from, SCALE_BYTES);
        for (uint32_t i = 0; i < TERN_CPU_Q8_COLS; i++) {
            packed[at.codes + block * TERN_CPU_Q8_COLS + i] =
                from[SCALE_BYTES + i] ^ TERN_CPU_Q8_ZERO;
        }
    }
}

static void unpack_q8_0(const struct tern_cpu_layout *layout, const uint8_t *packed, uint32_t row,
                        uint8_t *canonical) {
    struct q8_row at = q8_row_at(layout, row);
    for (uint64_t block = 0; block < layout->canonical_bytes / Q8_BLOCK; block++) {
        uint8_t *to = canonical + block * Q8_BLOCK;
        memcpy(to, packed + at.scales + block * SCALE_BYTES, SCALE_BYTES);
        for (uint32_t i = 0; i < TERN_CPU_Q8_COLS; i++) {
            to[SCALE_BYTES + i] =
                packed[at.codes + block * TERN_CPU_Q8_COLS + i] ^ TERN_CPU_Q8_ZERO;
        }
    }
}

void tern_cpu_pack_row(const struct tern_cpu_layout *layout, uint8_t *packed, uint32_t row,
                       const uint8_t *canonical) {
    if (layout->fives) {
        pack_t5(layout, packed, row, canonical);
    } else if (layout->dtype == TERN_DTYPE_T2) {
        pack_t2(layout, packed, row, canonical);
    } else if (layout->dtype == TERN_DTYPE_Q8_0) {
        pack_q8_0(layout, packed, row, canonical);
    } else {
        memcpy(packed + row * layout->row_bytes, canonical, (size_t)layout->canonical_bytes);
    }
}

void tern_cpu_unpack_row(const struct tern_cpu_layout *layout, const uint8_t *packed, uint32_t row,
                         uint8_t *canonical) {
    if (layout->fives) {
        unpack_t5(layout, packed, row, canonical);
    } else if (layout->dtype == TERN_DTYPE_T2) {
        unpack_t2(layout, packed, row, canonical);
    } else if (layout->dtype == TERN_DTYPE_Q8_0) {
        unpack_q8_0(layout, packed, row, canonical);
    } else {
        memcpy(canonical, packed + row * layout->row_bytes, (size_t)layout->canonical_bytes);
    }
}
