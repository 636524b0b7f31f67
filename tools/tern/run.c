// tern run: continues a text.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tern/command.h"
#include "tools/tern/logprobs.h"
#include "tools/tern/placements.h"
#include "tools/tern/sampling.h"
#include "tools/tern/text.h"

#define PROGRAM "tern run"
#define DEFAULT_PROMPT "Once upon a time"
#define DEFAULT_TOKENS 200

typedef struct options {
    const char *model, *backend, *prompt, *file;
    model_options model_options;
    uint32_t tokens;
    uint32_t logprobs;
    bool tokens_given, json, report;
    arg_texts stops;
    sampling_options sampling;
} options;

// Kept while ids are generated.
typedef struct output {
    bool stream;
    const text *prompt; // what the stream begins with; NULL: it has begun
    bool failed;        // stdout is gone, or memory is out
    text all;
    logprobs logprobs;
} output;

static int check(options *o) {
    if (o->prompt && o->file) {
        args_complain(PROGRAM, "-p and -f exclude each other");
        return EXIT_USAGE;
    }
    if (o->logprobs && !o->json) {
        args_complain(PROGRAM, "--logprobs needs --json");
        return EXIT_USAGE;
    }
    return sampling_check(PROGRAM, &o->sampling) &&
                   command_model_options(PROGRAM, &o->model_options)
               ? -1
               : EXIT_USAGE;
}

static int parse(options *o, int argc, char **argv) {
    const arg table[] = {
        {"--model", "-m", ARG_TEXT, &o->model, NULL, 0, 0, "FILE",
         "the model: GGUF or a folder (default: the one that comes with tern)"},
        {"--prompt", "-p", ARG_TEXT, &o->prompt, NULL, 0, 0, "TEXT",
         "what to continue (default: \"" DEFAULT_PROMPT "\")"},
        {"--file", "-f", ARG_TEXT, &o->file, NULL, 0, 0, "FILE", "read it from a file; -: stdin"},
        {"--tokens", "-n", ARG_U32, &o->tokens, &o->tokens_given, 1, 1e9, "N",
         "how many tokens at most (default: 200, or what fits)"},
        {"--stop", NULL, ARG_TEXTS, &o->stops, NULL, 0, 0, "TEXT",
         "end before this text; may be repeated"},
        ARGS_SAMPLING(&o->sampling),
        ARG_BACKEND(&o->backend),
        ARG_KV(&o->model_options),
        ARG_HEAD(&o->model_options),
        ARG_I2S_BLOCK(&o->model_options.i2s_block),
        ARG_PRE(&o->model_options.pretokenizer),
        {"--report", NULL, ARG_FLAG, &o->report, NULL, 0, 0, NULL,
         "then list where each op of a step ran, on stderr"},
        {"--logprobs", NULL, ARG_U32, &o->logprobs, NULL, 1, 100, "N",
         "with --json: each token's log probability, and those of the N likeliest"},
        {"--json", NULL, ARG_FLAG, &o->json, NULL, 0, 0, NULL, "one object instead of the text"},
    };
    const arg_table spec = {PROGRAM,
                            "[-m MODEL] [-p TEXT | -f FILE] [-n N] [options]",
                            "Prints a text and continues it, word by word. Ctrl-C ends it early.",
                            table,
                            sizeof table / sizeof table[0],
                            NULL,
                            NULL};
    int status = command_parsed(args_parse(&spec, argc, argv));
    return status >= 0 ? status : check(o);
}

// The prompt's bytes; false after one line on stderr.
static bool read_prompt(const options *o, text *prompt) {
    if (!o->file) {
        const char *given = o->prompt ? o->prompt : DEFAULT_PROMPT;
        return text_append(prompt, given, strlen(given));
    }
    return text_read_file(prompt, PROGRAM, "prompt", o->file);
}

static void stream_bytes(output *self, const char *bytes, size_t size) {
    self->failed = self->failed || (size && fwrite(bytes, 1, size, stdout) != size);
    self->failed = self->failed || fflush(stdout) != 0;
}

// The prompt goes first, but not before it is sure that it can be continued.
static void stream_prompt(output *self) {
    if (self->stream && self->prompt) {
        stream_bytes(self, self->prompt->bytes, self->prompt->size);
        self->prompt = NULL;
    }
}

static int32_t on_text(void *user, const char *bytes, size_t size) {
    output *self = user;
    self->failed = self->failed || !text_append(&self->all, bytes, size);
    if (self->stream) {
        stream_prompt(self);
        stream_bytes(self, bytes, size);
    }
    return !self->failed && !interrupt_seen();
}

static void on_logits(void *user, int32_t id, const float *logits, uint32_t count) {
    output *self = user;
    logprobs_add(&self->logprobs, id, logits, count);
}

