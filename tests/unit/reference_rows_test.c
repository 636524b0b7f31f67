// Ops of the reference backend that work row by row, against float64 oracles.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/harness/device.h"
#include "tests/harness/rng.h"

static bench b;

static const uint32_t widths[] = {1, 3, 63, 100, 172, 640, 3200};
enum { WIDTHS = sizeof widths / sizeof widths[0] };

static float *random_floats(rng *r, size_t count, int low, int high) {
    float *x = bench_floats(&b, count);
    for (size_t i = 0; i < count; i++) {
        x[i] = rng_wide(r, low, high);
    }
    return x;
}

static double flushed(double x) {
    return fabs(x) < 0x1p-50 ? 0.0 : x;
}

static double allowed(double want, double ulps) {
    return ulps * 0x1p-23 * fabs(want) + 0x1p-50;
}

static void arithmetic_of_two(void **state) {
    (void)state;
    rng r = rng_make(1);
    for (uint32_t w = 0; w < WIDTHS; w++) {
        uint32_t rows = w % 2 ? 7 : 2;
        uint32_t cols = widths[w];
        float *x = random_floats(&r, (size_t)rows * cols, -45, 10);
        float *y = random_floats(&r, (size_t)rows * cols, -45, 10);
        tern_tensor a = bench_matrix(&b, rows, cols, x);
        tern_tensor same = bench_matrix(&b, rows, cols, y);
        tern_tensor row = bench_vector(&b, cols, y);
        tern_tensor sum = bench_matrix(&b, rows, cols, NULL);
        tern_tensor product = bench_matrix(&b, rows, cols, NULL);
        tern_tensor scaled = bench_matrix(&b, rows, cols, NULL);
        BENCH_RUN(&b, add, .a = a, .b = same, .out = sum);
        BENCH_RUN(&b, mul, .a = a, .b = row, .out = product);
        BENCH_RUN(&b, scale, .x = a, .factor = -0.3f, .out = scaled);
        BENCH_RUN(&b, add, .a = a, .b = row, .out = a);
        float *got_sum = bench_read(&b, &sum);
        float *got_product = bench_read(&b, &product);
        float *got_scaled = bench_read(&b, &scaled);
        float *got_in_place = bench_read(&b, &a);
        for (size_t i = 0; i < (size_t)rows * cols; i++) {
            double one = x[i];
            double other = y[i % cols];
            // One operation each, so the float64 result rounded once is the answer.
            assert_true(got_sum[i] == (float)flushed((float)(one + y[i])));
            assert_true(got_product[i] == (float)flushed((float)(one * other)));
            assert_true(got_scaled[i] == (float)flushed((float)(one * -0.3f)));
            assert_true(got_in_place[i] == (float)flushed((float)(one + other)));
            assert_false(float_bits(got_product[i]) == 0x80000000u);
        }
        bench_clear(&b);
    }
}

static double activated(uint32_t kind, double x) {
    const double pi = 3.14159265358979323846;
    switch (kind) {
    case TERN_ACTIVATION_RELU:
        return x > 0 ? x : 0;
    case TERN_ACTIVATION_RELU2:
        return x > 0 ? x * x : 0;
    case TERN_ACTIVATION_SILU:
        return x / (1 + exp(-x));
    case TERN_ACTIVATION_SIGMOID:
        return 1 / (1 + exp(-x));
    case TERN_ACTIVATION_TANH:
        return tanh(x);
    case TERN_ACTIVATION_GELU:
        return x / 2 * erfc(-x / sqrt(2.0));
    case TERN_ACTIVATION_GELU_TANH:
        return x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x * x * x)));
    default:
        return x;
    }
}

