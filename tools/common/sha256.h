// SHA-256 (FIPS 180-4), to tell published files.
#ifndef TERN_TOOLS_COMMON_SHA256_H_
#define TERN_TOOLS_COMMON_SHA256_H_

#include <stddef.h>
#include <stdint.h>

typedef struct sha256 {
    uint32_t state[8];
    uint8_t block[64];
    uint64_t size; // of all that was added
} sha256;

void sha256_begin(sha256 *self);
void sha256_add(sha256 *self, const void *data, size_t size);
// Writes 64 hexadecimal digits and a NUL.
void sha256_end(sha256 *self, char out[65]);

#endif
