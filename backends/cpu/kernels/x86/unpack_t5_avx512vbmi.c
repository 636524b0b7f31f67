#include "backends/cpu/kernels/x86/t5_avx512vbmi.h"

enum { TILES = TERN_CPU_GEMM_TILES, VECTOR_BYTES = 64, AHEAD_BYTES = 2048 };

void tern_cpu_unpack_t5__avx512vbmi(const uint8_t *tiles, size_t tile_bytes, uint32_t count,
                                    uint32_t blocks, uint8_t *codes) {
    uint32_t words = blocks * (TERN_CPU_T2_BLOCK / 4) / 5;
    for (uint32_t t = 0; t < count; t++) {
        const uint8_t *from = tiles + t * tile_bytes;
        uint8_t *to = codes + (size_t)t * VECTOR_BYTES;
        for (uint32_t word = 0; word < words; word++) {
            _mm_prefetch((const char *)from + AHEAD_BYTES, _MM_HINT_T0);
            struct tern_cpu_t5 t5 = tern_cpu_t5_decode(_mm512_loadu_si512(from));
            for (uint32_t n = 0; n < 5; n++) {
                _mm512_storeu_si512(to + n * TILES * VECTOR_BYTES, tern_cpu_t5_code(t5, n));
            }
            from += VECTOR_BYTES;
            to += 5 * TILES * VECTOR_BYTES;
        }
    }
}
