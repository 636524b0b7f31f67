// A Hugging Face folder in memory, what is put in it and what is asked of the archive it becomes.
#ifndef TERN_TESTS_HARNESS_HF_WORLD_H_
#define TERN_TESTS_HARNESS_HF_WORLD_H_

#include <tern/model.h>

#include "runtime/model/files/archive.h"
#include "tests/harness/check.h"
#include "tests/harness/heap.h"
#include "tests/harness/memory_files.h"
#include "tests/harness/safetensors_writer.h"

#define SHAPE                                                                                      \
    "\"num_hidden_layers\":1,\"hidden_size\":8,\"intermediate_size\":12,\"vocab_size\":5,"         \
    "\"max_position_embeddings\":64,\"num_attention_heads\":4,\"num_key_value_heads\":2,"          \
    "\"rms_norm_eps\":1e-05,\"torch_dtype\":\"bfloat16\""
#define CONFIG(class_name, more) "{\"architectures\":[\"" class_name "\"]," SHAPE more "}"
#define PACKED(linear) ",\"quantization_config\":{\"quant_method\":\"bitnet\"" linear "}"

// A folder in memory, the archive opened from it, and a heap that counts.
typedef struct world {
    test_heap heap;
    tern_context *context;
    memory_files folder;
    safetensors_writer first, second;
    tern_archive *archive;
} world;

static inline int world_set_up(void **state) {
    static world w;
    memset(&w, 0, sizeof w);
    tern_allocator allocator = test_heap_allocator(&w.heap);
    tern_context_desc desc = TERN_CONTEXT_DESC_INIT;
    desc.allocator = &allocator;
    desc.flags = TERN_CONTEXT_IGNORE_ENV;
    *state = &w;
    return tern_context_create(&desc, &w.context);
}

static inline int world_tear_down(void **state) {
    world *w = *state;
    tern_archive_destroy(w->archive);
    tern_context_destroy(w->context);
    return w->heap.blocks == 0 ? 0 : -1;
}

static inline tern_status open_named(world *w, const char *name) {
    tern_files files = memory_files_of(&w->folder);
    tern_archive_destroy(w->archive);
    w->archive = NULL;
    return tern_archive_open_files(w->context, &files, name, &w->archive);
}

static inline tern_status open_config(world *w, const char *config) {
    memory_files_text(&w->folder, "config.json", config);
    return open_named(w, "");
}

static inline void put_first(world *w, const char *name) {
    safetensors_end(&w->first);
    memory_files_put(&w->folder, name, w->first.file, w->first.size);
}

static inline void put_second(world *w, const char *name) {
    safetensors_end(&w->second);
    memory_files_put(&w->folder, name, w->second.file, w->second.size);
}

static inline void check_u32(const world *w, const char *key, uint32_t expected) {
    uint32_t value = 0;
    CHECK_OK(tern__archive_need_u32(w->archive, key, &value));
    assert_int_equal(value, expected);
}

static inline void check_f32(const world *w, const char *key, float expected) {
    float value = 0.0f;
    CHECK_OK(tern__archive_need_f32(w->archive, key, &value));
    assert_true(value == expected);
}

static inline void check_text(const world *w, const char *key, const char *expected) {
    const char *value = NULL;
    CHECK_OK(tern__archive_need_string(w->archive, key, &value));
    assert_string_equal(value, expected);
}

static inline void check_absent(const world *w, const char *key) {
    tern_value value = {.struct_size = sizeof value};
    assert_int_equal(tern_archive_find(w->archive, key, &value), TERN_STATUS_NOT_FOUND);
}

static inline tern_tensor_info check_tensor(const world *w, const char *name, const char *type,
                                            uint64_t cols, uint64_t rows) {
    tern_tensor_info info = {sizeof info};
    if (tern__archive_find_tensor(w->archive, name, &info) != TERN_STATUS_OK) {
        fail_msg("no tensor %s", name);
    }
    assert_string_equal(info.type_name, type);
    assert_int_equal(info.shape[0], cols);
    assert_int_equal(info.shape[1], rows);
    return info;
}

#endif
