// tern embed: texts as vectors.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tern/command.h"
#include "tools/tern/text.h"

#define PROGRAM "tern embed"

typedef struct options {
    const char *model, *backend, *prompt, *file, *pooling_text;
    model_options model_options;
    tern_pooling pooling;
    bool raw, json;
} options;

// One text: its ids and what became of them.
typedef struct entry {
    int32_t *ids;
    size_t id_count;
    float *vectors;
    uint32_t vector_count;
} entry;

typedef struct entries {
    entry *items;
    size_t count;
    size_t longest; // ids
} entries;

static const char *const pooling_names[] = {"model", "none", "mean", "cls", "last"};
enum { POOLINGS = sizeof pooling_names / sizeof pooling_names[0] };

static int check(options *o) {
    const char *wanted = o->pooling_text ? o->pooling_text : pooling_names[0];
    while (o->pooling < POOLINGS && strcmp(pooling_names[o->pooling], wanted) != 0) {
        o->pooling++;
    }
    if (o->pooling == POOLINGS) {
        args_complain(PROGRAM, "option '--pooling' needs model, last, mean, cls or none, not '%s'",
                      wanted);
        return EXIT_USAGE;
    }
    if (!o->prompt == !o->file) {
        args_complain(PROGRAM, o->prompt ? "-p and -f exclude each other"
                                         : "a text is missing: -p TEXT or -f FILE");
        return EXIT_USAGE;
    }
    return command_model_options(PROGRAM, &o->model_options) ? -1 : EXIT_USAGE;
}

static int parse(options *o, int argc, char **argv) {
    const arg table[] = {
        {"--model", "-m", ARG_TEXT, &o->model, NULL, 0, 0, "FILE",
         "the model, a file or folder (default: the one that comes with tern)"},
        {"--prompt", "-p", ARG_TEXT, &o->prompt, NULL, 0, 0, "TEXT", "one text"},
        {"--file", "-f", ARG_TEXT, &o->file, NULL, 0, 0, "FILE", "a text a line; -: stdin"},
        {"--pooling", NULL, ARG_TEXT, &o->pooling_text, NULL, 0, 0, "HOW",
         "last, mean or cls of the hidden states, none: all (default: as the file says, or last)"},
        {"--no-normalize", NULL, ARG_FLAG, &o->raw, NULL, 0, 0, NULL,
         "leave vectors as long as they are, not 1"},
        ARG_BACKEND(&o->backend),
        ARG_KV(&o->model_options),
        ARG_I2S_BLOCK(&o->model_options.i2s_block),
        ARG_PRE(&o->model_options.pretokenizer),
        {"--json", NULL, ARG_FLAG, &o->json, NULL, 0, 0, NULL, "one object on stdout"},
    };
    const arg_table spec = {PROGRAM,
                            "[-m MODEL] -p TEXT | -f FILE [options]",
                            "Prints a line of numbers for each text: its vector.",
                            table,
                            sizeof table / sizeof table[0],
                            NULL,
                            NULL};
    int status = command_parsed(args_parse(&spec, argc, argv));
    return status >= 0 ? status : check(o);
}

static bool add_entry(entries *all, const loaded *l, const char *bytes, size_t size) {
    entry *items = realloc(all->items, (all->count + 1) * sizeof *items);
    if (!items) {
        return false;
    }
    all->items = items;
    entry *e = &items[all->count++];
    *e = (entry){0};
    uint32_t flags = TERN_TOKENIZE_BOS | TERN_TOKENIZE_EOS;
    if (command_encode(tern_model_tokenizer(l->model), bytes, size, flags, &e->ids, &e->id_count) !=
        TERN_STATUS_OK) {
        return false;
    }
    all->longest = e->id_count > all->longest ? e->id_count : all->longest;
    return true;
}

// Lines end with a newline, with or without a carriage return before it.
static bool add_lines(entries *all, const loaded *l, const text *from) {
    for (size_t end, at = 0; at < from->size; at = end + 1) {
        const char *newline = memchr(from->bytes + at, '\n', from->size - at);
        end = newline ? (size_t)(newline - from->bytes) : from->size;
        size_t size = end - at;
        size -= size > 0 && from->bytes[end - 1] == '\r';
        if (!add_entry(all, l, from->bytes + at, size)) {
            return false;
        }
    }
    return true;
}

static tern_status embed(const options *o, const loaded *l, entry *e) {
    tern_pooling pooling = o->pooling ? o->pooling : l->model_info.pooling;
    e->vector_count = pooling == TERN_POOLING_NONE ? (uint32_t)e->id_count : 1;
    e->vectors = calloc((size_t)e->vector_count * l->model_info.width + 1, sizeof *e->vectors);
    if (!e->vectors) {
        return TERN_STATUS_OUT_OF_MEMORY;
    }
    tern_embed_desc desc = {.struct_size = sizeof desc,
                            .pooling = o->pooling,
                            .ids = e->ids,
                            .id_count = (uint32_t)e->id_count,
                            .flags = o->raw ? TERN_EMBED_RAW : 0,
                            .cancelled_by = l->cancel};
    return tern_session_embed(l->session, &desc, e->vectors);
}

