#include "backends/opencl/ternary.h"

#include "backends/opencl/weights.h"

#define ZEROS 0x55555555u // sixteen codes of weight 0

// Exchanges the codes 4 i + j and 4 j + i: canonical words become ours and the reverse.
static uint32_t transpose(uint32_t word) {
    uint32_t change = (word ^ (word >> 6)) & 0x00cc00ccu;
    word ^= change ^ (change << 6);
    change = (word ^ (word >> 12)) & 0x0000f0f0u;
    return word ^ change ^ (change << 12);
}

static uint32_t count_bits(uint32_t word) {
    word = word - ((word >> 1) & 0x55555555u);
    word = (word & 0x33333333u) + ((word >> 2) & 0x33333333u);
    return (((word + (word >> 4)) & 0x0f0f0f0fu) * 0x01010101u) >> 24;
}

void tern_cl_ternary_pack(const uint8_t *codes, uint32_t cols, uint32_t *words) {
    uint32_t bytes = (cols + 3) / 4;
    for (uint32_t w = 0; w * 4 < bytes; w++) {
        uint32_t word = 0;
        for (uint32_t i = 0; i < 4; i++) {
            uint32_t at = w * 4 + i;
            word |= (at < bytes ? codes[at] : 0x55u) << (8 * i);
        }
        uint32_t left = cols - w * 16;
        if (left < 16) {
            uint32_t used = (1u << (2 * left)) - 1;
            word = (word & used) | (ZEROS & ~used);
        }
        words[w * TERN_CL_TILE] = transpose(word);
    }
}

void tern_cl_ternary_unpack(const uint32_t *words, uint32_t cols, uint8_t *codes) {
    uint32_t bytes = (cols + 3) / 4;
    for (uint32_t at = 0; at < bytes; at++) {
        codes[at] = (uint8_t)(transpose(words[at / 4 * TERN_CL_TILE]) >> (8 * (at % 4)));
    }
}

int32_t tern_cl_ternary_sum(const uint32_t *words, uint32_t count) {
    int32_t sum = 0;
    for (uint32_t w = 0; w < count; w++) {
        uint32_t word = words[w * TERN_CL_TILE];
        sum += (int32_t)(count_bits(word & 0x55555555u) + 2 * count_bits(word & 0xaaaaaaaau)) - 16;
    }
    return sum;
}
