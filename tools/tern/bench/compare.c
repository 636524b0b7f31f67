// tern bench compare: the same results of several reports beside each other.
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tern/bench/bench.h"
#include "tools/tern/bench/page.h"

#define PROGRAM "tern bench compare"

enum { MOST = 26 }; // reports have letters

typedef struct comparison {
    bench_report reports[MOST];
    size_t count;
    double log_sum[MOST]; // of the ratios of ops, for their geometric mean
    uint32_t shared[MOST];
} comparison;

static bool is_same(const bench_result *a, const bench_result *b) {
    return strcmp(a->name, b->name) == 0 && strcmp(a->type, b->type) == 0 &&
           strcmp(a->model, b->model) == 0 && strcmp(a->series, b->series) == 0 && a->k == b->k &&
           a->n == b->n && a->rows == b->rows && a->context == b->context &&
           a->window == b->window && a->threads == b->threads;
}

static const bench_result *find(const bench_report *report, const bench_result *wanted) {
    for (size_t i = 0; i < report->count; i++) {
        if (is_same(&report->results[i], wanted)) {
            return &report->results[i];
        }
    }
    return NULL;
}

// How many times as fast |b| is as |a|, or as little memory it takes.
static double ratio_of(const bench_result *a, const bench_result *b) {
    if (isfinite(a->tok_s) && isfinite(b->tok_s)) {
        return b->tok_s / a->tok_s;
    }
    return isfinite(a->us) && isfinite(b->us) ? a->us / b->us : a->host_bytes / b->host_bytes;
}

// Three digits that count.
static void format_number(double value, const char *unit, char *out, size_t capacity) {
    snprintf(out, capacity, "%.*f%s%s", bench_decimals(value), value, unit[0] ? " " : "", unit);
}

static void format_result(const bench_result *r, char *out, size_t capacity) {
    if (isfinite(r->tok_s)) {
        format_number(r->tok_s, "tok/s", out, capacity);
    } else if (isfinite(r->us)) {
        bool wide = r->us >= 1e4;
        format_number(wide ? r->us * 1e-3 : r->us, wide ? "ms" : "us", out, capacity);
    } else if (isfinite(r->host_bytes)) {
        format_number(r->host_bytes / 1048576.0, "MiB", out, capacity);
    } else {
        snprintf(out, capacity, "-");
    }
}

static void print_name(const bench_result *r) {
    char shape[192] = "";
    int used = 0;
    if (r->k) {
        used = snprintf(shape, sizeof shape, r->n ? "%" PRIu32 "x%" PRIu32 " " : "%" PRIu32 " ",
                        r->k, r->n);
    }
    if (r->rows) {
        used += snprintf(shape + used, sizeof shape - (size_t)used, "%" PRIu32 " row%s", r->rows,
                         r->rows == 1 ? "" : "s");
    }
    if (r->context) {
        used += snprintf(shape + used, sizeof shape - (size_t)used, " at %" PRIu32, r->context);
    }
    if (r->window) {
        used += snprintf(shape + used, sizeof shape - (size_t)used, " sees %" PRIu32, r->window);
    }
    if (r->threads) {
        used += snprintf(shape + used, sizeof shape - (size_t)used, " %" PRIu32 " thread%s",
                         r->threads, r->threads == 1 ? "" : "s");
    }
    snprintf(shape + used, sizeof shape - (size_t)used, "%s%s", r->model[0] ? " " : "", r->model);
    printf("%-16s %-5s %-30s", r->name, r->type, shape);
}

static void print_cell(comparison *c, size_t index, const bench_result *first,
                       const bench_result *r) {
    char number[48] = "", ratio[32] = "";
    if (r) {
        format_result(r, number, sizeof number);
    }
    double times = r && index ? ratio_of(first, r) : (double)NAN;
    if (isfinite(times) && times > 0.0) {
        format_number(times, "", ratio, sizeof ratio);
        bool counts = first->is_op && !first->series[0];
        c->log_sum[index] += counts ? log(times) : 0.0;
        c->shared[index] += counts;
    }
    printf(" %13s %s%-6s%s", number, ratio[0] ? "x" : " ", ratio,
           r && r->checked && !r->ok ? " WRONG BITS" : "");
}

static void print_shared(comparison *c) {
    for (size_t i = 0; i < c->reports[0].count; i++) {
        const bench_result *first = &c->reports[0].results[i];
        const bench_result *others[MOST] = {first};
        bool shared = false;
        for (size_t k = 1; k < c->count; k++) {
            others[k] = find(&c->reports[k], first);
            shared = shared || others[k];
        }
        if (!shared) {
            continue;
        }
        print_name(first);
        for (size_t k = 0; k < c->count; k++) {
            print_cell(c, k, first, others[k]);
        }
        puts("");
    }
}

static void print_peak(const comparison *c, const char *name, const char *unit, size_t offset) {
    printf("%-16s %-5s %-30s", "roofline", "", name);
    double first = *(const double *)((const char *)&c->reports[0] + offset);
    for (size_t i = 0; i < c->count; i++) {
        double peak = *(const double *)((const char *)&c->reports[i] + offset);
        char number[48] = "-", ratio[32] = "";
        if (isfinite(peak)) {
            format_number(peak, unit, number, sizeof number);
        }
        if (i && isfinite(peak / first)) {
            format_number(peak / first, "", ratio, sizeof ratio);
        }
        printf(" %13s %s%-6s", number, ratio[0] ? "x" : " ", ratio);
    }
    puts("");
}

