#include "tools/tern/bench/matrix.h"

#include <stdlib.h>
#include <string.h>

enum { POOL_UNITS = 393203 }; // a prime, so that rows of any size start everywhere

uint64_t bench_random(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static uint32_t unit_of(tern_dtype dtype) {
    switch (dtype) {
    case TERN_DTYPE_F32:
        return 4;
    case TERN_DTYPE_F16:
    case TERN_DTYPE_BF16:
        return 2;
    case TERN_DTYPE_Q8_0:
        return 34;
    default:
        return 1;
    }
}

// A sign, 2^-9 to 2^-2, any fraction: what weights look like, with no value near a subnormal.
static uint32_t small_float(uint64_t random, uint32_t fraction_bits, uint32_t bias) {
    uint32_t sign_at = fraction_bits == 23 ? 31 : 15;
    uint32_t exponent = bias - 9 + (uint32_t)(random >> 32 & 7);
    uint32_t fraction = (uint32_t)random & ((1u << fraction_bits) - 1);
    return (uint32_t)(random >> 40 & 1) << sign_at | exponent << fraction_bits | fraction;
}

static uint8_t t2_byte(uint64_t random) {
    uint32_t byte = 0;
    for (int i = 0; i < 4; i++) {
        byte |= (uint32_t)((random >> 16 * i & 0xffff) * 3 >> 16) << 2 * i;
    }
    return (uint8_t)byte;
}

static void make_unit(tern_dtype dtype, uint64_t *state, uint8_t *out) {
    uint64_t random = bench_random(state);
    uint32_t word = 0;
    switch (dtype) {
    case TERN_DTYPE_T2:
        out[0] = t2_byte(random);
        return;
    case TERN_DTYPE_T5:
        out[0] = (uint8_t)((random >> 32) * 243 >> 32);
        return;
    case TERN_DTYPE_B1:
        out[0] = (uint8_t)random;
        return;
    case TERN_DTYPE_Q8_0:
        word = small_float(random, 10, 10) & 0x7fff; // a scale of 2^-14 to 2^-7
        memcpy(out, &word, 2);
        for (int i = 2; i < 34; i++) {
            out[i] = (uint8_t)bench_random(state);
        }
        return;
    case TERN_DTYPE_F32:
        word = small_float(random, 23, 127);
        memcpy(out, &word, 4);
        return;
    default:
        word = dtype == TERN_DTYPE_F16 ? small_float(random, 10, 15) : small_float(random, 7, 127);
        memcpy(out, &word, 2);
        return;
    }
}

bool bench_pool_make(bench_pool *self, tern_dtype dtype) {
    uint64_t state = dtype;
    *self = (bench_pool){.dtype = dtype, .unit = unit_of(dtype)};
    self->size = (size_t)POOL_UNITS * self->unit;
    self->bytes = malloc(self->size);
    for (size_t at = 0; self->bytes && at < self->size; at += self->unit) {
        make_unit(dtype, &state, self->bytes + at);
    }
    return self->bytes != NULL;
}

void bench_pool_free(bench_pool *self) {
    free(self->bytes);
    self->bytes = NULL;
}

void bench_pool_read(const bench_pool *self, uint64_t offset, void *out, size_t size) {
    uint8_t *to = out;
    while (size) {
        size_t at = (size_t)(offset % self->size);
        size_t step = self->size - at < size ? self->size - at : size;
        memcpy(to, self->bytes + at, step);
        to += step;
        offset += step;
        size -= step;
    }
}

typedef struct row_source {
    const bench_pool *pool;
    const uint32_t *map;
    uint32_t cols;
} row_source;

static tern_status read_rows(void *user, uint32_t first, uint32_t count, void *codes,
                             float *scales) {
    const row_source *self = user;
    size_t size = (size_t)tern_dtype_row_bytes(self->pool->dtype, self->cols);
    (void)scales;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t row = self->map ? self->map[first + i] : first + i;
        // Rows start at whole units, though the padding of a row may end within one.
        uint64_t units = (size + self->pool->unit - 1) / self->pool->unit;
        bench_pool_read(self->pool, row * units * self->pool->unit, (char *)codes + i * size, size);
    }
    return TERN_STATUS_OK;
}

tern_status bench_matrix_make(tern_device *device, const bench_pool *pool, uint32_t rows,
                              uint32_t cols, uint32_t usage, const uint32_t *map,
                              tern_weights **out) {
    row_source source = {pool, map, cols};
    tern_weights_desc desc = {.struct_size = sizeof desc, .read = read_rows, .user = &source};
    desc.info = (tern_weights_info){.struct_size = sizeof desc.info,
                                    .dtype = pool->dtype,
                                    .rows = rows,
                                    .cols = cols,
                                    .usage = usage};
    bool coded = pool->dtype == TERN_DTYPE_T2 || pool->dtype == TERN_DTYPE_T5 ||
                 pool->dtype == TERN_DTYPE_B1;
    if (coded) {
        desc.info.scale_kind = TERN_SCALE_TENSOR;
        desc.info.scale = 0.02f;
    }
    return tern_weights_create(device, &desc, out);
}
