// The compiled shaders, and the push constants they take: each struct mirrors the block of that
// name in its shaders/vulkan/<op>.comp.
#ifndef TERN_BACKENDS_VULKAN_SHADERS_H_
#define TERN_BACKENDS_VULKAN_SHADERS_H_

#include <stddef.h>
#include <stdint.h>

typedef enum tern_vk_shader {
#define TERN_VK_SHADER(name) TERN_VK_SHADER_##name,
#include "shaders/vulkan/index.inc"
#undef TERN_VK_SHADER
    TERN_VK_SHADER_COUNT
} tern_vk_shader;

typedef struct tern_vk_module {
    const char *name;
    const uint32_t *words;
    size_t size; // bytes
} tern_vk_module;

extern const tern_vk_module tern_vk_modules[TERN_VK_SHADER_COUNT];

// A push constant block may have this many bytes on every device.
#define TERN_VK_PUSH_MAX 128

typedef struct tern_vk_view {
    uint32_t offset; // words
    uint32_t stride; // words from row to row
} tern_vk_view;

typedef struct tern_vk_rows {
    uint32_t count;
    uint32_t live; // 0: all; else 1 + word of binding 0
} tern_vk_rows;

typedef struct tern_vk_cache {
    uint32_t offset;
    uint32_t block_stride;
    uint32_t head_stride;
    uint32_t place_stride;
} tern_vk_cache;

typedef struct tern_vk_blocks {
    uint32_t positions;
    uint32_t sequences;
    uint32_t sequence_count;
    uint32_t table;
    uint32_t table_stride;
    uint32_t width;
    uint32_t count;
} tern_vk_blocks;

typedef struct tern_vk_ternary {
    uint32_t words;
    uint32_t groups;
    uint32_t group_words;
    float scale;
} tern_vk_ternary;

typedef struct tern_vk_matrix {
    uint32_t outputs;
    float scale;
    uint32_t bias; // 0: none; else 1 + offset
    uint32_t result;
} tern_vk_matrix;

#define TERN_VK_PUSH(name, bytes, members)                                                         \
    typedef struct tern_vk_push_##name {                                                           \
        tern_vk_rows rows;                                                                         \
        members                                                                                    \
    } tern_vk_push_##name;                                                                         \
    _Static_assert(sizeof(tern_vk_push_##name) == (bytes) && (bytes) <= TERN_VK_PUSH_MAX,          \
                   "push constants of " #name);

TERN_VK_PUSH(unary, 32, uint32_t cols; tern_vk_view x; tern_vk_view result; float factor;)
TERN_VK_PUSH(binary, 40, uint32_t cols; tern_vk_view a; tern_vk_view b; tern_vk_view result;
             float limit;)
TERN_VK_PUSH(rms_norm, 44, uint32_t cols; uint32_t heads; tern_vk_view x; tern_vk_view result;
             uint32_t weight; uint32_t has_weight; float eps;)
TERN_VK_PUSH(layer_norm, 44, uint32_t cols; tern_vk_view x; tern_vk_view result; uint32_t weight;
             uint32_t bias; uint32_t has; float eps;)
TERN_VK_PUSH(recurrence, 64, uint32_t first; uint32_t count; uint32_t cols; tern_vk_view f;
             tern_vk_view added; tern_vk_view state; tern_vk_view result; uint32_t positions;
             uint32_t sequences; uint32_t sequence_count;)
TERN_VK_PUSH(quantize_act, 36, uint32_t cols; tern_vk_view x; tern_vk_view q; uint32_t scale;
             uint32_t parts;)
TERN_VK_PUSH(argmax, 32, uint32_t cols; tern_vk_view x; uint32_t result; uint32_t positions;
             uint32_t has_positions;)
TERN_VK_PUSH(rotary, 52, uint32_t heads; uint32_t head_dim; uint32_t dims; uint32_t table_rows;
             tern_vk_view x; tern_vk_view table; tern_vk_view result; uint32_t positions;)
TERN_VK_PUSH(copy, 40, uint32_t cols; uint32_t x_rows; tern_vk_view x; tern_vk_view result;
             uint32_t picked; uint32_t has_picked;)
TERN_VK_PUSH(kv_append, 92, uint32_t heads; uint32_t head_dim; tern_vk_view k; tern_vk_view v;
             tern_vk_cache k_cache; tern_vk_cache v_cache; tern_vk_blocks blocks;)
TERN_VK_PUSH(attention, 96, uint32_t group; float scale; uint32_t window; tern_vk_view q;
             tern_vk_cache k_cache; tern_vk_cache v_cache; tern_vk_blocks blocks;
             tern_vk_view result;)
TERN_VK_PUSH(attention_join, 36, uint32_t positions; uint32_t places; uint32_t window;
             tern_vk_view parts; tern_vk_view result;)
TERN_VK_PUSH(rotary_append, 100, tern_vk_view q; tern_vk_view k; tern_vk_view v; tern_vk_view q_out;
             tern_vk_view k_out; uint32_t heads; uint32_t kv_heads; uint32_t angles;
             uint32_t angle_stride; uint32_t angle_rows; uint32_t positions; uint32_t sequences;
             uint32_t sequence_count; uint32_t table; uint32_t width; uint32_t k_cache;
             uint32_t v_cache; uint32_t count;)
TERN_VK_PUSH(bitlinear, 84, uint32_t cols; uint32_t x; uint32_t factors; uint32_t has_factors;
             float eps; uint32_t last; uint32_t written; tern_vk_matrix matrices[3];)
TERN_VK_PUSH(measure, 16, uint32_t count; uint32_t times;)
TERN_VK_PUSH(linear, 44, uint32_t cols; uint32_t outputs; uint32_t row_words; tern_vk_view x;
             tern_vk_view result; uint32_t bias; uint32_t has_bias;)
TERN_VK_PUSH(ternary_matmul, 72, uint32_t outputs; uint32_t q_words; tern_vk_ternary weights;
             tern_vk_view q; tern_vk_view residual; tern_vk_view result; uint32_t scale;
             uint32_t bias; uint32_t has_bias; uint32_t has_residual;)
TERN_VK_PUSH(embedding, 56, uint32_t cols; uint32_t total; uint32_t first; uint32_t count;
             uint32_t row_words; tern_vk_ternary ternary; uint32_t ids; tern_vk_view result;)
TERN_VK_PUSH(route, 60, uint32_t experts; uint32_t slots; uint32_t sigmoid; uint32_t normalise;
             float scale; tern_vk_view x; uint32_t bias; uint32_t has_bias; tern_vk_view ids;
             tern_vk_view weights;)
TERN_VK_PUSH(expert_bitlinear, 80, uint32_t slots; uint32_t sharing; uint32_t experts;
             uint32_t outputs; uint32_t first; uint32_t count; uint32_t q_words;
             tern_vk_ternary weights; tern_vk_view q; tern_vk_view ids; tern_vk_view result;
             uint32_t scale;)
TERN_VK_PUSH(combine, 52, uint32_t cols; uint32_t slots; tern_vk_view x; tern_vk_view weights;
             tern_vk_view residual; tern_vk_view result; uint32_t has_residual;)

#endif
