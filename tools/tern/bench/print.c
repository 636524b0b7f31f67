// Results as lines for people.
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "tools/tern/bench/bench.h"

enum { TIME_WIDTH = 11 };

void bench_note(const bench *self, const char *format, ...) {
    if (self->options->json) {
        return;
    }
    va_list list;
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    puts("");
    fflush(stdout);
}

int bench_decimals(double value) {
    double size = fabs(value);
    return size >= 100.0 ? 0 : size >= 10.0 ? 1 : size >= 0.1 || size == 0.0 ? 2 : 4;
}

// |value| with three digits that count and what follows it, in |width| columns; "" if not measured.
static void print_number(double value, const char *unit, int width) {
    char text[48] = "";
    if (isfinite(value)) {
        snprintf(text, sizeof text, "%.*f %s", bench_decimals(value), value, unit);
    }
    printf(" %*s", width, text);
}

static void print_time(const bench_result *r) {
    const char *unit = r->us >= 1e4 ? "ms" : "us";
    double scale = r->us >= 1e4 ? 1e-3 : 1.0;
    print_number(r->us * scale, unit, TIME_WIDTH);
    print_number(r->us_spread * scale, unit, TIME_WIDTH);
}

static void print_shape(const bench_result *r) {
    char shape[48] = "";
    if (r->k && r->n) {
        snprintf(shape, sizeof shape, "%" PRIu32 "x%" PRIu32, r->k, r->n);
    } else if (r->k) {
        snprintf(shape, sizeof shape, "%" PRIu32, r->k);
    }
    printf("%-16s %-5s %-12s", r->name, r->type, shape);
    r->rows ? printf(" %4" PRIu32 " rows", r->rows) : printf(" %9s", "");
    r->context || r->tok_s > 0.0 ? printf(" at %-5" PRIu32, r->context) : printf(" %8s", "");
}

static void print_header(void) {
    printf("\n%-16s %-5s %-12s %9s %8s %*s %*s %11s %13s %7s %-5s %s\n", "result", "type", "shape",
           "rows", "context", TIME_WIDTH, "median", TIME_WIDTH, "spread", "memory", "work", "share",
           "bits", "kernel");
}

static void print_result(const bench_result *r) {
    print_shape(r);
    print_time(r);
    print_number(r->gb_s, "GB/s", 11);
    isfinite(r->tok_s) ? print_number(r->tok_s, "tok/s", 13)
                       : print_number(r->gmac_s, "GMAC/s", 13);
    print_number(r->share * 100.0, "%", 7);
    if (isfinite(r->host_bytes)) {
        print_number(r->host_bytes / 1048576.0, "MiB host", 12);
        print_number(r->device_bytes / 1048576.0, "MiB device", 14);
    }
    if (isfinite(r->host_us)) {
        print_number(r->host_us, "us host", 0);
        print_number(r->submits, "submits", 0);
        print_number(r->dispatches, "dispatches/layer", 0);
    }
    printf(" %-5s %s",
           !r->checked ? ""
           : r->ok     ? "ok"
                       : "WRONG BITS",
           r->model[0] ? r->model : r->kernel);
    if (r->window) {
        printf(" window %" PRIu32, r->window);
    }
    if (r->threads) {
        printf(" %" PRIu32 " thread%s", r->threads, r->threads == 1 ? "" : "s");
    }
    puts("");
}

bool bench_add(bench *self, const bench_result *result) {
    self->wrong += result->checked && !result->ok;
    if (!self->options->json) {
        if (!self->report.count) {
            print_header();
        }
        print_result(result);
        fflush(stdout);
    }
    if (!bench_report_add(&self->report, result)) {
        fprintf(stderr, "%s: out of memory for results\n", self->program);
        return false;
    }
    return true;
}
