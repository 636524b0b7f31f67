// exp.h and activation.h against libm in double: the accuracy that their headers state.
#include <fenv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "shaders/common/activation.h"
#include "tests/harness/rng.h"

#define SMALLEST 0x1p-50

typedef struct function {
    const char *name;
    float (*ours)(float x);
    double (*exact)(double x);
    double ulp;        // largest error where |result| >= 2^-50
    double low, high;  // powers of two between which |x| lies
    int negative_also; // else only x > 0
} function;

static float ours_relu2(float x) {
    return t_activation(T_ACTIVATION_RELU2, x);
}

static float ours_silu(float x) {
    return t_activation(T_ACTIVATION_SILU, x);
}

static float ours_exp_decay(float x) {
    return t_exp_decay(x);
}

static double exact_sigmoid(double x) {
    return 1.0 / (1.0 + exp(-x));
}

static double exact_exp_decay(double x) {
    return exp(-x);
}

static double exact_relu2(double x) {
    return x > 0.0 ? x * x : 0.0;
}

static double exact_silu(double x) {
    return x / (1.0 + exp(-x));
}

static double exact_gelu(double x) {
    return x / 2.0 * erfc(-x / sqrt(2.0));
}

// (1 + tanh(u)) / 2 = 1 / (1 + exp(-2 u)), which keeps its digits below 0.
static double exact_gelu_tanh(double x) {
    const double pi = 3.14159265358979323846;
    double u = sqrt(2.0 / pi) * (x + 0.044715 * x * x * x);
    return x / (1.0 + exp(-2.0 * u));
}

static const function functions[] = {
    {"t_log", t_log, log, 0.95, 0x1p-100, 0x1p100, 0},
    {"t_exp_decay", ours_exp_decay, exact_exp_decay, 2.5, SMALLEST, 0x1p40, 0},
    {"t_sigmoid", t_sigmoid, exact_sigmoid, 2.4, SMALLEST, 0x1p40, 1},
    {"t_tanh", t_tanh, tanh, 1.5, SMALLEST, 0x1p40, 1},
    {"t_erf", t_erf, erf, 1.8, SMALLEST, 0x1p40, 1},
    {"relu2", ours_relu2, exact_relu2, 0.5, SMALLEST, 0x1p40, 1},
    {"silu", ours_silu, exact_silu, 3.2, SMALLEST, 0x1p40, 1},
    {"gelu", t_gelu, exact_gelu, 5.0, SMALLEST, 0x1p40, 1},
    {"gelu_tanh", t_gelu_tanh, exact_gelu_tanh, 4.1, SMALLEST, 0x1p40, 1},
};

static void check_value(const function *f, float x) {
    double want = f->exact(x);
    feclearexcept(FE_ALL_EXCEPT);
    volatile float got = f->ours(x); // computed here, for its exceptions
    int raised = fetestexcept(FE_UNDERFLOW | FE_OVERFLOW | FE_INVALID | FE_DIVBYZERO);
    int e;
    frexp(want, &e);
    double allowed = fabs(want) >= SMALLEST ? f->ulp * ldexp(1.0, e - 24) : SMALLEST;
    if (!(fabs((double)got - want) <= allowed) || raised) {
        fail_msg("%s(%a) is %.9g, expected %.12g within %.1f ulp; float exceptions %x", f->name,
                 (double)x, (double)got, want, f->ulp, (unsigned)raised);
    }
}

static void functions_are_as_accurate_as_stated(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        const function *f = &functions[i];
        uint32_t last = float_bits((float)f->high);
        for (uint32_t u = float_bits((float)f->low); u <= last; u += 1009) {
            check_value(f, float_of(u));
            if (f->negative_also) {
                check_value(f, -float_of(u));
            }
        }
    }
}

static void exp_is_within_its_bound(void **state) {
    (void)state;
    for (float x = -34.0f; x <= 0.0f; x += 0x1.3p-15f) {
        double want = exp(x);
        double got = t_exp(x);
        if (fabs(got - want) > 8.2e-8 * want) {
            fail_msg("t_exp(%a) is %.9g, expected %.12g", (double)x, got, want);
        }
    }
    assert_true(t_exp(0.0f) == 1.0f);
    assert_true(t_exp(nextafterf(-34.0f, -35.0f)) == 0.0f);
    assert_true(t_exp(-1e30f) == 0.0f);
}

static void values_at_zero_and_far_out(void **state) {
    (void)state;
    for (uint32_t kind = 0; kind <= T_ACTIVATION_GELU_TANH; kind++) {
        float at_zero = kind == T_ACTIVATION_SIGMOID ? 0.5f : 0.0f;
        assert_true(t_activation(kind, 0.0f) == at_zero);
    }
    const float far = 0x1p40f;
    assert_true(t_activation(T_ACTIVATION_LINEAR, far) == far);
    assert_true(t_activation(T_ACTIVATION_RELU, far) == far);
    assert_true(t_activation(T_ACTIVATION_RELU, -far) == 0.0f);
    assert_true(t_activation(T_ACTIVATION_RELU2, far) == far * far);
    assert_true(t_activation(T_ACTIVATION_SILU, far) == far);
    assert_true(t_activation(T_ACTIVATION_SILU, -far) == 0.0f);
    assert_true(t_activation(T_ACTIVATION_SIGMOID, far) == 1.0f);
    assert_true(t_activation(T_ACTIVATION_SIGMOID, -far) == 0.0f);
    assert_true(t_activation(T_ACTIVATION_TANH, -far) == -1.0f);
    assert_true(t_activation(T_ACTIVATION_GELU, far) == far);
    assert_true(t_activation(T_ACTIVATION_GELU, -far) == 0.0f);
    assert_true(t_activation(T_ACTIVATION_GELU_TANH, far) == far);
    assert_true(t_activation(T_ACTIVATION_GELU_TANH, -far) == 0.0f);
    assert_true(t_log(1.0f) == 0.0f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exp_is_within_its_bound),
        cmocka_unit_test(functions_are_as_accurate_as_stated),
        cmocka_unit_test(values_at_zero_and_far_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
