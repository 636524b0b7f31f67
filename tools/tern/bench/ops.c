// tern bench ops: every op at the shapes that models have.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tern/bench/point.h"

#define PROGRAM "tern bench ops"

enum { SHAPES_MAX = 16, ROWS_MAX = 16, PATIENCE_SECONDS = 20 };

typedef struct options {
    bench_options common;
    arg_texts ops, shapes, types;
    const char *rows_text;
    bench_shape wanted[SHAPES_MAX]; // of --shape
    int rows[ROWS_MAX];
    long row_count;
    uint32_t context, window;
    bool context_given, window_given, warm;
} options;

static void list_ops(char *out, size_t capacity) {
    size_t used = 0;
    for (uint32_t i = 0; bench_op_at(i) && used < capacity; i++) {
        used += (size_t)snprintf(out + used, capacity - used, "%s%s", i ? ", " : "",
                                 bench_op_name(bench_op_at(i)));
    }
}

// The shapes of all ops, each once.
static void list_shapes(char *out, size_t capacity) {
    size_t used = 0;
    out[0] = '\0';
    for (uint32_t i = 0; bench_op_at(i); i++) {
        for (const bench_shape *s = bench_op_at(i)->shapes; s->k && used < capacity; s++) {
            char one[32];
            snprintf(one, sizeof one, s->n ? "%" PRIu32 "x%" PRIu32 : "%" PRIu32, s->k, s->n);
            const char *seen = strstr(out, one);
            if (!seen || (seen[strlen(one)] != ',' && seen[strlen(one)] != '\0')) {
                used +=
                    (size_t)snprintf(out + used, capacity - used, "%s%s", used ? ", " : "", one);
            }
        }
    }
}

static bool check_ops(const options *o) {
    char known[512];
    list_ops(known, sizeof known);
    for (size_t i = 0; i < o->ops.count; i++) {
        if (!bench_op_find(o->ops.items[i])) {
            args_complain(PROGRAM, "unknown op '%s'; have: %s", o->ops.items[i], known);
            return false;
        }
    }
    return true;
}

static bool check_types(const options *o) {
    for (size_t i = 0; i < o->types.count; i++) {
        bool known = false;
        for (tern_dtype t = 1; t <= TERN_DTYPE_Q8_0; t++) {
            known = known || strcmp(tern_dtype_name(t), o->types.items[i]) == 0;
        }
        if (!known) {
            args_complain(PROGRAM, "unknown type '%s'; have: t2, t5, b1, f32, f16, bf16, q8_0, i8",
                          o->types.items[i]);
            return false;
        }
    }
    return true;
}

// "2560x640", or "2560" for ops by rows.
static bool parse_shape(const char *text, bench_shape *out) {
    char *end = NULL;
    unsigned long k = text[0] >= '1' && text[0] <= '9' ? strtoul(text, &end, 10) : 0;
    unsigned long n = 0;
    if (k && *end == 'x' && end[1] >= '1' && end[1] <= '9') {
        n = strtoul(end + 1, &end, 10);
    }
    *out = (bench_shape){.k = (uint32_t)k, .n = (uint32_t)n};
    return k && k < (1u << 24) && n < (1u << 28) && *end == '\0';
}

static bool check_shapes(options *o) {
    char known[512];
    list_shapes(known, sizeof known);
    for (size_t i = 0; i < o->shapes.count; i++) {
        if (i == SHAPES_MAX || !parse_shape(o->shapes.items[i], &o->wanted[i])) {
            args_complain(PROGRAM,
                          "unknown shape '%s'; have: %s, or any other K x N as 2560x640 "
                          "(K for ops by rows), at most %d of them",
                          o->shapes.items[i], known, SHAPES_MAX);
            return false;
        }
    }
    return true;
}

