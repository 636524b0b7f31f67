// Rule 4 of the numbers contract.
#include "backends/reference/ops/ops.h"

enum { BLOCK = 1024, LANES = 64 };

static float join(float *partial) {
    for (uint32_t half = LANES / 2; half > 0; half /= 2) {
        for (uint32_t i = 0; i < half; i++) {
            partial[i] += partial[i + half];
        }
    }
    return partial[0];
}

static uint32_t smaller(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

static float dot_block(const float *a, const float *b, uint32_t count) {
    float partial[LANES] = {0};
    for (uint32_t first = 0; first < count; first += LANES) {
        uint32_t lanes = smaller(count - first, LANES);
        for (uint32_t i = 0; i < lanes; i++) {
            partial[i] += a[first + i] * b[first + i];
        }
    }
    return join(partial);
}

static float sum_block(const float *a, uint32_t count) {
    float partial[LANES] = {0};
    for (uint32_t first = 0; first < count; first += LANES) {
        uint32_t lanes = smaller(count - first, LANES);
        for (uint32_t i = 0; i < lanes; i++) {
            partial[i] += a[first + i];
        }
    }
    return join(partial);
}

float tern_ref_dot(const float *a, const float *b, uint32_t count) {
    float total = 0.0f;
    while (count > 0) {
        uint32_t part = smaller(count, BLOCK);
        total += dot_block(a, b, part);
        a += part;
        b += part;
        count -= part;
    }
    return total;
}

float tern_ref_sum(const float *a, uint32_t count) {
    float total = 0.0f;
    while (count > 0) {
        uint32_t part = smaller(count, BLOCK);
        total += sum_block(a, part);
        a += part;
        count -= part;
    }
    return total;
}
