// Random constant matrices of any type and size, made on the fly: nothing of their size is kept.
#ifndef TERN_TOOLS_TERN_BENCH_MATRIX_H_
#define TERN_TOOLS_TERN_BENCH_MATRIX_H_

#include <stdbool.h>

#include <tern/tern.h>

// The codes that rows are cut from.
typedef struct bench_pool {
    tern_dtype dtype;
    uint32_t unit; // bytes of the smallest piece that may stand anywhere
    size_t size;
    uint8_t *bytes;
} bench_pool;

// A pool whose codes are valid for |dtype|; false if memory is out.
bool bench_pool_make(bench_pool *self, tern_dtype dtype);
void bench_pool_free(bench_pool *self);

// Bytes [offset, offset + size) of an endless run of the pool.
void bench_pool_read(const bench_pool *self, uint64_t offset, void *out, size_t size);

// A matrix of |rows| x |cols|; row r is row |map[r]| of the matrix that all calls with this pool
// and |cols| share, or its row r where |map| is NULL.
tern_status bench_matrix_make(tern_device *device, const bench_pool *pool, uint32_t rows,
                              uint32_t cols, uint32_t usage, const uint32_t *map,
                              tern_weights **out);

// The next number of a series (splitmix64).
uint64_t bench_random(uint64_t *state);

#endif
