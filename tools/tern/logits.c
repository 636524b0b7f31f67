// tern logits: what a model gives after a row of ids, to the bit.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tern/command.h"

#define PROGRAM "tern logits"
#define IDS_MAX 65536

typedef struct options {
    const char *model, *backend, *ids_text, *positions_text;
    model_options model_options;
    bool json;
    int *ids;
    long id_count;
    int *positions;
    long position_count;
} options;

static int *parse_list(const char *option, const char *text, long *count) {
    int *list = malloc(IDS_MAX * sizeof *list);
    *count = list ? args_number_list(text, list, IDS_MAX) : -1;
    if (*count < 0 || *count > IDS_MAX) {
        args_complain(PROGRAM,
                      "option '%s' needs a list of up to %d numbers such as 1,403,407, "
                      "not '%.40s'",
                      option, IDS_MAX, text);
        free(list);
        return NULL;
    }
    return list;
}

// Positions are indices into --ids; without any, the last one counts.
static bool check_positions(options *o) {
    if (!o->positions_text) {
        o->positions = malloc(sizeof *o->positions);
        o->position_count = o->positions ? 1 : 0;
        if (o->positions) {
            o->positions[0] = (int)o->id_count - 1;
        }
        return o->positions != NULL;
    }
    o->positions = parse_list("--positions", o->positions_text, &o->position_count);
    for (long i = 0; o->positions && i < o->position_count; i++) {
        if (o->positions[i] >= o->id_count) {
            args_complain(PROGRAM, "position %d is past the last of %ld ids", o->positions[i],
                          o->id_count);
            return false;
        }
    }
    return o->positions != NULL;
}

static int parse(options *o, int argc, char **argv) {
    const arg table[] = {
        {"--model", "-m", ARG_TEXT, &o->model, NULL, 0, 0, "FILE", "the model: GGUF or a folder"},
        {"--ids", NULL, ARG_TEXT, &o->ids_text, NULL, 0, 0, "LIST", "token ids: 1,403,407"},
        {"--positions", NULL, ARG_TEXT, &o->positions_text, NULL, 0, 0, "LIST",
         "after which of them, from 0 (default: the last)"},
        ARG_BACKEND(&o->backend),
        ARG_KV(&o->model_options),
        ARG_HEAD(&o->model_options),
        ARG_I2S_BLOCK(&o->model_options.i2s_block),
        ARG_PRE(&o->model_options.pretokenizer),
        {"--json", NULL, ARG_FLAG, &o->json, NULL, 0, 0, NULL, "one object on stdout"},
    };
    const arg_table spec = {PROGRAM,
                            "-m MODEL --ids LIST [--positions LIST] [options]",
                            "Prints each logit, and its bits as 8 hexadecimal digits.",
                            table,
                            sizeof table / sizeof table[0],
                            NULL,
                            NULL};
    int status = command_parsed(args_parse(&spec, argc, argv));
    if (status >= 0) {
        return status;
    }
    if (!o->model || !o->ids_text) {
        args_complain(PROGRAM, "option '%s' is missing", o->model ? "--ids" : "--model");
        return EXIT_USAGE;
    }
    if (!command_model_options(PROGRAM, &o->model_options)) {
        return EXIT_USAGE;
    }
    o->ids = parse_list("--ids", o->ids_text, &o->id_count);
    return o->ids && check_positions(o) ? -1 : EXIT_USAGE;
}

static uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

// The rows come in the order of the ids; |order[p]| is the one of position p.
static tern_status evaluate(const options *o, const loaded *l, float *logits, uint32_t *order) {
    tern_row *rows = calloc((size_t)o->id_count, sizeof *rows);
    if (!rows) {
        return TERN_STATUS_OUT_OF_MEMORY;
    }
    for (long i = 0; i < o->id_count; i++) {
        rows[i] = (tern_row){l->session, o->ids[i], 0};
    }
    for (long i = 0; i < o->position_count; i++) {
        rows[o->positions[i]].flags = TERN_ROW_LOGITS;
    }
    uint32_t wanted = 0;
    for (long i = 0; i < o->id_count; i++) {
        order[i] = wanted;
        wanted += rows[i].flags ? 1 : 0;
    }
    tern_eval_desc desc = {.struct_size = sizeof desc,
                           .row_count = (uint32_t)o->id_count,
                           .rows = rows,
                           .logits = logits};
    tern_status status = tern_model_eval(l->model, &desc);
    free(rows);
    return status;
}

