// Saved sessions: the same bytes from every backend, going on with the same bits on any, and
// nothing but an error from any other bytes.
#include "tests/models/support.h"

static const char model_name[] = "tiny-b158-i2_s.gguf";
enum { VOCAB = 260, LONG = 150, FILLED = 100, HEADER = 40 };

// What a session wrote.
typedef struct bytes {
    uint8_t *data;
    size_t size;
    size_t capacity;
} bytes;

static tern_status take(void *user, const void *data, size_t size) {
    bytes *b = user;
    if (size > b->capacity - b->size) {
        return TERN_STATUS_IO;
    }
    memcpy(b->data + b->size, data, size);
    b->size += size;
    return TERN_STATUS_OK;
}

static bytes save(tern_session *session) {
    size_t size = (size_t)tern_session_saved_bytes(session);
    bytes b = {malloc(size), 0, size};
    tern_sink sink = {.struct_size = sizeof sink, .name = "memory", .user = &b, .write = take};
    assert_ok(tern_session_save(session, &sink));
    assert_int_equal(b.size, size);
    return b;
}

static tern_status restore(tern_session *session, const void *data, size_t size) {
    tern_source source = tern_source_from_memory("saved", data, size);
    return tern_session_restore(session, &source);
}

static void fill_ids(int32_t *ids) {
    for (uint32_t i = 0; i < LONG; i++) {
        ids[i] = (int32_t)((i * 131u + 23u) % VOCAB);
    }
}

static tern_session *filled(tern_model *model, tern_kv_type kv, uint32_t count, float *rest) {
    int32_t ids[LONG];
    float logits[VOCAB];
    fill_ids(ids);
    tern_session *session = open_session(model, kv, 0);
    feed(session, model, ids, count, count, count - 1, logits);
    if (rest) { // what follows, then back
        feed(session, model, ids + count, LONG - count, 1000, LONG - count - 1, rest);
        assert_ok(tern_session_rewind(session, count));
    }
    return session;
}

static void assert_goes_on(tern_session *session, tern_model *model, const float *rest) {
    int32_t ids[LONG];
    float logits[VOCAB];
    uint32_t position = tern_session_position(session);
    fill_ids(ids);
    assert_memory_equal(tern_session_ids(session), ids, position * sizeof *ids);
    feed(session, model, ids + position, LONG - position, 1000, LONG - position - 1, logits);
    assert_memory_equal(logits, rest, sizeof logits);
}

static void sessions_move_between_backends(void **state) {
    (void)state;
    bed here = default_bed(), there = bed_open(&reference_setup);
    tern_model *models[2] = {open_model(here.device, model_name),
                             open_model(there.device, model_name)};
    for (tern_kv_type kv = TERN_KV_F16; kv <= TERN_KV_I8; kv++) {
        tern_session *sessions[2];
        float rest[2][VOCAB];
        bytes saved[2];
        for (int i = 0; i < 2; i++) {
            sessions[i] = filled(models[i], kv, FILLED, rest[i]);
            saved[i] = save(sessions[i]);
        }
        assert_int_equal(saved[0].size, saved[1].size);
        assert_memory_equal(saved[0].data, saved[1].data, saved[0].size);
        for (int i = 0; i < 2; i++) {
            assert_ok(tern_session_rewind(sessions[i], 0)); // into one that had something else
            float other[VOCAB];
            int32_t zeros[70] = {0};
            feed(sessions[i], models[i], zeros, 70, 70, 69, other);
            assert_ok(restore(sessions[i], saved[1 - i].data, saved[1 - i].size));
            assert_int_equal(tern_session_position(sessions[i]), FILLED);
            assert_goes_on(sessions[i], models[i], rest[1 - i]);
            tern_session_destroy(sessions[i]);
        }
        free(saved[0].data);
        free(saved[1].data);
    }
    tern_model_destroy(models[0]);
    tern_model_destroy(models[1]);
    bed_close(&there);
}

