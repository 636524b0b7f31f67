#include "runtime/registry.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/context.h"
#include "runtime/host.h"
#include "runtime/log.h"

#define TERN_BUILTIN_BACKEND(name)                                                                 \
    const tern_backend *tern_backend_query_##name(uint32_t min_abi, uint32_t max_abi);
#include "runtime/backend_list.inc"
#undef TERN_BUILTIN_BACKEND

static const tern_backend_query_fn builtin[] = {
#define TERN_BUILTIN_BACKEND(name) tern_backend_query_##name,
#include "runtime/backend_list.inc"
#undef TERN_BUILTIN_BACKEND
    NULL,
};

// The oldest ABI that this library still speaks.
#define MIN_ABI 1

#define REQUIRED_SLOTS(X)                                                                          \
    X(instance_create)                                                                             \
    X(instance_destroy)                                                                            \
    X(device_count)                                                                                \
    X(device_describe)                                                                             \
    X(device_open)                                                                                 \
    X(device_close)                                                                                \
    X(buffer_create)                                                                               \
    X(buffer_destroy)                                                                              \
    X(buffer_upload)                                                                               \
    X(buffer_download)                                                                             \
    X(weights_create)                                                                              \
    X(weights_destroy)                                                                             \
    X(weights_export)                                                                              \
    X(supports)                                                                                    \
    X(compile)                                                                                     \
    X(program_destroy)                                                                             \
    X(submit)                                                                                      \
    X(wait)

static const char *missing_slot(const tern_backend_ops *ops) {
#define CHECK_SLOT(slot)                                                                           \
    if (!ops->slot) {                                                                              \
        return #slot;                                                                              \
    }
    REQUIRED_SLOTS(CHECK_SLOT)
#undef CHECK_SLOT
    return NULL;
}

// A lower-case word that TERN_BACKEND can hold.
static bool name_is_valid(const char *name) {
    if (!name || name[0] < 'a' || name[0] > 'z' || strcmp(name, "auto") == 0) {
        return false;
    }
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    return name[length] == '\0' && length < sizeof((tern__entry *)0)->name;
}

static tern_status fail_incompatible(tern_context *context, const char *who, const char *what) {
    return tern__fail(context, TERN_STATUS_INCOMPATIBLE, "%s: %s", who, what);
}

// Everything that can be wrong before a function of the backend has run. The ABI comes first: no
// member of a table that speaks another one means anything.
static tern_status check_table(tern_context *context, const tern_backend *backend,
                               const char *path) {
    const char *who = path[0] ? path : "backend";
    char text[128];
    if (!backend) {
        snprintf(text, sizeof text, "speaks no ABI that this library does (%d to %d)", MIN_ABI,
                 TERN_ABI_VERSION);
        return fail_incompatible(context, who, text);
    }
    if (backend->struct_size < offsetof(tern_backend, flags)) {
        snprintf(text, sizeof text, "its table has a struct_size of %u, expected at least %zu",
                 (unsigned)backend->struct_size, sizeof *backend);
        return fail_incompatible(context, who, text);
    }
    if (backend->abi < MIN_ABI || backend->abi > TERN_ABI_VERSION) {
        snprintf(text, sizeof text, "its table speaks ABI %u, asked was %d to %d",
                 (unsigned)backend->abi, MIN_ABI, TERN_ABI_VERSION);
        return fail_incompatible(context, who, text);
    }
    if (backend->struct_size < sizeof *backend) {
        snprintf(text, sizeof text, "its table has a struct_size of %u, expected at least %zu",
                 (unsigned)backend->struct_size, sizeof *backend);
        return fail_incompatible(context, who, text);
    }
    if (!name_is_valid(backend->name)) {
        return fail_incompatible(context, who,
                                 "its name is not a lower-case word of at most 63 letters");
    }
    if ((backend->flags & TERN_BACKEND_REFERENCE) && strcmp(backend->name, "reference") != 0) {
        return fail_incompatible(context, who,
                                 "its flags say that it is the reference backend, its name does "
                                 "not");
    }
    if (!backend->ops) {
        return fail_incompatible(context, who, "its table has no ops");
    }
    if (backend->ops->struct_size < 2 * sizeof(uint32_t)) {
        snprintf(text, sizeof text, "its ops have a struct_size of %u, expected at least %zu",
                 (unsigned)backend->ops->struct_size, sizeof *backend->ops);
        return fail_incompatible(context, who, text);
    }
    return TERN_STATUS_OK;
}