static void print_text(const options *o, const loaded *l, const float *logits,
                       const uint32_t *order) {
    uint32_t vocabulary = l->model_info.vocabulary;
    if (o->model_options.head_text) {
        fprintf(stderr, "%s: output matrix %s\n", PROGRAM, tern_dtype_name(l->model_info.head));
    }
    for (long i = 0; i < o->position_count; i++) {
        const float *row = logits + (size_t)order[o->positions[i]] * vocabulary;
        for (uint32_t v = 0; v < vocabulary; v++) {
            printf("%d %" PRIu32 " %.9g %08" PRIx32 "\n", o->positions[i], v, (double)row[v],
                   bits_of(row[v]));
        }
    }
}

static void add_row(cJSON *logits, cJSON *bits, const float *row, uint32_t vocabulary) {
    cJSON *values = cJSON_CreateArray();
    cJSON *words = cJSON_CreateArray();
    for (uint32_t v = 0; v < vocabulary; v++) {
        char hex[16];
        snprintf(hex, sizeof hex, "%08" PRIx32, bits_of(row[v]));
        cJSON_AddItemToArray(values, json_float(row[v]));
        cJSON_AddItemToArray(words, cJSON_CreateString(hex));
    }
    cJSON_AddItemToArray(logits, values);
    cJSON_AddItemToArray(bits, words);
}

static void print_json(const options *o, const loaded *l, const float *all, const uint32_t *order) {
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "backend", l->device_info.backend);
    if (o->model_options.head_text) {
        cJSON_AddStringToObject(object, "head", tern_dtype_name(l->model_info.head));
    }
    cJSON *positions = cJSON_AddArrayToObject(object, "positions");
    cJSON *logits = cJSON_AddArrayToObject(object, "logits");
    cJSON *bits = cJSON_AddArrayToObject(object, "bits");
    uint32_t vocabulary = l->model_info.vocabulary;
    for (long i = 0; i < o->position_count; i++) {
        cJSON_AddItemToArray(positions, cJSON_CreateNumber(o->positions[i]));
        add_row(logits, bits, all + (size_t)order[o->positions[i]] * vocabulary, vocabulary);
    }
    json_print(object);
}

static int print_logits(const host *h, const options *o, const loaded *l) {
    uint32_t vocabulary = l->model_info.vocabulary;
    float *logits = calloc((size_t)o->position_count * vocabulary, sizeof *logits);
    uint32_t *order = calloc((size_t)o->id_count, sizeof *order);
    int status = EXIT_DONE;
    if (!logits || !order) {
        fprintf(stderr, "%s: out of memory for %ld rows of logits\n", PROGRAM, o->position_count);
        status = EXIT_FAILED;
    } else if (evaluate(o, l, logits, order) != TERN_STATUS_OK) {
        status = host_failed(h);
    } else if (o->json) {
        print_json(o, l, logits, order);
    } else {
        print_text(o, l, logits, order);
    }
    if (status == EXIT_DONE) {
        profile_print(l->device);
    }
    free(logits);
    free(order);
    return status;
}

int command_logits(int argc, char **argv) {
    options o = {0};
    host h;
    loaded l = {0};
    int status = parse(&o, argc, argv);
    if (status < 0) {
        status = EXIT_FAILED;
        if (host_open(&h, PROGRAM, o.backend)) {
            if (loaded_open(&l, &h, o.model, &o.model_options) &&
                loaded_start(&l, &h, o.model, &o.model_options, (uint64_t)o.id_count)) {
                status = print_logits(&h, &o, &l);
            }
            loaded_close(&l);
            host_close(&h);
        }
    }
    free(o.ids);
    free(o.positions);
    return status;
}
