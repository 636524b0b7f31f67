// Logarithms of probabilities, and what they are made with, against double precision.
#include <tern/perplexity.h>

#include <math.h>

#include "runtime/elementary.h"
#include "tests/harness/check.h"

enum { COUNT = 1000 };

static void elementary_functions_are_nearly_exact(void **state) {
    (void)state;
    for (int i = 1; i < 2000; i++) {
        double x = 0.01 * i * i;
        assert_true(fabs(tern__natural_log(x) - log(x)) <= 0x1p-52 * (1.0 + fabs(log(x))));
        double e = 0.67 * (i - 1000);
        assert_true(fabs(tern__exponential(e) - exp(e)) <= 0x1p-51 * exp(e));
    }
    assert_true(tern__natural_log(1.0) == 0.0 && tern__exponential(0.0) == 1.0);
}

static void equal_logits_share_evenly(void **state) {
    (void)state;
    float logits[COUNT];
    double out[COUNT];
    for (int i = 0; i < COUNT; i++) {
        logits[i] = -3.25f;
    }
    CHECK_OK(tern_log_probs(logits, COUNT, NULL, 0, out));
    for (int i = 0; i < COUNT; i++) {
        assert_true(fabs(out[i] + log(COUNT)) < 1e-15 * COUNT);
    }
}

static void they_are_what_double_precision_gives(void **state) {
    (void)state;
    float logits[COUNT];
    double out[COUNT], sum = 0.0, most = -1e9;
    uint32_t seed = 1;
    for (int i = 0; i < COUNT; i++) {
        seed = seed * 1664525u + 1013904223u;
        logits[i] = (float)(int32_t)seed * 0x1p-31f * 20.0f;
        most = logits[i] > most ? logits[i] : most;
    }
    for (int i = 0; i < COUNT; i++) {
        sum += exp(logits[i] - most);
    }
    CHECK_OK(tern_log_probs(logits, COUNT, NULL, 0, out));
    for (int32_t i = 0; i < COUNT; i++) {
        double one = 0.0;
        assert_true(fabs(out[i] - (logits[i] - most - log(sum))) < 2e-7);
        CHECK_OK(tern_log_probs(logits, COUNT, &i, 1, &one));
        assert_true(one == out[i]);
    }
}

// One far above the rest takes it all; the others keep their distance.
static void far_logits_keep_their_distance(void **state) {
    (void)state;
    static const float logits[] = {-1e30f, 100.0f, 0.0f, 64.0f};
    double out[4];
    CHECK_OK(tern_log_probs(logits, 4, NULL, 0, out));
    assert_true(out[1] == 0.0 && out[2] == -100.0 && out[3] == -36.0);
    assert_true(out[0] < -9e29);
}

// What is no number has no probability and stands behind all, wherever it comes.
static void what_is_no_number_comes_last(void **state) {
    (void)state;
    static const float logits[] = {NAN, 1.0f, NAN, 3.0f, -INFINITY, 2.0f, NAN};
    static const int32_t order[] = {3, 5, 1, 0, 2, 4, 6};
    int32_t ids[7];
    double out[7];
    CHECK_OK(tern_top_log_probs(logits, 7, 7, ids, out));
    assert_memory_equal(ids, order, sizeof order);
    double log_sum = log(1.0 + exp(-1.0) + exp(-2.0));
    for (int i = 0; i < 3; i++) {
        assert_true(fabs(out[i] - (-i - log_sum)) < 2e-6);
    }
    for (int i = 3; i < 7; i++) {
        assert_true(out[i] == -INFINITY);
    }
    CHECK_OK(tern_top_log_probs(logits, 7, 2, ids, out));
    assert_memory_equal(ids, order, 2 * sizeof *order);
    CHECK_OK(tern_log_probs(logits, 7, NULL, 0, out));
    assert_true(out[0] == -INFINITY && out[2] == -INFINITY && out[4] == -INFINITY);
}

static void mistakes_are_told(void **state) {
    (void)state;
    static const int32_t ids[] = {0, 3};
    float logits[] = {1.0f, 2.0f, 3.0f};
    double out[3];
    CHECK_FAILS(tern_log_probs(NULL, 3, NULL, 0, out), TERN_STATUS_INVALID_ARGUMENT, "logits");
    CHECK_FAILS(tern_log_probs(logits, 3, NULL, 0, NULL), TERN_STATUS_INVALID_ARGUMENT, "out");
    CHECK_FAILS(tern_log_probs(logits, 3, ids, 2, out), TERN_STATUS_OUT_OF_RANGE,
                "id 3 of 3 logits");
    logits[1] = INFINITY;
    CHECK_FAILS(tern_log_probs(logits, 3, NULL, 0, out), TERN_STATUS_INVALID_ARGUMENT, "finite");
    logits[0] = logits[1] = logits[2] = NAN;
    CHECK_FAILS(tern_log_probs(logits, 3, NULL, 0, out), TERN_STATUS_INVALID_ARGUMENT, "finite");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elementary_functions_are_nearly_exact),
        cmocka_unit_test(equal_logits_share_evenly),
        cmocka_unit_test(they_are_what_double_precision_gives),
        cmocka_unit_test(far_logits_keep_their_distance),
        cmocka_unit_test(what_is_no_number_comes_last),
        cmocka_unit_test(mistakes_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