typedef struct generation {
    int32_t *prompt_ids;
    size_t prompt_count;
    int32_t *ids;
    output out;
    tern_generate_result result;
} generation;

// -n, or what fits when it is not given; the library refuses what does not fit.
static uint32_t tokens_wanted(const options *o, const loaded *l, size_t prompt_count) {
    uint32_t context = l->model_info.context;
    uint32_t room = prompt_count < context ? context - (uint32_t)prompt_count : 1;
    if (o->tokens_given) {
        return o->tokens;
    }
    return room < DEFAULT_TOKENS ? room : DEFAULT_TOKENS;
}

static int generate(const host *h, const options *o, const loaded *l, generation *g,
                    uint32_t tokens) {
    sampling draws;
    if (!sampling_open(&draws, h, &o->sampling, l)) {
        sampling_close(&draws);
        return EXIT_FAILED;
    }
    // More ids than the context holds are never picked, whatever -n says.
    uint32_t context = tern_session_context(l->session);
    g->ids = calloc(tokens < context ? tokens : context + 1, sizeof *g->ids);
    g->result.struct_size = sizeof g->result;
    tern_generate_desc desc = {.struct_size = sizeof desc,
                               .max_tokens = tokens,
                               .prompt = g->prompt_ids,
                               .prompt_count = g->prompt_count,
                               .sampler = draws.sampler,
                               .stop_strings = o->stops.items,
                               .stop_string_count = (uint32_t)o->stops.count,
                               .on_text = on_text,
                               .user = &g->out,
                               .out_ids = g->ids};
    if (o->logprobs) {
        g->out.logprobs = (logprobs){tern_model_tokenizer(l->model), o->logprobs, NULL};
        desc.on_logits = on_logits;
    }
    tern_status status = loaded_generate(l, &desc, &g->result);
    sampling_close(&draws);
    return status == TERN_STATUS_OK ? EXIT_DONE : host_failed(h);
}

static const char *stop_name(tern_stop stop) {
    static const char *const names[] = {"?", "eos", "length", "string", "interrupted", "grammar"};
    return names[stop <= TERN_STOP_GRAMMAR ? stop : 0];
}

static double per_second(uint64_t count, double milliseconds) {
    return milliseconds > 0.0 ? (double)count * 1e3 / milliseconds : 0.0;
}

// The first id is picked at the end of the prompt's time, so decoding made one less.
static uint32_t decoded(const generation *g) {
    return g->result.count ? g->result.count - 1 : 0;
}

static cJSON *ids_json(const int32_t *ids, size_t count) {
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; i < count; i++) {
        cJSON_AddItemToArray(array, json_i64(ids[i]));
    }
    return array;
}

static void print_json(const options *o, const loaded *l, const generation *g) {
    double prompt_ms = (double)g->result.prompt_ns * 1e-6;
    double decode_ms = (double)g->result.decode_ns * 1e-6;
    cJSON *object = cJSON_CreateObject();
    cJSON_AddItemToObject(object, "model", json_text(o->model, strlen(o->model)));
    cJSON_AddStringToObject(object, "backend", l->device_info.backend);
    cJSON_AddItemToObject(object, "device",
                          json_text(l->device_info.name, strlen(l->device_info.name)));
    if (o->model_options.head_text) {
        cJSON_AddStringToObject(object, "head", tern_dtype_name(l->model_info.head));
    }
    cJSON_AddItemToObject(object, "prompt_ids", ids_json(g->prompt_ids, g->prompt_count));
    cJSON_AddItemToObject(object, "ids", ids_json(g->ids, g->result.count));
    cJSON_AddItemToObject(object, "text", json_text(g->out.all.bytes, g->out.all.size));
    cJSON_AddStringToObject(object, "stop", stop_name(g->result.stop));
    if (g->out.logprobs.list) {
        cJSON_AddItemReferenceToObject(object, "logprobs", g->out.logprobs.list);
    }
    if (o->sampling.desc.temperature > 0.0f) {
        cJSON_AddItemToObject(object, "seed", json_u64(o->sampling.desc.seed));
    }
    cJSON *timings = cJSON_AddObjectToObject(object, "timings");
    cJSON_AddItemToObject(timings, "load_ms", json_measure(l->load_ms));
    cJSON_AddItemToObject(timings, "prompt_ms", json_measure(prompt_ms));
    cJSON_AddItemToObject(timings, "prompt_tok_s",
                          json_measure(per_second(g->prompt_count, prompt_ms)));
    cJSON_AddItemToObject(timings, "decode_ms", json_measure(decode_ms));
    cJSON_AddItemToObject(timings, "decode_tok_s", json_measure(per_second(decoded(g), decode_ms)));
    json_print(object);
}

