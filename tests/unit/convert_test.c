#include "runtime/model/convert/convert.h"

#include <math.h>
#include <stdlib.h>

#include "runtime/context.h"
#include "tests/harness/bare_context.h"
#include "tests/harness/check.h"
#include "tests/harness/gguf_writer.h"
#include "tests/harness/memory_files.h"
#include "tests/harness/pack.h"
#include "tests/harness/rng.h"
#include "tests/harness/safetensors_writer.h"

enum { ROWS = 4, COLS = 512, GROUPS = COLS / 64, WEIGHTS = ROWS * COLS };

static rng random_state;

// A sink into memory, which fails after |room| bytes.
typedef struct memory_sink {
    gguf_writer writer;
    size_t room;
} memory_sink;

static tern_status write_memory(void *user, const void *data, size_t size) {
    memory_sink *m = user;
    if (m->writer.size + size > m->room) {
        return TERN_STATUS_IO;
    }
    gguf_put(&m->writer, data, size);
    return TERN_STATUS_OK;
}

static tern_sink sink_of(memory_sink *m) {
    return (tern_sink){
        .struct_size = sizeof(tern_sink), .name = "memory", .user = m, .write = write_memory};
}

// How the scales of a matrix change: not at all, by rows, or by groups of its type.
typedef enum spread { SAME, BY_ROWS, BY_GROUPS } spread;

static const struct {
    uint32_t id, group, bytes;
} sources[] = {{36, COLS, 0},  {34, 256, 54},  {35, 256, 66},  {42, 64, 18},
               {142, 128, 34}, {143, 128, 28}, {0, 64, 4 * 64}};

enum { SOURCE_COUNT = sizeof sources / sizeof sources[0] };

static const char *const targets[] = {"tq1_0",  "TQ2_0", "i2_s", "q2_0", "pq2_0",
                                      "ptq1_0", "f32",   "f16",  "bf16", "q8_0"};

// As float16 bits and as a number: some that are powers of two, some that are not.
static uint16_t random_half(float *out) {
    uint32_t mantissa = rng_below(&random_state, 2) ? rng_below(&random_state, 1024) : 0;
    uint32_t exponent = 10 + rng_below(&random_state, 6), sign = rng_below(&random_state, 2);
    float size = ldexpf((float)(1024 + mantissa), (int)exponent - 25);
    *out = sign ? -size : size;
    return (uint16_t)(sign << 15 | exponent << 10 | mantissa);
}

static void put_block(gguf_writer *w, size_t source, const uint8_t *codes, uint16_t half,
                      float scale) {
    uint8_t raw[256];
    switch (sources[source].id) {
    case 34:
        pack_tq1_0(codes, half, raw);
        break;
    case 35:
        pack_tq2_0(codes, half, raw);
        break;
    case 143:
        pack_ptq1_0(codes, half, raw);
        break;
    case 0:
        for (uint32_t i = 0; i < 64; i++) {
            float value = scale * ((float)codes[i] - 1.0f);
            memcpy(raw + 4 * i, &value, sizeof value);
        }
        break;
    default:
        pack_q2_0(codes, sources[source].group, half, raw);
        break;
    }
    gguf_put(w, raw, sources[source].bytes);
}

static void put_matrix(gguf_writer *w, size_t source, spread how) {
    uint8_t codes[WEIGHTS];
    float scale = 0.0f;
    uint16_t half = 0;
    for (uint32_t i = 0; i < WEIGHTS; i++) {
        codes[i] = (uint8_t)rng_below(&random_state, 3);
    }
    memset(codes + COLS, 1, 256); // a block of zeros
    uint32_t group = sources[source].group;
    for (uint32_t i = 0; i < WEIGHTS / group; i++) {
        if (i == 0 || how == BY_GROUPS || (how == BY_ROWS && i * group % COLS == 0)) {
            half = random_half(&scale);
        }
        if (sources[source].id != 36) {
            put_block(w, source, codes + i * group, half, scale);
            continue;
        }
        for (uint32_t b = 0; b < COLS / 128; b++) {
            uint8_t raw[32];
            pack_planes(codes + i * COLS + b * 128, 32, 1, raw);
            gguf_put(w, raw, sizeof raw);
        }
    }
    if (sources[source].id == 36) {
        gguf_float(w, 0.1f * scale);
        gguf_zeros(w, 28);
    }
}

