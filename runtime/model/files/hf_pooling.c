// How hidden states become one vector, as a folder of sentence-transformers says it.
#include <stdio.h>

#include "runtime/allocator.h"
#include "runtime/model/files/archive.h"
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

static tern_status put_pooling(tern__builder *builder, const tern__hf_model *model,
                               const tern__hf_values *values) {
    char key[96];
    snprintf(key, sizeof key, "%s.pooling_type", model->family->architecture);
    int found = 0, number = -1;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        bool wanted = false;
        TERN_TRY(tern__hf_bool(values, modes[i].name, false, &wanted));
        found += wanted;
        number = wanted ? modes[i].number : number;
    }
    return found == 1 && number >= 0
               ? tern__build_u32(builder, key, (uint32_t)number)
               : tern__fail(values->context, TERN_STATUS_UNSUPPORTED,
                            "%s: asks for %s pooling, expected one of pooling_mode_mean_tokens, "
                            "_cls_token and _lasttoken",
                            values->file,
                            found == 1 ? "another"
                            : found    ? "more than one"
                                       : "no");
}

tern_status tern__hf_pooling(tern__builder *builder, const tern__hf_model *model) {
    tern_archive *archive = builder->archive;
    tern__json_document document = {0};
    char *text = NULL;
    size_t size = 0;
    char name[256];
    tern_status status = tern__archive_file(archive, TERN__HF_POOLING, &text, &size);
    if (status == TERN_STATUS_NOT_FOUND) {
        return TERN_STATUS_OK;
    }
    TERN_TRY(status);
    tern__archive_path(archive, TERN__HF_POOLING, name, sizeof name);
    status = tern__json_parse(archive->context, name, text, size, &document);
    if (status == TERN_STATUS_OK) {
        const tern__hf_values values = {archive->context, name, document.nodes};
        status = put_pooling(builder, model, &values);
    }
    tern__json_finish(archive->context, &document);
    tern__free(archive->context, text);
    return status;
}