static void print_timings(const options *o, const loaded *l, const generation *g) {
    double prompt_ms = (double)g->result.prompt_ns * 1e-6;
    double decode_ms = (double)g->result.decode_ns * 1e-6;
    char draws[48] = "greedy";
    if (o->sampling.desc.temperature > 0.0f) {
        snprintf(draws, sizeof draws, "seed %" PRIu64, o->sampling.desc.seed);
    }
    char speed[48] = "";
    if (decoded(g)) {
        snprintf(speed, sizeof speed, " at %.1f tok/s", per_second(decoded(g), decode_ms));
    }
    char head[48] = "";
    if (o->model_options.head_text) {
        snprintf(head, sizeof head, "; output matrix %s", tern_dtype_name(l->model_info.head));
    }
    fprintf(stderr,
            "tern: %s (%s), loaded in %.0f ms%s; prompt %zu tokens at %.1f tok/s; %" PRIu32
            " tokens%s; %s; stop: %s\n",
            l->device_info.backend, l->device_info.name, l->load_ms, head, g->prompt_count,
            per_second(g->prompt_count, prompt_ms), g->result.count, speed, draws,
            stop_name(g->result.stop));
}

// One line for each different way in which ops of a step ran, with how many did.
static void print_report(const loaded *l) {
    tern_op_report seen[64];
    uint32_t counts[64] = {0};
    uint32_t used = 0;
    tern_op_report op = {.struct_size = sizeof op};
    for (uint32_t i = 0; tern_session_report(l->session, i, &op) == TERN_STATUS_OK; i++) {
        uint32_t s = 0;
        while (s < used && (seen[s].kind != op.kind || seen[s].placement != op.placement ||
                            strcmp(seen[s].kernel, op.kernel) != 0)) {
            s++;
        }
        if (s == used && used < 64) {
            seen[used++] = op;
        }
        counts[s < 64 ? s : 63]++;
    }
    for (uint32_t s = 0; s < used; s++) {
        fprintf(stderr, "%4" PRIu32 " %-16s %-9s %s%s%s\n", counts[s],
                tern_op_describe(seen[s].kind)->name, placement_name(seen[s].placement),
                seen[s].backend, seen[s].kernel[0] ? ": " : "", seen[s].kernel);
    }
}

static int finish(const options *o, const loaded *l, generation *g) {
    stream_prompt(&g->out);
    if (g->out.failed) {
        fprintf(stderr, "%s: the text could not be written to the end\n", PROGRAM);
        return EXIT_FAILED;
    }
    if (o->json) {
        print_json(o, l, g);
    } else {
        puts("");
        fflush(stdout);
        print_timings(o, l, g);
    }
    if (o->report) {
        print_report(l);
    }
    profile_print(l->device);
    return EXIT_DONE;
}

// The last id picked takes no position.
static int run_encoded(const host *h, const options *o, loaded *l, generation *g) {
    uint32_t tokens = tokens_wanted(o, l, g->prompt_count);
    if (!loaded_start(l, h, o->model, &o->model_options, g->prompt_count + tokens - 1ull)) {
        return EXIT_FAILED;
    }
    int status = generate(h, o, l, g, tokens);
    return status == EXIT_DONE ? finish(o, l, g) : status;
}

// What is read before the model is.
typedef struct job {
    const options *options;
    text prompt;
} job;

static int run_loaded(const host *h, loaded *l, void *user) {
    const job *j = user;
    const options *o = j->options;
    const text *prompt = &j->prompt;
    generation g = {.out = {.stream = !o->json, .prompt = prompt}};
    bool encoded =
        command_encode(tern_model_tokenizer(l->model), prompt->bytes, prompt->size,
                       TERN_TOKENIZE_BOS, &g.prompt_ids, &g.prompt_count) == TERN_STATUS_OK;
    int status = encoded ? run_encoded(h, o, l, &g) : host_failed(h);
    free(g.prompt_ids);
    free(g.ids);
    cJSON_Delete(g.out.logprobs.list);
    text_free(&g.out.all);
    return status;
}

int command_run(int argc, char **argv) {
    options o = {.sampling = SAMPLING_DEFAULTS};
    int status = parse(&o, argc, argv);
    if (status >= 0) {
        return status;
    }
    o.model = o.model ? o.model : default_model_path();
    job j = {.options = &o};
    const loaded_command command = {PROGRAM, o.model, o.backend, &o.model_options, run_loaded, &j};
    status = read_prompt(&o, &j.prompt) ? loaded_run(&command) : EXIT_FAILED;
    text_free(&j.prompt);
    return status;
}
