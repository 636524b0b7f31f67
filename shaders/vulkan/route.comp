#version 450
#extension GL_GOOGLE_include_directive : require
// The router of a mixture of experts, as tern_route_desc says: for every slot the best of the
// experts that are left.
//
// bindings        0 params, 1 x, 2 bias, 3 ids, 4 weights
// push constants  Push (struct tern_vk_push_route)
// workgroup       64 invocations per row; y rows
#include "shaders/common/activation.h"
#include "shaders/vulkan/include/reduce.glsl"
#include "shaders/vulkan/include/rows.glsl"

layout(local_size_x = 64) in;

layout(std430, binding = 1) readonly buffer X {
    float x[];
};
layout(std430, binding = 2) readonly buffer Bias {
    float bias[];
};
layout(std430, binding = 3) writeonly buffer Ids {
    int ids[];
};
layout(std430, binding = 4) writeonly buffer Weights {
    float weights[];
};
layout(push_constant) uniform Push {
    Rows rows;
    uint experts;
    uint slots;
    uint sigmoid;
    uint normalise;
    float scale;
    View x;
    uint bias;
    uint has_bias;
    View ids;
    View weights;
}
push;

const uint MOST_EXPERTS = 1024u;
const uint MOST_SLOTS = 32u;

shared float scores[MOST_EXPERTS];
shared float choice[MOST_EXPERTS];
shared uint chosen[MOST_SLOTS];
shared float best_value[64];
shared uint best_index[64];

float exp_below(float value, float most) {
    precise float d = value - most;
    return t_exp(d);
}

// As softmax.comp, of at most one block.
void softmax(uint base) {
    uint lane = gl_LocalInvocationID.x;
    float most = x[base];
    for (uint e = lane; e < push.experts; e += 64u) {
        most = max(most, x[base + e]);
    }
    most = reduce_max(most);
    precise float partial = 0.0;
    for (uint e = lane; e < push.experts; e += 64u) {
        partial = partial + exp_below(x[base + e], most);
    }
    precise float total = 0.0;
    total = total + reduce_sum(partial);
    float inverse = t_divide(1.0, total);
    for (uint e = lane; e < push.experts; e += 64u) {
        precise float y = exp_below(x[base + e], most) * inverse;
        scores[e] = t_flush(y);
    }
}

void find_scores(uint base) {
    uint lane = gl_LocalInvocationID.x;
    if (push.sigmoid == 0u) {
        softmax(base);
    } else {
        for (uint e = lane; e < push.experts; e += 64u) {
            scores[e] = t_flush(t_sigmoid(x[base + e]));
        }
    }
    for (uint e = lane; e < push.experts; e += 64u) {
        precise float c = scores[e];
        if (push.has_bias != 0u) {
            c = c + bias[push.bias + e];
        }
        choice[e] = c;
    }
}

// Whether |e| comes after the one that was chosen last: less, or equal and a higher id. One past
// the last expert is before all.
bool is_left(uint e, uint last) {
    if (last == push.experts) {
        return true;
    }
    return choice[e] < choice[last] || (choice[e] == choice[last] && e > last);
}

// Of the invocation's own experts; of none, one past the last.
void find_best(uint lane, uint last) {
    float value = 0.0;
    uint index = push.experts;
    for (uint e = lane; e < push.experts; e += 64u) {
        if (is_left(e, last) && (index == push.experts || choice[e] > value)) {
            value = choice[e];
            index = e;
        }
    }
    best_value[lane] = value;
    best_index[lane] = index;
}

void keep_better(uint lane, uint other) {
    float v = best_value[other];
    uint i = best_index[other];
    bool none = best_index[lane] == push.experts;
    bool better = v > best_value[lane] || (v == best_value[lane] && i < best_index[lane]);
    if (i < push.experts && (none || better)) {
        best_value[lane] = v;
        best_index[lane] = i;
    }
}

void choose() {
    uint lane = gl_LocalInvocationID.x;
    uint last = push.experts;
    for (uint s = 0u; s < push.slots; s++) {
        barrier();
        find_best(lane, last);
        barrier();
        for (uint k = 32u; k > 0u; k >>= 1) {
            if (lane < k) {
                keep_better(lane, lane + k);
            }
            barrier();
        }
        last = min(best_index[0], push.experts - 1u); // only NaN leaves none
        if (lane == 0u) {
            chosen[s] = last;
        }
    }
    barrier();
}

void main() {
    uint lane = gl_LocalInvocationID.x;
    uint live = live_rows(push.rows);
    for (uint row = gl_WorkGroupID.y; row < live; row += gl_NumWorkGroups.y) {
        find_scores(push.x.offset + row * push.x.stride);
        choose();
        precise float w = lane < push.slots ? scores[chosen[lane]] : 0.0;
        precise float total = reduce_sum(w);
        total = total + 1e-20;
        if (lane < push.slots) {
            if (push.normalise != 0u) {
                w = t_divide(w, total);
            }
            w = w * push.scale;
            ids[push.ids.offset + row * push.ids.stride + lane] = int(chosen[lane]);
            weights[push.weights.offset + row * push.weights.stride + lane] = t_flush(w);
        }
        barrier();
    }
}
