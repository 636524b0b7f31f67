#include "backends/vulkan/pack.h"

#include "backends/common/sizes.h"

#include <stdbool.h>

enum { Q8_BYTES = 34, Q8_WORDS = 9, ZERO_CODES = 0x55 };

tern_vk_layout tern_vk_layout_of(const tern_weights_info *info) {
    uint64_t cols = info->cols;
    tern_vk_layout layout = {.dtype = info->dtype};
    switch (info->dtype) {
    case TERN_DTYPE_T2:
        layout.row_bytes = (cols + 3) / 4;
        layout.row_words = (uint32_t)((cols + 15) / 16);
        break;
    case TERN_DTYPE_Q8_0:
        layout.row_bytes = (cols + 31) / 32 * Q8_BYTES;
        layout.row_words = (uint32_t)((cols + 31) / 32 * Q8_WORDS);
        break;
    case TERN_DTYPE_F32:
        layout.row_bytes = 4 * cols;
        layout.row_words = (uint32_t)tern_round_up(cols, 2);
        break;
    default:
        layout.row_bytes = tern_round_up(2 * cols, 4);
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

// Where word |w| of a canonical row begins, and how many of its bytes the row has; the rest is
// filled up.
typedef struct word_place {
    uint64_t at;
    uint32_t bytes;
} word_place;

static word_place place_of(const tern_vk_layout *layout, uint32_t w) {
    if (layout->dtype == TERN_DTYPE_Q8_0) {
        uint64_t block = (uint64_t)(w / Q8_WORDS) * Q8_BYTES;
        uint32_t rest = w % Q8_WORDS;
        return rest ? (word_place){block + 4 * rest - 2, 4} : (word_place){block, 2};
    }
    uint64_t at = 4 * (uint64_t)w;
    uint64_t left = at < layout->row_bytes ? layout->row_bytes - at : 0;
    return (word_place){at, left < 4 ? (uint32_t)left : 4};
}

static uint32_t load_word(const tern_vk_layout *layout, const unsigned char *row, uint32_t w) {
    word_place place = place_of(layout, w);
    bool ternary = layout->dtype == TERN_DTYPE_T2;
    uint32_t word = 0;
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t filler = ternary ? ZERO_CODES : 0;
        word |= (i < place.bytes ? row[place.at + i] : filler) << 8 * i;
    }
    return ternary ? transpose_codes(word) : word;
}

static void store_word(const tern_vk_layout *layout, unsigned char *row, uint32_t w,
                       uint32_t word) {
    word_place place = place_of(layout, w);
    word = layout->dtype == TERN_DTYPE_T2 ? transpose_codes(word) : word;
    for (uint32_t i = 0; i < place.bytes; i++) {
        row[place.at + i] = (unsigned char)(word >> 8 * i);
    }
}

static size_t word_index(const tern_vk_layout *layout, uint32_t n, uint32_t w) {
    return ((size_t)(n / TERN_VK_TILE) * layout->row_words + w) * TERN_VK_TILE + n % TERN_VK_TILE;
}

void tern_vk_pack_codes(const tern_vk_layout *layout, uint32_t count, const void *codes,
                        uint32_t *words) {
    for (uint32_t n = 0; n < count; n++) {
        const unsigned char *row = (const unsigned char *)codes + n * layout->row_bytes;
        for (uint32_t w = 0; w < layout->row_words; w++) {
            words[word_index(layout, n, w)] = load_word(layout, row, w);
        }
    }
}

void tern_vk_unpack_codes(const tern_vk_layout *layout, uint32_t count, const uint32_t *words,
                          void *codes) {
    for (uint32_t n = 0; n < count; n++) {
        unsigned char *row = (unsigned char *)codes + n * layout->row_bytes;
        for (uint32_t w = 0; w < layout->row_words; w++) {
            store_word(layout, row, w, words[word_index(layout, n, w)]);
        }
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
