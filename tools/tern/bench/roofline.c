// tern bench roofline: what the device can do, by kernels of its own backend, and what it costs to
// ask it for anything.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/host.h"
#include "tools/tern/bench/bench.h"
#include "tools/tern/bench/timestamps.h"

#define PROGRAM "tern bench roofline"

enum { CHAIN = 64, ELEMENTS = 64 };
#define MOST_FOOTPRINT ((uint64_t)1 << 30)

// An absent measurement is no failure: shares are then unknown.
static bool measure_peak(bench *self, tern_measure_kind kind, const char *unit, double *out) {
    tern_measurement m = {.struct_size = sizeof m};
    tern_status status = tern_device_measure(self->device, kind, &m);
    if (status == TERN_STATUS_UNSUPPORTED) {
        bench_note(self, "not measured: %s", tern_last_error_message());
        return true;
    }
    if (status != TERN_STATUS_OK) {
        host_failed(&self->h);
        return false;
    }
    *out = m.rate * 1e-9;
    if (kind == TERN_MEASURE_READ && m.bytes) {
        self->footprint = m.bytes;
    }
    static const char *const names[] = {"?", "read", "int8 multiply-adds", "f32 multiply-adds"};
    bench_note(self, "%-18s %9.1f %s (%s)", names[kind], *out, unit, m.how);
    return true;
}

// A list of tiny ops each of which waits for the one before.
typedef struct chain {
    tern_buffer *buffer;
    tern_program *program;
} chain;

static tern_status chain_make(chain *self, tern_device *device, uint32_t count) {
    const uint32_t shape[] = {1, ELEMENTS};
    tern_commands *list = NULL;
    tern_status status = tern_buffer_create(device, 2 * ELEMENTS * sizeof(float), &self->buffer);
    if (status == TERN_STATUS_OK) {
        status = tern_commands_create(device, NULL, &list);
    }
    tern_tensor x = tern_tensor_make(self->buffer, 0, TERN_DTYPE_F32, 2, shape);
    for (uint32_t i = 0; i < count && status == TERN_STATUS_OK; i++) {
        status = tern_cmd_scale(list, &(tern_scale_desc){.x = x, .factor = 0.5f, .out = x});
    }
    if (status == TERN_STATUS_OK) {
        status = tern_commands_finish(list, &self->program);
    }
    tern_commands_destroy(list);
    return status;
}

static tern_status chain_run(void *user) {
    tern_fence fence = {0};
    tern_status status = tern_program_submit(((chain *)user)->program, NULL, &fence);
    return status == TERN_STATUS_OK ? tern_fence_wait(fence, UINT64_MAX) : status;
}

static tern_status time_chain(bench *self, uint32_t count, samples *times) {
    chain c = {0};
    tern_status status = chain_make(&c, self->device, count);
    if (status == TERN_STATUS_OK) {
        status = samples_take(times, chain_run, &c);
    }
    tern_program_destroy(c.program);
    tern_buffer_destroy(c.buffer);
    return status;
}

// After something ran: whether the device timed it.
static void find_timestamps(bench *self) {
    uint64_t ns;
    self->timestamps = self->options->timestamps && timestamps_read(self->device, &ns);
    if (self->options->timestamps && !self->timestamps) {
        fprintf(stderr, "%s: %s writes no timestamps: host time\n", self->program,
                self->info.backend);
    }
}

static bool add_time(bench *self, const char *name, double seconds, double spread) {
    bench_result r = bench_result_make(name, "");
    r.us = seconds * 1e6;
    r.us_spread = spread * 1e6;
    return bench_add(self, &r);
}

// submit: one op there and back. launch: what each further op of a list adds.
static bool measure_latency(bench *self, samples *times) {
    if (time_chain(self, 1, times) != TERN_STATUS_OK) {
        return host_failed(&self->h) == 0;
    }
    find_timestamps(self);
    double one = samples_median(times);
    double spread = samples_spread(times);
    if (time_chain(self, 1 + CHAIN, times) != TERN_STATUS_OK) {
        return host_failed(&self->h) == 0;
    }
    double launch = (samples_median(times) - one) / CHAIN;
    return add_time(self, "submit", one, spread) &&
           add_time(self, "launch", launch > 0.0 ? launch : 0.0, samples_spread(times) / CHAIN);
}

