// tern bench model: a whole model, as its users wait for it.
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tern/bench/bench.h"
#include "tools/tern/bench/model_check.h"
#include "tools/tern/terminal.h"

#define PROGRAM "tern bench model"

enum {
    DEEPEST = 2048,
    TOKENS = 16,
    FEW_TOKENS = 4,
    PROMPT = 128,
    BATCH = 8,
    BATCH_STEPS = 8,
    NAME_MAX_SIZE = 40
};

typedef struct options {
    bench_options common;
    const char *path, *shape_text;
    const model_shape *shape;
    model_options model;
} options;

typedef struct run {
    bench *b;
    const options *o;
    subject s;
    samples *times;
    samples *host;       // seconds of a token outside the driver, where that is known
    tern_counters asked; // of the driver, for the tokens of the last sample
    uint32_t asked_tokens;
    float *logits;
    uint32_t rows; // of a prefill
    uint64_t peak; // of the host's memory
    bool checked, ok;
} run;

// A file without its folder: reports are shared, and compared with those of other machines.
static const char *name_of(const subject *s) {
    const char *slash = strrchr(s->label, '/');
    return slash ? slash + 1 : s->label;
}

static bench_result result_of(const run *r, const char *name, uint32_t rows, uint32_t context) {
    bench_result result = bench_result_make(name, "");
    // A long name is cut, never what changes the logits.
    static const char *const kv[] = {"", ", kv f32", ", kv i8"};
    bool q8 = r->o->model.flags & TERN_MODEL_HEAD_Q8;
    snprintf(result.model, sizeof result.model, "%.*s%s%s", NAME_MAX_SIZE, name_of(&r->s),
             q8 ? ", head q8" : "", kv[r->o->model.kv]);
    result.rows = rows;
    result.context = context;
    result.checked = r->checked;
    result.ok = r->ok;
    return result;
}

// The least time for |rows| tokens after |context|, of which |wanted| want logits.
static double bound_of(const run *r, uint32_t rows, uint32_t context, uint32_t wanted) {
    const subject *s = &r->s;
    double positions = (double)context + rows;
    double bytes = subject_layer_bytes(s, rows) + s->head_bytes + positions * s->position_bytes;
    double memory = bench_bound(r->b, bytes, 0.0, TERN_MEASURE_F32);
    double attended = rows * ((double)context + 0.5 * (rows + 1.0));
    double body = bench_bound(r->b, 0.0, rows * subject_layer_macs(s),
                              s->dense ? TERN_MEASURE_F32 : TERN_MEASURE_INT8);
    double rest = bench_bound(r->b, 0.0, wanted * s->head_macs + attended * s->position_macs,
                              TERN_MEASURE_F32);
    double compute = body + rest;
    return isnan(memory) || isnan(compute) ? (double)NAN : memory > compute ? memory : compute;
}

static bool add_speed(run *r, const char *name, uint32_t rows, uint32_t context, uint32_t wanted) {
    bench_result result = result_of(r, name, rows, context);
    double seconds = samples_median(r->times);
    result.us = seconds * 1e6;
    result.us_spread = samples_spread(r->times) * 1e6;
    result.tok_s = rows / seconds;
    result.share = bound_of(r, rows, context, wanted) / seconds;
    if (r->host->count) {
        result.host_us = samples_median(r->host) * 1e6;
        result.submits = (double)r->asked.submits / r->asked_tokens;
        result.dispatches = (double)r->asked.dispatches / r->asked_tokens / r->s.info.layers;
        r->host->count = 0;
    }
    return bench_add(r->b, &result);
}

static bool failed(const run *r) {
    return host_failed_in(&r->b->h, r->s.label) == 0;
}

static tern_status prefill(void *user) {
    run *r = user;
    tern_status status = tern_session_rewind(r->s.session, 0);
    return status == TERN_STATUS_OK ? subject_eval(&r->s, r->rows, r->logits) : status;
}

