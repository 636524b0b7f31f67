// Decimal numbers without the C library, whose strtod follows the host's locale.
#ifndef TERN_RUNTIME_MODEL_JSON_NUMBER_H_
#define TERN_RUNTIME_MODEL_JSON_NUMBER_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tern__json_number {
    double value; // to the last bit, but for near ties (2^-100) and subnormals
    int64_t integer;
    bool is_integer; // no fraction, no exponent, 18 digits at most
} tern__json_number;

// Reads a number as JSON writes it at the start of |size| bytes. Returns how many it took, 0 if
// there is none or it is beyond the range of a double.
size_t tern__json_read_number(const char *text, size_t size, tern__json_number *out);

#endif
