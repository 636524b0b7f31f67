// A float16 matrix of 600 MB where a binding may have 128 MiB: its product, its rows, its export;
// and ternary experts of 144 MB, one of which lies on both sides of that border.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <tern/tern.h>

#include "tests/harness/device.h"

enum { OUTPUTS = 150001, COLS = 2048, PICKED = 6 };

// Small integers, so that every order of summing gives the same float.
static int weight_at(uint32_t n, uint32_t k) {
    return (int)((n * 2654435761u ^ k * 40503u) >> 7 & 7) - 3;
}

static int input_at(uint32_t k) {
    return (int)(k * 7 % 5) - 2;
}

static tern_status read_rows(void *user, uint32_t first, uint32_t count, void *codes,
                             float *scales) {
    static const uint16_t halves[] = {0xc200, 0xc000, 0xbc00, 0x0000,
                                      0x3c00, 0x4000, 0x4200, 0x4400};
    uint16_t *out = codes;
    (void)user;
    (void)scales;
    for (uint32_t n = first; n < first + count; n++) {
        for (uint32_t k = 0; k < COLS; k++) {
            *out++ = halves[weight_at(n, k) + 3];
        }
    }
    return TERN_STATUS_OK;
}

static void check_product(bench *b, tern_weights *weights) {
    float *x = bench_floats(b, COLS);
    for (uint32_t k = 0; k < COLS; k++) {
        x[k] = (float)input_at(k);
    }
    tern_tensor in = bench_matrix(b, 1, COLS, x);
    tern_tensor out = bench_matrix(b, 1, OUTPUTS, NULL);
    BENCH_RUN(b, linear, .x = in, .weights = weights, .out = out);
    const float *y = bench_read(b, &out);
    for (uint32_t n = 0; n < OUTPUTS; n++) {
        int want = 0;
        for (uint32_t k = 0; k < COLS; k++) {
            want += weight_at(n, k) * input_at(k);
        }
        if (y[n] != (float)want) {
            fail_msg("output %u is %g, expected %d", n, (double)y[n], want);
        }
    }
}

static void check_rows(bench *b, tern_weights *weights) {
    static const int32_t ids[PICKED] = {0,     32767,  32768,
                                        65536, 150000, 150001}; // the last too large
    tern_tensor out = bench_matrix(b, PICKED, COLS, NULL);
    BENCH_RUN(b, embedding, .ids = bench_ints(b, PICKED, ids), .weights = weights, .out = out);
    const float *y = bench_read(b, &out);
    for (uint32_t r = 0; r < PICKED; r++) {
        uint32_t n = ids[r] < OUTPUTS ? (uint32_t)ids[r] : OUTPUTS - 1;
        for (uint32_t k = 0; k < COLS; k++) {
            if (y[r * COLS + k] != (float)weight_at(n, k)) {
                fail_msg("row %u, column %u is %g, expected %d", n, k, (double)y[r * COLS + k],
                         weight_at(n, k));
            }
        }
    }
}

static void check_export(bench *b, tern_weights *weights) {
    enum { COUNT = 1000 };
    uint16_t *got = bench_memory(b, COUNT * COLS * sizeof *got);
    uint16_t *want = bench_memory(b, COUNT * COLS * sizeof *want);
    for (uint32_t first = 500; first < OUTPUTS - COUNT; first += 32001) {
        CHECK_OK(tern_weights_export(weights, first, COUNT, got, NULL));
        read_rows(NULL, first, COUNT, want, NULL);
        assert_memory_equal(got, want, COUNT * COLS * sizeof *got);
    }
}

static void a_matrix_larger_than_any_binding(void **state) {
    bench *b = *state;
    tern_weights_desc desc = {.struct_size = sizeof desc,
                              .info = {.struct_size = sizeof desc.info,
                                       .dtype = TERN_DTYPE_F16,
                                       .rows = OUTPUTS,
                                       .cols = COLS,
                                       .usage = TERN_WEIGHTS_MATMUL | TERN_WEIGHTS_GATHER},
                              .read = read_rows,
                              .name = "large"};
    CHECK_OK(tern_weights_create(b->device, &desc, &b->weights[b->weights_count]));
    tern_weights *weights = b->weights[b->weights_count++];
    check_product(b, weights);
    check_rows(b, weights);
    check_export(b, weights);
}

enum { EXPERTS = 3, EACH = 100001, WIDTH = 2048, SLOTS = 2 };

// Four codes of 0, 1 or 2.
static uint8_t codes_at(uint32_t n, uint32_t byte) {
    uint32_t u = (n * 2654435761u ^ byte * 40503u) >> 7 & 0xff;
    return (uint8_t)(u % 3 | u / 3 % 3 << 2 | u / 9 % 3 << 4 | u / 27 % 3 << 6);
}

static tern_status read_experts(void *user, uint32_t first, uint32_t count, void *codes,
                                float *scales) {
    uint8_t *out = codes;
    (void)user;
    (void)scales;
    for (uint32_t n = first; n < first + count; n++) {
        for (uint32_t byte = 0; byte < WIDTH / 4; byte++) {
            *out++ = codes_at(n, byte);
        }
    }
    return TERN_STATUS_OK;
}

// Integers that quantise to themselves: the largest is 127.
static int activation_at(uint32_t k) {
    return k == 5 ? 127 : (int)(k * 37 % 251) - 125;
}

static int product_at(uint32_t n) {
    int sum = 0;
    for (uint32_t byte = 0; byte < WIDTH / 4; byte++) {
        for (uint32_t j = 0; j < 4; j++) {
            int weight = (codes_at(n, byte) >> (2 * j) & 3) - 1;
            sum += weight * activation_at(4 * byte + j);
        }
    }
    return sum;
}

static void experts_larger_than_a_binding(void **state) {
    bench *b = *state;
    static const int32_t ids[SLOTS] = {2, 0};
    tern_weights_desc desc = {.struct_size = sizeof desc,
                              .info = {.struct_size = sizeof desc.info,
                                       .dtype = TERN_DTYPE_T2,
                                       .rows = EXPERTS * EACH,
                                       .cols = WIDTH,
                                       .scale_kind = TERN_SCALE_TENSOR,
                                       .scale = 1.0f,
                                       .usage = TERN_WEIGHTS_MATMUL},
                              .read = read_experts,
                              .name = "experts"};
    bench_clear(b);
    CHECK_OK(tern_weights_create(b->device, &desc, &b->weights[b->weights_count]));
    tern_weights *weights = b->weights[b->weights_count++];
    float *x = bench_floats(b, WIDTH);
    for (uint32_t k = 0; k < WIDTH; k++) {
        x[k] = (float)activation_at(k);
    }
    tern_tensor out = bench_matrix(b, 1, SLOTS * EACH, NULL);
    BENCH_RUN(b, expert_bitlinear, .x = bench_matrix(b, 1, WIDTH, x),
              .ids = bench_tensor(b, TERN_DTYPE_I32, 2, (const uint32_t[]){1, SLOTS}, ids),
              .weights = weights, .experts = EXPERTS, .out = out);
    const float *y = bench_read(b, &out);
    for (uint32_t i = 0; i < SLOTS * EACH; i++) {
        int want = product_at((uint32_t)ids[i / EACH] * EACH + i % EACH);
        if (y[i] != (float)want) {
            fail_msg("output %u is %g, expected %d", i, (double)y[i], want);
        }
    }
}

int main(void) {
    bench b;
    bench_open(&b, "vulkan");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(a_matrix_larger_than_any_binding, &b),
        cmocka_unit_test_prestate(experts_larger_than_a_binding, &b),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    bench_close(&b);
    return failed;
}