static uint64_t number(const uint8_t *at, int size) {
    uint64_t value = 0;
    for (int i = size; i-- > 0;) {
        value = value << 8 | at[i];
    }
    return value;
}

// As the format's description has it; FNV-1a's constants are those of its authors.
static void the_format_is_what_is_written_down(void **state) {
    (void)state;
    bed b = default_bed();
    tern_model *model = open_model(b.device, model_name);
    tern_model_info info = {.struct_size = sizeof info};
    assert_ok(tern_model_describe(model, &info));
    assert_true(info.fingerprint != 0);
    tern_session *session = filled(model, TERN_KV_F32, 70, NULL);
    int32_t ids[LONG];
    fill_ids(ids);
    bytes saved = save(session);
    uint64_t content = 2ull * info.layers * info.kv_heads * info.head_dim * 70 * 4;
    assert_memory_equal(saved.data, "TERNSESS", 8);
    assert_int_equal(number(saved.data + 8, 4), 1);
    assert_int_equal(number(saved.data + 12, 4), 70);
    assert_int_equal(number(saved.data + 16, 8), info.fingerprint);
    assert_int_equal(number(saved.data + 24, 4), TERN_KV_F32);
    assert_int_equal(number(saved.data + 28, 4), 0);
    assert_int_equal(number(saved.data + 32, 8), content);
    assert_int_equal(saved.size, HEADER + 70 * 4 + content + 8);
    for (uint32_t i = 0; i < 70; i++) {
        assert_int_equal(number(saved.data + HEADER + 4 * i, 4), ids[i]);
    }
    uint64_t hash = 14695981039346656037ull;
    for (size_t i = 0; i < saved.size - 8; i++) {
        hash = (hash ^ saved.data[i]) * 1099511628211ull;
    }
    assert_true(number(saved.data + saved.size - 8, 8) == hash);
    free(saved.data);
    tern_session_destroy(session);
    tern_model_destroy(model);
}

static void cut_or_changed_anywhere_is_refused(void **state) {
    (void)state;
    bed b = default_bed();
    tern_model *model = open_model(b.device, model_name);
    float rest[VOCAB];
    tern_session *small = filled(model, TERN_KV_F16, 2, NULL);
    tern_session *session = filled(model, TERN_KV_F16, FILLED, rest);
    bytes saved = save(small);
    for (size_t size = 0; size < saved.size; size++) {
        assert_fails(restore(session, saved.data, size), TERN_STATUS_CORRUPT_DATA,
                     size < HEADER + 8 ? "too few" : "cut off");
    }
    for (size_t i = 0; i < saved.size; i++) {
        saved.data[i] ^= 1u << i % 8;
        tern_status status = restore(session, saved.data, saved.size);
        assert_int_equal(status,
                         i >= 8 && i < 12 ? TERN_STATUS_INCOMPATIBLE : TERN_STATUS_CORRUPT_DATA);
        saved.data[i] ^= 1u << i % 8;
    }
    uint8_t *longer = calloc(1, saved.size + 1);
    memcpy(longer, saved.data, saved.size);
    assert_fails(restore(session, longer, saved.size + 1), TERN_STATUS_CORRUPT_DATA, "contradicts");
    assert_fails(restore(session, model_name, 0), TERN_STATUS_CORRUPT_DATA, "0 bytes");
    file_path foreign = find_file(model_name);
    size_t size = 0;
    unsigned char *gguf = read_file(foreign.text, &size);
    assert_fails(restore(session, gguf, size), TERN_STATUS_CORRUPT_DATA, "saved: no saved session");
    assert_int_equal(tern_session_position(session), FILLED);
    assert_goes_on(session, model, rest); // after all that as before
    free(gguf);
    free(longer);
    free(saved.data);
    tern_session_destroy(small);
    tern_session_destroy(session);
    tern_model_destroy(model);
}

