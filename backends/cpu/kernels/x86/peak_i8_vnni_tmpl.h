// peak_i8 by vpdpbusd.
#include "backends/cpu/kernels/x86/vector_tmpl.h"

// Sums that are independent of each other: vpdpbusd takes 5 cycles, two start in a cycle. They
// begin unlike, or a compiler would see that they are one.
enum { SUMS = 12, PARTS = 2 * TERN_CPU_PEAK_I8 / VECTOR_BYTES };

int32_t TERN_CPU_FN(peak_i8)(const uint8_t *codes, const int8_t *q, uint32_t rounds, size_t step) {
    vector sums[SUMS];
    for (int i = 0; i < SUMS; i++) {
        sums[i] = ALL32(i);
    }
    for (uint32_t r = 0; r < rounds; r++) {
        for (int part = 0; part < PARTS; part++) {
            size_t at = (size_t)part * VECTOR_BYTES % TERN_CPU_PEAK_I8;
            vector c = LOAD(codes + at);
            vector x = LOAD(q + at);
            for (int i = 0; i < SUMS; i++) {
                sums[i] = DOT(sums[i], c, x);
            }
            codes += step;
            q += step;
        }
    }
    uint32_t lanes[TILE];
    uint32_t sum = 0;
    for (int i = 0; i < SUMS; i++) {
        STORE(lanes, sums[i]);
        for (int lane = 0; lane < TILE; lane++) {
            sum += lanes[lane] - (uint32_t)i;
        }
    }
    return (int32_t)sum;
}