// |factors|: of `.scale`, 0 for none.
static void write_model(gguf_writer *w, size_t source, spread how, uint32_t factors, bool inverse) {
    gguf_writer data = {0};
    put_matrix(&data, source, how);
    size_t size = (data.size + 31) / 32 * 32;
    gguf_start(w, 3, factors ? 3 : 2, 4);
    gguf_key_string(w, "general.name", "one matrix");
    gguf_key_u32(w, "general.file_type", 40);
    gguf_key_string(w, "tern.scale", inverse ? "inverse" : "direct");
    gguf_key_array(w, "numbers", TERN_VALUE_U16, 3);
    gguf_put(w, "123456", 6);
    gguf_tensor(w, "blk.0.w.weight", COLS, ROWS, sources[source].id, 0);
    if (factors) {
        gguf_tensor(w, "blk.0.w.scale", factors, 1, 0, size);
    }
    gguf_tensor(w, "norm.weight", 8, 1, 0, size + (factors ? 32 : 0));
    gguf_pad(w, 32);
    gguf_put(w, data.data, data.size);
    gguf_pad(w, 32);
    for (uint32_t i = 0; i < factors; i++) {
        gguf_float(w, rng_float(&random_state, 0.01f, 9.0f));
    }
    gguf_pad(w, 32);
    for (uint32_t i = 0; i < 8; i++) {
        gguf_float(w, rng_float(&random_state, -1.0f, 1.0f));
    }
    gguf_free(&data);
}

static void read_values(const tern_archive *archive, float *out) {
    tern__rowsource source;
    tern_tensor_info info = {sizeof info};
    CHECK_OK(tern__archive_find_tensor(archive, "blk.0.w.weight", &info));
    CHECK_OK(tern__rowsource_init(&source, archive, &info, 128));
    for (uint64_t r = 0; r < ROWS; r++) {
        CHECK_OK(tern__rowsource_values(&source, r));
        bool dense = source.type->scale_kind == TERN_SCALE_NONE;
        for (uint32_t k = 0; k < COLS; k++) {
            float factor = dense ? tern__factor_of(&source.factors, r) : 1.0f;
            out[r * COLS + k] = source.values[k] * factor;
        }
    }
    tern__rowsource_finish(&source);
}

// Without loss every weight is the same number; with it none changes its sign or much of its size.
static void check_values(const float *before, const float *after, bool lossy) {
    for (uint32_t i = 0; i < WEIGHTS; i++) {
        if (lossy) {
            bool same_sign =
                (before[i] > 0.0f) == (after[i] > 0.0f) && (before[i] < 0.0f) == (after[i] < 0.0f);
            assert_true(same_sign && fabsf(after[i]) < 200.0f);
        } else {
            assert_true(before[i] == after[i]);
        }
    }
}

static void check_keys(const tern_archive *archive, const char *type) {
    tern_value value = {sizeof value};
    CHECK_OK(tern_archive_find(archive, "general.name", &value));
    assert_string_equal(value.string, "one matrix");
    CHECK_OK(tern_archive_find(archive, "general.file_type", &value));
    assert_int_equal(value.u, strcmp(type, "i2_s") == 0    ? 40
                              : strcmp(type, "tq1_0") == 0 ? 36
                              : strcmp(type, "f16") == 0   ? 1
                                                           : value.u);
    CHECK_OK(tern_archive_element(archive, "numbers", 2, &value));
    assert_int_equal(value.u, '5' | '6' << 8);
    assert_int_equal(tern_archive_find(archive, "tern.scale", &value), TERN_STATUS_NOT_FOUND);
}

