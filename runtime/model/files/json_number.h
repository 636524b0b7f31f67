// Decimal numbers as JSON has them, whatever the host's locale, which strtod and printf follow.
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

enum { TERN__JSON_NUMBER_SIZE = 32 };

// |value|, which is finite, with the fewest digits that mean the same, but 15 at least where it has
// them: 0.1, not 0.10000000000000001. NUL-terminated.
void tern__json_write_number(double value, char out[TERN__JSON_NUMBER_SIZE]);
// The same of a float, that is read as it when rounded to float: 1e-05, not 9.99999975e-06.
void tern__json_write_single(float value, char out[TERN__JSON_NUMBER_SIZE]);

#endif