static bool measure_prefills(run *r) {
    static const uint32_t all[] = {1, 32, 128, 512};
    uint32_t count = r->o->common.quick ? 2 : 4;
    for (uint32_t i = 0; i < count; i++) {
        r->rows = all[i];
        if (all[i] > tern_session_context(r->s.session)) {
            bench_note(r->b, "prefill of %" PRIu32 " left out: the model has %" PRIu32 " positions",
                       all[i], tern_session_context(r->s.session));
            break;
        }
        // Programs are made, and kernels chosen, when they are first needed.
        if (prefill(r) != TERN_STATUS_OK || samples_take(r->times, prefill, r) != TERN_STATUS_OK) {
            return failed(r);
        }
        if (!add_speed(r, "prefill", all[i], 0, 1)) {
            return false;
        }
    }
    return true;
}

// Goes to a position, from the one before if that is nearer.
static tern_status go_to(run *r, uint32_t position) {
    uint32_t now = tern_session_position(r->s.session);
    if (now >= position) {
        return tern_session_rewind(r->s.session, position);
    }
    return subject_eval(&r->s, position - now, NULL);
}

// What |run| asked of the driver since |before|, for |tokens| tokens that took |seconds|.
static void add_asked(run *r, const tern_counters *before, uint32_t tokens, double seconds) {
    tern_counters now = {.struct_size = sizeof now};
    if (before->submits && tern_device_counters(r->b->device, &now) == TERN_STATUS_OK) {
        r->asked.submits = now.submits - before->submits;
        r->asked.dispatches = now.dispatches - before->dispatches;
        r->asked_tokens = tokens;
        seconds -= (double)(now.driver_ns - before->driver_ns) * 1e-9;
        samples_add(r->host, seconds / tokens);
    }
}

// One sample: the time of a token while |tokens| are generated from |context| on.
static tern_status decode(run *r, uint32_t context, uint32_t tokens) {
    int32_t prompt = subject_token(&r->s, context);
    tern_generate_desc desc = {
        .struct_size = sizeof desc, .max_tokens = tokens + 1, .prompt = &prompt, .prompt_count = 1};
    tern_generate_result result = {.struct_size = sizeof result};
    tern_counters before = {.struct_size = sizeof before};
    tern_status status = go_to(r, context);
    if (status == TERN_STATUS_OK && tern_device_counters(r->b->device, &before) != TERN_STATUS_OK) {
        before.submits = 0; // a backend that counts nothing
    }
    double begin = host_seconds();
    if (status == TERN_STATUS_OK) {
        status = tern_session_generate(r->s.session, &desc, &result);
    }
    if (status == TERN_STATUS_OK && result.count > 1) {
        add_asked(r, &before, result.count, host_seconds() - begin);
        samples_add(r->times, (double)result.decode_ns * 1e-9 / (result.count - 1));
    }
    return status;
}

static bool measure_decode(run *r, uint32_t context) {
    uint32_t tokens = r->o->common.quick ? FEW_TOKENS : TOKENS;
    double begin = host_seconds();
    tern_status status = decode(r, context, 1); // makes the programs
    r->times->count = 0;
    r->host->count = 0;
    for (uint32_t i = 0; i < 64 && status == TERN_STATUS_OK; i++) {
        status = decode(r, context, tokens);
        bool enough = r->times->count >= 3 && host_seconds() - begin > r->times->seconds;
        if (enough || host_seconds() - begin > 20.0) {
            break;
        }
    }
    if (status != TERN_STATUS_OK) {
        return failed(r);
    }
    if (!r->times->count) {
        bench_note(r->b, "decode at %" PRIu32 " left out: the model ends its text", context);
        return true;
    }
    return add_speed(r, "decode", 1, context, 1);
}

static bool measure_decodes(run *r) {
    static const uint32_t contexts[] = {0, 512, DEEPEST};
    for (uint32_t i = 0; i < (r->o->common.quick ? 1u : 3u); i++) {
        if (contexts[i] + TOKENS + 2 > tern_session_context(r->s.session)) {
            bench_note(r->b, "decode at %" PRIu32 " left out: the model has %" PRIu32 " positions",
                       contexts[i], tern_session_context(r->s.session));
        } else if (!measure_decode(r, contexts[i])) {
            return false;
        }
    }
    return true;
}

