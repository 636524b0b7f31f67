// From opening a device to writing what was measured on it.
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/tern/bench/bench.h"
#include "tools/tern/command.h"

#define USUAL_FOOTPRINT ((uint64_t)256 << 20)

bool bench_may_write(const char *program, const char *path, bool force) {
    FILE *there = path ? fopen(path, "rb") : NULL;
    FILE *file = path ? fopen(path, "ab") : NULL; // changes nothing in a file that is there
    bool writable = !path || file;
    if (!writable) {
        fprintf(stderr, "%s: %s cannot be written: %s\n", program, path, strerror(errno));
    } else if (there && !force) {
        fprintf(stderr, "%s: %s exists; --force overwrites it\n", program, path);
    }
    if (file) {
        fclose(file);
    }
    if (file && !there) {
        remove(path);
    }
    if (there) {
        fclose(there);
    }
    return writable && (!there || force);
}

static void set_date(char *out, size_t capacity) {
    time_t now = time(NULL);
    struct tm *utc = gmtime(&now);
    out[0] = '\0';
    if (utc) {
        strftime(out, capacity, "%Y-%m-%dT%H:%M:%SZ", utc);
    }
}

static bool open_device(bench *self) {
    self->info.struct_size = sizeof self->info;
    tern_status status = TERN_STATUS_OK;
    if (self->options->timestamps) {
        status = tern_context_set_option(self->h.context, "TERN_PROFILE", "1");
    }
    if (status != TERN_STATUS_OK ||
        tern_device_open(self->h.context, NULL, &self->device) != TERN_STATUS_OK ||
        tern_device_describe(self->device, &self->info) != TERN_STATUS_OK) {
        host_failed(&self->h);
        return false;
    }
    bench_report *r = &self->report;
    snprintf(r->tern, sizeof r->tern, "%s", tern_version());
    snprintf(r->backend, sizeof r->backend, "%s", self->info.backend);
    snprintf(r->device, sizeof r->device, "%s", self->info.name);
    // What is used of a device, such as an instruction set, makes it another.
    snprintf(r->driver, sizeof r->driver, "%s%s%s", self->info.driver,
             self->info.features[0] ? ", " : "", self->info.features);
    set_date(r->date, sizeof r->date);
    return true;
}

bool bench_open(bench *self, const char *program, const bench_options *options) {
    *self = (bench){.program = program, .options = options, .footprint = USUAL_FOOTPRINT};
    self->report.read_gb_s = self->report.int8_gmac_s = self->report.f32_gmac_s = (double)NAN;
    if (!bench_may_write(program, options->out, options->force) ||
        !host_open(&self->h, program, options->backend) || !open_device(self) ||
        !host_open_reference(&self->reference_h, program, &self->reference)) {
        return false;
    }
    return true;
}

bool bench_open_threads(const bench *self, uint32_t threads, host *h, tern_device **out) {
    char name[96], count[16];
    snprintf(name, sizeof name, "%s:%" PRIu32, self->info.backend, self->info.index);
    snprintf(count, sizeof count, "%" PRIu32, threads);
    if (!host_open(h, self->program, name)) {
        return false;
    }
    if (tern_context_set_option(h->context, "TERN_THREADS", count) != TERN_STATUS_OK ||
        tern_device_open(h->context, NULL, out) != TERN_STATUS_OK) {
        host_failed(h);
        return false;
    }
    return true;
}

samples *bench_samples(const bench *self) {
    samples *times = calloc(1, sizeof *times);
    if (times) {
        times->seconds = self->options->quick ? 0.02 : 0.3;
        times->least = self->options->quick ? 3 : 7;
    }
    return times;
}

double bench_bound(const bench *self, double bytes, double macs, tern_measure_kind peak) {
    double gmac_s = peak == TERN_MEASURE_INT8 ? self->report.int8_gmac_s : self->report.f32_gmac_s;
    double memory = bytes > 0.0 ? bytes * 1e-9 / self->report.read_gb_s : 0.0;
    double compute = macs > 0.0 ? macs * 1e-9 / gmac_s : 0.0;
    return isnan(memory) || isnan(compute) ? (double)NAN : memory > compute ? memory : compute;
}

static bool write_file(const bench *self, const char *json) {
    FILE *file = fopen(self->options->out, "wb");
    bool written = file && fprintf(file, "%s\n", json) > 0;
    written = file && fclose(file) == 0 && written;
    if (!written) {
        fprintf(stderr, "%s: %s cannot be written\n", self->program, self->options->out);
    }
    return written;
}

int bench_finish(bench *self) {
    char *json = bench_report_text(&self->report);
    bool done = json && (!self->options->out || write_file(self, json));
    if (json && self->options->json) {
        puts(json);
    }
    free(json);
    if (done && self->wrong) {
        fprintf(stderr, "%s: %" PRIu32 " of %zu results do not have the bits of the reference\n",
                self->program, self->wrong, self->report.count);
    }
    return done && !self->wrong ? EXIT_DONE : EXIT_FAILED;
}

void bench_close(bench *self) {
    if (self->device && !self->options->timestamps) {
        profile_print(self->device);
    }
    tern_device_close(self->device);
    tern_device_close(self->reference);
    host_close(&self->h);
    host_close(&self->reference_h);
    bench_report_free(&self->report);
}
