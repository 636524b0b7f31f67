// tern verify: whether a published model, as it lies here, is whole and gives the values that it is
// known to give.
#include "tools/tern/verify.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/sha256.h"
#include "tools/tern/terminal.h"
#include "tools/tern/text.h"

#ifdef TERN_HAS_ZLIB
#include <zlib.h>
#endif

#define PROGRAM "tern verify"
#define UNNAMED "default" // pre-tokenizer of files that name none

// Models whose values are known.
typedef struct published {
    const char *name;
    uint64_t size;
    const char *hash;
    uint64_t tensors;
    // On wikitext-2's test part, windows of 512 of which the second half is scored.
    double perplexity;
} published;

static const published known[] = {
    {"microsoft/bitnet-b1.58-2B-4T-gguf ggml-model-i2_s.gguf", 1187801280,
     "4221b252fdd5fd25e15847adfeb5ee88886506ba50b8a34548374492884c2162", 332, 17.1},
};

// A measured perplexity may differ from the known one by its own error, three times, and by this
// share of it: the published figure has three digits.
#define PERPLEXITY_SHARE 0.01

typedef struct options {
    const char *model, *backend, *data;
    model_options model_options;
    uint32_t tokens;
    bool no_perplexity;
} options;

void verify_line(verify *self, bool passed, const char *what, const char *format, ...) {
    va_list list;
    va_start(list, format);
    printf("%s  %s: ", passed ? "pass" : "FAIL", what);
    vprintf(format, list);
    puts("");
    fflush(stdout);
    va_end(list);
    self->passed += passed;
    self->failed += !passed;
}

void verify_skip(verify *self, const char *what, const char *why) {
    printf("skip  %s: %s\n", what, why);
    self->skipped++;
}

static bool data_path(const verify *self, const char *name, const char *end, char *out,
                      size_t capacity) {
    return self->data &&
           (size_t)snprintf(out, capacity, "%s/%s%s", self->data, name, end) < capacity;
}

static bool read_plain(const char *path, text *out) {
    FILE *file = fopen(path, "rb");
    bool read = file && text_read(out, file);
    if (file) {
        fclose(file);
    }
    return read;
}

#ifdef TERN_HAS_ZLIB
static bool read_packed(const char *path, text *out) {
    char block[65536];
    gzFile file = gzopen(path, "rb");
    int got = -1;
    while (file && (got = gzread(file, block, sizeof block)) > 0) {
        if (!text_append(out, block, (size_t)got)) {
            got = -1;
            break;
        }
    }
    if (file) {
        gzclose(file);
    }
    return got == 0;
}
#else
static bool read_packed(const char *path, text *out) {
    (void)path;
    (void)out;
    return false;
}
#endif

static bool read_data(const verify *self, const char *name, text *out) {
    char path[4096];
    return (data_path(self, name, "", path, sizeof path) && read_plain(path, out)) ||
           (data_path(self, name, ".gz", path, sizeof path) && read_packed(path, out));
}

cJSON *verify_json(verify *self, const char *name, const char *what) {
    text content = {0};
    char why[256];
    cJSON *object = NULL;
    bool there = read_data(self, name, &content);
    if (there) {
        object = cJSON_ParseWithLength(content.bytes ? content.bytes : "", content.size);
    }
    if (there && !object) {
        verify_line(self, false, what, "%s in %s is no JSON", name, self->data);
    } else if (!there) {
        snprintf(why, sizeof why, "no file %s in %s", name, self->data ? self->data : "--data");
        verify_skip(self, what, why);
    }
    text_free(&content);
    return object;
}

// After one line on stderr: what was cut short is neither right nor wrong.
static bool interrupted(const verify *self) {
    if (interrupt_seen()) {
        fprintf(stderr, "%s: interrupted; what has no line above was not checked\n",
                self->host->program);
    }
    return interrupt_seen();
}

// The digits of the whole file; false after one line on stderr.
static bool hash_file(const verify *self, uint64_t *out_size, char out[65]) {
    static uint8_t block[1 << 20];
    tern_source source;
    sha256 hash;
    if (tern_source_open_file(self->host->context, self->model, &source) != TERN_STATUS_OK) {
        host_failed(self->host);
        return false;
    }
    sha256_begin(&hash);
    tern_status status = TERN_STATUS_OK;
    for (uint64_t at = 0; at < source.size && status == TERN_STATUS_OK && !interrupt_seen();) {
        uint64_t count = source.size - at < sizeof block ? source.size - at : sizeof block;
        status = source.read_at(source.user, at, block, (size_t)count);
        sha256_add(&hash, block, (size_t)count);
        at += count;
    }
    *out_size = source.size;
    tern_source_close(&source);
    sha256_end(&hash, out);
    if (status != TERN_STATUS_OK) {
        host_failed(self->host);
    }
    return status == TERN_STATUS_OK && !interrupted(self);
}