// Converts what |w| has; false if that needs loss.
static bool check_conversion(tern_context *context, const gguf_writer *w, const char *type,
                             bool lossy) {
    static float before[WEIGHTS], after[WEIGHTS];
    tern_source source = gguf_source(w);
    tern_archive *archive = NULL, *made = NULL;
    memory_sink memory = {.room = SIZE_MAX};
    tern_sink sink = sink_of(&memory);
    tern_convert_desc desc = TERN_CONVERT_DESC_INIT;
    desc.type = type;
    desc.flags = lossy ? TERN_CONVERT_LOSSY : 0;
    CHECK_OK(tern_archive_open(context, &source, &archive));
    tern_status status = tern_convert(context, archive, &desc, &sink);
    bool done = status == TERN_STATUS_OK;
    if (done) {
        tern_source result = gguf_source(&memory.writer);
        CHECK_OK(tern_archive_open(context, &result, &made));
        read_values(archive, before);
        read_values(made, after);
        check_values(before, after, lossy);
        check_keys(made, type);
        tern_archive_destroy(made);
    } else {
        if (lossy) {
            fail_msg("%s: %s", type, tern_last_error_message());
        }
        assert_int_equal(status, TERN_STATUS_INVALID_ARGUMENT);
        assert_non_null(strstr(tern_last_error_message(), "blk.0.w.weight"));
        assert_non_null(strstr(tern_last_error_message(), "--lossy"));
    }
    tern_archive_destroy(archive);
    gguf_free(&memory.writer);
    return done;
}

// What must work without loss, from what files hold.
static bool must_be_exact(size_t source, spread how, uint32_t factors, const char *type) {
    if (strcmp(type, "f32") == 0) {
        return true;
    }
    bool ternary = type[0] == 'p' || type[0] == 't' || type[0] == 'i' || strcmp(type, "q2_0") == 0;
    return ternary && (how != BY_GROUPS || sources[source].id == 36) && factors <= ROWS;
}

static void every_type_to_every_type(void **state) {
    (void)state;
    tern_context *context = bare_context(TERN_CONTEXT_IGNORE_ENV, NULL);
    for (size_t source = 0; source < SOURCE_COUNT; source++) {
        for (uint32_t variant = 0; variant < 3 * 4; variant++) {
            static const uint32_t factors[] = {0, 1, ROWS, 1};
            spread how = (spread)(variant % 3);
            gguf_writer w = {0};
            write_model(&w, source, how, factors[variant / 3], variant / 3 == 3);
            for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++) {
                bool done = check_conversion(context, &w, targets[t], false);
                if (!done && must_be_exact(source, how, factors[variant / 3], targets[t])) {
                    fail_msg("%u to %s by %d with %u: %s", sources[source].id, targets[t], how,
                             factors[variant / 3], tern_last_error_message());
                }
                if (!done) {
                    assert_true(check_conversion(context, &w, targets[t], true));
                }
            }
            gguf_free(&w);
        }
    }
    tern_context_destroy(context);
}

static int32_t stop(void *user, uint64_t done, uint64_t total) {
    (void)user;
    assert_true(done <= total);
    return done < total / 2;
}

static void failures_are_passed_on(void **state) {
    (void)state;
    tern_context *context = bare_context(TERN_CONTEXT_IGNORE_ENV, NULL);
    gguf_writer w = {0};
    write_model(&w, 2, BY_ROWS, 0, false);
    tern_source source = gguf_source(&w);
    tern_archive *archive = NULL;
    CHECK_OK(tern_archive_open(context, &source, &archive));
    memory_sink memory = {.room = 600};
    tern_sink sink = sink_of(&memory);
    tern_convert_desc desc = TERN_CONVERT_DESC_INIT;
    desc.type = "tq1_0";
    CHECK_FAILS(tern_convert(context, archive, &desc, &sink), TERN_STATUS_IO, "memory: writing");
    memory.room = SIZE_MAX;
    desc.progress = stop;
    CHECK_FAILS(tern_convert(context, archive, &desc, &sink), TERN_STATUS_CANCELLED, "cancelled");
    desc.progress = NULL;
    desc.scale = 3;
    CHECK_FAILS(tern_convert(context, archive, &desc, &sink), TERN_STATUS_INVALID_ARGUMENT,
                "scale 3");
    desc.scale = 0;
    desc.type = "";
    CHECK_FAILS(tern_convert(context, archive, &desc, &sink), TERN_STATUS_INVALID_ARGUMENT,
                "type ''");
    sink.write = NULL;
    CHECK_FAILS(tern_convert(context, archive, NULL, &sink), TERN_STATUS_INVALID_ARGUMENT,
                "sink.write is NULL");
    tern_archive_destroy(archive);
    gguf_free(&memory.writer);
    gguf_free(&w);
    tern_context_destroy(context);
}

