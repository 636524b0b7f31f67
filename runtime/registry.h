// The backends of a context: built in, registered by the application, or loaded from plugins.
#ifndef TERN_RUNTIME_REGISTRY_H_
#define TERN_RUNTIME_REGISTRY_H_

#include <stdbool.h>

#include <tern/backend.h>

#include "runtime/platform/platform.h"

typedef struct tern__entry {
    tern_context *context;
    const tern_backend *backend; // NULL: rejected before it gave a table
    tern_backend_ops ops;        // our copy: slots that the backend does not have are NULL
    tern_host host;              // what it was given; lives as long as the entry
    tern_backend_instance *instance;
    tern__mutex lock;   // around calls on the instance; it is started under it
    bool started;       // instance_create was tried
    tern_status status; // what it returned
    tern_backend_state state;
    uint32_t device_count;
    void *library; // of a plugin
    char name[64];
    char path[512];
    char reason[256];
} tern__entry;

typedef struct tern__registry {
    tern__entry **entries;
    size_t count;
    size_t capacity;
} tern__registry;

// Registers every backend of the generated runtime/backend_list.inc.
tern_status tern__registry_init(tern_context *context);
void tern__registry_finish(tern_context *context);

// Checks the table (ABI, names, required slots; INCOMPATIBLE says which) and adds an entry.
// |library| becomes the entry's; on failure it stays the caller's. |path| is "" unless a plugin's.
tern_status tern__registry_add(tern_context *context, tern_backend_query_fn query, const char *path,
                               void *library);
// Records a plugin that was not accepted.
tern_status tern__registry_reject(tern_context *context, const char *path, const char *reason);

// Starts the backend once: instance_create, device_count. Afterwards state and reason are set.
// Returns what instance_create did, without reporting it; out of memory is tried again next time.
// Thread-safe.
tern_status tern__entry_start(tern__entry *entry);
// Whether it is known by now to have no device.
bool tern__entry_is_out(tern__entry *entry);
// Starts it likewise, and says what is known then.
tern_status tern__entry_describe(tern__entry *entry, tern_backend_info *out_info);
// What a backend said of device |index|, made fit to read: terminated, with what it leaves to the
// host filled in.
void tern__entry_complete(const tern__entry *entry, uint32_t index, tern_device_info *info);
// Device |index| of a started backend.
tern_status tern__entry_device(tern__entry *entry, uint32_t index, tern_device_info *out_info);

// |status| of a call of the backend, reported if the backend has not done so.
tern_status tern__entry_check(const tern__entry *entry, tern_status status);

uint32_t tern__registry_count(tern_context *context);
// NULL past the end.
tern__entry *tern__registry_at(tern_context *context, uint32_t index);
// The newest with a plugin's path, rejected or not; NULL if there is none.
tern__entry *tern__registry_find_path(tern_context *context, const char *path);
// By name, ready or not, but not rejected; NULL if there is none.
tern__entry *tern__registry_find(tern_context *context, const char *name);
// The backend with TERN_BACKEND_REFERENCE, or NULL if it is not built in.
tern__entry *tern__registry_reference(tern_context *context);

#endif
