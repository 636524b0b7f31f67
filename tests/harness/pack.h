// Encoders of packed ternary types, written from their published layouts: what readers are held
// against. Codes are w + 1, one a byte; scales are float16 bits.
#ifndef TERN_TESTS_HARNESS_PACK_H_
#define TERN_TESTS_HARNESS_PACK_H_

#include <stdint.h>
#include <string.h>

static inline void pack_half(uint8_t *out, uint16_t bits) {
    out[0] = (uint8_t)bits;
    out[1] = (uint8_t)(bits >> 8);
}

// Element i of a block of 4 * width: byte i % width, the field at 6, 4, 2, 0 or the other way.
static inline void pack_planes(const uint8_t *codes, uint32_t width, int from_top, uint8_t *out) {
    memset(out, 0, width);
    for (uint32_t i = 0; i < 4 * width; i++) {
        uint32_t field = i / width;
        out[i % width] |= (uint8_t)(codes[i] << 2 * (from_top ? 3 - field : field));
    }
}

// Trit n of byte m is element n * count + m; a byte is the number of five trits times 256 / 243,
// rounded up.
static inline void pack_trits(const uint8_t *codes, uint32_t count, uint32_t digits, uint8_t *out) {
    for (uint32_t m = 0; m < count; m++) {
        uint32_t value = 0;
        for (uint32_t n = 0; n < 5; n++) {
            value = value * 3 + (n < digits ? codes[n * count + m] : 0);
        }
        out[m] = (uint8_t)((value * 256 + 242) / 243);
    }
}

static inline void pack_tq1_0(const uint8_t *codes, uint16_t scale, uint8_t *out) {
    pack_trits(codes, 32, 5, out);
    pack_trits(codes + 160, 16, 5, out + 32);
    pack_trits(codes + 240, 4, 4, out + 48);
    pack_half(out + 52, scale);
}

static inline void pack_tq2_0(const uint8_t *codes, uint16_t scale, uint8_t *out) {
    pack_planes(codes, 32, 0, out);
    pack_planes(codes + 128, 32, 0, out + 32);
    pack_half(out + 64, scale);
}

static inline void pack_ptq1_0(const uint8_t *codes, uint16_t scale, uint8_t *out) {
    pack_trits(codes, 16, 5, out);
    pack_trits(codes + 80, 8, 5, out + 16);
    pack_trits(codes + 120, 2, 4, out + 24);
    pack_half(out + 26, scale);
}

// |group| codes of 0 or 2.
static inline void pack_q1_0(const uint8_t *codes, uint16_t scale, uint8_t *out) {
    memset(out, 0, 18);
    pack_half(out, scale);
    for (uint32_t j = 0; j < 128; j++) {
        out[2 + j / 8] |= (uint8_t)((codes[j] == 2) << j % 8);
    }
}

static inline void pack_q2_0(const uint8_t *codes, uint32_t group, uint16_t scale, uint8_t *out) {
    memset(out, 0, 2 + group / 4);
    pack_half(out, scale);
    for (uint32_t j = 0; j < group; j++) {
        out[2 + j / 4] |= (uint8_t)(codes[j] << 2 * (j % 4));
    }
}

// [ceil(rows / 4)][cols] bytes.
static inline void pack_hf(const uint8_t *codes, uint32_t rows, uint32_t cols, uint8_t *out) {
    uint32_t quarter = (rows + 3) / 4;
    memset(out, 0, (size_t)quarter * cols);
    for (uint32_t r = 0; r < rows; r++) {
        for (uint32_t k = 0; k < cols; k++) {
            out[r % quarter * cols + k] |= (uint8_t)(codes[r * cols + k] << 2 * (r / quarter));
        }
    }
}

static inline void pack_bitmat(const uint8_t *codes, uint32_t count, uint8_t *out) {
    static const uint8_t bits[4] = {2, 0, 1, 3}; // -1, 0, +1
    memset(out, 0, count / 4);
    for (uint32_t i = 0; i < count; i++) {
        out[i / 4] |= (uint8_t)(bits[codes[i]] << 2 * (i % 4));
    }
}

#endif
