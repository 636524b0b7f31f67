#include "backends/vulkan/shaders.h"

#include "shaders/vulkan/arrays.inc"

const tern_vk_module tern_vk_modules[TERN_VK_SHADER_COUNT] = {
#define TERN_VK_SHADER(name) {#name, words_##name, sizeof words_##name},
#include "shaders/vulkan/index.inc"
#undef TERN_VK_SHADER
};