static tern_backend_ops copy_ops(const tern_backend_ops *theirs) {
    tern_backend_ops ops = {0};
    size_t size = theirs->struct_size < sizeof ops ? theirs->struct_size : sizeof ops;
    memcpy(&ops, theirs, size);
    ops.struct_size = sizeof ops;
    return ops;
}

static void entry_destroy(tern__entry *entry) {
    if (!entry) {
        return;
    }
    if (entry->instance) {
        entry->ops.instance_destroy(entry->instance);
    }
    if (entry->library) {
        tern__library_close(entry->library);
    }
    tern__mutex_finish(&entry->lock);
    tern__free(entry->context, entry);
}

static tern_status entry_create(tern_context *context, tern__entry **out_entry) {
    tern__entry *entry = tern__calloc(context, 1, sizeof *entry);
    if (!entry || !tern__mutex_init(&entry->lock)) {
        tern__free(context, entry);
        return tern__fail_memory(context, sizeof *entry, "a backend's entry");
    }
    entry->context = context;
    entry->host = tern__host_make(context);
    *out_entry = entry;
    return TERN_STATUS_OK;
}

static tern__entry *find_name_locked(tern__registry *registry, const char *name) {
    for (size_t i = 0; i < registry->count; i++) {
        tern__entry *entry = registry->entries[i];
        if (entry->backend && strcmp(entry->name, name) == 0) {
            return entry;
        }
    }
    return NULL;
}

// Appends |entry| unless a backend of its name is there, which *out_clash then is.
static tern_status insert(tern_context *context, tern__entry *entry, tern__entry **out_clash) {
    tern__registry *registry = &context->registry;
    tern_status status = TERN_STATUS_OK;
    tern__mutex_lock(&context->lock);
    *out_clash = entry->backend ? find_name_locked(registry, entry->name) : NULL;
    if (!*out_clash) {
        void *array = registry->entries;
        if (tern__grow(context, &array, &registry->capacity, registry->count + 1,
                       sizeof *registry->entries)) {
            registry->entries = array;
            registry->entries[registry->count++] = entry;
        } else {
            status = TERN_STATUS_OUT_OF_MEMORY;
        }
    }
    tern__mutex_unlock(&context->lock);
    if (status != TERN_STATUS_OK) {
        return tern__fail_memory(context, sizeof entry, "the list of backends");
    }
    return *out_clash ? TERN_STATUS_INCOMPATIBLE : TERN_STATUS_OK;
}

static tern_status fail_clash(tern_context *context, const char *path, const tern__entry *clash) {
    return tern__fail(context, TERN_STATUS_INCOMPATIBLE, "%s: the name %s is taken by %s",
                      path[0] ? path : "backend", clash->name,
                      clash->path[0] ? clash->path : "a backend that is built in");
}

tern_status tern__registry_add(tern_context *context, tern_backend_query_fn query, const char *path,
                               void *library) {
    const tern_backend *backend = query(MIN_ABI, TERN_ABI_VERSION);
    TERN_TRY(check_table(context, backend, path));
    tern_backend_ops ops = copy_ops(backend->ops);
    const char *missing = missing_slot(&ops);
    if (missing) {
        return tern__fail(context, TERN_STATUS_INCOMPATIBLE,
                          "%s: backend %s lacks the required slot %s", path[0] ? path : "register",
                          backend->name, missing);
    }
    tern__entry *entry = NULL;
    TERN_TRY(entry_create(context, &entry));
    entry->backend = backend;
    entry->ops = ops;
    snprintf(entry->name, sizeof entry->name, "%s", backend->name);
    snprintf(entry->path, sizeof entry->path, "%s", path);
    tern__entry *clash = NULL;
    tern_status status = insert(context, entry, &clash);
    if (status != TERN_STATUS_OK) {
        entry_destroy(entry);
        return clash ? fail_clash(context, path, clash) : status;
    }
    entry->library = library;
    return TERN_STATUS_OK;
}

