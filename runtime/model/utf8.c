#include "runtime/model/utf8.h"

size_t tern__utf8_size(const char *text, size_t left, bool *out_cut) {
    const uint8_t *s = (const uint8_t *)text;
    size_t size = s[0] < 0x80                  ? 1
                  : s[0] < 0xc2 || s[0] > 0xf4 ? 0
                  : s[0] < 0xe0                ? 2
                  : s[0] < 0xf0                ? 3
                                               : 4;
    // What may come second without being too long, a surrogate or past the last.
    uint8_t low = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
    uint8_t high = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;
    if (out_cut) {
        *out_cut = false;
    }
    for (size_t i = 1; i < size; i++, low = 0x80, high = 0xbf) {
        if (i == left) {
            if (out_cut) {
                *out_cut = true;
            }
            return 0;
        }
        if (s[i] < low || s[i] > high) {
            return 0;
        }
    }
    return size;
}

int32_t tern__utf8_decode(const char *text, size_t size) {
    const uint8_t *s = (const uint8_t *)text;
    int32_t character = size == 1 ? s[0] : s[0] & (0x7f >> size);
    for (size_t i = 1; i < size; i++) {
        character = character << 6 | (s[i] & 0x3f);
    }
    return character;
}

size_t tern__utf8_encode(uint32_t character, char *out) {
    static const uint8_t lead[TERN__UTF8_MOST + 1] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t size = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    for (size_t i = size; i-- > 1; character >>= 6) {
        out[i] = (char)(0x80 | (character & 0x3f));
    }
    out[0] = (char)(lead[size] | character);
    return size;
}
