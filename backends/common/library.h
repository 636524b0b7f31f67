// Shared libraries opened while running.
#ifndef TERN_BACKENDS_COMMON_LIBRARY_H_
#define TERN_BACKENDS_COMMON_LIBRARY_H_

#include <stddef.h>

typedef void (*tern_library_fn)(void);

// NULL on failure, with the system's reason in |out_reason|.
void *tern_library_open(const char *name, char *out_reason, size_t capacity);
// The process itself, if a library it already has offers |symbol|: an application's own loader, or
// a checker that was preloaded. NULL if none does.
void *tern_library_present(const char *symbol);
// NULL if there is no such symbol.
tern_library_fn tern_library_symbol(void *library, const char *name);
void tern_library_close(void *library);

#endif
