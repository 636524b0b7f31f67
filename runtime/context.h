#ifndef TERN_RUNTIME_CONTEXT_H_
#define TERN_RUNTIME_CONTEXT_H_

#include <tern/context.h>

#include "runtime/options.h"
#include "runtime/platform/platform.h"
#include "runtime/registry.h"

// Numerics found for a device, so that opening it again need not probe.
typedef struct tern__numerics_cache {
    struct tern__numerics_entry *entries;
    size_t count;
    size_t capacity;
} tern__numerics_cache;

struct tern_context {
    tern_allocator allocator;
    tern_log_fn log;
    void *log_user;
    int32_t log_level;         // tern_log_level, by tern__atomic_load
    int32_t log_level_default; // while TERN_LOG is not given
    uint32_t flags;
    uint32_t threads;
    tern_parallel_for_fn parallel_for;
    void *parallel_user;
    tern__options options;
    tern__registry registry;
    tern__numerics_cache numerics;
    tern__mutex lock; // registry, numerics cache, options; nothing is called while it is held
};

#endif
