// Five ternary weights, as codes 0 to 2, in a byte. With v = code 0 + 3 * code 1 + 9 * code 2 +
// 27 * code 3, 0 to 80, and c = code 4:
//
//     v < 64      v + 64 * c
//     v >= 64     192 + (v - 64) + 17 * c      192 to 242
//
// so that six bits find codes 0 to 3 in one of two tables, and the upper two say in which.
#ifndef TERN_BACKENDS_CPU_KERNELS_T5_H_
#define TERN_BACKENDS_CPU_KERNELS_T5_H_

#include <stdint.h>

// Codes 0 to 3 of |v|, two bits each.
#define TERN_CPU_T5_FOUR(v) ((v) % 3 | (v) / 3 % 3 << 2 | (v) / 9 % 3 << 4 | (v) / 27 % 3 << 6)

static inline uint8_t tern_cpu_t5_make(const uint8_t *codes) {
    uint32_t v = codes[0] + 3u * codes[1] + 9u * codes[2] + 27u * codes[3];
    return (uint8_t)(v < 64 ? v + 64u * codes[4] : 128 + v + 17u * codes[4]);
}

static inline void tern_cpu_t5_codes(uint8_t byte, uint8_t *codes) {
    uint32_t rest = byte - 192u;
    uint32_t v = byte < 192 ? byte & 63u : 64 + rest % 17;
    codes[0] = (uint8_t)(v % 3);
    codes[1] = (uint8_t)(v / 3 % 3);
    codes[2] = (uint8_t)(v / 9 % 3);
    codes[3] = (uint8_t)(v / 27 % 3);
    codes[4] = (uint8_t)(byte < 192 ? byte >> 6 : rest / 17);
}

#endif