static void activations_and_gates(void **state) {
    (void)state;
    rng r = rng_make(2);
    const uint32_t rows = 3, cols = 1000;
    float *x = random_floats(&r, (size_t)rows * cols, -20, 5);
    float *y = random_floats(&r, (size_t)rows * cols, -20, 5);
    x[0] = 0.0f;
    x[1] = 0x1p-50f;
    x[2] = -0x1p-50f;
    x[3] = 0x1p40f;
    x[4] = -0x1p40f;
    y[3] = y[4] = 1.0f;
    for (uint32_t kind = 0; kind < TERN_ACTIVATION_COUNT_; kind++) {
        tern_tensor gate = bench_matrix(&b, rows, cols, x);
        tern_tensor up = bench_matrix(&b, rows, cols, y);
        tern_tensor out = bench_matrix(&b, rows, cols, NULL);
        BENCH_RUN(&b, activation, .x = gate, .activation = kind, .out = out);
        BENCH_RUN(&b, gated, .gate = gate, .up = up, .activation = kind, .out = up);
        float *alone = bench_read(&b, &out);
        float *with_up = bench_read(&b, &up);
        for (size_t i = 0; i < (size_t)rows * cols; i++) {
            double want = activated(kind, x[i]);
            check_near("activation", i, alone[i], want, allowed(want, 8));
            check_near("gated", i, with_up[i], want * y[i],
                       allowed(want * y[i], 8) + 0x1p-50 * fabs(y[i]));
        }
    }
    bench_clear(&b);
}

static void norm_of_rows(void **state) {
    (void)state;
    rng r = rng_make(3);
    for (uint32_t w = 0; w < WIDTHS; w++) {
        const uint32_t rows = 3, cols = widths[w];
        const float eps = w % 2 ? 1e-5f : 0x1p-60f;
        float *x = random_floats(&r, (size_t)rows * cols, -12, 6);
        float *gain = random_floats(&r, cols, -3, 3);
        memset(x + cols, 0, cols * sizeof *x);
        tern_tensor in = bench_matrix(&b, rows, cols, x);
        tern_tensor plain = bench_matrix(&b, rows, cols, NULL);
        BENCH_RUN(&b, rms_norm, .x = in, .eps = eps, .out = plain);
        BENCH_RUN(&b, rms_norm, .x = in, .weight = bench_vector(&b, cols, gain), .eps = eps,
                  .out = in);
        float *got = bench_read(&b, &plain);
        float *got_gain = bench_read(&b, &in);
        for (uint32_t row = 0; row < rows; row++) {
            double squares = 0;
            for (uint32_t k = 0; k < cols; k++) {
                squares += (double)x[row * cols + k] * x[row * cols + k];
            }
            double root = sqrt(squares / cols + eps);
            for (uint32_t k = 0; k < cols; k++) {
                size_t i = row * cols + k;
                check_near("rms_norm", i, got[i], x[i] / root, allowed(x[i] / root, 8));
                double want = x[i] / root * gain[k];
                check_near("rms_norm with gain", i, got_gain[i], want, allowed(want, 8));
            }
        }
        bench_clear(&b);
    }
}

// The rms of each head alone, all with one gain.
static void norm_of_heads(void **state) {
    (void)state;
    rng r = rng_make(7);
    static const uint32_t dims[] = {1, 3, 64, 100, 1030};
    for (size_t w = 0; w < sizeof dims / sizeof dims[0]; w++) {
        const uint32_t rows = 2, heads = 5, dim = dims[w];
        float *x = random_floats(&r, (size_t)rows * heads * dim, -12, 6);
        float *gain = random_floats(&r, dim, -3, 3);
        tern_tensor in = bench_matrix(&b, rows, heads * dim, x);
        BENCH_RUN(&b, rms_norm, .x = in, .weight = bench_vector(&b, dim, gain), .eps = 1e-6f,
                  .heads = heads, .out = in);
        const float *got = bench_read(&b, &in);
        for (uint32_t head = 0; head < rows * heads; head++) {
            double squares = 0;
            for (uint32_t k = 0; k < dim; k++) {
                squares += (double)x[head * dim + k] * x[head * dim + k];
            }
            double root = sqrt(squares / dim + 1e-6);
            for (uint32_t k = 0; k < dim; k++) {
                double want = x[head * dim + k] / root * gain[k];
                check_near("rms_norm by heads", head * dim + k, got[head * dim + k], want,
                           allowed(want, 8));
            }
        }
        bench_clear(&b);
    }
}

