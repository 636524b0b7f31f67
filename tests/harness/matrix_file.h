// A file of one matrix, loaded onto the reference device, and what it holds there.
#ifndef TERN_TESTS_HARNESS_MATRIX_FILE_H_
#define TERN_TESTS_HARNESS_MATRIX_FILE_H_

#include <tern/tern.h>

#include "runtime/model/files/archive.h"
#include "runtime/model/tensors/matrix.h"
#include "tests/harness/check.h"
#include "tests/harness/gguf_writer.h"
#include "tests/harness/pack.h"
#include "tests/harness/rng.h"

enum { MAX_ROWS = 12, MAX_COLS = 768, MAX_GROUPS = MAX_COLS / 64 };

static tern_context *context;
static tern_device *device;
static rng random_state;

static uint8_t codes[MAX_ROWS * MAX_COLS];
static uint8_t raw[MAX_ROWS * MAX_COLS * 4];

static inline int open_device(void **state) {
    (void)state;
    random_state = rng_make(41);
    tern_context_desc desc = TERN_CONTEXT_DESC_INIT;
    desc.flags = TERN_CONTEXT_IGNORE_ENV;
    CHECK_OK(tern_context_create(&desc, &context));
    tern_device_desc open = TERN_DEVICE_DESC_INIT;
    open.backends = "reference";
    CHECK_OK(tern_device_open(context, &open, &device));
    return 0;
}

static inline int close_device(void **state) {
    (void)state;
    tern_device_close(device);
    tern_context_destroy(context);
    return 0;
}

static inline void random_codes(uint32_t count, uint32_t below) {
    for (uint32_t i = 0; i < count; i++) {
        codes[i] = (uint8_t)(rng_below(&random_state, below));
    }
}

// A file of one matrix, with perhaps a scale beside it.
typedef struct file {
    gguf_writer writer;
    tern_source source;
    tern_archive *archive;
    tern__part part;
    tern_weights *weights;
    tern_weights_info info;
} file;

typedef struct side {
    uint32_t type; // of `w.scale`
    uint32_t count;
    const void *data;
    size_t size;
    const char *key; // `tern.scale`
} side;

static inline void file_open(file *f, uint32_t id, uint32_t rows, uint32_t cols, size_t size,
                             const side *beside) {
    *f = (file){0};
    gguf_writer *w = &f->writer;
    gguf_start(w, 3, beside ? 2 : 1, beside && beside->key ? 1 : 0);
    if (beside && beside->key) {
        gguf_key_string(w, "tern.scale", beside->key);
    }
    gguf_tensor(w, "w.weight", cols, rows, id, 0);
    size_t end = (size + 31) / 32 * 32;
    if (beside) {
        gguf_tensor(w, "w.scale", beside->count, 1, beside->type, end);
    }
    gguf_pad(w, 32);
    gguf_put(w, raw, size);
    gguf_pad(w, 32);
    if (beside) {
        gguf_put(w, beside->data, beside->size);
        gguf_pad(w, 32);
    }
    f->source = gguf_source(w);
    CHECK_OK(tern_archive_open(context, &f->source, &f->archive));
    tern_tensor_info info = {sizeof info};
    CHECK_OK(tern__archive_find_tensor(f->archive, "w.weight", &info));
    f->part = (tern__part){.info = info,
                           .type = tern__ggml_type_of(&info),
                           .rows = rows,
                           .cols = cols,
                           .usage = TERN_WEIGHTS_MATMUL | TERN_WEIGHTS_GATHER};
}

static inline tern_status file_load(file *f) {
    tern_model_desc desc = TERN_MODEL_DESC_INIT;
    tern__loader loader = {
        .context = context, .device = device, .archive = f->archive, .desc = &desc};
    tern__matrix matrix = {0};
    uint64_t bytes = 0;
    tern_status status = tern__matrix_load(&loader, &f->part, &matrix, &bytes);
    tern__loader_finish(&loader);
    f->weights = matrix.weights;
    if (status == TERN_STATUS_OK) {
        f->info.struct_size = sizeof f->info;
        CHECK_OK(tern_weights_describe(f->weights, &f->info));
        assert_int_equal(matrix.ternary, f->info.dtype == TERN_DTYPE_T2);
        assert_int_equal(loader.done, f->part.info.size);
        assert_int_equal(bytes, tern__weights_bytes(&f->info));
    }
    return status;
}

static inline void file_close(file *f) {
    tern_weights_destroy(f->weights);
    tern_archive_destroy(f->archive);
    gguf_free(&f->writer);
}

// The weights are |codes|, scaled with |scales|: |per_row| a row.
static inline void check_ternary(file *f, const float *scales, uint32_t per_row) {
    uint8_t got[MAX_ROWS * MAX_COLS / 4 + MAX_ROWS];
    float got_scales[MAX_ROWS * MAX_GROUPS];
    uint32_t rows = f->info.rows, cols = f->info.cols;
    assert_int_equal(f->info.dtype, TERN_DTYPE_T2);
    CHECK_OK(tern_weights_export(f->weights, 0, rows, got, got_scales));
    uint32_t groups = f->info.scale_kind == TERN_SCALE_GROUP
                          ? (cols + f->info.group_size - 1) / f->info.group_size
                          : 1;
    for (uint32_t r = 0; r < rows; r++) {
        for (uint32_t k = 0; k < cols; k++) {
            uint32_t code = got[r * ((cols + 3) / 4) + k / 4] >> 2 * (k % 4) & 3u;
            assert_int_equal(code, codes[r * cols + k]);
            float scale = f->info.scale_kind == TERN_SCALE_TENSOR ? f->info.scale
                          : groups > 1 ? got_scales[r * groups + k / f->info.group_size]
                                       : got_scales[r];
            float wanted = scales[r * per_row + k * per_row / cols];
            assert_true(code == 1 || scale == wanted);
        }
    }
}

#endif
