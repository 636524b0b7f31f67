#include <immintrin.h>

#include "backends/cpu/kernels/kernels.h"
#include "backends/cpu/kernels/x86/tiles_amx.h"

#define TERN_CPU_ISA amx
#define MATRIX matrix_t2
#define WORD_FOURS 4

TERN_CPU_INLINE void unpack_word(const uint8_t *word, uint8_t *codes) {
    const __m512i low = _mm512_set1_epi8(3);
    __m512i all = _mm512_loadu_si512(word);
    for (uint32_t n = 0; n < WORD_FOURS; n++) {
        __m512i code = _mm512_and_si512(_mm512_srli_epi32(all, 2 * n), low);
        _mm512_store_si512(codes + (size_t)n * 4 * TERN_CPU_TILE_ROWS, code);
    }
}

#include "backends/cpu/kernels/x86/matrix_amx_tmpl.h"