// The published model that this is by its hash, or else the one it might be, for what follows.
static const published *check_file(verify *self) {
    char hash[65];
    uint64_t size = 0;
    const published *model = &known[0];
    if (!hash_file(self, &size, hash)) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        model = strcmp(known[i].hash, hash) == 0 ? &known[i] : model;
    }
    verify_line(self, size == model->size, "size", "%" PRIu64 " bytes, %s has %" PRIu64, size,
                model->name, model->size);
    verify_line(self, strcmp(hash, model->hash) == 0, "sha256", "%s, published %s", hash,
                model->hash);
    return model;
}

// Whether |tokenizer| gives the ids of a stored case, and how many it gives.
static bool gives_ids(const tern_tokenizer *tokenizer, const cJSON *item, size_t *out_count) {
    const cJSON *given = cJSON_GetObjectItemCaseSensitive(item, "text");
    const cJSON *ids = cJSON_GetObjectItemCaseSensitive(item, "token_ids");
    bool bos = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(item, "add_bos"));
    const char *words = cJSON_IsString(given) ? given->valuestring : "";
    int32_t *got = NULL;
    *out_count = 0;
    tern_status status = command_encode(tokenizer, words, strlen(words),
                                        bos ? TERN_TOKENIZE_BOS : 0u, &got, out_count);
    bool same = status == TERN_STATUS_OK && (int)*out_count == cJSON_GetArraySize(ids);
    const cJSON *id;
    size_t i = 0;
    cJSON_ArrayForEach(id, ids) {
        same = same && got[i] == (int32_t)id->valuedouble;
        i++;
    }
    free(got);
    return same;
}

// Exact ids, by the model's tokenizer or else by |unnamed|, which may be NULL.
static void check_tokens_of(verify *self, const tern_tokenizer *unnamed, const cJSON *item) {
    const cJSON *given = cJSON_GetObjectItemCaseSensitive(item, "text");
    int stored = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(item, "token_ids"));
    char what[160];
    size_t count, other;
    snprintf(what, sizeof what, "token ids of '%.100s'",
             cJSON_IsString(given) ? given->valuestring : "");
    for (char *c = what; *c; c++) {
        *c = *c == '\n' ? ' ' : *c;
    }
    bool same = gives_ids(tern_model_tokenizer(self->loaded.model), item, &count);
    if (same || !unnamed || !gives_ids(unnamed, item, &other)) {
        verify_line(self, same, what, "%zu ids, %d stored", count, stored);
        return;
    }
    verify_line(self, true, what,
                "%zu ids with --pre " UNNAMED ", as of a runtime that goes by the file alone; "
                "%zu as the model was trained",
                other, count);
}

// The published GGUF file names no pre-tokenizer, and the stored ids are of a runtime that then
// took this one, which the model was not trained with. NULL for a file that names one, or needs
// none.
static tern_tokenizer *open_unnamed(verify *self) {
    tern_value name = {.struct_size = sizeof name};
    tern_tokenizer_desc desc = TERN_TOKENIZER_DESC_INIT;
    tern_tokenizer *tokenizer = NULL;
    desc.pretokenizer = UNNAMED;
    return tern_archive_find(self->archive, "tokenizer.ggml.pre", &name) != TERN_STATUS_OK &&
                   tern_tokenizer_create(self->host->context, self->archive, &desc, &tokenizer) ==
                       TERN_STATUS_OK
               ? tokenizer
               : NULL;
}

static void check_tokens(verify *self) {
    cJSON *tokens = verify_json(self, "bitnet2b-reference/standard_tokens.json", "token ids");
    tern_tokenizer *unnamed = open_unnamed(self);
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(tokens, "test_cases")) {
        check_tokens_of(self, unnamed, item);
    }
    tern_tokenizer_destroy(unnamed);
    cJSON_Delete(tokens);
}

static int32_t on_progress(void *user, const tern_perplexity_result *so_far) {
    const bool *terminal = user;
    if (*terminal) {
        fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " tokens: %.4f +- %.4f ", so_far->scored,
                so_far->total, so_far->perplexity, so_far->perplexity_error);
    }
    return !interrupt_seen();
}