static void print_means(const comparison *c) {
    printf("%-53s %13s %7s", "geometric mean of the ops' ratios", "", "");
    for (size_t i = 1; i < c->count; i++) {
        char ratio[32] = "", of[32];
        snprintf(of, sizeof of, "of %" PRIu32, c->shared[i]);
        if (c->shared[i]) {
            format_number(exp(c->log_sum[i] / c->shared[i]), "", ratio, sizeof ratio);
        }
        printf(" %13s %s%-6s", of, ratio[0] ? "x" : " ", ratio);
    }
    puts("");
}

// Ratios of every report to the first, whose column has none.
static void print_ratios(comparison *c) {
    for (size_t i = 0; i < c->count; i++) {
        const bench_report *r = &c->reports[i];
        printf("%c: %s, %s, driver %s, %s\n", (char)('A' + (int)i), r->backend, r->device,
               r->driver, r->date);
    }
    printf("\n%-53s", "xN: N times as fast as A, or as little memory");
    for (size_t i = 0; i < c->count; i++) {
        printf(" %13c %7s", (char)('A' + (int)i), "");
    }
    puts("");
    print_peak(c, "memory", "GB/s", offsetof(bench_report, read_gb_s));
    print_peak(c, "int8", "G/s", offsetof(bench_report, int8_gmac_s));
    print_peak(c, "f32", "G/s", offsetof(bench_report, f32_gmac_s));
    print_shared(c);
    print_means(c);
}

// Every report measures latency; that alone is nothing to compare.
static bool is_latency(const bench_result *r) {
    return !r->is_op && (strcmp(r->name, "submit") == 0 || strcmp(r->name, "launch") == 0);
}

// True if both are of one device and none of their results is of the same thing.
static bool is_continued(const bench_report *a, const bench_report *b) {
    if (strcmp(a->backend, b->backend) != 0 || strcmp(a->device, b->device) != 0 ||
        strcmp(a->driver, b->driver) != 0) {
        return false;
    }
    for (size_t i = 0; i < b->count; i++) {
        if (!is_latency(&b->results[i]) && find(a, &b->results[i])) {
            return false;
        }
    }
    return true;
}

static bool append(bench_report *self, const bench_report *more) {
    for (size_t i = 0; i < more->count; i++) {
        if (!find(self, &more->results[i]) && !bench_report_add(self, &more->results[i])) {
            fprintf(stderr, "%s: out of memory for results\n", PROGRAM);
            return false;
        }
    }
    return true;
}

// Keeps |report|, or adds it to an earlier one that it continues.
static bool keep(comparison *c, bench_report *report) {
    for (size_t i = 0; i < c->count; i++) {
        if (is_continued(&c->reports[i], report)) {
            bool done = append(&c->reports[i], report);
            bench_report_free(report);
            return done;
        }
    }
    c->reports[c->count++] = *report;
    return true;
}

static bool read_all(comparison *c, const arg_texts *files) {
    char problem[512];
    for (size_t i = 0; i < files->count; i++) {
        bench_report report;
        if (!bench_report_read(&report, files->items[i], problem, sizeof problem)) {
            fprintf(stderr, "%s: %s\n", PROGRAM, problem);
            return false;
        }
        if (!keep(c, &report)) {
            return false;
        }
    }
    return true;
}

static bool run(comparison *c, const arg_texts *files, const char *html, bool force) {
    if (!bench_may_write(PROGRAM, html, force) || !read_all(c, files)) {
        return false;
    }
    if (c->count == 1 && !html) {
        fprintf(stderr,
                "%s: the reports are of one device and have no result in common; --html shows them "
                "on one page\n",
                PROGRAM);
        return false;
    }
    if (c->count > 1) {
        print_ratios(c);
    }
    return !html || bench_page_write(PROGRAM, html, c->reports, c->count);
}

int bench_compare(int argc, char **argv) {
    arg_texts files = {.count = 0};
    const char *html = NULL;
    bool force = false;
    const arg table[] = {
        {"--html", NULL, ARG_TEXT, &html, NULL, 0, 0, "FILE",
         "write a page with charts and tables; it needs no network"},
        {"--force", NULL, ARG_FLAG, &force, NULL, 0, 0, NULL, "even if the page exists"},
    };
    const arg_table spec = {PROGRAM,
                            "A.json B.json ... [--html FILE [--force]]",
                            "Compares reports that tern bench wrote: ratios to the first of them, "
                            "and a page to share.\nReports of one device that measured different "
                            "things count as one.",
                            table,
                            sizeof table / sizeof table[0],
                            "a report",
                            NULL,
                            &files};
    int status = command_parsed(args_parse(&spec, argc, argv));
    if (status >= 0) {
        return status;
    }
    if (files.count < 2 && !html) {
        args_complain(PROGRAM, "a second report is missing, or --html");
        return EXIT_USAGE;
    }
    if (files.count > MOST) {
        args_complain(PROGRAM, "%zu reports, at most %d can be compared", files.count, MOST);
        return EXIT_USAGE;
    }
    comparison *c = calloc(1, sizeof *c);
    bool done = c && run(c, &files, html, force);
    if (!c) {
        fprintf(stderr, "%s: out of memory\n", PROGRAM);
    }
    for (size_t i = 0; c && i < c->count; i++) {
        bench_report_free(&c->reports[i]);
    }
    free(c);
    return done ? EXIT_DONE : EXIT_FAILED;
}