static const char *file_name(const char *path) {
    const char *name = path;
    for (const char *c = path; *c; c++) {
        if (*c == '/' || *c == '\\') {
            name = c + 1;
        }
    }
    return name;
}

tern_status tern__registry_reject(tern_context *context, const char *path, const char *reason) {
    tern__entry *entry = NULL;
    TERN_TRY(entry_create(context, &entry));
    entry->state = TERN_BACKEND_REJECTED;
    entry->status = TERN_STATUS_INCOMPATIBLE;
    entry->started = true;
    snprintf(entry->name, sizeof entry->name, "%s", file_name(path));
    snprintf(entry->path, sizeof entry->path, "%s", path);
    snprintf(entry->reason, sizeof entry->reason, "%s", reason);
    tern__entry *clash = NULL;
    tern_status status = insert(context, entry, &clash);
    if (status != TERN_STATUS_OK) {
        entry_destroy(entry);
    }
    return status;
}

tern_status tern__registry_init(tern_context *context) {
    for (const tern_backend_query_fn *query = builtin; *query; query++) {
        TERN_TRY(tern__registry_add(context, *query, "", NULL));
    }
    return TERN_STATUS_OK;
}

void tern__registry_finish(tern_context *context) {
    tern__registry *registry = &context->registry;
    while (registry->count > 0) {
        entry_destroy(registry->entries[--registry->count]);
    }
    tern__free(context, registry->entries);
    *registry = (tern__registry){0};
}

// What the backend said when its instance could not be made. Whoever passes it on names the
// backend.
static void set_reason(tern__entry *entry) {
    const char *said = tern_last_error_message();
    size_t length = strlen(entry->name);
    if (strncmp(said, entry->name, length) == 0 && strncmp(said + length, ": ", 2) == 0) {
        said += length + 2;
    }
    snprintf(entry->reason, sizeof entry->reason, "%s",
             said[0] ? said : tern_status_text(entry->status));
}

// A count that no machine has is a broken plugin's.
static void count_devices(tern__entry *entry) {
    enum { MAX_DEVICES = 1024 };
    uint32_t count = entry->ops.device_count(entry->instance);
    bool sound = count > 0 && count <= MAX_DEVICES;
    entry->device_count = sound ? count : 0;
    entry->state = sound ? TERN_BACKEND_READY : TERN_BACKEND_UNAVAILABLE;
    entry->reason[0] = '\0';
    if (count == 0) {
        snprintf(entry->reason, sizeof entry->reason, "it has no devices");
    } else if (!sound) {
        snprintf(entry->reason, sizeof entry->reason,
                 "it claims %u devices, at most %d are believed", (unsigned)count, MAX_DEVICES);
    }
}

static void start_locked(tern__entry *entry) {
    tern_backend_instance *instance = NULL;
    tern__quiet quiet;
    tern__quiet_begin(&quiet);
    entry->status = entry->ops.instance_create(&entry->host, &instance);
    if (entry->status == TERN_STATUS_OK && !instance) {
        entry->status = tern__fail(entry->context, TERN_STATUS_INTERNAL,
                                   "instance_create succeeded without an instance");
    }
    entry->state = TERN_BACKEND_UNAVAILABLE;
    entry->started = entry->status != TERN_STATUS_OUT_OF_MEMORY;
    if (entry->status != TERN_STATUS_OK) {
        set_reason(entry);
    } else {
        entry->instance = instance;
        count_devices(entry);
    }
    tern__quiet_end(&quiet);
}

static void ensure_started_locked(tern__entry *entry) {
    if (!entry->started) {
        start_locked(entry);
        tern__log(entry->context, TERN_LOG_DEBUG, "backend %s: %u devices%s%s", entry->name,
                  (unsigned)entry->device_count, entry->reason[0] ? ": " : "", entry->reason);
    }
}

tern_status tern__entry_start(tern__entry *entry) {
    tern__mutex_lock(&entry->lock);
    ensure_started_locked(entry);
    tern_status status = entry->status;
    tern__mutex_unlock(&entry->lock);
    return status;
}

