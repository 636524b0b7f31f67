#include "runtime/options.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/context.h"
#include "runtime/log.h"

typedef enum option_kind { KIND_TEXT, KIND_COUNT, KIND_CHOICE } option_kind;

typedef struct option_row {
    const char *name;
    option_kind kind;
    const char *default_text;
    const char *help;
} option_row;

static const option_row rows[TERN__OPTION_COUNT] = {
#define ROW(name, kind, default_text, help) {"TERN_" #name, KIND_##kind, default_text, help},
    TERN__OPTION_LIST(ROW)
#undef ROW
};

#define COUNT_MAX 1024

tern__option tern__option_find(const char *name) {
    uint32_t i = 0;
    while (i < TERN__OPTION_COUNT && strcmp(rows[i].name, name) != 0) {
        i++;
    }
    return (tern__option)i;
}

// Decimal digits only; -1 if it is not a number up to COUNT_MAX.
static int32_t parse_count(const char *text) {
    int32_t value = 0;
    for (const char *c = text; *c; c++) {
        if (*c < '0' || *c > '9') {
            return -1;
        }
        value = value * 10 + (*c - '0');
        if (value > COUNT_MAX) {
            return -1;
        }
    }
    return value;
}

// 1 for the first of the choices "a|b|c: ...", 0 if |value| is none of them.
static uint32_t find_choice(const char *help, const char *value) {
    const char *end = strchr(help, ':');
    uint32_t position = 1;
    for (const char *choice = help; choice < end; position++) {
        size_t length = strcspn(choice, "|:");
        if (strlen(value) == length && strncmp(choice, value, length) == 0) {
            return position;
        }
        choice += length + 1;
    }
    return 0;
}

static tern_status check_value(tern_context *context, const option_row *row, const char *value) {
    if (!value[0] || row->kind == KIND_TEXT) {
        return TERN_STATUS_OK;
    }
    if (row->kind == KIND_COUNT && parse_count(value) < 0) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT,
                          "%s \"%s\": expected a number from 0 to %d", row->name, value, COUNT_MAX);
    }
    if (row->kind == KIND_CHOICE && find_choice(row->help, value) == 0) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT, "%s \"%s\": expected one of %.*s",
                          row->name, value, (int)strcspn(row->help, ":"), row->help);
    }
    return TERN_STATUS_OK;
}

// The log level is asked for too often to be looked up as text.
static void apply_log_level(tern_context *context) {
    const char *value = tern__option_text(context, TERN__OPTION_LOG);
    int32_t level = value[0] ? (int32_t)find_choice(rows[TERN__OPTION_LOG].help, value)
                             : context->log_level_default;
    tern__atomic_store(&context->log_level, level);
}

static tern_status read_environment(tern_context *context) {
    for (uint32_t i = 0; i < TERN__OPTION_COUNT; i++) {
        const char *value = tern__environment(rows[i].name);
        if (!value) {
            continue;
        }
        TERN_TRY(check_value(context, &rows[i], value));
        context->options.env[i] = tern__strdup(context, value);
        if (!context->options.env[i]) {
            return tern__fail_memory(context, strlen(value) + 1, rows[i].name);
        }
    }
    return TERN_STATUS_OK;
}

// Where the process has rights that its caller lacks, nothing that the caller named is written to.
static tern_status find_cache_folder(tern_context *context) {
    tern__options *options = &context->options;
    if (tern__is_privileged()) {
        tern__free(context, options->env[TERN__OPTION_CACHE]);
        options->env[TERN__OPTION_CACHE] = NULL;
        return TERN_STATUS_OK;
    }
    char path[TERN__PATH_CAPACITY];
    if (!tern__cache_folder(path, sizeof path)) {
        return TERN_STATUS_OK;
    }
    options->cache_folder = tern__strdup(context, path);
    return options->cache_folder ? TERN_STATUS_OK
                                 : tern__fail_memory(context, strlen(path) + 1, "a path");
}

tern_status tern__options_init(tern_context *context) {
    if (context->flags & TERN_CONTEXT_IGNORE_ENV) {
        return TERN_STATUS_OK;
    }
    TERN_TRY(read_environment(context));
    TERN_TRY(find_cache_folder(context));
    apply_log_level(context);
    return TERN_STATUS_OK;
}

void tern__options_finish(tern_context *context) {
    for (uint32_t i = 0; i < TERN__OPTION_COUNT; i++) {
        tern__free(context, context->options.env[i]);
        for (tern__option_value *value = context->options.set[i]; value;) {
            tern__option_value *older = value->older;
            tern__free(context, value);
            value = older;
        }
    }
    tern__free(context, context->options.cache_folder);
    context->options = (tern__options){{NULL}, {NULL}, NULL};
}

tern_status tern__option_set(tern_context *context, tern__option option, const char *value) {
    TERN_TRY(check_value(context, &rows[option], value));
    size_t size = strlen(value) + 1;
    tern__option_value *node = tern__alloc(context, sizeof *node + size);
    if (!node) {
        return tern__fail_memory(context, sizeof *node + size, rows[option].name);
    }
    memcpy(node->text, value, size);
    tern__mutex_lock(&context->lock);
    node->older = context->options.set[option];
    context->options.set[option] = node;
    tern__mutex_unlock(&context->lock);
    if (option == TERN__OPTION_LOG) {
        apply_log_level(context);
    }
    return TERN_STATUS_OK;
}

// What was given, or "". An application's "" hides the environment's value.
static const char *given_text(tern_context *context, tern__option option) {
    tern__mutex_lock(&context->lock);
    const tern__option_value *set = context->options.set[option];
    const char *env = context->options.env[option];
    tern__mutex_unlock(&context->lock);
    if (set) {
        return set->text;
    }
    return env ? env : "";
}

const char *tern__option_text(tern_context *context, tern__option option) {
    const char *text = given_text(context, option);
    return text[0] ? text : rows[option].default_text;
}

uint32_t tern__option_count(tern_context *context, tern__option option) {
    return (uint32_t)parse_count(tern__option_text(context, option));
}

bool tern__option_is(tern_context *context, tern__option option, const char *value) {
    return strcmp(tern__option_text(context, option), value) == 0;
}

bool tern__option_given(tern_context *context, tern__option option) {
    return given_text(context, option)[0] != '\0';
}

tern_status tern_option_describe(uint32_t index, tern_option_info *out_info) {
    if (!out_info) {
        return tern__fail(NULL, TERN_STATUS_INVALID_ARGUMENT, "option describe: out_info is NULL");
    }
    TERN_TRY(tern__check_size(NULL, "tern_option_info", out_info->struct_size, sizeof *out_info));
    if (index >= TERN__OPTION_COUNT) {
        return tern__fail(NULL, TERN_STATUS_NOT_FOUND, "option %u does not exist, there are %d",
                          (unsigned)index, TERN__OPTION_COUNT);
    }
    out_info->reserved = 0;
    out_info->name = rows[index].name;
    out_info->default_text = rows[index].default_text;
    out_info->help = rows[index].help;
    return TERN_STATUS_OK;
}
