// How hidden states become one vector, as a folder of sentence-transformers says it.
#include <stdio.h>

#include "runtime/model/files/hf.h"
#include "runtime/model/files/hf_values.h"
#include "runtime/status.h"

// Ways of pooling, and the number that GGUF has for each; -1: it has none.
static const struct {
    const char *name;
    int number;
} modes[] = {
    {"pooling_mode_mean_tokens", 1},
    {"pooling_mode_cls_token", 2},
    {"pooling_mode_lasttoken", 3},
    {"pooling_mode_max_tokens", -1},
    {"pooling_mode_mean_sqrt_len_tokens", -1},
    {"pooling_mode_weightedmean_tokens", -1},
};

typedef struct reader {
    tern__builder *builder;
    const tern__hf_model *model;
} reader;

// tern__hf_use
static tern_status put_pooling(void *user, const char *file, const tern__json *root) {
    const reader *r = user;
    const tern__hf_values values = {r->builder->archive->context, file, root};
    char key[96];
    snprintf(key, sizeof key, "%s.pooling_type", r->model->family->architecture);
    int found = 0, number = -1;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        bool wanted = false;
        TERN_TRY(tern__hf_bool(&values, modes[i].name, false, &wanted));
        found += wanted;
        number = wanted ? modes[i].number : number;
    }
    return found == 1 && number >= 0
               ? tern__build_u32(r->builder, key, (uint32_t)number)
               : tern__fail(values.context, TERN_STATUS_UNSUPPORTED,
                            "%s: asks for %s pooling, expected one of pooling_mode_mean_tokens, "
                            "_cls_token and _lasttoken",
                            values.file,
                            found == 1 ? "another"
                            : found    ? "more than one"
                                       : "no");
}

tern_status tern__hf_pooling(tern__builder *builder, const tern__hf_model *model) {
    reader r = {builder, model};
    return tern__hf_read(builder->archive, TERN__HF_POOLING, put_pooling, &r);
}