// (x - mean) / sqrt(variance + eps) * gain + shift. Rounding the mean moves every difference, by
// up to an ulp of the largest value.
static void centred_norm(void **state) {
    (void)state;
    rng r = rng_make(8);
    for (uint32_t w = 0; w < WIDTHS; w++) {
        const uint32_t rows = 3, cols = widths[w];
        const float eps = 1e-5f;
        float *x = bench_floats(&b, (size_t)rows * cols);
        for (uint32_t i = 0; i < rows * cols; i++) {
            x[i] = rng_float(&r, -2.0f, 4.0f);
        }
        float *gain = random_floats(&r, cols, -3, 3), *shift = random_floats(&r, cols, -3, 3);
        tern_tensor in = bench_matrix(&b, rows, cols, x);
        tern_tensor plain = bench_matrix(&b, rows, cols, NULL);
        BENCH_RUN(&b, layer_norm, .x = in, .eps = eps, .out = plain);
        BENCH_RUN(&b, layer_norm, .x = in, .weight = bench_vector(&b, cols, gain),
                  .bias = bench_vector(&b, cols, shift), .eps = eps, .out = in);
        float *got = bench_read(&b, &plain);
        float *got_moved = bench_read(&b, &in);
        for (uint32_t row = 0; row < rows; row++) {
            const float *values = x + (size_t)row * cols;
            double mean = 0, variance = 0;
            for (uint32_t k = 0; k < cols; k++) {
                mean += (double)values[k] / cols;
            }
            for (uint32_t k = 0; k < cols; k++) {
                variance += (values[k] - mean) * (values[k] - mean) / cols;
            }
            for (uint32_t k = 0; k < cols; k++) {
                size_t i = row * cols + k;
                double want = (values[k] - mean) / sqrt(variance + eps);
                check_near("layer_norm", i, got[i], want, 4e-6);
                double moved = want * gain[k] + shift[k];
                check_near("layer_norm moved", i, got_moved[i], moved,
                           4e-6 * fabs(gain[k]) + allowed(moved, 4) + allowed(shift[k], 1));
            }
        }
        bench_clear(&b);
    }
}

// Two sequences whose rows alternate, the second going on at position 5 with a state of its own; in
// double by the published formula.
static void recurrence_of_two_sequences(void **state) {
    (void)state;
    enum { ROWS = 7, COLS = 100 };
    const int32_t positions[ROWS] = {0, 5, 1, 2, 6, 7, 3};
    const int32_t sequences[ROWS] = {2, 0, 2, 2, 0, 0, 2};
    rng r = rng_make(9);
    float *f = bench_floats(&b, ROWS * COLS), *in = random_floats(&r, ROWS * COLS, -6, 2);
    float *before = random_floats(&r, 3 * COLS, -2, 2);
    for (uint32_t i = 0; i < ROWS * COLS; i++) {
        f[i] = rng_float(&r, 0.0f, 1.0f);
    }
    tern_tensor memory = bench_matrix(&b, 3, COLS, before);
    tern_tensor out = bench_matrix(&b, ROWS, COLS, NULL);
    BENCH_RUN(&b, recurrence, .f = bench_matrix(&b, ROWS, COLS, f),
              .i = bench_matrix(&b, ROWS, COLS, in), .state = memory,
              .positions = bench_ints(&b, ROWS, positions),
              .sequences = bench_ints(&b, ROWS, sequences), .out = out);
    const float *got = bench_read(&b, &out), *after = bench_read(&b, &memory);
    double h[3][COLS];
    for (uint32_t i = 0; i < 3 * COLS; i++) {
        h[i / COLS][i % COLS] = before[i];
    }
    for (uint32_t i = 0; i < ROWS * COLS; i++) {
        double *at = &h[sequences[i / COLS]][i % COLS];
        *at = (positions[i / COLS] ? f[i] * *at : 0) + in[i];
        check_near("recurrence", i, got[i], *at, 1e-5);
    }
    for (uint32_t i = 0; i < 3 * COLS; i++) {
        check_near("state", i, after[i], h[i / COLS][i % COLS], i / COLS == 1 ? 0 : 1e-5);
    }
    bench_clear(&b);
}

static void softmax_of_rows(void **state) {
    (void)state;
    rng r = rng_make(4);
    for (uint32_t w = 0; w < WIDTHS; w++) {
        const uint32_t rows = 2, cols = widths[w];
        float *x = random_floats(&r, (size_t)rows * cols, -8, 5);
        x[cols - 1] = 1e6f;
        tern_tensor in = bench_matrix(&b, rows, cols, x);
        BENCH_RUN(&b, softmax, .x = in, .out = in);
        float *got = bench_read(&b, &in);
        for (uint32_t row = 0; row < rows; row++) {
            const float *values = x + (size_t)row * cols;
            double most = values[0], total = 0;
            for (uint32_t k = 0; k < cols; k++) {
                most = values[k] > most ? values[k] : most;
            }
            for (uint32_t k = 0; k < cols; k++) {
                total += exp(values[k] - most);
            }
            for (uint32_t k = 0; k < cols; k++) {
                double want = exp(values[k] - most) / total;
                // The difference in the exponent is rounded, and exp is 0 below -34.
                double share = allowed(want, 8 + fabs(values[k] - most)) + exp(-34);
                check_near("softmax", k, got[row * cols + k], want, share);
            }
        }
        bench_clear(&b);
    }
}

