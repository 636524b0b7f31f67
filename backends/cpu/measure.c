#include "backends/cpu/measure.h"

#include <stdio.h>
#include <string.h>

#include "backends/common/clock.h"
#include "backends/common/memory.h"
#include "backends/common/report.h"
#include "backends/cpu/fpcontrol.h"

// How much a read goes through. Of a host's cache a virtual machine sees all and has a part, so the
// cache's size says nothing. Measured where 480 MiB are claimed (2 cores of a Xeon at 2.7 GHz,
// November 2026; best of many passes, in GB/s): 128 MiB 43.6, 256 MiB 34.2, 512 MiB 32.6, 1 GiB
// 32.3. From 512 MiB on the figure stays.
static const uint64_t read_bytes = 1ull << 30;

enum {
    CHUNK_BYTES = 1 << 20, // of a task: threads that the system disturbs take fewer
    PASSES = 4,            // for each distance; other programs only make one slower
    PEAK_PASSES = 40,
    PEAK_NS = 10000000 // of one pass
};

static const size_t distances[] = {0, 512, 1024, 2048, 4096, 8192, 16384};

struct reading {
    const tern_backend_device *device;
    uint8_t *data;
    size_t bytes;
    size_t ahead;
};

static void touch_task(void *user, uint32_t task) {
    const struct reading *reading = user;
    memset(reading->data + (size_t)task * CHUNK_BYTES, 1, CHUNK_BYTES);
}

static void read_task(void *user, uint32_t task) {
    const struct reading *reading = user;
    volatile uint64_t sink; // so that nobody leaves out a sum that nobody needs
    sink = reading->device->kernels.read.fn(reading->data + (size_t)task * CHUNK_BYTES, CHUNK_BYTES,
                                            reading->ahead);
    (void)sink;
}

// Seconds for all of it.
static double read_once(struct reading *reading) {
    uint64_t start = tern_clock_ns();
    uint32_t tasks = (uint32_t)(reading->bytes / CHUNK_BYTES);
    tern_cpu_pool_run(reading->device->pool, tasks, read_task, reading);
    return (double)(tern_clock_ns() - start) * 1e-9;
}

// Memory for a read, less where there is not so much.
static tern_status take_memory(const tern_host *host, struct reading *reading) {
    uint64_t most = tern_memory_physical() / 8;
    uint64_t bytes = most && most < read_bytes ? most : read_bytes;
    for (bytes = bytes / CHUNK_BYTES * CHUNK_BYTES; bytes >= CHUNK_BYTES;
         bytes = bytes / 2 / CHUNK_BYTES * CHUNK_BYTES) {
        reading->data = host->allocate(host, (size_t)bytes, 4096);
        reading->bytes = (size_t)bytes;
        if (reading->data) {
            return TERN_STATUS_OK;
        }
    }
    return tern_report_fail(host, TERN_STATUS_OUT_OF_MEMORY,
                            "cpu: out of memory: %d bytes to measure reading", CHUNK_BYTES);
}

static tern_status measure_read(tern_backend_device *device, tern_measurement *out) {
    struct reading reading = {.device = device};
    TERN_TRY(take_memory(device->host, &reading));
    tern_cpu_pool_run(device->pool, (uint32_t)(reading.bytes / CHUNK_BYTES), touch_task, &reading);
    double best = 0.0;
    size_t best_ahead = 0;
    // Round about, so that a slow moment meets every distance.
    for (size_t i = 0; i < PASSES * sizeof distances / sizeof *distances; i++) {
        reading.ahead = distances[i % (sizeof distances / sizeof *distances)];
        double rate = (double)reading.bytes / read_once(&reading);
        if (rate > best) {
            best = rate;
            best_ahead = reading.ahead;
        }
    }
    device->host->release(device->host, reading.data);
    out->rate = best;
    out->bytes = reading.bytes;
    const char *level = tern_cpu_level_name(device->kernels.read.level);
    if (best_ahead) {
        snprintf(out->how, sizeof out->how, "%s, prefetch %zu bytes ahead", level, best_ahead);
    } else {
        snprintf(out->how, sizeof out->how, "%s, plain loads", level);
    }
    return TERN_STATUS_OK;
}

