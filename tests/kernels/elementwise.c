// Kernels of one row: elementwise ops, norms, softmax, rotary, argmax.
#include "tests/kernels/check.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { MOST = 3200 };

static float a[MOST], b[MOST], want[MOST];
static struct tern_cpu_kernels scalar;

static void test_simple(const struct check *check, uint32_t n) {
    float *out = check_out(n * sizeof *out);
    for (uint32_t i = 0; i < n; i++) {
        want[i] = check_flush(a[i] + b[i]);
    }
    check->kernels.add.fn(a, b, n, out);
    check_same(out, want, n * sizeof *out, "add: n %u", n);
    for (uint32_t i = 0; i < n; i++) {
        want[i] = check_flush(a[i] * b[i]);
    }
    memcpy(out, a, n * sizeof *out);
    check->kernels.mul.fn(out, b, n, out);
    check_same(out, want, n * sizeof *out, "mul, in place: n %u", n);
    for (uint32_t i = 0; i < n; i++) {
        want[i] = check_flush(a[i] * 0.3f);
    }
    check->kernels.scale.fn(a, 0.3f, n, out);
    check_same(out, want, n * sizeof *out, "scale: n %u", n);
}

static void test_norm(const struct check *check, uint32_t n, bool weighted) {
    float *out = check_out(n * sizeof *out);
    for (uint32_t i = 0; i < n; i++) {
        want[i] = a[i] * a[i];
    }
    float mean = check_sum(want, n) / (float)n;
    float inverse = 1.0f / sqrtf(mean + 1e-5f);
    for (uint32_t i = 0; i < n; i++) {
        float y = a[i] * inverse;
        want[i] = check_flush(weighted ? y * b[i] : y);
    }
    check->kernels.rms_norm.fn(a, n, weighted ? b : NULL, 1e-5f, out);
    check_same(out, want, n * sizeof *out, "rms_norm: n %u weighted %d", n, weighted);
}

static void test_layer_norm(const struct check *check, uint32_t n, const float *weight,
                            const float *bias) {
    float *out = check_out(n * sizeof *out);
    float mean = check_sum(a, n) / (float)n;
    float squares[MOST];
    for (uint32_t i = 0; i < n; i++) {
        want[i] = check_flush(a[i] - mean);
        squares[i] = want[i] * want[i];
    }
    float inverse = 1.0f / sqrtf(check_sum(squares, n) / (float)n + 1e-5f);
    for (uint32_t i = 0; i < n; i++) {
        float y = want[i] * inverse;
        y = weight ? y * weight[i] : y;
        want[i] = check_flush(bias ? y + bias[i] : y);
    }
    memcpy(out, a, n * sizeof *out);
    check->kernels.layer_norm.fn(out, n, weight, bias, 1e-5f, out);
    check_same(out, want, n * sizeof *out, "layer_norm: n %u weight %d bias %d", n, !!weight,
               !!bias);
}

static void test_recurrence(const struct check *check, uint32_t n) {
    float *out = check_out(n * sizeof *out);
    float *state = check_out(n * sizeof *state);
    for (uint32_t i = 0; i < n; i++) {
        state[i] = a[n - 1 - i];
        want[i] = check_flush(check_flush(a[i] * state[i]) + b[i]);
    }
    memcpy(out, a, n * sizeof *out);
    check->kernels.recurrence.fn(out, b, n, state, out);
    check_same(out, want, n * sizeof *out, "recurrence: n %u", n);
    check_same(state, want, n * sizeof *state, "recurrence: state of n %u", n);
}

static void test_argmax(const struct check *check, uint32_t n) {
    uint32_t *got = check_out(sizeof *got);
    uint32_t best = 0;
    for (uint32_t i = 0; i < n; i++) {
        best = a[i] > a[best] ? i : best;
    }
    *got = check->kernels.argmax.fn(a, n);
    check_same(got, &best, sizeof best, "argmax: n %u", n);
}