static void rotation(int interleaved, uint32_t dims) {
    const uint32_t rows = 5, heads = 3, head_dim = 10, places = 40;
    const int32_t at[] = {0, 7, 39, 1000, -5};
    rng r = rng_make(5);
    float *x = random_floats(&r, (size_t)rows * heads * head_dim, -6, 4);
    float *angles = bench_floats(&b, (size_t)places * dims);
    for (uint32_t i = 0; i < places * dims; i++) {
        uint32_t k = i % dims % (dims / 2);
        double angle = i / dims * pow(10000.0, -2.0 * k / dims);
        angles[i] = (float)(i % dims < dims / 2 ? cos(angle) : sin(angle));
    }
    tern_tensor in = bench_matrix(&b, rows, heads * head_dim, x);
    BENCH_RUN(&b, rotary, .x = in, .table = bench_matrix(&b, places, dims, angles),
              .positions = bench_ints(&b, rows, at), .head_dim = head_dim,
              .pairs = interleaved ? TERN_ROTARY_INTERLEAVED : TERN_ROTARY_HALF_SPLIT, .out = in);
    float *got = bench_read(&b, &in);
    for (uint32_t i = 0; i < rows * heads; i++) {
        const float *head = x + (size_t)i * head_dim;
        const float *out = got + (size_t)i * head_dim;
        int32_t p = at[i / heads] > 39 ? 39 : at[i / heads] < 0 ? 0 : at[i / heads];
        for (uint32_t k = 0; k < dims / 2; k++) {
            uint32_t first = interleaved ? 2 * k : k;
            uint32_t second = interleaved ? 2 * k + 1 : k + dims / 2;
            double angle = p * pow(10000.0, -2.0 * k / dims);
            double size = fabs(head[first]) + fabs(head[second]);
            check_near("rotary", first, out[first],
                       head[first] * cos(angle) - head[second] * sin(angle), allowed(size, 2));
            check_near("rotary", second, out[second],
                       head[second] * cos(angle) + head[first] * sin(angle), allowed(size, 2));
        }
        for (uint32_t k = dims; k < head_dim; k++) {
            assert_true(out[k] == head[k]);
        }
    }
    bench_clear(&b);
}

static void rotary_in_place_with_clamped_positions(void **state) {
    (void)state;
    rotation(0, 10);
    rotation(1, 10);
    rotation(0, 4);
    rotation(1, 6);
}

static void copies_convert(void **state) {
    (void)state;
    rng r = rng_make(6);
    const uint32_t rows = 3, cols = 7;
    const int32_t pick[] = {2, -4, 900, 1};
    float *x = random_floats(&r, rows * cols, -30, 18);
    x[0] = 65519.0f;
    x[1] = -1e9f;
    x[2] = 0x1p-25f;
    tern_tensor in = bench_matrix(&b, rows, cols, x);
    tern_tensor half = bench_tensor(&b, TERN_DTYPE_F16, 2, (const uint32_t[]){rows, cols}, NULL);
    tern_tensor brain = bench_tensor(&b, TERN_DTYPE_BF16, 2, (const uint32_t[]){rows, cols}, NULL);
    tern_tensor from_half = bench_matrix(&b, rows, cols, NULL);
    tern_tensor from_brain = bench_matrix(&b, rows, cols, NULL);
    tern_tensor picked = bench_matrix(&b, 4, cols, NULL);
    BENCH_RUN(&b, copy, .x = in, .out = half);
    BENCH_RUN(&b, copy, .x = in, .out = brain);
    BENCH_RUN(&b, copy, .x = half, .out = from_half);
    BENCH_RUN(&b, copy, .x = brain, .out = from_brain);
    BENCH_RUN(&b, copy, .x = in, .rows = bench_ints(&b, 4, pick), .out = picked);
    float *halves = bench_read(&b, &from_half);
    float *brains = bench_read(&b, &from_brain);
    float *rows_again = bench_read(&b, &picked);
    for (uint32_t i = 0; i < rows * cols; i++) {
        assert_true(halves[i] == (float)half_rounded(x[i]));
        int e;
        frexp(x[i], &e);
        double step = ldexp(1.0, e - 8);
        assert_true(brains[i] == (float)(nearbyint(x[i] / step) * step));
    }
    static const uint32_t source[] = {2, 0, 2, 1};
    for (uint32_t i = 0; i < 4; i++) {
        assert_memory_equal(rows_again + i * cols, x + source[i] * cols, cols * sizeof *x);
    }
    bench_clear(&b);
}