// One kind of multiply-add, |rounds| on each thread.
struct peak {
    const tern_backend_device *device;
    tern_cpu_task_fn *task;
    uint32_t rounds;
    uint32_t macs; // of a round
    size_t step;   // 0, which the kernels do not know
    const char *level;
};

static void peak_i8_task(void *user, uint32_t task) {
    const struct peak *peak = user;
    uint8_t codes[TERN_CPU_PEAK_I8];
    int8_t q[TERN_CPU_PEAK_I8];
    for (int i = 0; i < TERN_CPU_PEAK_I8; i++) {
        codes[i] = (uint8_t)(i % 3);
        q[i] = (int8_t)(i - TERN_CPU_PEAK_I8 / 2);
    }
    volatile int32_t sink;
    sink = peak->device->kernels.peak_i8.fn(codes, q, peak->rounds, peak->step);
    (void)sink, (void)task;
}

static void peak_f32_task(void *user, uint32_t task) {
    const struct peak *peak = user;
    float x[TERN_CPU_PEAK_F32];
    float y[TERN_CPU_PEAK_F32];
    for (int i = 0; i < TERN_CPU_PEAK_F32; i++) {
        x[i] = (float)i;
        y[i] = 1.0f / (float)(i + 1);
    }
    volatile float sink;
    sink = peak->device->kernels.peak_f32.fn(x, y, peak->rounds, peak->step);
    (void)sink, (void)task;
}

static uint64_t peak_once(struct peak *peak) {
    uint64_t start = tern_clock_ns();
    tern_cpu_pool_run(peak->device->pool, tern_cpu_pool_width(peak->device->pool), peak->task,
                      peak);
    uint64_t ns = tern_clock_ns() - start;
    return ns ? ns : 1;
}

static void measure_peak(struct peak *peak, tern_measurement *out) {
    uint64_t ns = peak_once(peak);
    while (ns < PEAK_NS && peak->rounds < UINT32_MAX / 2) {
        peak->rounds *= 2;
        ns = peak_once(peak);
    }
    uint64_t best = ns;
    for (int i = 0; i < PEAK_PASSES; i++) {
        ns = peak_once(peak);
        best = ns < best ? ns : best;
    }
    double macs = (double)peak->macs * peak->rounds * tern_cpu_pool_width(peak->device->pool);
    out->rate = macs * 1e9 / (double)best;
    snprintf(out->how, sizeof out->how, "%s", peak->level);
}

tern_status tern_cpu_measure(tern_backend_device *device, tern_measure_kind kind,
                             tern_measurement *out_measurement) {
    if (kind != TERN_MEASURE_READ && kind != TERN_MEASURE_INT8 && kind != TERN_MEASURE_F32) {
        return tern_report_fail(device->host, TERN_STATUS_UNSUPPORTED, "cpu: measures no kind %u",
                                (unsigned)kind);
    }
    struct peak peak = {.device = device, .rounds = 1024};
    out_measurement->bytes = 0;
    if (kind == TERN_MEASURE_READ) {
        return measure_read(device, out_measurement);
    }
    bool integers = kind == TERN_MEASURE_INT8;
    peak.task = integers ? peak_i8_task : peak_f32_task;
    peak.macs = TERN_CPU_PEAK_TIMES * (integers ? TERN_CPU_PEAK_I8 : TERN_CPU_PEAK_F32);
    if (integers && device->kernels.peak_i8.tile_rows) {
        peak.macs *= device->kernels.peak_i8.tile_rows * device->kernels.peak_i8.tile_rows;
    }
    peak.level = tern_cpu_level_name(integers ? device->kernels.peak_i8.level
                                              : device->kernels.peak_f32.level);
    tern_cpu_fpcontrol before = tern_cpu_fpcontrol_enter();
    measure_peak(&peak, out_measurement);
    tern_cpu_fpcontrol_leave(before);
    return TERN_STATUS_OK;
}