// From a prompt's ids to the first id picked.
static bool measure_first(run *r) {
    int32_t prompt[PROMPT];
    uint32_t count = r->o->common.quick ? 16 : PROMPT;
    for (uint32_t i = 0; i < count; i++) {
        prompt[i] = subject_token(&r->s, i);
    }
    tern_generate_desc desc = {
        .struct_size = sizeof desc, .max_tokens = 1, .prompt = prompt, .prompt_count = count};
    tern_generate_result result = {.struct_size = sizeof result};
    r->times->count = 0;
    for (uint32_t i = 0; i < 4; i++) { // the first one makes programs
        if (go_to(r, 0) != TERN_STATUS_OK ||
            tern_session_generate(r->s.session, &desc, &result) != TERN_STATUS_OK) {
            return failed(r);
        }
        if (i) {
            samples_add(r->times, (double)result.prompt_ns * 1e-9);
        }
    }
    bench_result line = result_of(r, "first_token", count, 0);
    line.us = samples_median(r->times) * 1e6;
    line.us_spread = samples_spread(r->times) * 1e6;
    return bench_add(r->b, &line);
}

typedef struct batch {
    run *r;
    tern_session *sessions[BATCH];
    int32_t tokens[BATCH];
    tern_batch_item items[BATCH];
} batch;

static tern_status make_sessions(batch *self) {
    tern_session_desc desc = TERN_SESSION_DESC_INIT;
    desc.kv = self->r->o->model.kv;
    uint32_t most = self->r->s.info.context;
    desc.context = most < 64 ? most : 64;
    for (uint32_t i = 0; i < BATCH; i++) {
        tern_status status = tern_session_create(self->r->s.model, &desc, &self->sessions[i]);
        if (status != TERN_STATUS_OK) {
            return status;
        }
        self->tokens[i] = subject_token(&self->r->s, i);
        self->items[i] = (tern_batch_item){
            .session = self->sessions[i], .tokens = &self->tokens[i], .token_count = 1};
    }
    return TERN_STATUS_OK;
}

static tern_status decode_batch(void *user) {
    batch *self = user;
    tern_batch_desc desc = {.struct_size = sizeof desc, .item_count = BATCH, .items = self->items};
    tern_status status = TERN_STATUS_OK;
    for (uint32_t i = 0; i < BATCH && status == TERN_STATUS_OK; i++) {
        status = tern_session_rewind(self->sessions[i], 0);
    }
    for (uint32_t step = 0; step < BATCH_STEPS && status == TERN_STATUS_OK; step++) {
        status = tern_decode_batch(self->r->s.model, &desc);
        for (uint32_t i = 0; i < BATCH; i++) {
            self->tokens[i] = self->items[i].next;
        }
    }
    return status;
}

// Several sessions, each a token ahead in one pass over the weights.
static bool measure_batch(run *r) {
    batch b = {.r = r};
    tern_status status = make_sessions(&b);
    if (status == TERN_STATUS_OK) {
        status = samples_take(r->times, decode_batch, &b);
    }
    for (uint32_t i = 0; i < r->times->count; i++) {
        r->times->values[i] /= BATCH_STEPS;
    }
    for (uint32_t i = 0; i < BATCH; i++) {
        tern_session_destroy(b.sessions[i]);
    }
    return status == TERN_STATUS_OK ? add_speed(r, "batch", BATCH, 0, BATCH) : failed(r);
}

static bool add_load(run *r) {
    bench_result load = result_of(r, "load", 0, 0);
    load.us = r->s.load_seconds * 1e6;
    load.checked = false;
    return bench_add(r->b, &load);
}

static bool add_memory(run *r) {
    const tern_memory_estimate *m = &r->s.memory;
    bench_result memory = result_of(r, "memory", 0, 0);
    memory.host_bytes = r->peak ? (double)r->peak : (double)NAN;
    memory.device_bytes =
        (double)m->weight_bytes + (double)m->cache_bytes + (double)m->scratch_bytes;
    memory.checked = false;
    return bench_add(r->b, &memory);
}