static void print_text(const loaded *l, const entry *e) {
    uint32_t width = l->model_info.width;
    for (size_t i = 0; i < (size_t)e->vector_count * width; i++) {
        printf("%.9g%c", (double)e->vectors[i], i % width + 1 == width ? '\n' : ' ');
    }
}

static cJSON *vector_json(const float *values, uint32_t width, bool as_bits) {
    cJSON *array = cJSON_CreateArray();
    for (uint32_t i = 0; i < width; i++) {
        char hex[16];
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        snprintf(hex, sizeof hex, "%08" PRIx32, bits);
        cJSON_AddItemToArray(array, as_bits ? cJSON_CreateString(hex) : json_float(values[i]));
    }
    return array;
}

static void print_json(const options *o, const loaded *l, const entries *all) {
    uint32_t width = l->model_info.width;
    tern_pooling pooling = o->pooling ? o->pooling : l->model_info.pooling;
    cJSON *object = cJSON_CreateObject();
    cJSON_AddItemToObject(object, "model", json_text(o->model, strlen(o->model)));
    cJSON_AddStringToObject(object, "backend", l->device_info.backend);
    cJSON_AddStringToObject(object, "pooling",
                            pooling_names[pooling ? pooling : TERN_POOLING_LAST]);
    cJSON_AddBoolToObject(object, "normalized", !o->raw);
    cJSON_AddNumberToObject(object, "width", width);
    cJSON *texts = cJSON_AddArrayToObject(object, "texts");
    for (size_t t = 0; t < all->count; t++) {
        const entry *e = &all->items[t];
        cJSON *item = cJSON_CreateObject();
        cJSON *ids = cJSON_AddArrayToObject(item, "ids");
        cJSON *vectors = cJSON_AddArrayToObject(item, "vectors");
        cJSON *bits = cJSON_AddArrayToObject(item, "bits");
        for (size_t i = 0; i < e->id_count; i++) {
            cJSON_AddItemToArray(ids, json_i64(e->ids[i]));
        }
        for (uint32_t v = 0; v < e->vector_count; v++) {
            const float *values = e->vectors + (size_t)v * width;
            cJSON_AddItemToArray(vectors, vector_json(values, width, false));
            cJSON_AddItemToArray(bits, vector_json(values, width, true));
        }
        cJSON_AddItemToArray(texts, item);
    }
    json_print(object);
}

static int run(const host *h, const options *o, loaded *l, entries *all) {
    if (!loaded_start(l, h, o->model, &o->model_options, all->longest)) {
        return EXIT_FAILED;
    }
    for (size_t i = 0; i < all->count && !interrupt_seen(); i++) {
        if (embed(o, l, &all->items[i]) != TERN_STATUS_OK) {
            return host_failed(h);
        }
        if (!o->json) {
            print_text(l, &all->items[i]);
        }
    }
    if (o->json && !interrupt_seen()) {
        print_json(o, l, all);
    }
    profile_print(l->device);
    return interrupt_seen() ? EXIT_FAILED : EXIT_DONE;
}

// What is read before the model is.
typedef struct job {
    const options *options;
    text from;
} job;

static int run_loaded(const host *h, loaded *l, void *user) {
    const job *j = user;
    const options *o = j->options;
    entries all = {0};
    bool good =
        o->prompt ? add_entry(&all, l, o->prompt, strlen(o->prompt)) : add_lines(&all, l, &j->from);
    int status = good ? run(h, o, l, &all) : host_failed(h);
    for (size_t i = 0; i < all.count; i++) {
        free(all.items[i].ids);
        free(all.items[i].vectors);
    }
    free(all.items);
    return status;
}

static bool read_file(const options *o, text *from) {
    if (!o->file) {
        return true;
    }
    if (!text_read_file(from, PROGRAM, "text", o->file)) {
        return false;
    }
    if (from->size == 0) {
        fprintf(stderr, "%s: text file '%s' is empty: expected a text a line\n", PROGRAM, o->file);
    }
    return from->size > 0;
}

int command_embed(int argc, char **argv) {
    options o = {0};
    int status = parse(&o, argc, argv);
    if (status >= 0) {
        return status;
    }
    o.model = o.model ? o.model : default_model_path();
    job j = {.options = &o};
    const loaded_command command = {PROGRAM, o.model, o.backend, &o.model_options, run_loaded, &j};
    status = read_file(&o, &j.from) ? loaded_run(&command) : EXIT_FAILED;
    text_free(&j.from);
    return status;
}
