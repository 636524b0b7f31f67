// How matrices lie in device memory: words of 64 rows interleaved, as ternary_matmul.comp and
// include/dense.glsl describe.
#ifndef TERN_BACKENDS_VULKAN_PACK_H_
#define TERN_BACKENDS_VULKAN_PACK_H_

#include <tern/weights.h>

// Rows of a tile.
#define TERN_VK_TILE 64

typedef struct tern_vk_layout {
    tern_dtype dtype;
    uint32_t row_words;  // words of a row's codes
    uint32_t row_scales; // scales of a row: 0, 1 or its groups
    uint64_t row_bytes;  // of canonical codes
} tern_vk_layout;

tern_vk_layout tern_vk_layout_of(const tern_weights_info *info);

// |count| canonical rows, the first that of a tile, to device words and back. |words| and |packed|
// have room for whole tiles.
void tern_vk_pack_codes(const tern_vk_layout *layout, uint32_t count, const void *codes,
                        uint32_t *words);
void tern_vk_unpack_codes(const tern_vk_layout *layout, uint32_t count, const uint32_t *words,
                          void *codes);
void tern_vk_pack_scales(const tern_vk_layout *layout, uint32_t count, const float *scales,
                         float *packed);
void tern_vk_unpack_scales(const tern_vk_layout *layout, uint32_t count, const float *packed,
                           float *scales);

#endif
