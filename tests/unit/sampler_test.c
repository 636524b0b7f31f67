#include <math.h>
#include <stdlib.h>

#include <tern/sampler.h>

#include "tests/harness/check.h"
#include "tests/harness/counted_context.h"

static tern_sampler *make(tern_sampler_desc desc) {
    desc.struct_size = sizeof desc;
    tern_sampler *sampler;
    CHECK_OK(tern_sampler_create(context, &desc, &sampler));
    return sampler;
}

static int32_t pick(tern_sampler *sampler, const float *logits, uint32_t count) {
    int32_t id = -1;
    CHECK_OK(tern_sampler_pick(sampler, logits, count, NULL, 0, &id));
    assert_true(id >= 0 && (uint32_t)id < count);
    return id;
}

static void test_greedy(void **state) {
    (void)state;
    tern_sampler *sampler;
    CHECK_OK(tern_sampler_create(context, NULL, &sampler));
    assert_true(tern_sampler_is_greedy(sampler));
    assert_int_equal(pick(sampler, (float[]){1, 3, 2}, 3), 1);
    assert_int_equal(pick(sampler, (float[]){1, 3, 3, 3}, 4), 1);
    assert_int_equal(pick(sampler, (float[]){-5}, 1), 0);
    assert_int_equal(pick(sampler, (float[]){NAN, -9, NAN}, 3), 1);
    assert_int_equal(pick(sampler, (float[]){NAN, NAN}, 2), 0);
    assert_int_equal(pick(sampler, (float[]){1, INFINITY, 2}, 3), 1);
    assert_int_equal(pick(sampler, (float[]){-INFINITY, -INFINITY, -1}, 3), 2);
    tern_sampler_destroy(sampler);
    tern_sampler_destroy(NULL);
}

static int32_t pick_after(float penalty, uint32_t last, const float logits[4],
                          const int32_t *recent, size_t count) {
    tern_sampler *sampler =
        make((tern_sampler_desc){.repeat_penalty = penalty, .repeat_last = last});
    int32_t id;
    CHECK_OK(tern_sampler_pick(sampler, logits, 4, recent, count, &id));
    assert_int_equal(tern_sampler_is_greedy(sampler), penalty == 1.0f || penalty == 0.0f);
    tern_sampler_destroy(sampler);
    return id;
}

static void test_repeat_penalty(void **state) {
    (void)state;
    const float positive[4] = {4, 3, 1, 0};
    const float negative[4] = {-4, -2, -3, -9};
    assert_int_equal(pick_after(2, 0, positive, NULL, 0), 0);
    assert_int_equal(pick_after(2, 0, positive, (int32_t[]){0}, 1), 1); // 4 / 2 < 3
    assert_int_equal(pick_after(2, 0, negative, (int32_t[]){1}, 1), 2); // -2 * 2 < -3
    assert_int_equal(pick_after(1, 0, positive, (int32_t[]){0}, 1), 0);
    assert_int_equal(pick_after(0, 0, positive, (int32_t[]){0}, 1), 0);
    // Once for an id, however often it came: 4 / 1.25 > 3, but 4 / 1.25 / 1.25 < 3.
    assert_int_equal(pick_after(1.25f, 0, positive, (int32_t[]){0, 0, 0}, 3), 0);
    // Only the latest count, and ids that are none do not.
    assert_int_equal(pick_after(2, 2, positive, (int32_t[]){0, 2, 3}, 3), 0);
    assert_int_equal(pick_after(2, 3, positive, (int32_t[]){0, 2, 3}, 3), 1);
    assert_int_equal(pick_after(2, 0, positive, (int32_t[]){-1, 4, INT32_MAX, INT32_MIN}, 4), 0);
    int32_t many[65] = {0};
    for (int i = 1; i < 65; i++) {
        many[i] = 2;
    }
    assert_int_equal(pick_after(2, 0, positive, many, 64), 1);
    assert_int_equal(pick_after(2, 0, positive, many, 65), 0); // 64 by default
}

