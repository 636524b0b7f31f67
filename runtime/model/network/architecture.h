// The networks that can run, one row of a table each: what the file's keys do not say.
//
// One more of the Llama kind is a row. What is new in it is a trait, with the rows of its tensors
// in layout.c and a line where forward_*.c appends its ops; tests/golden/ref_model.py says what it
// computes, and makes a small one.
#ifndef TERN_RUNTIME_MODEL_ARCHITECTURE_H_
#define TERN_RUNTIME_MODEL_ARCHITECTURE_H_

#include <tern/ops.h>

// All are decoders of the Llama kind (arXiv 2302.13971): norms in front, rotary positions, grouped
// heads, a gated unit. They differ in these:
enum {
    TERN__SUB_NORMS = 1 << 0,        // norms before attn_output and ffn_down (arXiv 2504.12285)
    TERN__HEAD_NORMS = 1 << 1,       // every head of q and k is normed before it turns
    TERN__POST_NORMS = 1 << 2,       // norms behind both halves of a layer, before they are added
    TERN__SCALED_EMBEDDING = 1 << 3, // by the square root of the width
    TERN__EXPERTS = 1 << 4,          // a few of many gated units, as a router says
    TERN__WINDOWED_TURN = 1 << 5,    // only windowed layers have rotary positions
    TERN__RECURRENT = 1 << 6,        // gated recurrences for attention (arXiv 2406.02528)
    TERN__JOINT_GATE = 1 << 7,       // gate and up are one matrix, the gate's rows first
    TERN__BARE = 1 << 8 // no norms but those of projections; of files, not of architectures
};

typedef struct tern__architecture {
    const char *name;      // general.architecture, and the prefix of its keys
    uint32_t traits;       // TERN__*
    tern_activation gate;  // where the file has no hidden_activation
    uint32_t rotary_pairs; // TERN_ROTARY_*, where it has no tern.rotary_pairs
    // Layers that attend to a window: all but every |window_period|-th, where the file has no
    // attention.sliding_window_pattern. 0: there are none.
    uint32_t window_period;
    double window_base; // of their rotary positions; 0: that of the others, stretched like them
    float gate_limit;   // tern_gated_desc.limit of experts, where the file has no swiglu_clamp_exp
} tern__architecture;

// NULL if there is none of that name.
const tern__architecture *tern__architecture_find(const char *name);

#endif
