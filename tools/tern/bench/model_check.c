#include "tools/tern/bench/model_check.h"

#include <stdlib.h>
#include <string.h>

enum { PROMPT = 9, STEPS = 2, CONTEXT = 64, VOCABULARY = 512, MOST_PARAMETERS = 50000000 };

// Logits after a prompt in one pass, and after each of the tokens that follow one by one.
static tern_status logits_of(subject *self, float **out, size_t *out_size) {
    size_t vocabulary = self->info.vocabulary;
    *out_size = (1 + STEPS) * vocabulary * sizeof(float);
    *out = malloc(*out_size);
    if (!*out) {
        return TERN_STATUS_OUT_OF_MEMORY;
    }
    tern_status status = subject_eval(self, PROMPT, *out);
    for (uint32_t i = 1; i <= STEPS && status == TERN_STATUS_OK; i++) {
        status = subject_eval(self, 1, *out + i * vocabulary);
    }
    return status;
}

static tern_status run_on(tern_device *device, const char *path, const model_shape *shape,
                          const model_options *options, float **out, size_t *out_size) {
    subject s;
    tern_status status = subject_open(&s, tern_device_context(device), path, shape);
    if (status == TERN_STATUS_OK) {
        status = subject_load(&s, device, CONTEXT, options);
    }
    if (status == TERN_STATUS_OK) {
        status = logits_of(&s, out, out_size);
    }
    subject_close(&s);
    return status;
}

// Whether the reference backend can be asked for this file, in a time one waits for.
static tern_status small_enough(tern_device *device, const char *path, bool *out) {
    tern_archive *archive = NULL;
    uint64_t cells = 0;
    tern_status status = tern_archive_open_path(tern_device_context(device), path, &archive);
    for (uint64_t i = 0; status == TERN_STATUS_OK && i < tern_archive_tensor_count(archive); i++) {
        tern_tensor_info info = {.struct_size = sizeof info};
        status = tern_archive_tensor(archive, i, &info);
        cells += info.shape[0] * info.shape[1] * info.shape[2] * info.shape[3];
    }
    *out = cells <= MOST_PARAMETERS;
    tern_archive_destroy(archive);
    return status;
}

tern_status model_check(tern_device *device, tern_device *reference, const char *path,
                        const model_shape *shape, const model_options *options, bool *out_checked,
                        bool *out_ok) {
    model_shape small = {0};
    float *got = NULL, *want = NULL;
    size_t size = 0;
    *out_checked = true;
    tern_status status = TERN_STATUS_OK;
    if (path) {
        status = small_enough(device, path, out_checked);
    } else {
        small = *shape;
        small.layers = 1;
        small.vocabulary = VOCABULARY;
    }
    if (status == TERN_STATUS_OK && *out_checked) {
        status = run_on(device, path, &small, options, &got, &size);
    }
    if (status == TERN_STATUS_OK && *out_checked) {
        status = run_on(reference, path, &small, options, &want, &size);
    }
    *out_ok = got && want && status == TERN_STATUS_OK && memcmp(got, want, size) == 0;
    free(got);
    free(want);
    return status;
}
