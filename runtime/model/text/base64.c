#include "runtime/model/text/base64.h"

#include <stdint.h>

static int digit_of(char c) {
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

static size_t padding_of(const char *text, size_t size) {
    return size == 0 || text[size - 1] != '=' ? 0 : 1 + (text[size - 2] == '=');
}

bool tern__base64_decode(const char *text, size_t size, char *out, size_t *out_size) {
    size_t count = 0;
    if (size % 4 != 0) {
        return false;
    }
    size_t padding = padding_of(text, size);
    for (size_t i = 0; i < size; i += 4) {
        uint32_t word = 0;
        for (size_t j = i; j < i + 4; j++) {
            int digit = j < size - padding ? digit_of(text[j]) : 0;
            if (digit < 0) {
                return false;
            }
            word = word << 6 | (uint32_t)digit;
        }
        for (int shift = 16; shift >= 0; shift -= 8) {
            out[count++] = (char)(word >> shift);
        }
    }
    *out_size = count - padding;
    return true;
}
