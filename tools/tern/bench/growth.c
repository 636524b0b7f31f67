// tern bench growth: how the time of an op grows with each of its sizes, and with threads.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tern/bench/point.h"

#define PROGRAM "tern bench growth"

// The middle of the model shapes; every series varies one size of it.
enum { MIDDLE_K = 2560, MIDDLE_N = 2560, KV_WIDTH = 640 };

static const uint32_t rows_list[] = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128, 256, 512, 0};
static const uint32_t sizes_list[] = {256, 512, 1024, 2048, 4096, 8192, 16384, 0};
static const uint32_t contexts_list[] = {64, 128, 256, 512, 1024, 2048, 4096, 8192, 0};
static const uint32_t few_list[] = {1, 8, 32, 0};
static const uint32_t few_sizes_list[] = {256, 1024, 0};

typedef struct point {
    const char *series;
    const char *op;
    bench_shape shape;
    uint32_t threads;
} point;

static bool measure(bench *b, tern_device *device, const point *p) {
    bench_family family;
    bench_result result;
    const bench_op *op = bench_op_find(p->op);
    tern_status status =
        bench_family_make(&family, device, op, op->types[0], p->shape, b->footprint);
    if (status == TERN_STATUS_OK) {
        status = bench_point_measure(b, &family, p->shape.rows, p->shape.context, &result);
    }
    bench_family_free(&family);
    if (status != TERN_STATUS_OK) {
        return host_failed(&b->h) == 0;
    }
    snprintf(result.series, sizeof result.series, "%s", p->series);
    result.threads = p->threads;
    return bench_add(b, &result);
}

static bool run_rows(bench *b) {
    for (const uint32_t *rows = b->options->quick ? few_list : rows_list; *rows; rows++) {
        const point p = {"rows", "bitlinear", {MIDDLE_K, MIDDLE_N, *rows, 0}, 0};
        if (!measure(b, b->device, &p)) {
            return false;
        }
    }
    return true;
}

static bool run_sizes(bench *b, const char *series) {
    bool k = strcmp(series, "k") == 0;
    for (const uint32_t *size = b->options->quick ? few_sizes_list : sizes_list; *size; size++) {
        bench_shape shape = {k ? *size : MIDDLE_K, k ? MIDDLE_N : *size, 1, 0};
        const point p = {series, "bitlinear", shape, 0};
        if (!measure(b, b->device, &p)) {
            return false;
        }
    }
    return true;
}

static bool run_contexts(bench *b) {
    for (const uint32_t *c = b->options->quick ? few_sizes_list : contexts_list; *c; c++) {
        // The last of |*c| positions asks for all of them.
        const point p = {"context", "attention", {MIDDLE_K, KV_WIDTH, 1, *c - 1}, 0};
        if (!measure(b, b->device, &p)) {
            return false;
        }
    }
    return true;
}

static uint32_t thread_count(const bench *b) {
    const char *at = strstr(b->info.features, "threads=");
    return at ? (uint32_t)strtoul(at + 8, NULL, 10) : 0;
}

static bool measure_threads(bench *b, uint32_t threads) {
    host h = {0};
    tern_device *device = NULL;
    bool done = bench_open_threads(b, threads, &h, &device);
    for (uint32_t rows = 1; done && rows <= 128; rows *= 128) {
        const point p = {"threads", "bitlinear", {MIDDLE_K, MIDDLE_N, rows, 0}, threads};
        done = measure(b, device, &p);
    }
    tern_device_close(device);
    host_close(&h);
    return done;
}

// Only devices that say how many threads they have can be given fewer.
static bool run_threads(bench *b) {
    uint32_t most = thread_count(b);
    for (uint32_t threads = 1; threads <= most; threads *= 2) {
        if (!measure_threads(b, threads)) {
            return false;
        }
    }
    bool power = (most & (most - 1)) == 0;
    return power || measure_threads(b, most);
}

int bench_growth(int argc, char **argv) {
    bench_options o = {0};
    const arg table[] = {BENCH_ARGS(&o)};
    const arg_table spec = {PROGRAM,
                            "[--backend NAME[:INDEX]] [--quick] [--json] [--out FILE]",
                            "Measures a ternary matrix of growing rows, K and N, attention over a "
                            "growing cache,\nand more threads where the device has them.",
                            table,
                            sizeof table / sizeof table[0],
                            NULL,
                            NULL};
    int status = command_parsed(args_parse(&spec, argc, argv));
    bench b;
    if (status >= 0) {
        return status;
    }
    bool done = bench_open(&b, PROGRAM, &o) && bench_measure_roofline(&b, false) && run_rows(&b) &&
                run_sizes(&b, "k") && run_sizes(&b, "n") && run_contexts(&b) && run_threads(&b);
    status = done ? bench_finish(&b) : EXIT_FAILED;
    bench_close(&b);
    return status;
}
