// unpack_t2.
#include "backends/cpu/kernels/x86/vector_tmpl.h"

enum { TILES = TERN_CPU_GEMM_TILES, AHEAD_BYTES = 2048 };

void TERN_CPU_FN(unpack_t2)(const uint8_t *tiles, size_t tile_bytes, uint32_t count,
                            uint32_t blocks, uint8_t *codes) {
    const vector low = ALL8(3);
    for (uint32_t t = 0; t < count; t++) {
        const uint8_t *from = tiles + t * tile_bytes;
        uint8_t *to = codes + (size_t)t * VECTOR_BYTES;
        for (uint32_t block = 0; block < blocks; block++) {
            _mm_prefetch((const char *)from + AHEAD_BYTES, _MM_HINT_T0);
            vector words = LOAD(from);
            STORE(to, AND(words, low));
            STORE(to + TILES * VECTOR_BYTES, AND(RIGHT(words, 2), low));
            STORE(to + 2 * TILES * VECTOR_BYTES, AND(RIGHT(words, 4), low));
            STORE(to + 3 * TILES * VECTOR_BYTES, AND(RIGHT(words, 6), low));
            from += VECTOR_BYTES;
            to += 4 * TILES * VECTOR_BYTES;
        }
    }
}