static void argmax_takes_the_first_of_equals(void **state) {
    (void)state;
    const uint32_t rows = 4, cols = 5;
    const float x[] = {1, 3, 3, 2, 0, -1, -2, -3, -4, -5, 0, 0, 0, 0, 0, -9, -8, -7, -7, -7.5f};
    const int32_t want[] = {1, 0, 0, 2};
    const int32_t before[] = {0, 41, -1, INT32_MAX};
    tern_tensor out = bench_ints(&b, rows, NULL);
    tern_tensor positions = bench_ints(&b, rows, before);
    BENCH_RUN(&b, argmax, .x = bench_matrix(&b, rows, cols, x), .out = out, .positions = positions);
    assert_memory_equal(bench_read(&b, &out), want, sizeof want);
    const int32_t after[] = {1, 42, 0, INT32_MIN};
    assert_memory_equal(bench_read(&b, &positions), after, sizeof after);
    bench_clear(&b);
}

static void assert_plus_zero(const tern_tensor *out) {
    const float *got = bench_read(&b, out);
    for (uint32_t k = 0; k < out->shape[1]; k++) {
        assert_int_equal(float_bits(got[k]), 0);
    }
}

// Results that are smaller than 2^-50, or -0, in every op that could give one.
static void small_results_become_zero(void **state) {
    (void)state;
    const float x[] = {0x1p-30f, -0x1.000002p-30f, 0x1p-50f, -0x1.8p-40f};
    const float near[] = {-0x1.000002p-30f, 0x1p-30f, -0x1.8p-50f, 0x1.8p-40f};
    const float low[] = {0x1p-21f, -0x1p-22f, -0x1p-1f, 0x1p-11f};
    const float lower[] = {0x1p-22f, -0x1p-22f, 0x1p-22f, -0x1p-22f};
    const uint16_t halves[] = {0x8000, 0x8000, 0, 0x8000};
    tern_tensor a = bench_matrix(&b, 1, 4, x);
    tern_tensor small = bench_matrix(&b, 1, 4, low);
    tern_tensor out = bench_matrix(&b, 1, 4, x);
    BENCH_RUN(&b, add, .a = a, .b = bench_matrix(&b, 1, 4, near), .out = out);
    assert_plus_zero(&out);
    BENCH_RUN(&b, mul, .a = a, .b = small, .out = out);
    assert_plus_zero(&out);
    BENCH_RUN(&b, gated, .gate = a, .up = small, .out = out);
    assert_plus_zero(&out);
    BENCH_RUN(&b, scale, .x = a, .factor = -0x1p-21f, .out = out);
    assert_plus_zero(&out);
    BENCH_RUN(&b, activation, .x = a, .activation = TERN_ACTIVATION_RELU2, .out = out);
    assert_plus_zero(&out);
    BENCH_RUN(&b, rms_norm, .x = a, .weight = bench_vector(&b, 4, low), .eps = 1.0f, .out = out);
    assert_plus_zero(&out);
    BENCH_RUN(&b, layer_norm, .x = a, .weight = bench_vector(&b, 4, lower), .eps = 1.0f,
              .out = out);
    assert_plus_zero(&out);
    // Differences from the mean that are smaller are none, however large eps lets them become.
    const float alike[] = {0x1p-50f, 0x1.00002p-50f, 0x1p-50f, 0x1.00002p-50f};
    BENCH_RUN(&b, layer_norm, .x = bench_matrix(&b, 1, 4, alike), .eps = 0x1p-100f, .out = out);
    assert_plus_zero(&out);
    const int32_t zero = 0, one_on = 1;
    tern_tensor kept = bench_matrix(&b, 1, 4, near);
    BENCH_RUN(&b, recurrence, .f = small, .i = bench_matrix(&b, 1, 4, NULL), .state = kept,
              .positions = bench_ints(&b, 1, &one_on), .sequences = bench_ints(&b, 1, &zero),
              .out = out);
    assert_plus_zero(&out);
    assert_plus_zero(&kept);
    tern_tensor half = bench_tensor(&b, TERN_DTYPE_F16, 2, (const uint32_t[]){1, 4}, halves);
    BENCH_RUN(&b, copy, .x = half, .out = out);
    assert_plus_zero(&out);
    const uint8_t code = 2;
    const tern_weights_info one = {.dtype = TERN_DTYPE_T2,
                                   .rows = 1,
                                   .cols = 1,
                                   .scale_kind = TERN_SCALE_TENSOR,
                                   .scale = 0x1p-40f,
                                   .usage = TERN_WEIGHTS_MATMUL};
    const float large = 127.0f, minus = -0x1.fc0002p-34f; // 127 * 2^-40 and one ulp more
    tern_tensor residual = bench_matrix(&b, 1, 1, &minus);
    BENCH_RUN(&b, bitlinear, .x = bench_matrix(&b, 1, 1, &large),
              .weights = bench_weights(&b, &one, &code, NULL), .residual = residual,
              .out = residual);
    assert_plus_zero(&residual);
    bench_clear(&b);
}

