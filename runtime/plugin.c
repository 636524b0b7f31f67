#include "runtime/plugin.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/context.h"
#include "runtime/log.h"

// Loads, or leaves nothing behind.
static tern_status load(tern_context *context, const char *path) {
    char text[TERN__MESSAGE_CAPACITY];
    tern__file file;
    int error = tern__file_open(path, &file);
    if (error) {
        tern__file_error(error, text, sizeof text);
        return tern__fail(context, TERN_STATUS_NOT_FOUND, "%s: %s", path, text);
    }
    tern__file_close(&file);
    void *library = tern__library_open(path, text, sizeof text);
    if (!library) {
        return tern__fail(context, TERN_STATUS_INCOMPATIBLE, "%s: cannot be loaded: %s", path,
                          text);
    }
    tern_status status = TERN_STATUS_INCOMPATIBLE;
    void *symbol = tern__library_symbol(library, TERN_BACKEND_QUERY_SYMBOL);
    if (!symbol) {
        tern__fail(context, status, "%s: exports no symbol %s", path, TERN_BACKEND_QUERY_SYMBOL);
    } else {
        tern_backend_query_fn query = NULL;
        memcpy(&query, &symbol, sizeof query); // ISO C has no cast for it
        status = tern__registry_add(context, query, path, library);
    }
    if (status != TERN_STATUS_OK) {
        tern__library_close(library);
    }
    return status;
}

// Loads during a scan: what fails is recorded.
static tern_status load_quietly(tern_context *context, const char *path) {
    if (tern__registry_find_path(context, path)) {
        return TERN_STATUS_OK;
    }
    char reason[TERN__MESSAGE_CAPACITY];
    tern__quiet quiet;
    tern__quiet_begin(&quiet);
    tern_status status = load(context, path);
    tern__quiet_end_with(&quiet, status, reason);
    if (status == TERN_STATUS_OUT_OF_MEMORY) {
        return tern__fail(context, status, "%s", reason);
    }
    if (status != TERN_STATUS_OK) {
        tern__log(context, TERN_LOG_WARNING, "plugin rejected: %s", reason);
        return tern__registry_reject(context, path, reason);
    }
    tern__log(context, TERN_LOG_INFO, "plugin loaded: %s", path);
    return TERN_STATUS_OK;
}

typedef struct name_list {
    tern_context *context;
    char **items;
    size_t count;
    size_t capacity;
    bool failed;
} name_list;

static bool collect(void *user, const char *name) {
    name_list *names = user;
    const char *suffix = tern__library_suffix();
    size_t length = strlen(name);
    size_t suffix_length = strlen(suffix);
    if (length <= suffix_length || strcmp(name + length - suffix_length, suffix) != 0) {
        return true;
    }
    void *array = names->items;
    names->failed = !tern__grow(names->context, &array, &names->capacity, names->count + 1,
                                sizeof *names->items);
    names->items = array;
    if (!names->failed) {
        char *copy = tern__strdup(names->context, name);
        names->failed = !copy;
        names->items[names->count] = copy;
        names->count += copy != NULL;
    }
    return !names->failed;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static tern_status scan_folder(tern_context *context, const char *folder) {
    name_list names = {.context = context};
    tern_status status = TERN_STATUS_OK;
    if (!tern__folder_list(folder, collect, &names)) {
        tern__log(context, TERN_LOG_WARNING, "plugin folder %s cannot be read", folder);
    } else if (names.failed) {
        status = tern__fail(context, TERN_STATUS_OUT_OF_MEMORY,
                            "out of memory: the list of plugins in %s", folder);
    }
    if (names.count) {
        qsort(names.items, names.count, sizeof *names.items, compare_names);
    }
    for (size_t i = 0; i < names.count; i++) {
        char path[sizeof((tern__entry *)0)->path];
        int length = snprintf(path, sizeof path, "%s/%s", folder, names.items[i]);
        tern__free(context, names.items[i]);
        if (length < 0 || (size_t)length >= sizeof path) {
            tern__log(context, TERN_LOG_WARNING, "plugin rejected: %s...: path too long", path);
        } else if (status == TERN_STATUS_OK) {
            status = load_quietly(context, path);
        }
    }
    tern__free(context, names.items);
    return status;
}

tern_status tern__plugin_scan(tern_context *context, const char *path) {
    const char separator[] = {tern__path_separator(), '\0'};
    while (*path) {
        size_t length = strcspn(path, separator);
        char folder[sizeof((tern__entry *)0)->path];
        if (length >= sizeof folder) {
            tern__log(context, TERN_LOG_WARNING, "plugin folder %.60s...: path too long", path);
        } else if (length > 0) {
            memcpy(folder, path, length);
            folder[length] = '\0';
            TERN_TRY(scan_folder(context, folder));
        }
        path += length + (path[length] != '\0');
    }
    return TERN_STATUS_OK;
}

// A plugin that was asked for by name should also work.
static tern_status start_new(tern_context *context, const char *path) {
    tern__entry *entry = tern__registry_find_path(context, path);
    tern_backend_info info = {.struct_size = sizeof info};
    tern_status status = tern__entry_describe(entry, &info);
    if (status == TERN_STATUS_OK && info.state != TERN_BACKEND_READY) {
        status = TERN_STATUS_UNAVAILABLE;
    }
    if (status != TERN_STATUS_OK) {
        return tern__fail(context, status, "%s: %s", path, info.reason);
    }
    return TERN_STATUS_OK;
}

tern_status tern_context_load_plugin(tern_context *context, const char *path) {
    if (!context || !path) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT, "load plugin: %s is NULL",
                          context ? "path" : "context");
    }
    if (strlen(path) >= sizeof((tern__entry *)0)->path) {
        return tern__fail(context, TERN_STATUS_NOT_FOUND, "plugin %.60s...: path too long", path);
    }
    tern_status status = load(context, path);
    if (status != TERN_STATUS_OK) {
        char reason[TERN__MESSAGE_CAPACITY];
        snprintf(reason, sizeof reason, "%s", tern_last_error_message());
        TERN_TRY(tern__registry_reject(context, path, reason));
        tern__set_error(reason);
        return status;
    }
    return start_new(context, path);
}