static void sessions_of_another_kind_are_refused(void **state) {
    (void)state;
    bed b = default_bed();
    tern_model *model = open_model(b.device, model_name);
    tern_model *other = open_model(b.device, "tiny-b158-scale.gguf");
    tern_session *session = filled(model, TERN_KV_F16, FILLED, NULL);
    bytes saved = save(session);
    tern_session *wide = open_session(model, TERN_KV_F32, 0);
    tern_session *foreign = open_session(other, TERN_KV_F16, 0), *small = NULL;
    tern_session_desc desc = TERN_SESSION_DESC_INIT;
    desc.context = FILLED - 1;
    assert_ok(tern_session_create(model, &desc, &small));
    assert_fails(restore(wide, saved.data, saved.size), TERN_STATUS_INCOMPATIBLE,
                 "a cache of f16, this one's is f32");
    assert_fails(restore(foreign, saved.data, saved.size), TERN_STATUS_INCOMPATIBLE,
                 "another model");
    assert_fails(restore(small, saved.data, saved.size), TERN_STATUS_OUT_OF_RANGE,
                 "100 positions, this one's context has 99");
    free(saved.data);
    tern_session_destroy(session);
    tern_session_destroy(wide);
    tern_session_destroy(foreign);
    tern_session_destroy(small);
    tern_model_destroy(model);
    tern_model_destroy(other);
}

static uint64_t fingerprint_of(tern_device *device, const uint8_t *data, size_t size,
                               uint32_t flags) {
    tern_source source = tern_source_from_memory("changed", data, size);
    tern_model_desc desc = TERN_MODEL_DESC_INIT;
    tern_model_info info = {.struct_size = sizeof info};
    tern_model *model = NULL;
    desc.flags = flags;
    assert_ok(tern_model_load(device, &source, &desc, &model));
    assert_ok(tern_model_describe(model, &info));
    tern_model_destroy(model);
    return info.fingerprint;
}

static size_t find_bytes(const uint8_t *data, size_t size, const char *text) {
    for (size_t i = 0; i + strlen(text) < size; i++) {
        if (memcmp(data + i, text, strlen(text)) == 0) {
            return i;
        }
    }
    fail_msg("no '%s' in the file", text);
    return 0;
}

static void what_makes_another_model_changes_the_fingerprint(void **state) {
    (void)state;
    bed b = default_bed();
    size_t size = 0;
    file_path path = find_file(model_name);
    uint8_t *data = read_file(path.text, &size);
    uint64_t seen[4];
    seen[0] = fingerprint_of(b.device, data, size, 0);
    assert_true(fingerprint_of(b.device, data, size, 0) == seen[0]);
    seen[1] = fingerprint_of(b.device, data, size, TERN_MODEL_HEAD_Q8);
    size_t eps = find_bytes(data, size, "layer_norm_rms_epsilon") + 22 + 4;
    data[eps] ^= 1; // of its float's mantissa
    seen[2] = fingerprint_of(b.device, data, size, 0);
    data[eps] ^= 1;
    data[size - 64] ^= 1; // of the last tensor's values
    seen[3] = fingerprint_of(b.device, data, size, 0);
    data[size - 64] ^= 1;
    for (int i = 0; i < 4; i++) {
        for (int k = 0; k < i; k++) {
            assert_true(seen[i] != seen[k]);
        }
    }
    size_t name = find_bytes(data, size, "general.name") + 12 + 4 + 8;
    data[name] ^= 1; // what the file is called does not matter
    assert_true(fingerprint_of(b.device, data, size, 0) == seen[0]);
    free(data);
}

