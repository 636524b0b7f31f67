// matrix_t2 and _t5 with AMX: tdpbsud multiplies up to 16 rows of 64 activations by 16 rows of 64
// codes and adds the sums to a register of 1 KiB (Intel SDM volume 2, TDPBSUD). A source defines
// TERN_CPU_ISA and MATRIX, its name; WORD_FOURS, how many fours of columns a word holds; and
// unpack_word, which leaves the codes of each four of a tile's 16 rows in 64 bytes.
#include <stdbool.h>
#include <string.h>

#include "backends/cpu/kernels/template.h"
#include "backends/cpu/kernels/x86/tiles_amx.h"

// A register of codes is a step: 64 columns, 16 fours. Codes are unpacked to memory, from where
// registers are loaded; those of a chunk, which whole words fill, stay in the first cache.
enum {
    LANES = TERN_CPU_TILE_ROWS,
    STEP_FOURS = TERN_CPU_MATRIX_COLS / 4,
    STEP_BYTES = LANES * TERN_CPU_MATRIX_COLS,
    CHUNK_STEPS = WORD_FOURS, // whole words
    CHUNK_FOURS = CHUNK_STEPS * STEP_FOURS,
    CHUNK_BYTES = CHUNK_STEPS * STEP_BYTES,
    FOUR_BYTES = 4 * LANES, // codes of four columns of a tile's rows; so large are words, too
    BLOCK_FOURS = TERN_CPU_T2_BLOCK / 4,
    SLICE_ROWS = 2 * LANES,
    PAIR = TERN_CPU_MATRIX_PAIR
};

// As gemv_t2 asks for weights.
enum { FAR_BYTES = 8192, NEAR_BYTES = 512 };

// Rows |first| and those after it: |low| of them in one register, |high| in another.
struct slice {
    uint32_t first, low, high;
};

// Some columns of one group, counted in fours, of one or two tiles.
struct chunk {
    uint32_t tile, tiles;
    uint32_t first, end;
    bool begins, ends; // the group
};

// Registers 0 to 3 are sums: of the low rows with both tiles, then of the high ones; 4 and 5 are
// activations, 6 and 7 codes.
static void configure(struct slice slice) {
    uint8_t low = (uint8_t)slice.low;
    uint8_t high = (uint8_t)slice.high;
    const uint8_t rows[] = {low, low, high, high, low, high, LANES, LANES};
    tern_cpu_tiles_configure(rows);
}

// What lies |ahead| bytes later in the stream of a tile, which goes on in the next pair's.
static size_t ahead_of(size_t offset, size_t ahead, size_t tile_bytes) {
    return offset + ahead < tile_bytes ? ahead : ahead + (PAIR - 1) * tile_bytes;
}

// Unpacks a chunk; what its last step lacks becomes codes 0.
static void unpack_chunk(const struct tern_cpu_gemv_t2 *job, const struct chunk *chunk,
                         uint8_t (*codes)[CHUNK_BYTES]) {
    size_t tile_bytes = (size_t)job->blocks * BLOCK_FOURS / WORD_FOURS * FOUR_BYTES;
    size_t offset = (size_t)chunk->first / WORD_FOURS * FOUR_BYTES;
    size_t far = ahead_of(offset, FAR_BYTES, tile_bytes);
    size_t near = ahead_of(offset, NEAR_BYTES, tile_bytes);
    uint32_t fours = chunk->end - chunk->first;
    for (uint32_t t = 0; t < chunk->tiles; t++) {
        const uint8_t *word = job->tile + (chunk->tile + t) * tile_bytes + offset;
        for (uint32_t i = 0; i < fours; i += WORD_FOURS, word += FOUR_BYTES) {
            _mm_prefetch((const char *)word + far, _MM_HINT_T1);
            _mm_prefetch((const char *)word + near, _MM_HINT_T0);
            unpack_word(word, codes[t] + (size_t)i * FOUR_BYTES);
        }
        uint32_t missing = (STEP_FOURS - fours % STEP_FOURS) % STEP_FOURS;
        memset(codes[t] + (size_t)fours * FOUR_BYTES, 0, (size_t)missing * FOUR_BYTES);
    }
    tern_cpu_tiles_finish_stores();
}

// A step of both tiles by all rows of a slice.
TERN_CPU_INLINE void multiply_step(const uint8_t *codes, const int8_t *q, struct slice slice,
                                   bool two) {
    _tile_loadd(4, q, TERN_CPU_MATRIX_COLS);
    _tile_loadd(6, codes, FOUR_BYTES);
    _tile_dpbsud(0, 4, 6);
    if (two) {
        _tile_loadd(7, codes + CHUNK_BYTES, FOUR_BYTES);
        _tile_dpbsud(1, 4, 7);
    }
    if (slice.high) {
        _tile_loadd(5, q + (size_t)slice.low * TERN_CPU_MATRIX_COLS, TERN_CPU_MATRIX_COLS);
        _tile_dpbsud(2, 5, 6);
        if (two) {
            _tile_dpbsud(3, 5, 7);
        }
    }
}

