// What the host keeps from one start to the next.
#ifndef TERN_BACKENDS_COMMON_CACHE_H_
#define TERN_BACKENDS_COMMON_CACHE_H_

#include <stdbool.h>
#include <stddef.h>

#include <tern/backend.h>

// A host of an earlier version keeps nothing.
static inline bool tern_cache_is_there(const tern_host *host) {
    return host->struct_size >= offsetof(tern_host, cache_write) + sizeof host->cache_write &&
           host->cache_read && host->cache_write;
}

#endif
