// What backends keep from one start to the next: files in the user's cache folder, TERN_CACHE. Each
// is made under another name and renamed, so any number of processes may read and write at once;
// what is not whole and ours is ignored.
#ifndef TERN_RUNTIME_DISKCACHE_H_
#define TERN_RUNTIME_DISKCACHE_H_

#include <stdbool.h>

#include <tern/context.h>

// As tern_host.cache_read and cache_write. Any thread.
bool tern__diskcache_read(tern_context *context, const char *name, void **out_data,
                          size_t *out_size);
void tern__diskcache_write(tern_context *context, const char *name, const void *data, size_t size);

#endif
