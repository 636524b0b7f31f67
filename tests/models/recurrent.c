// Sessions of a network whose memory is a state: the bits of one told from its start, whatever
// happens to the others.
#include "tests/models/support.h"

static const char name[] = "tiny-hgrn.gguf";
enum { VOCAB = 260, COUNT = 12, MORE = 5, OTHERS = 9 };
static const int32_t ids[COUNT + MORE] = {1,  17, 99, 4,   250, 31, 8,  77, 120,
                                          63, 5,  44, 201, 18,  90, 33, 7};

// Logits after the last of |count| ids that a session takes.
static void tell(tern_session *session, tern_model *model, const int32_t *from, uint32_t count,
                 float out[VOCAB]) {
    assert_int_equal(feed(session, model, from, count, count, count - 1, out), 1);
}

static void a_state_is_that_of_the_last_position_alone(void **state) {
    (void)state;
    bed b = default_bed();
    tern_model *model = open_model(b.device, name);
    tern_session *session = open_session(model, TERN_KV_F16, 0);
    float first[VOCAB], again[VOCAB];
    tell(session, model, ids, COUNT, first);
    static const char message[] = "cannot rewind to position 3 of 12: a recurrent network";
    assert_fails(tern_session_rewind(session, 3), TERN_STATUS_UNSUPPORTED, message);
    tern_session *fork = NULL;
    assert_fails(tern_session_fork(session, 3, &fork), TERN_STATUS_UNSUPPORTED, "fork at");
    assert_null(fork);
    assert_fails(tern_session_drop(session, 3, 2, NULL), TERN_STATUS_UNSUPPORTED, "3 of 12");
    assert_int_equal(tern_session_position(session), COUNT);
    assert_ok(tern_session_rewind(session, COUNT));
    assert_ok(tern_session_rewind(session, 0));
    tell(session, model, ids, COUNT, again);
    assert_memory_equal(first, again, sizeof first);
    assert_ok(tern_session_drop(session, 0, 4, NULL)); // what is left is told again
    tell(session, model, ids + COUNT, MORE, again);
    tern_session_destroy(session);
    session = open_session(model, TERN_KV_F32, 0);
    tell(session, model, ids + 4, COUNT + MORE - 4, first);
    assert_memory_equal(first, again, sizeof first);
    tern_session_destroy(session);
    tern_model_destroy(model);
}

// More sessions than there is room for at first, so that states move while one is being told.
static void sessions_keep_their_states_apart(void **state) {
    (void)state;
    bed b = default_bed();
    tern_model *model = open_model(b.device, name);
    tern_session *session = open_session(model, TERN_KV_F16, 0), *fork = NULL, *others[OTHERS];
    float wanted[VOCAB], got[VOCAB], dropped[VOCAB];
    tell(session, model, ids, COUNT + MORE, wanted);
    assert_ok(tern_session_rewind(session, 0));
    tell(session, model, ids, COUNT, got);
    for (int i = 0; i < OTHERS; i++) {
        others[i] = open_session(model, TERN_KV_F16, 0);
        tell(others[i], model, ids + i, 3, dropped);
    }
    assert_ok(tern_session_fork(session, COUNT, &fork));
    tell(session, model, ids + 2, 2, dropped);
    tell(fork, model, ids + COUNT, MORE, got);
    assert_memory_equal(got, wanted, sizeof got);
    assert_int_equal(tern_session_position(fork), COUNT + MORE);
    for (int i = 0; i < OTHERS; i++) {
        tern_session_destroy(others[i]);
    }
    tern_session_destroy(fork);
    tern_session_destroy(session);
    tern_model_destroy(model);
}

// A prompt that begins as the session does is told anew, unless it goes on from there.
static void a_prompt_is_reused_whole_or_not(void **state) {
    (void)state;
    bed b = default_bed();
    tern_model *model = open_model(b.device, name);
    tern_session *session = open_session(model, TERN_KV_F16, 0);
    int32_t wanted[MORE], got[MORE];
    tern_generate_desc desc = {.struct_size = sizeof desc, .max_tokens = MORE, .prompt = ids};
    tern_generate_result result = {.struct_size = sizeof result};
    desc.flags = TERN_GENERATE_REUSE;
    desc.prompt_count = COUNT;
    desc.out_ids = wanted;
    assert_ok(tern_session_generate(session, &desc, &result));
    uint32_t count = result.count;
    desc.out_ids = got;
    assert_ok(tern_session_generate(session, &desc, &result));
    assert_int_equal(result.reused, 0);
    assert_int_equal(result.count, count);
    assert_memory_equal(got, wanted, count * sizeof *got);
    float dropped[VOCAB];
    assert_ok(tern_session_rewind(session, 0));
    tell(session, model, ids, COUNT - 3, dropped);
    assert_ok(tern_session_generate(session, &desc, &result));
    assert_int_equal(result.reused, COUNT - 3);
    assert_memory_equal(got, wanted, count * sizeof *got);
    tern_session_destroy(session);
    tern_model_destroy(model);
}

typedef struct bytes {
    uint8_t data[4096];
    size_t size;
} bytes;

static tern_status take(void *user, const void *data, size_t size) {
    bytes *b = user;
    assert_true(size <= sizeof b->data - b->size);
    memcpy(b->data + b->size, data, size);
    b->size += size;
    return TERN_STATUS_OK;
}

static void a_saved_state_goes_on_where_it_was(void **state) {
    (void)state;
    bed b = default_bed();
    tern_model *model = open_model(b.device, name);
    tern_session *session = open_session(model, TERN_KV_F16, 0);
    float wanted[VOCAB], got[VOCAB], dropped[VOCAB];
    static bytes saved;
    saved.size = 0;
    tern_sink sink = {.struct_size = sizeof sink, .name = "memory", .user = &saved, .write = take};
    tell(session, model, ids, COUNT, dropped);
    assert_ok(tern_session_save(session, &sink));
    assert_true(saved.size >= 2 * 128 * sizeof(float)); // two layers' states
    tell(session, model, ids + COUNT, MORE, wanted);
    tern_session_destroy(session);
    tern_session *other = open_session(model, TERN_KV_F16, 0);
    session = open_session(model, TERN_KV_F16, 0);
    tell(session, model, ids + 3, 2, dropped);
    tern_source source = tern_source_from_memory("saved", saved.data, saved.size);
    assert_ok(tern_session_restore(session, &source));
    assert_int_equal(tern_session_position(session), COUNT);
    tell(session, model, ids + COUNT, MORE, got);
    assert_memory_equal(got, wanted, sizeof got);
    tern_session_destroy(session);
    tern_session_destroy(other);
    tern_model_destroy(model);
}

const struct CMUnitTest recurrent_tests[] = {
    cmocka_unit_test(a_state_is_that_of_the_last_position_alone),
    cmocka_unit_test(sessions_keep_their_states_apart),
    cmocka_unit_test(a_saved_state_goes_on_where_it_was),
    cmocka_unit_test(a_prompt_is_reused_whole_or_not),
};
const size_t recurrent_test_count = sizeof recurrent_tests / sizeof recurrent_tests[0];
