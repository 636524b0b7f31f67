// tern tokenize: what ids a text becomes, and what text ids become.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tern/command.h"
#include "tools/tern/text.h"

#define PROGRAM "tern tokenize"
#define IDS_MAX (1 << 20)

typedef struct options {
    const char *model, *prompt, *file, *decode, *pretokenizer;
    bool ids, json, special, no_bos;
    int *list; // of --decode
    long list_count;
} options;

typedef struct encoded {
    int32_t *ids;
    size_t count;
} encoded;

static int check(options *o) {
    if (o->prompt && o->file) {
        args_complain(PROGRAM, "options '-p' and '-f' exclude each other");
        return EXIT_USAGE;
    }
    if (o->decode ? o->prompt || o->file : !o->prompt && !o->file) {
        args_complain(PROGRAM, "one of the options '-p', '-f' and '--decode' is needed");
        return EXIT_USAGE;
    }
    if (!o->decode) {
        return -1;
    }
    o->list = malloc(IDS_MAX * sizeof *o->list);
    o->list_count = o->list ? args_number_list(o->decode, o->list, IDS_MAX) : -1;
    if (o->list_count < 0 || o->list_count > IDS_MAX) {
        args_complain(PROGRAM,
                      "option '--decode' needs a list of ids such as 1,403,407, not '%.40s'",
                      o->decode);
        return EXIT_USAGE;
    }
    return -1;
}

static int parse(options *o, int argc, char **argv) {
    const arg table[] = {
        {"--model", "-m", ARG_TEXT, &o->model, NULL, 0, 0, "PATH",
         "a model, tokenizer.json or tokenizer.model (default: the model that comes along)"},
        {"--prompt", "-p", ARG_TEXT, &o->prompt, NULL, 0, 0, "TEXT", "what to encode"},
        {"--file", "-f", ARG_TEXT, &o->file, NULL, 0, 0, "FILE",
         "the same from a file, - for stdin"},
        {"--decode", NULL, ARG_TEXT, &o->decode, NULL, 0, 0, "LIST",
         "print the text of these ids: 1,403,407"},
        {"--special", NULL, ARG_FLAG, &o->special, NULL, 0, 0, NULL,
         "control tokens: find them in the text, and print them when decoding"},
        {"--no-bos", NULL, ARG_FLAG, &o->no_bos, NULL, 0, 0, NULL,
         "without the ids that the vocabulary puts around a text"},
        ARG_PRE(&o->pretokenizer),
        {"--ids", NULL, ARG_FLAG, &o->ids, NULL, 0, 0, NULL, "only the ids, in one line"},
        {"--json", NULL, ARG_FLAG, &o->json, NULL, 0, 0, NULL, "one object on stdout"},
    };
    const arg_table spec = {PROGRAM,
                            "[-m PATH] -p TEXT | -f FILE | --decode LIST [options]",
                            "Prints each token's id and text.",
                            table,
                            sizeof table / sizeof table[0],
                            NULL,
                            NULL};
    int status = command_parsed(args_parse(&spec, argc, argv));
    return status >= 0 ? status : check(o);
}

static tern_status encode(const options *o, const tern_tokenizer *tokenizer, const text *input,
                          encoded *out) {
    uint32_t flags = (o->special ? TERN_TOKENIZE_SPECIAL : 0) |
                     (o->no_bos ? 0 : TERN_TOKENIZE_BOS | TERN_TOKENIZE_EOS);
    return command_encode(tokenizer, input->bytes, input->size, flags, &out->ids, &out->count);
}

static cJSON *piece_json(const tern_tokenizer *tokenizer, int32_t id) {
    tern_token_info info = {.struct_size = sizeof info};
    bool found = tern_tokenizer_token(tokenizer, id, &info) == TERN_STATUS_OK;
    return json_text(found ? info.text : "", found ? (size_t)info.size : 0);
}

static void print_ids(const encoded *e) {
    for (size_t i = 0; i < e->count; i++) {
        printf("%s%" PRId32, i ? "," : "", e->ids[i]);
    }
    puts("");
}

static void print_pieces(const tern_tokenizer *tokenizer, const encoded *e) {
    for (size_t i = 0; i < e->count; i++) {
        cJSON *piece = piece_json(tokenizer, e->ids[i]);
        char *printed = cJSON_PrintUnformatted(piece);
        printf("%7" PRId32 "  %s\n", e->ids[i], printed ? printed : "");
        cJSON_free(printed);
        cJSON_Delete(piece);
    }
}