// Types that cannot be read, one of them with the number of I2_S, which a file's type may turn it
// into. I32 is no weights.
static void unreadable_types_are_refused(void **state) {
    (void)state;
    tern_context *context = bare_context(TERN_CONTEXT_IGNORE_ENV, NULL);
    static const struct {
        uint32_t id, bytes;
        const char *name;
    } types[] = {
        {36, 64 * 64 / 32 * 18, "IQ4_NL_4_4"}, {11, 1760, "Q3_K"}, {26, 64 * 64 * 4, NULL}};
    for (size_t t = 0; t < 3; t++) {
        gguf_writer w = {0};
        tern_archive *archive = NULL;
        gguf_start(&w, 3, 1, 0);
        gguf_tensor(&w, "token_embd.weight", t == 1 ? 1024 : 64, t == 1 ? 4 : 64, types[t].id, 0);
        gguf_pad(&w, 32);
        gguf_zeros(&w, types[t].bytes);
        tern_source source = gguf_source(&w);
        CHECK_OK(tern_archive_open(context, &source, &archive));
        memory_sink memory = {.room = SIZE_MAX};
        tern_sink sink = sink_of(&memory);
        tern_convert_desc desc = TERN_CONVERT_DESC_INIT;
        CHECK_OK(tern_convert(context, archive, NULL, &sink));
        desc.type = "i2_s";
        tern_status status = tern_convert(context, archive, &desc, &sink);
        if (types[t].name) {
            CHECK_FAILS(status, TERN_STATUS_UNSUPPORTED, "tensor 'token_embd.weight': its type ");
            assert_non_null(strstr(tern_last_error_message(), types[t].name));
        } else {
            CHECK_OK(status);
        }
        tern_archive_destroy(archive);
        gguf_free(&memory.writer);
        gguf_free(&w);
    }
    tern_context_destroy(context);
}

static void a_lack_of_memory_leaves_nothing(void **state) {
    (void)state;
    test_heap memory = {0};
    tern_allocator allocator = test_heap_allocator(&memory);
    tern_context_desc desc = TERN_CONTEXT_DESC_INIT;
    desc.flags = TERN_CONTEXT_IGNORE_ENV;
    desc.allocator = &allocator;
    tern_context *context = NULL;
    CHECK_OK(tern_context_create(&desc, &context));
    gguf_writer w = {0};
    write_model(&w, 1, BY_GROUPS, ROWS, true);
    tern_source source = gguf_source(&w);
    tern_archive *archive = NULL;
    CHECK_OK(tern_archive_open(context, &source, &archive));
    tern_convert_desc convert = TERN_CONVERT_DESC_INIT;
    convert.type = "tq2_0";
    size_t blocks = memory.blocks;
    tern_status status = TERN_STATUS_OUT_OF_MEMORY;
    for (size_t n = 1; status == TERN_STATUS_OUT_OF_MEMORY; n++) {
        memory_sink out = {.room = SIZE_MAX};
        tern_sink sink = sink_of(&out);
        memory.fail_at = memory.calls + n;
        status = tern_convert(context, archive, &convert, &sink);
        assert_int_equal(memory.blocks, blocks);
        gguf_free(&out.writer);
        assert_true(n < 100 && (n > 5 || status == TERN_STATUS_OUT_OF_MEMORY));
    }
    assert_int_equal(status, TERN_STATUS_OK);
    memory.fail_at = 0;
    tern_archive_destroy(archive);
    gguf_free(&w);
    tern_context_destroy(context);
}

// A folder of files in memory, in the order in which they are opened.
typedef struct memory_folder {
    memory_sink files[4];
    char names[4][32];
    size_t count;
} memory_folder;

static tern_status open_file(void *user, const char *name, tern_sink *out_sink) {
    memory_folder *folder = user;
    assert_true(folder->count < 4);
    memory_sink *file = &folder->files[folder->count];
    snprintf(folder->names[folder->count++], 32, "%s", name);
    file->room = SIZE_MAX;
    *out_sink = sink_of(file);
    return TERN_STATUS_OK;
}