static void files_are_whole_or_as_before(void **state) {
    (void)state;
    const char *folder = getenv("TMPDIR");
    char path[1024];
    bed b = default_bed();
    tern_model *model = open_model(b.device, model_name);
    float rest[VOCAB];
    tern_session *session = filled(model, TERN_KV_F16, FILLED, rest);
    snprintf(path, sizeof path, "%s/tern-saved-%p", folder ? folder : "/tmp", (void *)session);
    assert_ok(tern_session_save_file(session, path));
    tern_source source;
    assert_ok(tern_source_open_file(b.context, path, &source));
    assert_int_equal(source.size, tern_session_saved_bytes(session));
    assert_ok(tern_session_rewind(session, 0));
    assert_ok(tern_session_restore(session, &source));
    tern_source_close(&source);
    assert_goes_on(session, model, rest);
    remove(path);
    assert_fails(tern_session_save_file(session, "/nowhere/at/all"), TERN_STATUS_NOT_FOUND,
                 "/nowhere/at/all: a session could not be written");
    uint8_t little[300];
    bytes full = {little, 0, sizeof little};
    tern_sink sink = {.struct_size = sizeof sink, .name = "full", .user = &full, .write = take};
    assert_fails(tern_session_save(session, &sink), TERN_STATUS_IO,
                 "full: a session could not be written: input/output error");
    tern_session_destroy(session);
    tern_model_destroy(model);
}

// Bytes that come or go while another session of the model runs, and while one is made that has
// the cache moved to larger buffers.
typedef struct slow {
    bytes b;
    size_t at;
    uint32_t calls;
    tern_model *model;
    tern_session *other, *large;
} slow;

static void run_others(slow *s) {
    float logits[VOCAB];
    int32_t id = (int32_t)(s->calls % VOCAB);
    if (s->calls++ == 2) {
        tern_session_desc desc = TERN_SESSION_DESC_INIT;
        assert_ok(tern_session_create(s->model, &desc, &s->large));
    }
    if (s->calls < 6) {
        feed(s->other, s->model, &id, 1, 1, 0, logits);
    }
}

static tern_status take_slowly(void *user, const void *data, size_t size) {
    slow *s = user;
    run_others(s);
    return take(&s->b, data, size);
}

static tern_status give_slowly(void *user, uint64_t offset, void *data, size_t size) {
    slow *s = user;
    run_others(s);
    memcpy(data, s->b.data + offset, size);
    return TERN_STATUS_OK;
}

static void others_run_while_one_is_saved(void **state) {
    (void)state;
    bed b = default_bed();
    tern_model *model = open_model(b.device, model_name);
    float rest[VOCAB];
    tern_session *session = filled(model, TERN_KV_F16, FILLED, rest);
    bytes plain = save(session);
    slow s = {.model = model, .other = open_session(model, TERN_KV_F16, 0)};
    s.b = (bytes){malloc(plain.size), 0, plain.size};
    tern_sink sink = {.struct_size = sizeof sink, .name = "slow", .user = &s, .write = take_slowly};
    assert_ok(tern_session_save(session, &sink));
    assert_memory_equal(s.b.data, plain.data, plain.size);
    tern_session_destroy(s.large);
    s.large = NULL;
    s.calls = 0;
    tern_source source = tern_source_from_memory("slow", s.b.data, s.b.size);
    source.user = &s;
    source.read_at = give_slowly;
    source.map = NULL;
    assert_ok(tern_session_rewind(session, 0));
    assert_ok(tern_session_restore(session, &source));
    assert_goes_on(session, model, rest);
    // header, checksum of 64 KiB pieces, ids in a piece each time, a block of each buffer
    assert_in_range(s.calls, 1, 60);
    tern_session_destroy(s.large);
    tern_session_destroy(s.other);
    tern_session_destroy(session);
    free(s.b.data);
    free(plain.data);
    tern_model_destroy(model);
}

const struct CMUnitTest saved_tests[] = {
    cmocka_unit_test(others_run_while_one_is_saved),
    cmocka_unit_test(sessions_move_between_backends),
    cmocka_unit_test(the_format_is_what_is_written_down),
    cmocka_unit_test(cut_or_changed_anywhere_is_refused),
    cmocka_unit_test(sessions_of_another_kind_are_refused),
    cmocka_unit_test(what_makes_another_model_changes_the_fingerprint),
    cmocka_unit_test(files_are_whole_or_as_before),
};
const size_t saved_test_count = sizeof saved_tests / sizeof saved_tests[0];