// From golden/sampler.py, which computes them in float64.
static void test_golden_ids(void **state) {
    (void)state;
    static const int32_t recent[2][5] = {{1, 5, 5, 50, 97}, {21, 21, 21, 76, 55}};
    static const tern_logit_bias biases[] = {{3, 8.0f}, {21, -INFINITY}, {3, -4.0f}, {100, 9.0f}};
    static const struct {
        tern_sampler_desc desc;
        int32_t ids[16];
    } cases[] = {
        {{.seed = 1, .temperature = 1.5f},
         {16, 8, 21, 63, 21, 55, 76, 42, 84, 21, 21, 97, 76, 76, 63, 76}},
        {{.seed = 2, .temperature = 4.0f, .top_k = 5},
         {21, 55, 76, 55, 55, 97, 55, 21, 76, 42, 42, 21, 21, 76, 55, 76}},
        {{.seed = 3, .temperature = 2.0f, .top_p = 0.75f},
         {63, 21, 8, 55, 29, 42, 63, 29, 55, 76, 97, 21, 42, 63, 55, 21}},
        {{.seed = 4, .temperature = 2.0f, .min_p = 0.125f},
         {55, 84, 84, 55, 63, 21, 97, 21, 84, 55, 97, 63, 76, 71, 50, 21}},
        {{.seed = (uint64_t)1 << 40 | 5,
          .temperature = 3.0f,
          .top_k = 40,
          .top_p = 0.5f,
          .min_p = 0.0625f,
          .repeat_penalty = 2.0f},
         {21, 21, 55, 42, 21, 21, 76, 21, 21, 76, 21, 55, 21, 76, 76, 21}},
        {{.seed = 6, .temperature = 5.0f, .typical_p = 0.25f},
         {71, 16, 16, 58, 79, 3, 92, 24, 16, 79, 3, 79, 71, 92, 16, 11}},
        {{.seed = 7,
          .temperature = 4.0f,
          .top_k = 30,
          .typical_p = 0.75f,
          .top_p = 0.875f,
          .min_p = 0.25f},
         {92, 8, 21, 97, 42, 97, 16, 42, 21, 29, 50, 16, 97, 21, 42, 21}},
        {{.seed = 8, .temperature = 1.0f, .frequency_penalty = 0.5f, .presence_penalty = 1.0f},
         {8, 8, 42, 63, 29, 42, 76, 8, 71, 76, 29, 8, 63, 76, 42, 76}},
        {{.seed = 9, .temperature = 1.0f, .biases = biases, .bias_count = 4},
         {8, 3, 55, 84, 63, 55, 8, 58, 55, 55, 55, 3, 42, 55, 55, 55}},
    };
    float logits[100];
    for (uint32_t i = 0; i < 100; i++) {
        logits[i] = (float)(i * 2654435761u >> 21) / 64.0f - 16.0f;
    }
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        tern_sampler *sampler = make(cases[c].desc);
        assert_false(tern_sampler_is_greedy(sampler));
        for (int n = 0; n < 16; n++) {
            int32_t id;
            CHECK_OK(tern_sampler_pick(sampler, logits, 100, recent[c == 7], 5, &id));
            assert_int_equal(id, cases[c].ids[n]);
        }
        tern_sampler_destroy(sampler);
    }
}

enum { DRAWS = 20000 };

// Natural logarithms of 1 to 4: probabilities 0.1 to 0.4.
static const float tenths[4] = {0.0f, 0.693147181f, 1.09861229f, 1.38629436f};

static void count_draws(tern_sampler_desc desc, double share[4]) {
    tern_sampler *sampler = make(desc);
    int counts[4] = {0};
    for (int i = 0; i < DRAWS; i++) {
        counts[pick(sampler, tenths, 4)]++;
    }
    for (int i = 0; i < 4; i++) {
        share[i] = (double)counts[i] / DRAWS;
    }
    tern_sampler_destroy(sampler);
}