static void test_rotary(const struct check *check, uint32_t head_dim, uint32_t dims,
                        uint32_t pairs) {
    float *out = check_out(head_dim * sizeof *out);
    struct tern_cpu_rotary job = {b, dims, head_dim, pairs};
    memcpy(want, a, head_dim * sizeof *want);
    for (uint32_t i = 0; i < dims / 2; i++) {
        uint32_t first = pairs ? 2 * i : i;
        uint32_t second = pairs ? first + 1 : first + dims / 2;
        float c = b[i];
        float s = b[dims / 2 + i];
        want[first] = check_flush(a[first] * c - a[second] * s);
        want[second] = check_flush(a[second] * c + a[first] * s);
    }
    memcpy(out, a, head_dim * sizeof *out);
    check->kernels.rotary.fn(&job, out, out);
    check_same(out, want, head_dim * sizeof *out, "rotary: head_dim %u dims %u pairs %u", head_dim,
               dims, pairs);
}

static void test_exp_scaled(const struct check *check, uint32_t n, float scale) {
    float *out = check_out(n * sizeof *out);
    float *same = check_out(n * sizeof *same);
    memcpy(out, a, n * sizeof *out);
    memcpy(same, a, n * sizeof *same);
    float most = check->kernels.exp_scaled.fn(out, n, scale);
    scalar.exp_scaled.fn(same, n, scale);
    check_same(out, same, n * sizeof *out, "exp_scaled: n %u", n);
    float largest = a[0] * scale;
    for (uint32_t i = 1; i < n; i++) {
        largest = a[i] * scale > largest ? a[i] * scale : largest;
    }
    bool ok = most == largest;
    check_same(&ok, &(bool){true}, sizeof ok, "exp_scaled: n %u returns %a", n, (double)most);
    for (uint32_t i = 0; i < n; i++) {
        double x = a[i] * scale - largest;
        ok = x < -34.0 ? out[i] == 0.0f : fabs(out[i] - exp(x)) <= 1e-7 * exp(x);
        check_same(&ok, &(bool){true}, sizeof ok, "exp_scaled: exp(%a)", x);
    }
}

// A limit is the same as operands that were cut before.
static void test_limit(const struct check *check, tern_activation kind, uint32_t n) {
    static float gate[MOST], up[MOST];
    float *out = check_out(n * sizeof *out);
    float *same = check_out(n * sizeof *same);
    for (uint32_t i = 0; i < n; i++) {
        gate[i] = fminf(a[i], 0.5f);
        up[i] = fmaxf(fminf(b[i], 0.5f), -0.5f);
    }
    scalar.gated.fn(gate, up, kind, FLT_MAX, n, same);
    check->kernels.gated.fn(a, b, kind, 0.5f, n, out);
    check_same(out, same, n * sizeof *out, "gated %u with a limit: n %u", kind, n);
}

static void test_combine(const struct check *check, uint32_t slots, uint32_t n, bool in_place) {
    static float y[MOST];
    float *out = check_out(n * sizeof *out);
    struct tern_cpu_combine job = {a, b, slots, in_place ? out : NULL};
    memcpy(out, b, n * sizeof *out);
    check->kernels.combine.fn(&job, n, out);
    for (uint32_t i = 0; i < n; i++) {
        y[i] = 0.0f;
        for (uint32_t s = 0; s < slots; s++) {
            float product = a[s * n + i] * b[s];
            y[i] = y[i] + product;
        }
        y[i] = check_flush(y[i]);
        y[i] = in_place ? check_flush(y[i] + b[i]) : y[i];
    }
    check_same(out, y, n * sizeof *out, "combine: %u slots, n %u", slots, n);
}

// Transcendental functions: scalar is near the truth, the others have its bits.
static void test_functions(const struct check *check, uint32_t n) {
    float *out = check_out(n * sizeof *out);
    float *same = check_out(n * sizeof *same);
    for (tern_activation kind = 0; kind < TERN_ACTIVATION_COUNT_; kind++) {
        check->kernels.activation.fn(a, kind, n, out);
        scalar.activation.fn(a, kind, n, same);
        check_same(out, same, n * sizeof *out, "activation %u: n %u", kind, n);
        for (uint32_t i = 0; i < n; i++) {
            same[i] = check_flush(same[i] * b[i]);
        }
        check->kernels.gated.fn(a, b, kind, FLT_MAX, n, out);
        check_same(out, same, n * sizeof *out, "gated %u: n %u", kind, n);
        test_limit(check, kind, n);
    }
    check->kernels.softmax.fn(a, n, out);
    scalar.softmax.fn(a, n, same);
    check_same(out, same, n * sizeof *out, "softmax: n %u", n);
    test_exp_scaled(check, n, 0.7f);
    test_exp_scaled(check, n, -3.0f);
}

