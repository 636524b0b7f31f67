#include "runtime/model/architecture.h"

#include <stdio.h>
#include <string.h>

enum {
    BITNET = TERN__SUB_NORMS | TERN__TERNARY,
    GEMMA3 = TERN__HEAD_NORMS | TERN__POST_NORMS | TERN__SCALED_EMBEDDING
};

static const tern__architecture architectures[] = {
    {"bitnet", BITNET, TERN_ACTIVATION_SILU, TERN_ROTARY_HALF_SPLIT, 0, 0.0},
    // The published 2B-4T files have no key for their gate (formats: relu squared all the same).
    {"bitnet-b1.58", BITNET, TERN_ACTIVATION_RELU2, TERN_ROTARY_HALF_SPLIT, 0, 0.0},
    {"bitnet-25", BITNET, TERN_ACTIVATION_RELU2, TERN_ROTARY_HALF_SPLIT, 0, 0.0},
    {"llama", 0, TERN_ACTIVATION_SILU, TERN_ROTARY_INTERLEAVED, 0, 0.0},
    {"qwen2", 0, TERN_ACTIVATION_SILU, TERN_ROTARY_HALF_SPLIT, 0, 0.0},
    {"qwen3", TERN__HEAD_NORMS, TERN_ACTIVATION_SILU, TERN_ROTARY_HALF_SPLIT, 0, 0.0},
    {"gemma3", GEMMA3, TERN_ACTIVATION_GELU_TANH, TERN_ROTARY_HALF_SPLIT, 6, 10000.0},
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

void tern__architecture_list(char *out, size_t capacity) {
    size_t used = 0;
    for (size_t i = 0; i < COUNT && used < capacity; i++) {
        used += (size_t)snprintf(out + used, capacity - used, "%s%s", i ? ", " : "",
                                 architectures[i].name);
    }
}
