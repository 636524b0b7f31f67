// scale_t2: from integer sums to outputs.
#include "tests/kernels/check.h"

#include <string.h>

enum { TILE = 16, STRIDE = 40, MOST_GROUPS = 2100 };

static float difference(const struct tern_cpu_scale_t2 *job, uint32_t group, uint32_t i) {
    uint32_t sum = (uint32_t)job->sums[(size_t)group * STRIDE + i];
    return (float)(int32_t)(sum - (uint32_t)job->row_sums[group]);
}

// One output, as tern_ternary_matmul_desc and an add after it say.
static float expected(const struct tern_cpu_scale_t2 *job, uint32_t i) {
    float y;
    if (job->grouped) {
        float terms[MOST_GROUPS];
        for (uint32_t g = 0; g < job->groups; g++) {
            terms[g] = difference(job, g, i) * job->weight_scale[(size_t)g * TILE + i];
        }
        y = check_sum(terms, job->groups) * job->act_scale;
    } else {
        y = difference(job, 0, i) * job->act_scale;
        y = y * job->weight_scale[i];
    }
    y = check_flush(job->bias ? y + job->bias[i] : y);
    return job->residual ? check_flush(y + job->residual[i]) : y;
}

// Any number: only the difference of two has to be that of true sums, and any is.
static int32_t random_sum(void) {
    return (int32_t)check_random();
}

static void test(const struct check *check, uint32_t groups, uint32_t count, uint32_t what) {
    int32_t *sums = check_in((size_t)groups * STRIDE * sizeof *sums);
    float *scales = check_in((size_t)groups * TILE * sizeof *scales);
    int32_t *row_sums = check_in(groups * sizeof *row_sums);
    float *bias = check_in(count * sizeof *bias);
    float *out = check_out(count * sizeof *out);
    float *want = check_in(count * sizeof *want);
    for (uint32_t i = 0; i < groups * STRIDE; i++) {
        sums[i] = what & 1 ? random_sum() : 0;
    }
    for (uint32_t g = 0; g < groups; g++) {
        row_sums[g] = what & 1 ? random_sum() : 0;
    }
    check_fill_f32(scales, (size_t)groups * TILE, CHECK_RANDOM);
    check_fill_f32(bias, count, CHECK_RANDOM);
    check_fill_f32(out, count, CHECK_RANDOM);
    struct tern_cpu_scale_t2 job = {.sums = sums,
                                    .sums_stride = STRIDE,
                                    .weight_scale = scales,
                                    .tile = TILE,
                                    .groups = groups,
                                    .grouped = what >> 3 & 1,
                                    .row_sums = row_sums,
                                    .act_scale = 0.0123f,
                                    .bias = what & 2 ? bias : NULL,
                                    .residual = what & 4 ? out : NULL,
                                    .count = count};
    for (uint32_t i = 0; i < count; i++) {
        want[i] = expected(&job, i);
    }
    check->kernels.scale_t2.fn(&job, out);
    check_same(out, want, count * sizeof *out, "scale_t2: groups %u count %u what %u", groups,
               count, what);
    check_clear();
}

static void bench(const struct check *check, uint32_t groups) {
    int32_t *sums = check_in((size_t)groups * STRIDE * sizeof *sums);
    float *scales = check_in((size_t)groups * TILE * sizeof *scales);
    float *out = check_out(TILE * sizeof *out);
    memset(sums, 1, (size_t)groups * STRIDE * sizeof *sums);
    check_fill_f32(scales, groups * TILE, CHECK_RANDOM);
    struct tern_cpu_scale_t2 job = {.sums = sums,
                                    .sums_stride = STRIDE,
                                    .weight_scale = scales,
                                    .tile = TILE,
                                    .groups = groups,
                                    .grouped = groups > 1,
                                    .row_sums = sums,
                                    .act_scale = 0.0123f,
                                    .count = TILE};
    CHECK_BENCH(check, groups * TILE * sizeof *sums, check->kernels.scale_t2.fn(&job, out),
                "scale_t2 %u groups", groups);
    check_clear();
}

void check_run(const struct check *check) {
    static const uint32_t groups[] = {1, 2, 63, 64, 65, 224, 1023, 1024, 1025, MOST_GROUPS};
    for (uint32_t what = 0; what < 16; what++) {
        for (uint32_t count = 1; count <= TILE; count++) {
            for (uint32_t i = 0; i < (what & 8 ? sizeof groups / sizeof groups[0] : 1); i++) {
                test(check, groups[i], count, what);
            }
        }
    }
    bench(check, 1);
    bench(check, 224);
}