static void check_shares(tern_sampler_desc desc, const double expected[4]) {
    double share[4];
    count_draws(desc, share);
    for (int i = 0; i < 4; i++) {
        assert_true(fabs(share[i] - expected[i]) < 0.015); // four standard deviations
        assert_true(expected[i] > 0.0 || share[i] == 0.0);
    }
}

static void test_shares(void **state) {
    (void)state;
    check_shares((tern_sampler_desc){.seed = 11, .temperature = 1.0f},
                 (double[]){0.1, 0.2, 0.3, 0.4});
    check_shares((tern_sampler_desc){.seed = 12, .temperature = 0.5f},
                 (double[]){1 / 30.0, 4 / 30.0, 9 / 30.0, 16 / 30.0});
    check_shares((tern_sampler_desc){.seed = 13, .temperature = 1.0f, .top_k = 2},
                 (double[]){0, 0, 3 / 7.0, 4 / 7.0});
    check_shares((tern_sampler_desc){.seed = 14, .temperature = 1.0f, .top_p = 0.75f},
                 (double[]){0, 2 / 9.0, 3 / 9.0, 4 / 9.0});
    check_shares((tern_sampler_desc){.seed = 15, .temperature = 1.0f, .min_p = 0.4f},
                 (double[]){0, 2 / 9.0, 3 / 9.0, 4 / 9.0});
    check_shares((tern_sampler_desc){.seed = 16, .temperature = 1.0f, .top_k = 3, .top_p = 0.5f},
                 (double[]){0, 0, 3 / 7.0, 4 / 7.0});
    check_shares((tern_sampler_desc){.seed = 17, .temperature = 1.0f, .top_p = 0.01f},
                 (double[]){0, 0, 0, 1});
    check_shares((tern_sampler_desc){.seed = 18, .temperature = 1.0f, .top_p = 1.0f, .min_p = 1.0f},
                 (double[]){0, 0, 0, 1});
}

static void test_extreme_logits(void **state) {
    (void)state;
    tern_sampler *sampler = make((tern_sampler_desc){.temperature = 1e-30f});
    assert_int_equal(pick(sampler, (float[]){1, 3, 2}, 3), 1);
    assert_int_equal(pick(sampler, (float[]){-INFINITY, NAN, -1}, 3), 2);
    assert_int_equal(pick(sampler, (float[]){0, INFINITY, 3e38f}, 3), 1);
    tern_sampler_destroy(sampler);
    // All equal, none of them a number: still a draw among all.
    sampler = make((tern_sampler_desc){.seed = 3, .temperature = 1.0f, .top_p = 0.99f});
    int seen[3] = {0};
    for (int i = 0; i < 100; i++) {
        seen[pick(sampler, (float[]){NAN, NAN, NAN}, 3)]++;
    }
    assert_true(seen[0] && seen[1] && seen[2]);
    tern_sampler_destroy(sampler);
}

// Top-k of equal logits takes the lowest ids; a k past the end takes all.
static void test_ties(void **state) {
    (void)state;
    float logits[64] = {0};
    tern_sampler *sampler = make((tern_sampler_desc){.seed = 5, .temperature = 1.0f, .top_k = 3});
    int seen[64] = {0};
    for (int i = 0; i < 200; i++) {
        seen[pick(sampler, logits, 64)]++;
    }
    assert_true(seen[0] && seen[1] && seen[2]);
    assert_int_equal(seen[0] + seen[1] + seen[2], 200);
    tern_sampler_destroy(sampler);
    sampler = make((tern_sampler_desc){.seed = 5, .temperature = 1.0f, .top_k = 1000});
    int highest = 0;
    for (int i = 0; i < 1000; i++) {
        int32_t id = pick(sampler, logits, 64);
        highest = id > highest ? id : highest;
    }
    assert_int_equal(highest, 63);
    tern_sampler_destroy(sampler);
}

static void check_setting(tern_sampler_desc desc, const char *name) {
    desc.struct_size = sizeof desc;
    tern_sampler *sampler;
    CHECK_FAILS(tern_sampler_create(context, &desc, &sampler), TERN_STATUS_INVALID_ARGUMENT, name);
    assert_null(sampler);
}

