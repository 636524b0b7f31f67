// The router of a mixture of experts, as tern_route_desc says: for every slot the best of the
// experts that are left.
//
// Work-groups of 64 x 1: rows, in strides of their number.
#define SOFTMAX_OUT local

#include "shaders/opencl/include/softmax.clh"
#include "shaders/common/activation.h"

#define MOST_EXPERTS 1024
#define MOST_SLOTS 32u

// What the best of some experts is, or one past the last for none.
typedef struct best_of {
    float value[GROUP];
    uint index[GROUP];
} best_of;

// Whether |e| comes after the one that was chosen last: less, or equal and a higher id. One past
// the last expert is before all.
static bool is_left(local const float *choice, uint experts, uint e, uint last) {
    if (last == experts) {
        return true;
    }
    return choice[e] < choice[last] || (choice[e] == choice[last] && e > last);
}

static void find_best(local best_of *best, local const float *choice, uint experts, uint last) {
    uint l = get_local_id(0);
    float value = 0.0f;
    uint index = experts;
    for (uint e = l; e < experts; e += GROUP) {
        if (is_left(choice, experts, e, last) && (index == experts || choice[e] > value)) {
            value = choice[e];
            index = e;
        }
    }
    best->value[l] = value;
    best->index[l] = index;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint width = GROUP / 2; width > 0; width /= 2) {
        if (l < width) {
            bool more = best->value[l + width] > best->value[l];
            bool equal = best->value[l + width] == best->value[l];
            bool better = more || (equal && best->index[l + width] < best->index[l]);
            if (best->index[l + width] < experts && (best->index[l] == experts || better)) {
                best->value[l] = best->value[l + width];
                best->index[l] = best->index[l + width];
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}

GROUP_KERNEL void route(ROWS, MATRIX(const float, x), VECTOR(const float, bias), uint has_bias,
                        MATRIX(int, ids), MATRIX(float, weights), uint experts, uint slots,
                        uint sigmoid, uint normalise, float factor) {
    local float part[ITEMS];
    local float scores[MOST_EXPERTS];
    local float choice[MOST_EXPERTS];
    local uint chosen[MOST_SLOTS];
    local best_of best;
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
        barrier(CLK_LOCAL_MEM_FENCE);
        uint last = experts;
        for (uint slot = 0; slot < slots; slot++) {
            find_best(&best, choice, experts, last);
            last = min(best.index[0], experts - 1u); // only NaN leaves none
            if (l == 0) {
                chosen[slot] = last;
            }
            barrier(CLK_LOCAL_MEM_FENCE);
        }
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
