// The backends of a context: built in, registered by the application, or loaded from plugins.
#ifndef TERN_RUNTIME_REGISTRY_H_
#define TERN_RUNTIME_REGISTRY_H_

#include <stdbool.h>

#include <tern/backend.h>

typedef struct tern__entry {
    tern_context *context;
    const tern_backend *backend; // NULL: rejected before it gave a table
    tern_backend_ops ops;        // our copy: slots that the backend does not have are NULL
    tern_host host;              // what it was given; lives as long as the entry
    tern_backend_instance *instance;
    bool started; // instance_create was tried
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
// |library| becomes the entry's.
tern_status tern__registry_add(tern_context *context, tern_backend_query_fn query, const char *path,
                               void *library);
// Records an attempt that failed with the thread's last error message.
tern_status tern__registry_reject(tern_context *context, const char *name, const char *path,
                                  const char *reason);

// Starts the backend once: instance_create, device_count. Afterwards state and reason are set.
// Thread-safe.
void tern__entry_start(tern__entry *entry);

// By name, ready or not; NULL if there is none.
tern__entry *tern__registry_find(tern_context *context, const char *name);
// The backend with TERN_BACKEND_REFERENCE, or NULL if it is not built in.
tern__entry *tern__registry_reference(tern_context *context);

#endif