static bool check_rows(options *o) {
    const char *usual = o->common.quick ? "1,32" : "1,2,4,8,32,128,512";
    const char *text = o->rows_text ? o->rows_text : usual;
    o->row_count = args_number_list(text, o->rows, ROWS_MAX);
    bool good = o->row_count > 0 && o->row_count <= ROWS_MAX;
    for (long i = 0; good && i < o->row_count; i++) {
        good = o->rows[i] > 0 && o->rows[i] <= 65536;
    }
    if (!good) {
        args_complain(PROGRAM,
                      "option '--rows' needs a list of up to %d numbers from 1 to 65536 such as "
                      "1,8,32, not '%s'",
                      ROWS_MAX, text);
    }
    return good;
}

static bool listed(const arg_texts *texts, const char *name) {
    for (size_t i = 0; i < texts->count; i++) {
        if (strcmp(texts->items[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_type(const options *o, const bench_op *op) {
    bool found = !o->types.count;
    for (uint32_t i = 0; op->types[i]; i++) {
        found = found || listed(&o->types, tern_dtype_name(op->types[i]));
    }
    return found;
}

// K x N means nothing to an op by rows, K nothing to a matrix.
static bool has_kind(const bench_op *op, const bench_shape *shape) {
    return bench_op_has_n(op) == (shape->n != 0);
}

// Whether there is anything to measure.
static bool check_any(const options *o) {
    for (uint32_t i = 0; bench_op_at(i); i++) {
        const bench_op *op = bench_op_at(i);
        bool wanted = (!o->ops.count || listed(&o->ops, bench_op_name(op))) && has_type(o, op);
        bool shaped = !o->shapes.count;
        for (size_t k = 0; k < o->shapes.count; k++) {
            shaped = shaped || has_kind(op, &o->wanted[k]);
        }
        if (wanted && shaped) {
            return true;
        }
    }
    args_complain(PROGRAM, "no op asked for has this type and this kind of shape: KxN of matrices "
                           "and attention, K of ops by rows");
    return false;
}

// Foreseen from the point before, so that a slow device is not kept busy for hours.
static bool too_slow(const bench *b, const bench_family *family, uint32_t rows) {
    double seconds = family->row_seconds * rows;
    if (seconds > PATIENCE_SECONDS) {
        bench_note(b, "%-16s %" PRIu32 " rows left out: one run would take about %.0f s",
                   bench_op_name(family->op), rows, seconds);
        return true;
    }
    return false;
}

// What a device has no room for, or cannot do, or an op of this shape cannot be, is told and left
// out.
static bool left_out(bench *b, const bench_family *family, tern_status status) {
    if (status != TERN_STATUS_OUT_OF_MEMORY && status != TERN_STATUS_UNSUPPORTED &&
        status != TERN_STATUS_INVALID_ARGUMENT) {
        return host_failed(&b->h) == 0;
    }
    fprintf(stderr, "%s: %s %" PRIu32 "x%" PRIu32 " left out: %s\n", b->program,
            bench_op_name(family->op), family->shape.k, family->shape.n, tern_last_error_message());
    return true;
}

static bool run_rows(bench *b, const options *o, bench_family *family) {
    for (long i = 0; i < o->row_count; i++) {
        bench_result result;
        uint32_t rows = (uint32_t)o->rows[i];
        if (too_slow(b, family, rows)) {
            continue;
        }
        uint32_t context = o->context_given ? o->context : family->shape.context;
        tern_status status = bench_point_measure(b, family, rows, context, &result);
        if (status == TERN_STATUS_OK ? !bench_add(b, &result) : !left_out(b, family, status)) {
            return false;
        }
    }
    return true;
}

static bool run_family(bench *b, const options *o, const bench_op *op, tern_dtype type,
                       bench_shape shape) {
    bench_family family;
    if (o->window_given && op->kind == TERN_OP_ATTENTION) {
        shape.window = o->window;
    }
    uint64_t footprint = o->warm ? 0 : b->footprint;
    tern_status status = bench_family_make(&family, b->device, op, type, shape, footprint);
    bool done = status == TERN_STATUS_OK ? run_rows(b, o, &family) : left_out(b, &family, status);
    bench_family_free(&family);
    return done;
}

static bool run_type(bench *b, const options *o, const bench_op *op, tern_dtype type) {
    uint32_t count = 0;
    for (size_t i = 0; i < o->shapes.count; i++) {
        bench_shape shape = o->wanted[i];
        if (!has_kind(op, &shape)) {
            continue;
        }
        shape.context = op->shapes[0].context;
        if (!run_family(b, o, op, type, shape)) {
            return false;
        }
    }
    for (const bench_shape *s = op->shapes; s->k && !o->shapes.count; s++) {
        if (o->common.quick && count++ == 2) {
            break;
        }
        if (!run_family(b, o, op, type, *s)) {
            return false;
        }
    }
    return true;
}

static bool run_op(bench *b, const options *o, const bench_op *op) {
    for (uint32_t i = 0; op->types[i]; i++) {
        bool wanted =
            o->types.count ? listed(&o->types, tern_dtype_name(op->types[i])) : i < op->usual;
        if (wanted && !run_type(b, o, op, op->types[i])) {
            return false;
        }
    }
    return true;
}

static bool run_all(bench *b, const options *o) {
    if (!bench_measure_roofline(b, false)) {
        return false;
    }
    size_t before = b->report.count;
    for (uint32_t i = 0; bench_op_at(i); i++) {
        const bench_op *op = bench_op_at(i);
        if ((!o->ops.count || listed(&o->ops, bench_op_name(op))) && !run_op(b, o, op)) {
            return false;
        }
    }
    if (b->report.count == before) {
        fprintf(stderr, "%s: nothing was measured\n", PROGRAM);
    }
    return b->report.count > before;
}

static int parse(options *o, int argc, char **argv) {
    const arg table[] = {
        {"--op", NULL, ARG_TEXTS, &o->ops, NULL, 0, 0, "OP", "only this op; may be repeated"},
        {"--shape", NULL, ARG_TEXTS, &o->shapes, NULL, 0, 0, "KxN",
         "only this shape, known or not; K for ops by rows; may be repeated"},
        {"--type", NULL, ARG_TEXTS, &o->types, NULL, 0, 0, "TYPE",
         "t2, t5, b1, f32, f16, bf16, q8_0 or i8; may be repeated"},
        {"--rows", NULL, ARG_TEXT, &o->rows_text, NULL, 0, 0, "LIST",
         "rows (default: 1,2,4,8,32,128,512)"},
        {"--context", NULL, ARG_U32, &o->context, &o->context_given, 0, 1 << 20, "N",
         "positions in the cache before them"},
        {"--window", NULL, ARG_U32, &o->window, &o->window_given, 0, 1 << 20, "N",
         "positions that a row of attention sees; 0: all"},
        {"--warm", NULL, ARG_FLAG, &o->warm, NULL, 0, 0, NULL,
         "the same inputs every time, from the caches"},
        {"--timestamps", NULL, ARG_FLAG, &o->common.timestamps, NULL, 0, 0, NULL,
         "by the device's own clock, op by op, where it has one"},
        BENCH_ARGS(&o->common),
    };
    const arg_table spec = {PROGRAM,
                            "[--op OP] [--shape KxN] [--rows LIST] [options]",
                            "Measures ops, and compares a sample of what they give with the "
                            "reference backend, bit for bit.",
                            table,
                            sizeof table / sizeof table[0],
                            NULL,
                            NULL};
    int status = command_parsed(args_parse(&spec, argc, argv));
    if (status >= 0) {
        return status;
    }
    return check_ops(o) && check_types(o) && check_shapes(o) && check_rows(o) && check_any(o)
               ? -1
               : EXIT_USAGE;
}

int bench_ops(int argc, char **argv) {
    options o = {0};
    bench b;
    int status = parse(&o, argc, argv);
    if (status >= 0) {
        return status;
    }
    status = bench_open(&b, PROGRAM, &o.common) && run_all(&b, &o) ? bench_finish(&b) : EXIT_FAILED;
    bench_close(&b);
    return status;
}