static void print_json(const tern_tokenizer *tokenizer, const encoded *e) {
    cJSON *object = cJSON_CreateObject();
    cJSON *ids = cJSON_AddArrayToObject(object, "ids");
    cJSON *pieces = cJSON_AddArrayToObject(object, "pieces");
    for (size_t i = 0; i < e->count; i++) {
        cJSON_AddItemToArray(ids, cJSON_CreateNumber(e->ids[i]));
        cJSON_AddItemToArray(pieces, piece_json(tokenizer, e->ids[i]));
    }
    json_print(object);
}

// A text as it grows. It has begun with a first space that is dropped, too.
typedef struct decoded {
    text text;
    bool begun;
} decoded;

// What |id| adds to |out|.
static tern_status add_text(const options *o, const tern_tokenizer *tokenizer, int32_t id,
                            decoded *out) {
    tern_token_info info = {.struct_size = sizeof info};
    char small[256];
    size_t size;
    tern_status status = tern_tokenizer_token(tokenizer, id, &info);
    if (status != TERN_STATUS_OK) {
        return status;
    }
    if (o->special && info.type == TERN_TOKEN_CONTROL) {
        return text_append(&out->text, info.text, (size_t)info.size) ? status
                                                                     : TERN_STATUS_OUT_OF_MEMORY;
    }
    int32_t first = !out->begun;
    tern_tokenizer_decode(tokenizer, id, 0, small, 0, &size);
    out->begun = out->begun || size > 0;
    status = tern_tokenizer_decode(tokenizer, id, first, small, sizeof small, &size);
    if (status == TERN_STATUS_OK) {
        return text_append(&out->text, small, size) ? status : TERN_STATUS_OUT_OF_MEMORY;
    }
    char *large = status == TERN_STATUS_OUT_OF_RANGE ? malloc(size) : NULL;
    if (!large) {
        return status;
    }
    status = tern_tokenizer_decode(tokenizer, id, first, large, size, &size);
    bool added = status == TERN_STATUS_OK && text_append(&out->text, large, size);
    free(large);
    return added ? status : TERN_STATUS_OUT_OF_MEMORY;
}

static int decode(const host *h, const options *o, const tern_tokenizer *tokenizer) {
    decoded out = {0};
    tern_status status = TERN_STATUS_OK;
    for (long i = 0; i < o->list_count && status == TERN_STATUS_OK; i++) {
        status = add_text(o, tokenizer, o->list[i], &out);
    }
    if (status == TERN_STATUS_OK && o->json) {
        cJSON *object = cJSON_CreateObject();
        cJSON_AddItemToObject(object, "text",
                              json_text(out.text.size ? out.text.bytes : "", out.text.size));
        json_print(object);
    } else if (status == TERN_STATUS_OK && out.text.size > 0) {
        fwrite(out.text.bytes, 1, out.text.size, stdout);
    }
    text_free(&out.text);
    return status == TERN_STATUS_OK ? EXIT_DONE : host_failed(h);
}

static int print_encoded(const host *h, const options *o, const tern_tokenizer *tokenizer,
                         const text *input) {
    encoded e = {0};
    bool done = encode(o, tokenizer, input, &e) == TERN_STATUS_OK;
    if (done && o->json) {
        print_json(tokenizer, &e);
    } else if (done && o->ids) {
        print_ids(&e);
    } else if (done) {
        print_pieces(tokenizer, &e);
    }
    free(e.ids);
    return done ? EXIT_DONE : host_failed(h);
}

static int run(const host *h, const options *o, const text *input) {
    tern_tokenizer *tokenizer = NULL;
    const char *path = o->model ? o->model : default_model_path();
    tern_tokenizer_desc desc = TERN_TOKENIZER_DESC_INIT;
    desc.pretokenizer = o->pretokenizer;
    if (tern_tokenizer_open_path(h->context, path, &desc, &tokenizer) != TERN_STATUS_OK) {
        return host_failed_in(h, path);
    }
    int status = o->decode ? decode(h, o, tokenizer) : print_encoded(h, o, tokenizer, input);
    tern_tokenizer_destroy(tokenizer);
    return status;
}

static bool read_input(const options *o, text *input) {
    if (o->file) {
        return text_read_file(input, PROGRAM, "text", o->file);
    }
    const char *given = o->prompt ? o->prompt : "";
    return text_append(input, given, strlen(given));
}

int command_tokenize(int argc, char **argv) {
    options o = {0};
    text input = {0};
    host h;
    int status = parse(&o, argc, argv);
    if (status < 0) {
        status = EXIT_FAILED;
        if (read_input(&o, &input) && host_open(&h, PROGRAM, NULL)) {
            status = run(&h, &o, &input);
            host_close(&h);
        }
    }
    text_free(&input);
    free(o.list);
    return status;
}
