#include "tools/tern/sampling.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/tern/text.h"

// "15=-2.5" or "15=-inf".
static bool read_bias(const char *program, const char *given, tern_logit_bias *out) {
    char *end = NULL, *last = NULL;
    errno = 0;
    unsigned long long id = strtoull(given, &end, 10);
    double bias = *end == '=' ? strtod(end + 1, &last) : 0.0;
    bool is_id = given[0] >= '0' && given[0] <= '9' && !errno && id <= INT32_MAX && *end == '=';
    if (!is_id || last == end + 1 || *last != '\0' || isnan(bias) || bias > 1e30) {
        args_complain(program, "option '--logit-bias' needs ID=BIAS, not '%s'", given);
        return false;
    }
    *out = (tern_logit_bias){(int32_t)id, bias < -1e30 ? -INFINITY : (float)bias};
    return true;
}

bool sampling_check(const char *program, sampling_options *options) {
    if (options->greedy && options->given) {
        args_complain(program, "--greedy excludes --temp, --top-k, --top-p, --min-p, --typical-p "
                               "and --seed");
        return false;
    }
    if (options->grammar && options->schema) {
        args_complain(program, "--grammar and --json-schema exclude each other");
        return false;
    }
    options->desc.temperature = options->greedy ? 0.0f : options->desc.temperature;
    for (size_t i = 0; i < options->biases.count; i++) {
        if (!read_bias(program, options->biases.items[i], &options->bias_list[i])) {
            return false;
        }
    }
    options->desc.biases = options->bias_list;
    options->desc.bias_count = (uint32_t)options->biases.count;
    return true;
}

static bool open_grammar(sampling *self, const host *h, const sampling_options *options,
                         const tern_tokenizer *tokenizer) {
    const char *path = options->schema ? options->schema : options->grammar;
    text source = {0};
    bool done = text_read_file(&source, h->program, "grammar", path);
    tern_grammar_desc desc = {.struct_size = sizeof desc,
                              .kind =
                                  options->schema ? TERN_GRAMMAR_JSON_SCHEMA : TERN_GRAMMAR_GBNF,
                              .text = source.bytes ? source.bytes : "",
                              .size = source.size};
    if (done && tern_grammar_create(h->context, tokenizer, &desc, &self->grammar)) {
        host_failed_in(h, path);
        done = false;
    }
    text_free(&source);
    return done && tern_sampler_constrain(self->sampler, self->grammar) == TERN_STATUS_OK;
}

static bool check_ids(const host *h, const sampling_options *options, const loaded *model) {
    uint32_t vocabulary = model->model_info.vocabulary;
    for (uint32_t i = 0; i < options->desc.bias_count; i++) {
        int32_t id = options->desc.biases[i].id;
        if ((uint32_t)id >= vocabulary) {
            fprintf(stderr,
                    "%s: option '--logit-bias' names token %" PRId32 ", the model has 0 to %" PRIu32
                    "\n",
                    h->program, id, vocabulary - 1);
            return false;
        }
    }
    return true;
}

bool sampling_open(sampling *self, const host *h, const sampling_options *options,
                   const loaded *model) {
    *self = (sampling){0};
    if (!check_ids(h, options, model)) {
        return false;
    }
    if (tern_sampler_create(h->context, &options->desc, &self->sampler) != TERN_STATUS_OK) {
        host_failed(h);
        return false;
    }
    bool constrained = options->grammar || options->schema;
    return !constrained || open_grammar(self, h, options, tern_model_tokenizer(model->model));
}

void sampling_close(sampling *self) {
    tern_sampler_destroy(self->sampler);
    tern_grammar_destroy(self->grammar);
}