static void bench_more(const struct check *check, uint32_t n, float *out) {
    const uint64_t bytes = n * sizeof *out;
    static float state[MOST];
    struct tern_cpu_combine combine = {a, b, 8, NULL};
    CHECK_BENCH(check, 2 * bytes, check->kernels.mul.fn(a, b, n, out), "mul %u", n);
    CHECK_BENCH(check, bytes, check->kernels.scale.fn(a, 0.3f, n, out), "scale %u", n);
    CHECK_BENCH(check, bytes, check->kernels.activation.fn(a, TERN_ACTIVATION_SILU, n, out),
                "activation silu %u", n);
    CHECK_BENCH(check, bytes, check->kernels.layer_norm.fn(a, n, b, b, 1e-5f, out), "layer_norm %u",
                n);
    CHECK_BENCH(check, 3 * bytes, check->kernels.recurrence.fn(a, b, n, state, out),
                "recurrence %u", n);
    CHECK_BENCH(check, bytes, check->kernels.combine.fn(&combine, n / 8, out),
                "combine 8 slots of %u", n / 8);
    memset(state, 0, sizeof state);
    CHECK_BENCH(check, bytes, check->kernels.exp_scaled.fn(state, n, 0.7f), "exp_scaled %u", n);
}

static void bench(const struct check *check, uint32_t n) {
    float *out = check_out(n * sizeof *out);
    uint64_t bytes = n * sizeof *out;
    CHECK_BENCH(check, 2 * bytes, check->kernels.add.fn(a, b, n, out), "add %u", n);
    CHECK_BENCH(check, 2 * bytes,
                check->kernels.gated.fn(a, b, TERN_ACTIVATION_SILU, FLT_MAX, n, out),
                "gated silu %u", n);
    CHECK_BENCH(check, 2 * bytes,
                check->kernels.gated.fn(a, b, TERN_ACTIVATION_RELU2, FLT_MAX, n, out),
                "gated relu2 %u", n);
    CHECK_BENCH(check, 2 * bytes, check->kernels.rms_norm.fn(a, n, b, 1e-5f, out), "rms_norm %u",
                n);
    CHECK_BENCH(check, bytes, check->kernels.softmax.fn(a, n, out), "softmax %u", n);
    bench_more(check, n, out);
    volatile uint32_t sink = 0;
    CHECK_BENCH(check, bytes, sink = sink + check->kernels.argmax.fn(a, n), "argmax %u", n);
    struct tern_cpu_rotary job = {b, 64, 64, 0};
    CHECK_BENCH(check, 256, check->kernels.rotary.fn(&job, a, out), "rotary 64");
}

void check_run(const struct check *check) {
    static const uint32_t sizes[] = {1, 3, 7, 8, 9, 31, 63, 64, 65, 100, 172, 1024, 1025, MOST};
    tern_cpu_kernels_init(&scalar, TERN_CPU_scalar);
    for (uint32_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (int p = 0; p < CHECK_PATTERNS; p++) {
            check_fill_f32(a, sizes[i], (enum check_pattern)p);
            check_fill_f32(b, sizes[i], p == CHECK_LEAST ? CHECK_MOST : CHECK_RANDOM);
            test_simple(check, sizes[i]);
            test_norm(check, sizes[i], p % 2);
            test_layer_norm(check, sizes[i], p % 2 ? b : NULL, p % 3 ? b : NULL);
            test_recurrence(check, sizes[i]);
            test_argmax(check, sizes[i]);
            test_functions(check, sizes[i]);
            for (uint32_t slots = 1; slots <= 8 && slots * sizes[i] <= MOST; slots += 7) {
                test_combine(check, slots, sizes[i], p % 2);
            }
            check_clear();
        }
    }
    for (uint32_t dims = 2; dims <= 128; dims += 2) {
        check_fill_f32(a, 128, CHECK_RANDOM);
        check_fill_f32(b, 128, CHECK_RANDOM);
        test_rotary(check, 128, dims, dims / 2 % 2);
        test_rotary(check, dims, dims, dims / 4 % 2);
        check_clear();
    }
    bench(check, 256);
    bench(check, MOST);
}
