// FNV-1a, 64 bits: every step is a bijection, so no single byte can change unnoticed.
#ifndef TERN_RUNTIME_HASH_H_
#define TERN_RUNTIME_HASH_H_

#include <stddef.h>
#include <stdint.h>

#define TERN__HASH_START 0xcbf29ce484222325u

static inline uint64_t tern__hash(uint64_t state, const void *data, size_t size) {
    const unsigned char *bytes = (const unsigned char *)data;
    for (size_t i = 0; i < size; i++) {
        state = (state ^ bytes[i]) * 0x100000001b3u;
    }
    return state;
}

#endif
