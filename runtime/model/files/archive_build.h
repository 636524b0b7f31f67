// Makes an archive that looks like GGUF out of what another kind of file says: keys and tensors are
// put one by one, in the form that gguf.h describes.
#ifndef TERN_RUNTIME_MODEL_ARCHIVE_BUILD_H_
#define TERN_RUNTIME_MODEL_ARCHIVE_BUILD_H_

#include "runtime/model/files/gguf.h"

// Zero but for |archive|, whose keys and tensors are empty.
typedef struct tern__builder {
    tern_archive *archive;
    size_t used;     // of archive->header
    size_t capacity; // of it
    size_t entry_capacity;
    size_t tensor_capacity;
} tern__builder;

// Each fails with OUT_OF_MEMORY alone.
tern_status tern__build_u32(tern__builder *builder, const char *key, uint32_t value);
tern_status tern__build_f32(tern__builder *builder, const char *key, float value);
tern_status tern__build_bool(tern__builder *builder, const char *key, bool value);
tern_status tern__build_string(tern__builder *builder, const char *key, const char *value);
tern_status tern__build_bools(tern__builder *builder, const char *key, const uint8_t *values,
                              size_t count);
// |count| times the same.
tern_status tern__build_f32s(tern__builder *builder, const char *key, float value, size_t count);
// |tensor|'s name is copied.
tern_status tern__build_tensor(tern__builder *builder, const tern__tensor *tensor);

// Once everything is there. CORRUPT_DATA names a tensor or a key that is there twice.
tern_status tern__build_finish(tern__builder *builder);

#endif
