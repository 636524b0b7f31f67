// Shared libraries opened while running.
#ifndef TERN_BACKENDS_COMMON_LIBRARY_H_
#define TERN_BACKENDS_COMMON_LIBRARY_H_

#include <stddef.h>

typedef void (*tern_library_fn)(void);

// NULL on failure, with the system's reason in |out_reason|.
void *tern_library_open(const char *name, char *out_reason, size_t capacity);
// NULL if there is no such symbol.
tern_library_fn tern_library_symbol(void *library, const char *name);
void tern_library_close(void *library);

#endif
