// tern perplexity: how well a model predicts a text.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tern/command.h"
#include "tools/tern/terminal.h"
#include "tools/tern/text.h"

#define PROGRAM "tern perplexity"

typedef struct options {
    const char *model, *backend, *file;
    model_options model_options;
    uint32_t context, stride, tokens;
    bool json;
} options;

static int parse(options *o, int argc, char **argv) {
    const arg table[] = {
        {"--model", "-m", ARG_TEXT, &o->model, NULL, 0, 0, "FILE",
         "the model, a file or folder (default: the one that comes with tern)"},
        {"--context", NULL, ARG_U32, &o->context, NULL, 4, 4294967295.0, "N",
         "tokens of a window (default: 512, or what the model has)"},
        {"--stride", NULL, ARG_U32, &o->stride, NULL, 1, 4294967295.0, "N",
         "from window to window (default: the context, and the second half of each is scored)"},
        {"--max-tokens", NULL, ARG_U32, &o->tokens, NULL, 4, 4294967295.0, "N",
         "look at no more than the first N tokens of the text"},
        ARG_BACKEND(&o->backend),
        ARG_KV(&o->model_options),
        ARG_HEAD(&o->model_options),
        ARG_I2S_BLOCK(&o->model_options.i2s_block),
        ARG_PRE(&o->model_options.pretokenizer),
        {"--json", NULL, ARG_FLAG, &o->json, NULL, 0, 0, NULL, "one object on stdout"},
    };
    const arg_table spec = {PROGRAM,
                            "[-m MODEL] FILE [options]",
                            "Prints exp of the mean of -log p over the tokens of a text; -: stdin.",
                            table,
                            sizeof table / sizeof table[0],
                            "FILE",
                            &o->file};
    int status = command_parsed(args_parse(&spec, argc, argv));
    if (status >= 0) {
        return status;
    }
    if (o->context && o->stride > o->context) {
        args_complain(PROGRAM, "--stride %" PRIu32 " is more than --context %" PRIu32, o->stride,
                      o->context);
        return EXIT_USAGE;
    }
    return command_model_options(PROGRAM, &o->model_options) ? -1 : EXIT_USAGE;
}

static int32_t on_progress(void *user, const tern_perplexity_result *so_far) {
    const bool *terminal = user;
    if (*terminal) {
        fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " tokens: %.4f +- %.4f ", so_far->scored,
                so_far->total, so_far->perplexity, so_far->perplexity_error);
    }
    return !interrupt_seen();
}

static tern_status measure(const options *o, const loaded *l, const int32_t *ids, size_t count,
                           tern_perplexity_result *result) {
    bool terminal = terminal_is_stderr();
    tern_perplexity_desc desc = {.struct_size = sizeof desc,
                                 .context = o->context,
                                 .stride = o->stride,
                                 .kv = o->model_options.kv,
                                 .ids = ids,
                                 .id_count = o->tokens && o->tokens < count ? o->tokens : count,
                                 .progress = on_progress,
                                 .progress_user = &terminal,
                                 .cancelled_by = l->cancel};
    tern_status status = tern_perplexity(l->model, &desc, result);
    if (terminal) {
        fprintf(stderr, "\r%60s\r", "");
    }
    return status;
}

static uint64_t bits_of(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static void print_json(const options *o, const loaded *l, const tern_perplexity_result *r,
                       double seconds) {
    char bits[24];
    snprintf(bits, sizeof bits, "%016" PRIx64, bits_of(r->perplexity));
    cJSON *object = cJSON_CreateObject();
    cJSON_AddItemToObject(object, "model", json_text(o->model, strlen(o->model)));
    cJSON_AddStringToObject(object, "backend", l->device_info.backend);
    cJSON_AddItemToObject(object, "device",
                          json_text(l->device_info.name, strlen(l->device_info.name)));
    if (o->model_options.head_text) {
        cJSON_AddStringToObject(object, "head", tern_dtype_name(l->model_info.head));
    }
    cJSON_AddNumberToObject(object, "perplexity", r->perplexity);
    cJSON_AddStringToObject(object, "bits", bits);
    cJSON_AddNumberToObject(object, "error", r->perplexity_error);
    cJSON_AddNumberToObject(object, "nll", r->nll);
    cJSON_AddNumberToObject(object, "nll_error", r->nll_error);
    cJSON_AddItemToObject(object, "scored", json_u64(r->scored));
    cJSON_AddNumberToObject(object, "windows", r->windows);
    cJSON_AddNumberToObject(object, "context", r->context);
    cJSON_AddNumberToObject(object, "stride", r->stride);
    cJSON_AddItemToObject(object, "seconds", json_measure(seconds));
    json_print(object);
}

static void print_text(const options *o, const loaded *l, const tern_perplexity_result *r,
                       double seconds) {
    printf("%.6f +- %.6f\n", r->perplexity, r->perplexity_error);
    fflush(stdout);
    fprintf(stderr,
            "tern: %s (%s)%s%s; %" PRIu64 " tokens scored in %" PRIu32 " windows of %" PRIu32
            " every %" PRIu32 "; nll %.6f +- %.6f, bits %016" PRIx64 "; %.1f s\n",
            l->device_info.backend, l->device_info.name,
            o->model_options.head_text ? "; output matrix " : "",
            o->model_options.head_text ? tern_dtype_name(l->model_info.head) : "", r->scored,
            r->windows, r->context, r->stride, r->nll, r->nll_error, bits_of(r->perplexity),
            seconds);
}

// What is read before the model is.
typedef struct job {
    const options *options;
    text from;
} job;

static int run(const host *h, loaded *l, void *user) {
    const job *j = user;
    const options *o = j->options;
    int32_t *ids = NULL;
    size_t count = 0;
    tern_perplexity_result result = {.struct_size = sizeof result};
    double start = host_seconds();
    tern_status status = command_encode(tern_model_tokenizer(l->model), j->from.bytes, j->from.size,
                                        TERN_TOKENIZE_BOS, &ids, &count);
    if (status == TERN_STATUS_OK) {
        status = measure(o, l, ids, count, &result);
    }
    free(ids);
    if (status != TERN_STATUS_OK) {
        return host_failed_in(h, o->file);
    }
    double seconds = host_seconds() - start;
    if (o->json) {
        print_json(o, l, &result, seconds);
    } else {
        print_text(o, l, &result, seconds);
    }
    profile_print(l->device);
    return EXIT_DONE;
}

int command_perplexity(int argc, char **argv) {
    options o = {0};
    int status = parse(&o, argc, argv);
    if (status >= 0) {
        return status;
    }
    o.model = o.model ? o.model : default_model_path();
    job j = {.options = &o};
    const loaded_command command = {PROGRAM, o.model, o.backend, &o.model_options, run, &j};
    status = text_read_file(&j.from, PROGRAM, "text", o.file) ? loaded_run(&command) : EXIT_FAILED;
    text_free(&j.from);
    return status;
}
