// How matrices lie in device memory, as linear.comp, ternary_matmul.comp and embedding.comp read
// them. Dense rows follow each other in whole words; q8_0 blocks are nine words, d and then q; t2
// rows are interleaved in tiles of 64.
#ifndef TERN_BACKENDS_VULKAN_PACK_H_
#define TERN_BACKENDS_VULKAN_PACK_H_

#include <tern/weights.h>

// Rows of a tile of ternary weights.
#define TERN_VK_TILE 64

typedef struct tern_vk_layout {
    tern_dtype dtype;
    uint32_t unit;       // rows that lie together: TERN_VK_TILE for t2, else 1
    uint32_t row_words;  // words of a row's codes
    uint32_t row_scales; // scales of a row: 0, 1 or its groups
    uint64_t row_bytes;  // of canonical codes
} tern_vk_layout;

tern_vk_layout tern_vk_layout_of(const tern_weights_info *info);

// |count| canonical rows to device words and back; a multiple of the unit, but for a matrix's last
// rows, after which |words| still has room for a whole unit.
void tern_vk_pack_codes(const tern_vk_layout *layout, uint32_t count, const void *codes,
                        uint32_t *words);
void tern_vk_unpack_codes(const tern_vk_layout *layout, uint32_t count, const uint32_t *words,
                          void *codes);
void tern_vk_pack_scales(const tern_vk_layout *layout, uint32_t count, const float *scales,
                         float *packed);
void tern_vk_unpack_scales(const tern_vk_layout *layout, uint32_t count, const float *packed,
                           float *scales);

#endif
