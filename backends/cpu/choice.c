#include "backends/cpu/choice.h"

#include <stdio.h>
#include <string.h>

#include "backends/common/choice.h"
#include "backends/common/clock.h"
#include "backends/cpu/device.h"
#include "backends/cpu/features.h"
#include "backends/cpu/pack.h"

// Of the matrix that one row of activations meets, more than most caches hold; the best of RUNS.
enum { WEIGHTS = 256 << 20, RUNS = 4, MOST_NAME = 256 };

struct trial {
    tern_backend_device *device;
    uint32_t cols;
    struct tern_cpu_layout layout;
    tern_cpu_gemv_t2_fn *fn;
    const uint8_t *tiles;
    const int8_t *q;
    uint32_t tasks;
};

static void multiply(void *user, uint32_t task) {
    const struct trial *trial = user;
    const struct tern_cpu_layout *layout = &trial->layout;
    uint32_t blocks = layout->padded_cols / TERN_CPU_T2_BLOCK;
    struct tern_cpu_gemv_t2 job = {
        .blocks = blocks, .group_blocks = blocks, .q = trial->q, .rows = 1, .tiles = 1};
    uint64_t end = (uint64_t)layout->tiles * (task + 1) / trial->tasks;
    for (uint64_t i = (uint64_t)layout->tiles * task / trial->tasks; i < end; i++) {
        int32_t sums[TERN_CPU_MAX_TILE];
        job.tile = trial->tiles + i * layout->tile_bytes;
        trial->fn(&job, sums);
    }
}

static uint64_t fastest(struct trial *trial) {
    uint64_t best = UINT64_MAX;
    for (int run = 0; run < RUNS; run++) {
        uint64_t start = tern_clock_ns();
        tern_cpu_pool_run(trial->device->pool, trial->tasks, multiply, trial);
        uint64_t ns = tern_clock_ns() - start;
        best = ns < best ? ns : best;
    }
    return best;
}

// Candidate 0: four weights a byte, 1: five.
static tern_status measure(void *user, uint32_t index, uint64_t *out_ns) {
    struct trial trial = *(struct trial *)user;
    const tern_host *host = trial.device->host;
    const struct tern_cpu_kernels *kernels = &trial.device->kernels;
    tern_weights_info info = {
        .dtype = TERN_DTYPE_T2, .rows = WEIGHTS / trial.cols, .cols = trial.cols};
    trial.layout = tern_cpu_layout_make(&info, kernels->gemv_t2.tile_rows, index == 1);
    trial.fn = index == 1 ? kernels->gemv_t5.fn : kernels->gemv_t2.fn;
    trial.tasks = tern_cpu_pool_width(trial.device->pool);
    size_t bytes = (size_t)(trial.layout.tile_bytes * trial.layout.tiles);
    size_t acts = trial.layout.padded_cols;
    uint8_t *memory = host->allocate(host, bytes + acts, 64);
    if (!memory) {
        return TERN_STATUS_UNSUPPORTED;
    }
    memset(memory, 1, bytes + acts);
    trial.tiles = memory;
    trial.q = (const int8_t *)memory + bytes;
    *out_ns = fastest(&trial);
    host->release(host, memory);
    return TERN_STATUS_OK;
}

bool tern_cpu_choose_fives(tern_backend_device *device, uint32_t cols) {
    const struct tern_cpu_kernels *kernels = &device->kernels;
    char brand[128];
    char name[MOST_NAME];
    uint32_t index = 0;
    tern_cpu_brand(brand, sizeof brand);
    snprintf(name, sizeof name,
             "cpu weights a byte, %s %s of " TERN_CPU_GEMV_HASH ", %u threads, %u columns, %s",
             tern_cpu_level_name(kernels->gemv_t2.level),
             tern_cpu_level_name(kernels->gemv_t5.level), tern_cpu_pool_width(device->pool), cols,
             brand);
    struct trial trial = {.device = device, .cols = cols};
    tern_status status = tern_choose(&(tern_choice){.host = device->host,
                                                    .made = &device->choices,
                                                    .name = name,
                                                    .count = 2,
                                                    .measure = measure,
                                                    .user = &trial},
                                     &index);
    return status == TERN_STATUS_OK && index == 1;
}
