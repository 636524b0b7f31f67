#include "runtime/model/sampling/philox.h"

enum { ROUNDS = 10 };

// Multipliers and key increments of the paper's 4x32 variant.
#define MULTIPLIER_0 0xd2511f53u
#define MULTIPLIER_1 0xcd9e8d57u
#define INCREMENT_0 0x9e3779b9u
#define INCREMENT_1 0xbb67ae85u

void tern__philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
    uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]};
    uint32_t k0 = key[0];
    uint32_t k1 = key[1];
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t a = (uint64_t)MULTIPLIER_0 * c[0];
        uint64_t b = (uint64_t)MULTIPLIER_1 * c[2];
        c[0] = (uint32_t)(b >> 32) ^ c[1] ^ k0;
        c[2] = (uint32_t)(a >> 32) ^ c[3] ^ k1;
        c[1] = (uint32_t)b;
        c[3] = (uint32_t)a;
        k0 += INCREMENT_0;
        k1 += INCREMENT_1;
    }
    for (int i = 0; i < 4; i++) {
        out[i] = c[i];
    }
}

double tern__philox_uniform(uint64_t seed, uint64_t index) {
    uint32_t counter[4] = {(uint32_t)index, (uint32_t)(index >> 32), 0, 0};
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t out[4];
    tern__philox(counter, key, out);
    uint64_t bits = (uint64_t)out[0] << 21 | out[1] >> 11;
    return (double)bits * (1.0 / 9007199254740992.0);
}
