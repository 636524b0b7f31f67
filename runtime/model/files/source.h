#ifndef TERN_RUNTIME_MODEL_SOURCE_H_
#define TERN_RUNTIME_MODEL_SOURCE_H_

#include <tern/source.h>

// INVALID_ARGUMENT unless |source| has what reading needs.
tern_status tern__source_check(tern_context *context, const tern_source *source);

// The whole content in memory, or NULL.
const uint8_t *tern__source_map(const tern_source *source);

// Reads exactly |size| bytes at |offset|, from the map only where there is no read_at. CORRUPT_DATA
// past the end, which only a file shorter than it says can ask for; else what read_at returned, and
// a message that names the source.
tern_status tern__source_read(tern_context *context, const tern_source *source, uint64_t offset,
                              void *data, size_t size);

// |name| of the source, never NULL.
const char *tern__source_name(const tern_source *source);

#endif