// Strided views, and rows past the live ones, keep what is between and behind.
static void live_rows_of_a_view(void **state) {
    (void)state;
    const uint32_t rows = 4, pitch = 10, cols = 3;
    float *x = bench_floats(&b, (size_t)rows * pitch);
    for (uint32_t i = 0; i < rows * pitch; i++) {
        x[i] = (float)i;
    }
    tern_tensor whole = bench_matrix(&b, rows, pitch, x);
    tern_tensor view = tern_tensor_make(whole.buffer, 4 * sizeof(float), TERN_DTYPE_F32, 2,
                                        (const uint32_t[]){rows, cols});
    view.strides[0] = pitch;
    tern_tensor params = bench_ints(&b, 2, NULL);
    tern_commands_desc list = {sizeof list, 0, params};
    tern_commands *commands = NULL;
    tern_program *program = NULL;
    CHECK_OK(tern_commands_create(b.device, &list, &commands));
    tern_scale_desc scale = {.head.live = 2, .x = view, .factor = -1.0f, .out = view};
    CHECK_OK(tern_cmd_scale(commands, &scale));
    CHECK_OK(tern_commands_finish(commands, &program));
    tern_commands_destroy(commands);
    static const int32_t live[] = {-3, 2, 99};
    static const uint32_t expected[] = {0, 2, 4};
    uint32_t turns[4] = {0};
    for (uint32_t run = 0; run < 3; run++) {
        const int32_t words[] = {77, live[run]};
        tern_submit_desc submit = {sizeof submit, 2, words};
        CHECK_OK(tern_program_submit(program, &submit, NULL));
        float *got = bench_read(&b, &whole);
        for (uint32_t i = 0; i < rows * pitch; i++) {
            uint32_t row = i / pitch;
            int inside = i % pitch >= 4 && i % pitch < 4 + cols;
            if (i == row * pitch && row < expected[run]) {
                turns[row]++;
            }
            float want = inside && turns[row] % 2 ? -x[i] : x[i];
            assert_true(got[i] == want);
        }
    }
    tern_program_destroy(program);
    bench_clear(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arithmetic_of_two),
        cmocka_unit_test(activations_and_gates),
        cmocka_unit_test(norm_of_rows),
        cmocka_unit_test(norm_of_heads),
        cmocka_unit_test(centred_norm),
        cmocka_unit_test(recurrence_of_two_sequences),
        cmocka_unit_test(softmax_of_rows),
        cmocka_unit_test(rotary_in_place_with_clamped_positions),
        cmocka_unit_test(copies_convert),
        cmocka_unit_test(argmax_takes_the_first_of_equals),
        cmocka_unit_test(small_results_become_zero),
        cmocka_unit_test(live_rows_of_a_view),
    };
    bench_open(&b, "reference");
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    bench_close(&b);
    return failed;
}
