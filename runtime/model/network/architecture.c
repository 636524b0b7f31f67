#include "runtime/model/network/architecture.h"

#include <string.h>

#include <tern/model.h>

#include "runtime/model/files/hf_rules.h"

enum {
    QWEN3_MOE = TERN__HEAD_NORMS | TERN__EXPERTS,
    GEMMA3 = TERN__HEAD_NORMS | TERN__POST_NORMS | TERN__SCALED_EMBEDDING,
    MAPLE = TERN__HEAD_NORMS | TERN__EXPERTS | TERN__WINDOWED_TURN,
    HGRN_BIT = TERN__RECURRENT | TERN__JOINT_GATE,

    SILU = TERN_ACTIVATION_SILU,
    RELU2 = TERN_ACTIVATION_RELU2,
    GELU_TANH = TERN_ACTIVATION_GELU_TANH,
    HALF_SPLIT = TERN_ROTARY_HALF_SPLIT,
    INTERLEAVED = TERN_ROTARY_INTERLEAVED
};

static const tern__architecture architectures[] = {
    {"bitnet", TERN__SUB_NORMS, SILU, HALF_SPLIT, 0, 0.0, 0.0f},
    // The published 2B-4T files have no key for their gate (formats: relu squared all the same).
    {"bitnet-b1.58", TERN__SUB_NORMS, RELU2, HALF_SPLIT, 0, 0.0, 0.0f},
    {"bitnet-25", TERN__SUB_NORMS, RELU2, HALF_SPLIT, 0, 0.0, 0.0f},
    {"llama", 0, SILU, INTERLEAVED, 0, 0.0, 0.0f},
    {"qwen2", 0, SILU, HALF_SPLIT, 0, 0.0, 0.0f},
    {"qwen3", TERN__HEAD_NORMS, SILU, HALF_SPLIT, 0, 0.0, 0.0f},
    {"qwen3moe", QWEN3_MOE, SILU, HALF_SPLIT, 0, 0.0, 0.0f},
    {"gemma3", GEMMA3, GELU_TANH, HALF_SPLIT, 6, 10000.0, 0.0f},
    {"maple", MAPLE, SILU, HALF_SPLIT, 4, 0.0, 7.0f},
    {"hgrn-bit", HGRN_BIT, SILU, HALF_SPLIT, 0, 0.0, 0.0f},
};

enum { COUNT = sizeof architectures / sizeof architectures[0] };

const tern__architecture *tern__architecture_find(const char *name) {
    for (size_t i = 0; i < COUNT; i++) {
        if (strcmp(architectures[i].name, name) == 0) {
            return &architectures[i];
        }
    }
    return NULL;
}

const char *tern_architecture_name(uint32_t index) {
    const tern__hf_family *family = index < COUNT ? NULL : tern__hf_family_at(index - COUNT);
    return index < COUNT ? architectures[index].name : family ? family->class_name : NULL;
}
