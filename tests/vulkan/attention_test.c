// Contexts longer than attention.comp keeps scores of, and heads larger than a block of sums: the
// reference's bits.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <tern/tern.h>

#include "tests/harness/device.h"
#include "tests/harness/rng.h"

typedef struct shape {
    uint32_t heads, kv_heads, head_dim, blocks;
    int32_t positions[2];
    tern_dtype cache;
    uint32_t window;
} shape;

static uint16_t random_half(rng *r) {
    return (uint16_t)(rng_u32(r) & 0x83ff) | (uint16_t)((8 + rng_below(r, 8)) << 10);
}

static tern_tensor random_cache(bench *b, const shape *s, rng *r) {
    const uint32_t dims[] = {s->blocks, s->kv_heads, TERN_KV_BLOCK, s->head_dim};
    uint64_t bytes = tern_tensor_packed_bytes(s->cache, 4, dims);
    unsigned char *data = bench_memory(b, (size_t)bytes);
    for (uint64_t i = 0; i < bytes / 4; i++) {
        uint32_t halves = (uint32_t)random_half(r) | (uint32_t)random_half(r) << 16;
        float value = rng_float(r, -1.0f, 1.0f);
        memcpy(data + 4 * i, s->cache == TERN_DTYPE_F16 ? (void *)&halves : (void *)&value, 4);
    }
    return bench_tensor(b, s->cache, 4, dims, data);
}

// Two rows of one sequence whose blocks lie in reverse order.
static void attend(const char *backend, const shape *s, float *out) {
    rng r = rng_make(3);
    bench b;
    bench_open(&b, backend);
    uint32_t cols = s->heads * s->head_dim;
    float *q = bench_floats(&b, 2 * cols);
    int32_t *table = bench_memory(&b, s->blocks * sizeof *table);
    const int32_t sequences[] = {0, 0};
    for (uint32_t i = 0; i < 2 * cols; i++) {
        q[i] = rng_float(&r, -1.0f, 1.0f);
    }
    for (uint32_t i = 0; i < s->blocks; i++) {
        table[i] = (int32_t)(s->blocks - 1 - i);
    }
    tern_tensor k = random_cache(&b, s, &r);
    tern_tensor v = random_cache(&b, s, &r);
    tern_tensor y = bench_matrix(&b, 2, cols, NULL);
    BENCH_RUN(&b, attention, .q = bench_matrix(&b, 2, cols, q), .k_cache = k, .v_cache = v,
              .positions = bench_ints(&b, 2, s->positions),
              .sequences = bench_ints(&b, 2, sequences),
              .table = bench_tensor(&b, TERN_DTYPE_I32, 2, (const uint32_t[]){1, s->blocks}, table),
              .scale = 0.25f, .window = s->window, .out = y);
    memcpy(out, bench_read(&b, &y), 2 * cols * sizeof *out);
    bench_close(&b);
}

static void compare(const shape *s) {
    size_t count = (size_t)2 * s->heads * s->head_dim;
    float *want = malloc(count * sizeof *want);
    float *got = malloc(count * sizeof *got);
    assert_non_null(want);
    assert_non_null(got);
    attend("reference", s, want);
    attend("vulkan", s, got);
    assert_memory_equal(got, want, count * sizeof *got);
    free(want);
    free(got);
}

static void a_long_context(void **state) {
    (void)state;
    compare(&(shape){4, 2, 40, 40, {2559, 2047}, TERN_DTYPE_F16});
    compare(&(shape){2, 1, 33, 36, {2300, 2048}, TERN_DTYPE_F32});
}

// llvmpipe ends all loops of an invocation after 65535 rounds: what needs more has its blocks
// shared out.
static void more_rounds_than_llvmpipe_takes(void **state) {
    (void)state;
    compare(&(shape){1, 1, 64, 160, {10239, 8000}, TERN_DTYPE_F16, 0});
    compare(&(shape){1, 1, 128, 440, {28159, 64}, TERN_DTYPE_F16, 0});
}

// Kept from where the window's first block begins, not from position 0.
static void a_long_window(void **state) {
    (void)state;
    compare(&(shape){2, 1, 40, 52, {3300, 2099}, TERN_DTYPE_F16, 2085});
    compare(&(shape){2, 1, 33, 52, {3300, 3263}, TERN_DTYPE_F32, 100});
}

static void a_large_head(void **state) {
    (void)state;
    compare(&(shape){2, 1, 1030, 2, {70, 1}, TERN_DTYPE_F16});
    compare(&(shape){1, 1, 1601, 2, {127, 63}, TERN_DTYPE_F32});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_context),
        cmocka_unit_test(more_rounds_than_llvmpipe_takes),
        cmocka_unit_test(a_long_window),
        cmocka_unit_test(a_large_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