static void clear_folder(memory_folder *folder) {
    for (size_t i = 0; i < folder->count; i++) {
        gguf_free(&folder->files[i].writer);
    }
    *folder = (memory_folder){0};
}

static const char config[] =
    "{\"architectures\":[\"LlamaForCausalLM\"],\"num_hidden_layers\":1,\"hidden_size\":8,"
    "\"intermediate_size\":12,\"vocab_size\":5,\"max_position_embeddings\":64,"
    "\"num_attention_heads\":4,\"num_key_value_heads\":2,\"rms_norm_eps\":1e-05,"
    "\"quantization_config\":{\"quant_method\":\"bitnet\"}}";

// Packed rows of a width that no ternary type of GGUF has, with an inverse scale.
static tern_status open_small_folder(tern_context *context, memory_files *folder,
                                     safetensors_writer *w, tern_archive **out) {
    static const uint8_t packed[16] = {0x24, 0x90, 0x49, 0x12, 0x86, 0x61, 0x18, 0x06,
                                       0x55, 0xaa, 0x00, 0x95, 0x24, 0x90, 0x49, 0x12};
    static const uint16_t scale = 0x4233; // bfloat16
    safetensors_add(w, "model.layers.0.self_attn.q_proj.weight", "U8", "[2,8]", packed, 16);
    safetensors_add(w, "model.layers.0.self_attn.q_proj.weight_scale", "BF16", "[1]", &scale, 2);
    safetensors_add(w, "model.norm.weight", "F32", "[8]", NULL, 32);
    safetensors_end(w);
    memory_files_put(folder, "model.safetensors", w->file, w->size);
    memory_files_text(folder, "config.json", config);
    tern_files files = memory_files_of(folder);
    return tern_archive_open_files(context, &files, "", out);
}

static void check_file(const memory_folder *folder, size_t index, const char *name,
                       const void *data, size_t size) {
    assert_string_equal(folder->names[index], name);
    assert_int_equal(folder->files[index].writer.size, size);
    assert_memory_equal(folder->files[index].writer.data, data, size);
}

static void a_folder_comes_back(void **state) {
    (void)state;
    static safetensors_writer w;
    memory_files folder = {.count = 0};
    memory_sink memory = {.room = SIZE_MAX};
    tern_sink sink = sink_of(&memory);
    memory_folder made = {.count = 0};
    test_heap heap = {0};
    tern_allocator allocator = test_heap_allocator(&heap);
    tern_context_desc desc = TERN_CONTEXT_DESC_INIT;
    desc.flags = TERN_CONTEXT_IGNORE_ENV;
    desc.allocator = &allocator;
    tern_context *context = NULL;
    tern_archive *archive = NULL;
    CHECK_OK(tern_context_create(&desc, &context));
    CHECK_OK(open_small_folder(context, &folder, &w, &archive));
    CHECK_OK(tern_convert(context, archive, NULL, &sink));
    tern_archive_destroy(archive);
    tern_source source = gguf_source(&memory.writer);
    CHECK_OK(tern_archive_open(context, &source, &archive));
    size_t blocks = heap.blocks;
    tern_status status = TERN_STATUS_OUT_OF_MEMORY;
    for (size_t n = 1; status == TERN_STATUS_OUT_OF_MEMORY; n++) {
        clear_folder(&made);
        heap.fail_at = heap.calls + n;
        status = tern_convert_folder(context, archive, NULL, open_file, &made);
        assert_int_equal(heap.blocks, blocks);
        assert_true(n < 100 && (n > 5 || status == TERN_STATUS_OUT_OF_MEMORY));
    }
    CHECK_OK(status);
    assert_int_equal(made.count, 2);
    check_file(&made, 0, "model.safetensors", w.file, w.size);
    check_file(&made, 1, "config.json", config, strlen(config));
    clear_folder(&made);
    tern_archive_destroy(archive);
    gguf_free(&memory.writer);
    tern_context_destroy(context);
}

int main(void) {
    random_state = rng_make(83);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_to_every_type),
        cmocka_unit_test(failures_are_passed_on),
        cmocka_unit_test(unreadable_types_are_refused),
        cmocka_unit_test(a_lack_of_memory_leaves_nothing),
        cmocka_unit_test(a_folder_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