// The registers of sums in use, each with its rows and tile; where |two|, |slice|, |low|, |high|
// and |stride| are at hand.
#define FOR_SUMS(DO)                                                                               \
    do {                                                                                           \
        DO(0, low, 0);                                                                             \
        if (two) {                                                                                 \
            DO(1, low, LANES);                                                                     \
        }                                                                                          \
        if (slice.high) {                                                                          \
            DO(2, high, 0);                                                                        \
            if (two) {                                                                             \
                DO(3, high, LANES);                                                                \
            }                                                                                      \
        }                                                                                          \
    } while (0)
#define ZERO_SUM(sum, rows, tile) _tile_zero(sum)
#define LOAD_SUM(sum, rows, tile) _tile_loadd(sum, (rows) + (tile), stride)
#define STORE_SUM(sum, rows, tile) _tile_stored(sum, (rows) + (tile), stride)

// A chunk by the rows of a slice. |out| is for its first sum, rows |row| apart. Sums of several
// slices stay in memory from one chunk of a group to the next, those of one in their registers.
static void multiply_slice(const struct tern_cpu_gemv_t2 *job, const struct chunk *chunk,
                           struct slice slice, uint8_t (*codes)[CHUNK_BYTES], int32_t *out,
                           size_t row) {
    bool two = chunk->tiles == PAIR;
    bool alone = slice.low + slice.high == job->rows;
    size_t stride = row * sizeof *out; // in bytes
    int32_t *low = out + slice.first * row;
    int32_t *high = low + slice.low * row;
    if (chunk->begins) {
        FOR_SUMS(ZERO_SUM);
    } else if (!alone) {
        FOR_SUMS(LOAD_SUM);
    }
    for (uint32_t at = chunk->first; at < chunk->end; at += STEP_FOURS) {
        size_t step = at / STEP_FOURS;
        const int8_t *q = job->q + (step * job->rows + slice.first) * TERN_CPU_MATRIX_COLS;
        multiply_step(codes[0] + (size_t)(at - chunk->first) * FOUR_BYTES, q, slice, two);
    }
    if (chunk->ends || !alone) {
        FOR_SUMS(STORE_SUM);
    }
}

// Slices of nearly the same size.
static struct slice slice_at(uint32_t rows, uint32_t index) {
    uint32_t count = (rows + SLICE_ROWS - 1) / SLICE_ROWS;
    uint32_t first = rows * index / count;
    uint32_t size = rows * (index + 1) / count - first;
    uint32_t high = size > LANES ? size / 2 : 0;
    return (struct slice){first, size - high, high};
}

// |slice| is what the registers are configured for.
static void multiply_chunk(const struct tern_cpu_gemv_t2 *job, const struct chunk *chunk,
                           struct slice *slice, int32_t *out, size_t row) {
    _Alignas(64) uint8_t codes[PAIR][CHUNK_BYTES];
    unpack_chunk(job, chunk, codes);
    for (uint32_t first = 0, i = 0; first < job->rows; i++) {
        struct slice next = slice_at(job->rows, i);
        if (next.low != slice->low || next.high != slice->high) {
            configure(next);
        }
        *slice = next;
        multiply_slice(job, chunk, next, codes, out, row);
        first += next.low + next.high;
    }
}

void TERN_CPU_FN(MATRIX)(const struct tern_cpu_gemv_t2 *job, int32_t *sums) {
    uint32_t fours = job->blocks * BLOCK_FOURS;
    uint32_t group = job->group_blocks < job->blocks ? job->group_blocks * BLOCK_FOURS : fours;
    uint32_t groups = (fours + group - 1) / group;
    size_t width = (size_t)job->tiles * LANES;
    struct slice slice = {0};
    struct chunk chunk;
    for (chunk.tile = 0; chunk.tile < job->tiles; chunk.tile += PAIR) {
        chunk.tiles = job->tiles - chunk.tile < PAIR ? job->tiles - chunk.tile : PAIR;
        for (chunk.first = 0; chunk.first < fours; chunk.first = chunk.end) {
            uint32_t g = chunk.first / group;
            uint32_t end = g + 1 < groups ? (g + 1) * group : fours;
            chunk.begins = chunk.first == g * group;
            chunk.ends = end - chunk.first <= CHUNK_FOURS;
            chunk.end = chunk.ends ? end : chunk.first + CHUNK_FOURS;
            multiply_chunk(job, &chunk, &slice, sums + g * width + (size_t)chunk.tile * LANES,
                           groups * width);
        }
    }
    _tile_release();
}
