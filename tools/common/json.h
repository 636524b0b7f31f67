// What cJSON leaves to us: text that may not be UTF-8, and floats that come back as the same bits.
#ifndef TERN_TOOLS_COMMON_JSON_H_
#define TERN_TOOLS_COMMON_JSON_H_

#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

// A string of |size| bytes; each byte that belongs to no UTF-8 character, and each NUL, becomes
// U+FFFD. NULL if memory is out.
cJSON *json_text(const char *bytes, size_t size);

// The shortest decimal that reads back as |value|; null for NaN and infinity.
cJSON *json_float(float value);

// A whole number above 2^53 would lose digits in cJSON's doubles.
cJSON *json_u64(uint64_t value);
cJSON *json_i64(int64_t value);

// A number of milliseconds or tokens a second, to three decimals.
cJSON *json_measure(double value);

// Prints |object| and a newline on stdout, and deletes it.
void json_print(cJSON *object);

#endif
