#include "backends/vulkan/pack.h"

#include <string.h>

enum { Q8_BYTES = 34, Q8_WORDS = 9 };

static uint64_t round_up(uint64_t value, uint64_t unit) {
    return (value + unit - 1) / unit * unit;
}

tern_vk_layout tern_vk_layout_of(const tern_weights_info *info) {
    uint64_t cols = info->cols;
    tern_vk_layout layout = {.dtype = info->dtype, .unit = 1};
    switch (info->dtype) {
    case TERN_DTYPE_T2:
        layout.unit = TERN_VK_TILE;
        layout.row_bytes = (cols + 3) / 4;
        layout.row_words = (uint32_t)((cols + 15) / 16);
        break;
    case TERN_DTYPE_Q8_0:
        layout.row_bytes = (cols + 31) / 32 * Q8_BYTES;
        layout.row_words = (uint32_t)((cols + 31) / 32 * Q8_WORDS);
        break;
    case TERN_DTYPE_F32:
        layout.row_bytes = 4 * cols;
        layout.row_words = info->cols;
        break;
    default:
        layout.row_bytes = round_up(2 * cols, 4);
        layout.row_words = (uint32_t)((cols + 1) / 2);
        break;
    }
    if (info->scale_kind == TERN_SCALE_ROW) {
        layout.row_scales = 1;
    } else if (info->scale_kind == TERN_SCALE_GROUP) {
        layout.row_scales = (info->cols + info->group_size - 1) / info->group_size;
    }
    return layout;
}

// Exchanges the fields of 2 bits at 8 s + 2 j and 8 j + 2 s: a transposition, its own inverse.
static uint32_t transpose_codes(uint32_t word) {
    uint32_t swap = ((word >> 6) ^ word) & 0x00cc00ccu;
    word ^= swap ^ (swap << 6);
    swap = ((word >> 12) ^ word) & 0x0000f0f0u;
    return word ^ swap ^ (swap << 12);
}

// Word |w| of a canonical row of |bytes| bytes; what lies past its end is code 1, weight 0.
static uint32_t load_codes(const unsigned char *row, uint64_t bytes, uint32_t w) {
    uint32_t word = 0;
    for (uint32_t i = 0; i < 4; i++) {
        uint64_t at = 4 * (uint64_t)w + i;
        word |= (uint32_t)(at < bytes ? row[at] : 0x55) << 8 * i;
    }
    return word;
}

static void pack_t2(const tern_vk_layout *layout, uint32_t count, const unsigned char *codes,
                    uint32_t *words) {
    for (uint32_t n = 0; n < count; n++) {
        const unsigned char *row = codes + n * layout->row_bytes;
        uint32_t *tile = words + (size_t)(n / TERN_VK_TILE) * layout->row_words * TERN_VK_TILE;
        for (uint32_t w = 0; w < layout->row_words; w++) {
            tile[(size_t)w * TERN_VK_TILE + n % TERN_VK_TILE] =
                transpose_codes(load_codes(row, layout->row_bytes, w));
        }
    }
}

static void unpack_t2(const tern_vk_layout *layout, uint32_t count, const uint32_t *words,
                      unsigned char *codes) {
    for (uint32_t n = 0; n < count; n++) {
        unsigned char *row = codes + n * layout->row_bytes;
        const uint32_t *tile =
            words + (size_t)(n / TERN_VK_TILE) * layout->row_words * TERN_VK_TILE;
        for (uint64_t at = 0; at < layout->row_bytes; at++) {
            uint32_t word = tile[(size_t)(at / 4) * TERN_VK_TILE + n % TERN_VK_TILE];
            row[at] = (unsigned char)(transpose_codes(word) >> 8 * (at % 4));
        }
    }
}

static void pack_q8(const tern_vk_layout *layout, uint32_t count, const unsigned char *codes,
                    uint32_t *words) {
    size_t blocks = (size_t)count * (layout->row_words / Q8_WORDS);
    for (size_t b = 0; b < blocks; b++) {
        const unsigned char *from = codes + b * Q8_BYTES;
        words[b * Q8_WORDS] = (uint32_t)from[0] | (uint32_t)from[1] << 8;
        memcpy(words + b * Q8_WORDS + 1, from + 2, 32);
    }
}

static void unpack_q8(const tern_vk_layout *layout, uint32_t count, const uint32_t *words,
                      unsigned char *codes) {
    size_t blocks = (size_t)count * (layout->row_words / Q8_WORDS);
    for (size_t b = 0; b < blocks; b++) {
        unsigned char *to = codes + b * Q8_BYTES;
        to[0] = (unsigned char)words[b * Q8_WORDS];
        to[1] = (unsigned char)(words[b * Q8_WORDS] >> 8);
        memcpy(to + 2, words + b * Q8_WORDS + 1, 32);
    }
}

void tern_vk_pack_codes(const tern_vk_layout *layout, uint32_t count, const void *codes,
                        uint32_t *words) {
    if (layout->dtype == TERN_DTYPE_T2) {
        pack_t2(layout, count, codes, words);
    } else if (layout->dtype == TERN_DTYPE_Q8_0) {
        pack_q8(layout, count, codes, words);
    } else {
        memcpy(words, codes, (size_t)(count * layout->row_bytes));
    }
}

void tern_vk_unpack_codes(const tern_vk_layout *layout, uint32_t count, const uint32_t *words,
                          void *codes) {
    if (layout->dtype == TERN_DTYPE_T2) {
        unpack_t2(layout, count, words, codes);
    } else if (layout->dtype == TERN_DTYPE_Q8_0) {
        unpack_q8(layout, count, words, codes);
    } else {
        memcpy(codes, words, (size_t)(count * layout->row_bytes));
    }
}

static size_t scale_index(const tern_vk_layout *layout, uint32_t n, uint32_t g) {
    return ((size_t)(n / TERN_VK_TILE) * layout->row_scales + g) * TERN_VK_TILE + n % TERN_VK_TILE;
}

void tern_vk_pack_scales(const tern_vk_layout *layout, uint32_t count, const float *scales,
                         float *packed) {
    for (uint32_t n = 0; n < count; n++) {
        for (uint32_t g = 0; g < layout->row_scales; g++) {
            packed[scale_index(layout, n, g)] = scales[(size_t)n * layout->row_scales + g];
        }
    }
}

void tern_vk_unpack_scales(const tern_vk_layout *layout, uint32_t count, const float *packed,
                           float *scales) {
    for (uint32_t n = 0; n < count; n++) {
        for (uint32_t g = 0; g < layout->row_scales; g++) {
            scales[(size_t)n * layout->row_scales + g] = packed[scale_index(layout, n, g)];
        }
    }
}
