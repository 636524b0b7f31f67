// Values of a configuration: typed, and named when they are wrong. null is the same as absent.
#ifndef TERN_RUNTIME_MODEL_HF_VALUES_H_
#define TERN_RUNTIME_MODEL_HF_VALUES_H_

#include "runtime/model/files/archive.h"
#include "runtime/model/files/json.h"

typedef struct tern__hf_values {
    tern_context *context;
    const char *file;
    const tern__json *object;
} tern__hf_values;

// Has |use| read the file |name| of a folder, if it is there; |file| is what messages call it.
typedef tern_status tern__hf_use(void *user, const char *file, const tern__json *root);
tern_status tern__hf_read(const tern_archive *archive, const char *name, tern__hf_use *use,
                          void *user);

const tern__json *tern__hf_get(const tern__hf_values *values, const char *key);

// CORRUPT_DATA for another type or range; |fallback| where there is nothing.
tern_status tern__hf_u32(const tern__hf_values *values, const char *key, uint32_t fallback,
                         uint32_t *out);
tern_status tern__hf_f32(const tern__hf_values *values, const char *key, double fallback,
                         double *out);
tern_status tern__hf_bool(const tern__hf_values *values, const char *key, bool fallback, bool *out);
tern_status tern__hf_string(const tern__hf_values *values, const char *key, const char *fallback,
                            const char **out);

// UNSUPPORTED: |key| has a value that changes the arithmetic and is not |wanted|.
tern_status tern__hf_refuse(const tern__hf_values *values, const char *key, const char *wanted);

#endif