bool tern__entry_is_out(tern__entry *entry) {
    tern__mutex_lock(&entry->lock);
    bool out = entry->started && entry->state != TERN_BACKEND_READY;
    tern__mutex_unlock(&entry->lock);
    return out;
}

tern_status tern__entry_describe(tern__entry *entry, tern_backend_info *out_info) {
    tern__mutex_lock(&entry->lock);
    ensure_started_locked(entry);
    tern_status status = entry->status;
    out_info->state = entry->state;
    out_info->abi = entry->backend ? entry->backend->abi : 0;
    out_info->device_count = entry->device_count;
    const char *description = entry->backend ? entry->backend->description : NULL;
    snprintf(out_info->name, sizeof out_info->name, "%s", entry->name);
    snprintf(out_info->description, sizeof out_info->description, "%s",
             description ? description : "");
    snprintf(out_info->path, sizeof out_info->path, "%s", entry->path);
    snprintf(out_info->reason, sizeof out_info->reason, "%s", entry->reason);
    tern__clean_line(out_info->description);
    tern__mutex_unlock(&entry->lock);
    return status;
}

void tern__entry_complete(const tern__entry *entry, uint32_t index, tern_device_info *info) {
    info->struct_size = sizeof *info;
    info->index = index;
    info->numerics = TERN_NUMERICS_UNKNOWN;
    info->name[sizeof info->name - 1] = '\0';
    info->driver[sizeof info->driver - 1] = '\0';
    info->features[sizeof info->features - 1] = '\0';
    tern__clean_line(info->name);
    tern__clean_line(info->driver);
    tern__clean_line(info->features);
    snprintf(info->backend, sizeof info->backend, "%s", entry->name);
}

tern_status tern__entry_check(const tern__entry *entry, tern_status status) {
    if (status != TERN_STATUS_OK && !tern__was_reported(status)) {
        return tern__fail(entry->context, status, "backend %s: %s, and it gives no reason",
                          entry->name, tern_status_text(status));
    }
    return status;
}

tern_status tern__entry_device(tern__entry *entry, uint32_t index, tern_device_info *out_info) {
    tern_device_info info = {.struct_size = sizeof info};
    tern__mutex_lock(&entry->lock);
    tern_status status = entry->ops.device_describe(entry->instance, index, &info);
    tern__mutex_unlock(&entry->lock);
    TERN_TRY(tern__entry_check(entry, status));
    tern__entry_complete(entry, index, &info);
    *out_info = info;
    return TERN_STATUS_OK;
}

uint32_t tern__registry_count(tern_context *context) {
    tern__mutex_lock(&context->lock);
    uint32_t count = (uint32_t)context->registry.count;
    tern__mutex_unlock(&context->lock);
    return count;
}

tern__entry *tern__registry_at(tern_context *context, uint32_t index) {
    tern__entry *entry = NULL;
    tern__mutex_lock(&context->lock);
    if (index < context->registry.count) {
        entry = context->registry.entries[index];
    }
    tern__mutex_unlock(&context->lock);
    return entry;
}

tern__entry *tern__registry_find(tern_context *context, const char *name) {
    tern__mutex_lock(&context->lock);
    tern__entry *entry = find_name_locked(&context->registry, name);
    tern__mutex_unlock(&context->lock);
    return entry;
}

tern__entry *tern__registry_find_path(tern_context *context, const char *path) {
    for (uint32_t i = tern__registry_count(context); i-- > 0;) {
        tern__entry *entry = tern__registry_at(context, i);
        if (entry && strcmp(entry->path, path) == 0) {
            return entry;
        }
    }
    return NULL;
}

tern__entry *tern__registry_reference(tern_context *context) {
    tern__entry *entry = NULL;
    for (uint32_t i = 0; (entry = tern__registry_at(context, i)) != NULL; i++) {
        if (entry->backend && (entry->backend->flags & TERN_BACKEND_REFERENCE)) {
            return entry;
        }
    }
    return NULL;
}

tern_status tern_context_register(tern_context *context, tern_backend_query_fn query) {
    if (!context || !query) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT, "register: %s is NULL",
                          context ? "query" : "context");
    }
    return tern__registry_add(context, query, "", NULL);
}