static void measure_perplexity(verify *self, const options *o, const published *model,
                               const text *from) {
    int32_t *ids = NULL;
    size_t count = 0;
    bool terminal = terminal_is_stderr();
    tern_perplexity_result result = {.struct_size = sizeof result};
    tern_status status = command_encode(tern_model_tokenizer(self->loaded.model), from->bytes,
                                        from->size, TERN_TOKENIZE_BOS, &ids, &count);
    tern_perplexity_desc desc = {.struct_size = sizeof desc,
                                 .context = 512,
                                 .kv = o->model_options.kv,
                                 .ids = ids,
                                 .id_count = o->tokens && o->tokens < count ? o->tokens : count,
                                 .progress = on_progress,
                                 .progress_user = &terminal,
                                 .cancelled_by = self->loaded.cancel};
    if (status == TERN_STATUS_OK) {
        status = tern_perplexity(self->loaded.model, &desc, &result);
    }
    if (terminal) {
        fprintf(stderr, "\r%60s\r", "");
    }
    free(ids);
    if (interrupt_seen()) {
        return;
    }
    if (status != TERN_STATUS_OK) {
        verify_line(self, false, "perplexity", "%s", tern_last_error_message());
        return;
    }
    double most = 3.0 * result.perplexity_error + PERPLEXITY_SHARE * model->perplexity;
    verify_line(self, fabs(result.perplexity - model->perplexity) <= most,
                "perplexity on wikitext-2", "%.4f +- %.4f over %" PRIu64 " tokens, known %.1f",
                result.perplexity, result.perplexity_error, result.scored, model->perplexity);
}

static void check_perplexity(verify *self, const options *o, const published *model) {
    text from = {0};
    if (o->no_perplexity) {
        verify_skip(self, "perplexity", "--no-perplexity");
    } else if (read_data(self, "wikitext2/wiki.test.raw", &from)) {
        measure_perplexity(self, o, model, &from);
    } else {
        char why[128];
        snprintf(why, sizeof why, "no file wikitext2/wiki.test.raw in %s",
                 self->data ? self->data : "--data");
        verify_skip(self, "perplexity", why);
    }
    text_free(&from);
}

static int run(verify *self, const options *o) {
    const published *model = check_file(self);
    if (!model || !loaded_open(&self->loaded, self->host, o->model, &o->model_options)) {
        return EXIT_FAILED;
    }
    if (tern_archive_open_path(self->host->context, o->model, &self->archive) != TERN_STATUS_OK) {
        return host_failed_in(self->host, o->model);
    }
    uint64_t tensors = tern_archive_tensor_count(self->archive);
    verify_line(self, tensors == model->tensors, "tensors", "%" PRIu64 ", published %" PRIu64,
                tensors, model->tensors);
    check_tokens(self);
    verify_values(self);
    check_perplexity(self, o, model);
    if (interrupted(self)) {
        return EXIT_FAILED;
    }
    printf("%" PRIu32 " passed, %" PRIu32 " failed, %" PRIu32 " skipped on %s (%s)\n", self->passed,
           self->failed, self->skipped, self->loaded.device_info.backend,
           self->loaded.device_info.name);
    return self->failed ? EXIT_FAILED : EXIT_DONE;
}

static int parse(options *o, int argc, char **argv) {
    const arg table[] = {
        {"--data", NULL, ARG_TEXT, &o->data, NULL, 0, 0, "FOLDER",
         "with bitnet2b-reference/ and wikitext2/; without it, those lines are skipped"},
        {"--max-tokens", NULL, ARG_U32, &o->tokens, NULL, 512, 4294967295.0, "N",
         "take the perplexity of the first N tokens (default: of all)"},
        {"--no-perplexity", NULL, ARG_FLAG, &o->no_perplexity, NULL, 0, 0, NULL,
         "leave it out: it takes longest"},
        ARG_BACKEND(&o->backend),
        ARG_KV(&o->model_options),
        ARG_PRE(&o->model_options.pretokenizer),
    };
    const arg_table spec = {PROGRAM,
                            "MODEL [--data FOLDER] [options]",
                            "Checks a published model (BitNet b1.58 2B-4T, I2_S) line by line: its "
                            "hash, token ids, stored values, perplexity.",
                            table,
                            sizeof table / sizeof table[0],
                            "MODEL",
                            &o->model};
    int status = command_parsed(args_parse(&spec, argc, argv));
    if (status >= 0) {
        return status;
    }
    return command_model_options(PROGRAM, &o->model_options) ? -1 : EXIT_USAGE;
}

int command_verify(int argc, char **argv) {
    options o = {0};
    int status = parse(&o, argc, argv);
    if (status >= 0) {
        return status;
    }
    host h;
    verify self = {.model = o.model, .data = o.data, .host = &h};
    status = EXIT_FAILED;
    interrupt_watch();
    if (host_open(&h, PROGRAM, o.backend)) {
        status = run(&self, &o);
        tern_archive_destroy(self.archive);
        loaded_close(&self.loaded);
        host_close(&h);
    }
    return status;
}
