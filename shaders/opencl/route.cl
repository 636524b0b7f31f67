// The router of a mixture of experts, as tern_route_desc says. An expert's place is the number of
// experts that come before it; the first so many places are the slots.
//
// Work-groups of 64 x 1: rows, in strides of their number.
#include "shaders/opencl/include/reduce.clh"
#include "shaders/common/activation.h"

#define MOST_EXPERTS 1024
#define MOST_SLOTS 32u

static float exp_below(float x, float m) {
    float below = x - m;
    return t_exp(below);
}

// As softmax.cl.
static void softmax_row(local float *part, global const float *x, uint experts,
                        local float *scores) {
    uint l = get_local_id(0);
    float m = -FLT_MAX;
    for (uint e = l; e < experts; e += GROUP) {
        m = x[e] > m ? x[e] : m;
    }
    m = tree_max(part, m);
    float sum = 0.0f;
    BLOCKED_SUM(sum, part, experts, i, exp_below(x[i], m));
    float inverse = t_divide(1.0f, sum);
    for (uint e = l; e < experts; e += GROUP) {
        float y = exp_below(x[e], m) * inverse;
        scores[e] = t_flush(y);
    }
}

static uint place_of(local const float *choice, uint experts, uint e) {
    uint place = 0;
    for (uint other = 0; other < experts; other++) {
        bool before = choice[other] > choice[e] || (choice[other] == choice[e] && other < e);
        place += before ? 1u : 0u;
    }
    return place;
}

GROUP_KERNEL void route(ROWS, MATRIX(const float, x), VECTOR(const float, bias), uint has_bias,
                        MATRIX(int, ids), MATRIX(float, weights), uint experts, uint slots,
                        uint sigmoid, uint normalise, float factor) {
    local float part[ITEMS];
    local float scores[MOST_EXPERTS];
    local float choice[MOST_EXPERTS];
    local uint chosen[MOST_SLOTS];
    uint l = get_local_id(0);
    FOR_LIVE_ROWS(r) {
        if (sigmoid) {
            for (uint e = l; e < experts; e += GROUP) {
                scores[e] = t_flush(t_sigmoid(ROW(x, r)[e]));
            }
        } else {
            softmax_row(part, ROW(x, r), experts, scores);
        }
        for (uint e = l; e < experts; e += GROUP) {
            choice[e] = has_bias ? scores[e] + AT(bias, e) : scores[e];
        }
        if (l < MOST_SLOTS) {
            chosen[l] = 0; // where NaN leaves a place to nobody
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint e = l; e < experts; e += GROUP) {
            uint place = place_of(choice, experts, e);
            if (place < slots) {
                chosen[place] = e;
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        float w = l < slots ? scores[chosen[min(l, MOST_SLOTS - 1u)]] : 0.0f;
        float total = add_blocks(part, 0.0f, w);
        total = total + 1e-20f;
        if (l < slots) {
            w = normalise ? t_divide(w, total) : w;
            w = w * factor;
            ROW(ids, r)[l] = (int)chosen[l];
            ROW(weights, r)[l] = t_flush(w);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}