typedef struct transfer {
    tern_buffer *buffer;
    uint8_t *host;
    size_t size;
} transfer;

static tern_status upload(void *user) {
    transfer *self = user;
    return tern_buffer_upload(self->buffer, 0, self->host, self->size);
}

static tern_status download(void *user) {
    transfer *self = user;
    return tern_buffer_download(self->buffer, 0, self->host, self->size);
}

static bool add_copy(bench *self, const char *name, const transfer *t, samples *times) {
    bench_result r = bench_result_make(name, "");
    r.us = samples_median(times) * 1e6;
    r.us_spread = samples_spread(times) * 1e6;
    r.gb_s = (double)t->size * 1e-9 / samples_median(times);
    return bench_add(self, &r);
}

static bool measure_copies(bench *self, samples *times) {
    transfer t = {.size = (size_t)(self->options->quick ? 8 : 64) << 20};
    t.host = calloc(1, t.size);
    bool done = false;
    if (!t.host) {
        fprintf(stderr, "%s: out of memory for %zu bytes to copy\n", self->program, t.size);
    } else if (tern_buffer_create(self->device, t.size, &t.buffer) != TERN_STATUS_OK ||
               samples_take(times, upload, &t) != TERN_STATUS_OK) {
        host_failed(&self->h);
    } else if (add_copy(self, "upload", &t, times)) {
        done = samples_take(times, download, &t) == TERN_STATUS_OK
                   ? add_copy(self, "download", &t, times)
                   : host_failed(&self->h) == 0;
    }
    tern_buffer_destroy(t.buffer);
    free(t.host);
    return done;
}

// The inputs of ops rotate through as much memory as the reading did, within reason.
static void bound_footprint(bench *self) {
    uint64_t most = MOST_FOOTPRINT;
    if (self->info.memory_bytes && self->info.memory_bytes / 4 < most) {
        most = self->info.memory_bytes / 4;
    }
    self->footprint = self->footprint < most ? self->footprint : most;
}

bool bench_measure_roofline(bench *self, bool with_copies) {
    bench_report *r = &self->report;
    bench_note(self, "tern %s, %s:%" PRIu32 ", %s, driver %s, %s", r->tern, self->info.backend,
               self->info.index, self->info.name, self->info.driver, r->date);
    samples *times = bench_samples(self);
    bool done = times && measure_peak(self, TERN_MEASURE_READ, "GB/s", &r->read_gb_s) &&
                measure_peak(self, TERN_MEASURE_INT8, "G/s", &r->int8_gmac_s) &&
                measure_peak(self, TERN_MEASURE_F32, "G/s", &r->f32_gmac_s) &&
                measure_latency(self, times) && (!with_copies || measure_copies(self, times));
    bound_footprint(self);
    free(times);
    return done;
}

int bench_roofline(int argc, char **argv) {
    bench_options o = {0};
    const arg table[] = {BENCH_ARGS(&o)};
    const arg_table spec = {PROGRAM,
                            "[--backend NAME[:INDEX]] [--json] [--out FILE]",
                            "Measures what a device can do: reading memory, multiply-adds of int8 "
                            "and float32, by\nkernels of its backend; a submit, an op of a list, "
                            "and copies, by the public API.",
                            table,
                            sizeof table / sizeof table[0],
                            NULL,
                            NULL};
    int status = command_parsed(args_parse(&spec, argc, argv));
    bench b;
    if (status >= 0) {
        return status;
    }
    status = bench_open(&b, PROGRAM, &o) && bench_measure_roofline(&b, true) ? bench_finish(&b)
                                                                             : EXIT_FAILED;
    bench_close(&b);
    return status;
}
