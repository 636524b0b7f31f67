#include "runtime/context.h"

#include <string.h>

#include "runtime/allocator.h"
#include "runtime/log.h"
#include "runtime/numerics.h"
#include "runtime/plugin.h"

#define KNOWN_FLAGS (TERN_CONTEXT_IGNORE_ENV | TERN_CONTEXT_ALLOW_PLUGINS)
#define THREADS_MAX 1024

static tern_status check_allocator(const tern_allocator *allocator) {
    if (!allocator) {
        return TERN_STATUS_OK;
    }
    TERN_TRY(tern__check_size(NULL, "tern_allocator", allocator->struct_size, sizeof *allocator));
    TERN_TRY(tern__check_reserved(NULL, "tern_allocator", allocator->reserved));
    if (!allocator->allocate || !allocator->release) {
        return tern__fail(NULL, TERN_STATUS_INVALID_ARGUMENT, "tern_allocator: %s is NULL",
                          allocator->allocate ? "release" : "allocate");
    }
    return TERN_STATUS_OK;
}

static tern_status check_desc(const tern_context_desc *desc) {
    TERN_TRY(tern__check_size(NULL, "tern_context_desc", desc->struct_size, sizeof *desc));
    TERN_TRY(check_allocator(desc->allocator));
    if (desc->flags & ~(uint32_t)KNOWN_FLAGS) {
        return tern__fail(NULL, TERN_STATUS_INVALID_ARGUMENT,
                          "tern_context_desc: flags %#x, known are %#x", (unsigned)desc->flags,
                          (unsigned)KNOWN_FLAGS);
    }
    if (desc->log_level < 0 || desc->log_level > TERN_LOG_DEBUG) {
        return tern__fail(NULL, TERN_STATUS_INVALID_ARGUMENT,
                          "tern_context_desc: log_level is %d, expected 0 to %d",
                          (int)desc->log_level, TERN_LOG_DEBUG);
    }
    if (desc->threads > THREADS_MAX) {
        return tern__fail(NULL, TERN_STATUS_INVALID_ARGUMENT,
                          "tern_context_desc: threads is %u, expected 0 to %d",
                          (unsigned)desc->threads, THREADS_MAX);
    }
    return TERN_STATUS_OK;
}

// The bare object, to which everything else is added.
static tern_status allocate(const tern_context_desc *desc, tern_context **out_context) {
    tern_context blank = {
        .allocator = desc->allocator ? *desc->allocator : tern__allocator_default(),
        .log = desc->log,
        .log_user = desc->log_user,
        .log_level = desc->log_level ? desc->log_level : TERN_LOG_WARNING,
        .flags = desc->flags,
        .threads = desc->threads,
        .parallel_for = desc->parallel_for,
        .parallel_user = desc->parallel_user,
    };
    blank.log_level_default = blank.log_level;
    tern_context *context = tern__alloc(&blank, sizeof *context);
    if (!context) {
        return tern__fail_memory(&blank, sizeof *context, "the context");
    }
    *context = blank;
    if (!tern__mutex_init(&context->lock)) {
        tern__free(&blank, context);
        return tern__fail_memory(&blank, sizeof context->lock, "a lock");
    }
    *out_context = context;
    return TERN_STATUS_OK;
}

// The environment may name code to load only where the application said so and nobody is misled.
static tern_status scan_environment(tern_context *context) {
    const char *path = context->options.env[TERN__OPTION_PLUGIN_PATH];
    if (!path || !path[0]) {
        return TERN_STATUS_OK;
    }
    if (!(context->flags & TERN_CONTEXT_ALLOW_PLUGINS)) {
        tern__log(context, TERN_LOG_INFO,
                  "TERN_PLUGIN_PATH is ignored: the application allows no plugins");
        return TERN_STATUS_OK;
    }
    if (tern__is_privileged()) {
        tern__log(context, TERN_LOG_WARNING, "TERN_PLUGIN_PATH is ignored: privileged process");
        return TERN_STATUS_OK;
    }
    return tern__plugin_scan(context, path);
}

static tern_status scan_plugins(tern_context *context, const char *path) {
    if (path && (context->flags & TERN_CONTEXT_ALLOW_PLUGINS)) {
        TERN_TRY(tern__plugin_scan(context, path));
    }
    return scan_environment(context);
}

static tern_status set_up(tern_context *context, const tern_context_desc *desc) {
    TERN_TRY(tern__options_init(context));
    TERN_TRY(tern__registry_init(context));
    return scan_plugins(context, desc->plugin_path);
}

tern_status tern_context_create(const tern_context_desc *desc, tern_context **out_context) {
    static const tern_context_desc defaults = TERN_CONTEXT_DESC_INIT;
    if (!out_context) {
        return tern__fail(NULL, TERN_STATUS_INVALID_ARGUMENT,
                          "context create: out_context is NULL");
    }
    *out_context = NULL;
    if (!desc) {
        desc = &defaults;
    }
    TERN_TRY(check_desc(desc));
    tern_context *context = NULL;
    TERN_TRY(allocate(desc, &context));
    tern_status status = set_up(context, desc);
    if (status != TERN_STATUS_OK) {
        tern_context_destroy(context);
        return status;
    }
    *out_context = context;
    return TERN_STATUS_OK;
}

void tern_context_destroy(tern_context *context) {
    if (!context) {
        return;
    }
    tern__numerics_finish(context);
    tern__registry_finish(context);
    tern__options_finish(context);
    tern__mutex_finish(&context->lock);
    tern_context last = *context; // its allocator outlives it
    tern__free(&last, context);
}

static tern_status fail_null(tern_context *context, const char *call, const char *what) {
    return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT, "%s: %s is NULL", call, what);
}

const char *tern_context_option(tern_context *context, const char *name) {
    if (!context || !name) {
        return NULL;
    }
    tern__option option = tern__option_find(name);
    return option == TERN__OPTION_COUNT ? NULL : tern__option_text(context, option);
}

tern_status tern_context_set_option(tern_context *context, const char *name, const char *value) {
    if (!context || !name || !value) {
        return fail_null(context, "set option", !context ? "context" : !name ? "name" : "value");
    }
    tern__option option = tern__option_find(name);
    if (option == TERN__OPTION_COUNT) {
        return tern__fail(context, TERN_STATUS_NOT_FOUND, "option %s does not exist", name);
    }
    TERN_TRY(tern__option_set(context, option, value));
    if (option == TERN__OPTION_PLUGIN_PATH && (context->flags & TERN_CONTEXT_ALLOW_PLUGINS)) {
        return tern__plugin_scan(context, value);
    }
    return TERN_STATUS_OK;
}

uint32_t tern_context_backend_count(tern_context *context) {
    return context ? tern__registry_count(context) : 0;
}

tern_status tern_context_backend_describe(tern_context *context, uint32_t index,
                                          tern_backend_info *out_info) {
    if (!context || !out_info) {
        return fail_null(context, "backend describe", context ? "out_info" : "context");
    }
    TERN_TRY(
        tern__check_size(context, "tern_backend_info", out_info->struct_size, sizeof *out_info));
    tern__entry *entry = tern__registry_at(context, index);
    if (!entry) {
        return tern__fail(context, TERN_STATUS_OUT_OF_RANGE,
                          "backend %u does not exist, there are %u", (unsigned)index,
                          (unsigned)tern__registry_count(context));
    }
    tern__entry_describe(entry, out_info); // what failed is in it
    return TERN_STATUS_OK;
}