// Loads the model and uses it once, to see how much memory that takes, before anything else does.
static tern_status load(run *r) {
    const options *o = r->o;
    uint64_t before = peak_memory_reset() ? 0 : peak_memory(); // of other parts of a report
    tern_status status = subject_open(&r->s, r->b->h.context, o->path, o->shape);
    if (status == TERN_STATUS_OK) {
        status = subject_load(&r->s, r->b->device, DEEPEST + 64, &o->model);
    }
    uint32_t context = status == TERN_STATUS_OK ? tern_session_context(r->s.session) : 0;
    if (status == TERN_STATUS_OK) {
        status = subject_eval(&r->s, context < PROMPT ? context : PROMPT, NULL);
    }
    if (status == TERN_STATUS_OK) {
        status = decode(r, 0, 1);
    }
    r->peak = peak_memory();
    r->peak = r->peak > before ? r->peak : 0;
    r->host->count = 0; // programs were made meanwhile
    return status;
}

static tern_status check(run *r) {
    const options *o = r->o;
    tern_status status = model_check(r->b->device, r->b->reference, o->path, o->shape, &o->model,
                                     &r->checked, &r->ok);
    if (status == TERN_STATUS_OK && !r->checked) {
        bench_note(r->b, "bits not compared: the model is too large for the reference backend");
    }
    return status;
}

static bool measure_loaded(run *r) {
    r->logits = calloc(r->s.info.vocabulary, sizeof *r->logits);
    bool done = r->logits != NULL;
    if (!done) {
        fprintf(stderr, "%s: out of memory for logits\n", PROGRAM);
    }
    done = done && add_load(r) && add_memory(r) && measure_prefills(r) && measure_decodes(r) &&
           measure_first(r) && measure_batch(r);
    free(r->logits);
    return done;
}

static bool measure(bench *b, const options *o) {
    run r = {.b = b, .o = o, .times = bench_samples(b), .host = bench_samples(b)};
    bool done = false;
    if (!r.times || !r.host) {
        fprintf(stderr, "%s: out of memory\n", PROGRAM);
        free(r.times);
        free(r.host);
        return false;
    }
    if (load(&r) != TERN_STATUS_OK) {
        failed(&r);
    } else if (bench_measure_roofline(b, false)) {
        done = check(&r) == TERN_STATUS_OK ? measure_loaded(&r) : failed(&r);
    }
    subject_close(&r.s);
    free(r.times);
    free(r.host);
    return done;
}

static bool find_shape(options *o) {
    const char *name = o->shape_text ? o->shape_text : "2b-4t";
    o->shape = model_shape_find(name);
    if (!o->shape) {
        char known[128] = "";
        for (uint32_t i = 0, used = 0; model_shape_at(i) && used < sizeof known; i++) {
            used += (uint32_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "",
                                       model_shape_at(i)->name);
        }
        args_complain(PROGRAM, "unknown shape '%s'; have: %s", name, known);
    }
    return o->shape != NULL;
}

static int parse(options *o, int argc, char **argv) {
    const arg table[] = {
        {"--model", "-m", ARG_TEXT, &o->path, NULL, 0, 0, "FILE", "the model: GGUF or a folder"},
        {"--shape", NULL, ARG_TEXT, &o->shape_text, NULL, 0, 0, "NAME",
         "or one with random weights: 2b-4t (default), 0.7b, 3b, 8b"},
        ARG_KV(&o->model),
        ARG_HEAD(&o->model),
        BENCH_ARGS(&o->common),
    };
    const arg_table spec = {
        PROGRAM,
        "[-m FILE | --shape NAME] [options]",
        "Measures loading, prompts of several lengths, generation after several "
        "contexts,\ntime to the first token, eight sessions at once, memory.",
        table,
        sizeof table / sizeof table[0],
        NULL,
        NULL};
    int status = command_parsed(args_parse(&spec, argc, argv));
    if (status >= 0) {
        return status;
    }
    if (o->path && o->shape_text) {
        args_complain(PROGRAM, "-m and --shape exclude each other");
        return EXIT_USAGE;
    }
    return find_shape(o) && command_model_options(PROGRAM, &o->model) ? -1 : EXIT_USAGE;
}

int bench_model(int argc, char **argv) {
    options o = {0};
    bench b;
    int status = parse(&o, argc, argv);
    if (status >= 0) {
        return status;
    }
    bool done = bench_open(&b, PROGRAM, &o.common) && measure(&b, &o);
    status = done ? bench_finish(&b) : EXIT_FAILED;
    bench_close(&b);
    return status;
}