static void test_settings(void **state) {
    (void)state;
    static const float bad[] = {NAN, -0.5f, INFINITY, 1000.0f};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        check_setting((tern_sampler_desc){.temperature = bad[i]}, "sampler: temperature is ");
        check_setting((tern_sampler_desc){.top_p = bad[i]}, "sampler: top_p is ");
        check_setting((tern_sampler_desc){.min_p = bad[i]}, "sampler: min_p is ");
        check_setting((tern_sampler_desc){.repeat_penalty = bad[i]}, "sampler: repeat_penalty is ");
    }
    check_setting((tern_sampler_desc){.typical_p = NAN}, "sampler: typical_p is ");
    check_setting((tern_sampler_desc){.frequency_penalty = 101.0f}, "expected -100 to 100");
    check_setting((tern_sampler_desc){.presence_penalty = NAN}, "sampler: presence_penalty is ");
    check_setting((tern_sampler_desc){.bias_count = 1}, "1 biases, but no array");
    tern_logit_bias wrong[] = {{0, -INFINITY}, {-1, 1.0f}};
    check_setting((tern_sampler_desc){.biases = wrong, .bias_count = 2}, "bias 1 adds 1 to");
    wrong[0].bias = INFINITY;
    check_setting((tern_sampler_desc){.biases = wrong, .bias_count = 1}, "bias 0 adds inf");
    check_setting((tern_sampler_desc){.top_p = 1.01f}, "expected 0 to 1");
    check_setting((tern_sampler_desc){.reserved = 1},
                  "tern_sampler_desc: reserved is 1, must be 0");
    tern_sampler_desc desc = TERN_SAMPLER_DESC_INIT;
    desc.struct_size = 8;
    tern_sampler *sampler;
    CHECK_FAILS(tern_sampler_create(context, &desc, &sampler), TERN_STATUS_INVALID_ARGUMENT,
                "struct_size is 8");
    sampler = make((tern_sampler_desc){.temperature = 1.0f});
    int32_t id;
    CHECK_FAILS(tern_sampler_pick(sampler, NULL, 3, NULL, 0, &id), TERN_STATUS_INVALID_ARGUMENT,
                "logits is NULL");
    CHECK_FAILS(tern_sampler_pick(sampler, tenths, 0, NULL, 0, &id), TERN_STATUS_INVALID_ARGUMENT,
                "0 logits");
    CHECK_FAILS(tern_sampler_pick(sampler, tenths, 4, NULL, 1, &id), TERN_STATUS_INVALID_ARGUMENT,
                "recent is NULL");
    tern_sampler_destroy(sampler);
}

static void test_out_of_memory(void **state) {
    (void)state;
    tern_sampler *sampler;
    heap.fail_at = heap.calls + 1;
    CHECK_FAILS(tern_sampler_create(context, NULL, &sampler), TERN_STATUS_OUT_OF_MEMORY,
                "out of memory");
    sampler = make((tern_sampler_desc){.temperature = 1.0f});
    heap.fail_at = heap.calls + 1;
    int32_t id;
    CHECK_FAILS(tern_sampler_pick(sampler, tenths, 4, NULL, 0, &id), TERN_STATUS_OUT_OF_MEMORY,
                "the candidates of a sampler");
    heap.fail_at = 0;
    pick(sampler, tenths, 4);
    size_t calls = heap.calls;
    pick(sampler, tenths, 4);
    assert_int_equal(heap.calls, calls); // memory is kept from pick to pick
    tern_sampler_destroy(sampler);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_greedy),         cmocka_unit_test(test_repeat_penalty),
        cmocka_unit_test(test_golden_ids),     cmocka_unit_test(test_shares),
        cmocka_unit_test(test_extreme_logits), cmocka_unit_test(test_ties),
        cmocka_unit_test(test_settings),       cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, counted_set_up, counted_tear_down);
}
