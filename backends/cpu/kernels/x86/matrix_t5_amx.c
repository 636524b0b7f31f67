#include "backends/cpu/kernels/x86/t5_avx512vbmi.h"
#include "backends/cpu/kernels/x86/tiles_amx.h"

#define TERN_CPU_ISA amx
#define MATRIX matrix_t5
#define WORD_FOURS 5

TERN_CPU_INLINE void unpack_word(const uint8_t *word, uint8_t *codes) {
    struct tern_cpu_t5 t5 = tern_cpu_t5_decode(_mm512_loadu_si512(word));
    for (uint32_t n = 0; n < WORD_FOURS; n++) {
        _mm512_store_si512(codes + (size_t)n * 4 * TERN_CPU_TILE_ROWS, tern_cpu_t5_code(t5, n));
    }
}

#include "backends/cpu/kernels/x86/matrix_amx_tmpl.h"
