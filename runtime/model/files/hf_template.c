// The chat template of a Hugging Face folder: a file of its own, or in tokenizer_config.json.
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/files/hf.h"
#include "runtime/model/files/hf_values.h"
#include "runtime/status.h"

#define KEY "tokenizer.chat_template"
#define CONFIG "tokenizer_config.json"

// Of several templates by name the default one.
static const tern__json *find_default(const tern__json *list) {
    for (const tern__json *t = tern__json_first(list); t; t = tern__json_next(list, t)) {
        if (tern__json_is(tern__json_get(t, "name"), "default")) {
            return tern__json_get(t, "template");
        }
    }
    return NULL;
}

static tern_status put_template(tern__builder *builder, const tern__json *value) {
    if (value && value->type == TERN__JSON_ARRAY) {
        value = find_default(value);
    }
    bool is_text = value && value->type == TERN__JSON_STRING &&
                   strlen(value->as.string) == value->size && value->size > 0;
    return is_text ? tern__build_string(builder, KEY, value->as.string) : TERN_STATUS_OK;
}

// tern__hf_use
static tern_status read_config(void *user, const char *file, const tern__json *root) {
    (void)file;
    return put_template(user, tern__json_get(root, "chat_template"));
}

tern_status tern__hf_template(tern__builder *builder) {
    char *text = NULL;
    size_t size = 0;
    tern_status status = tern__archive_file(builder->archive, "chat_template.jinja", &text, &size);
    if (status == TERN_STATUS_NOT_FOUND) {
        return tern__hf_read(builder->archive, CONFIG, read_config, builder);
    }
    TERN_TRY(status);
    if (size > 0 && strlen(text) == size) {
        status = tern__build_string(builder, KEY, text);
    }
    tern__free(builder->archive->context, text);
    return status;
}
