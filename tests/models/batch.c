// Batches: each session's bits as if alone, mistakes of one item its own, any number of sessions.
#include "tests/models/support.h"

static const char model_name[] = "tiny-b158-i2_s.gguf";
enum { VOCAB = 260, ITEMS = 20, STEPS = 4, LONGEST = 41 };

// A session's prompt and what followed it.
typedef struct story {
    tern_kv_type kv;
    uint32_t count; // ids of the prompt
    int32_t ids[LONGEST];
    int32_t next[STEPS];
    float logits[STEPS][VOCAB];
} story;

static void make_story(tern_model *model, uint32_t seed, story *out) {
    out->kv = seed % 3 == 2 ? TERN_KV_F32 : TERN_KV_F16;
    out->count = 1 + seed * 17 % LONGEST;
    for (uint32_t i = 0; i < out->count; i++) {
        out->ids[i] = (int32_t)((i * 131u + seed * 37u + 1u) % VOCAB);
    }
    tern_session *session = open_session(model, out->kv, 0);
    feed(session, model, out->ids, out->count, out->count, out->count - 1, out->logits[0]);
    out->next[0] = best(out->logits[0], VOCAB);
    for (int i = 1; i < STEPS; i++) {
        feed(session, model, &out->next[i - 1], 1, 1, 0, out->logits[i]);
        out->next[i] = best(out->logits[i], VOCAB);
    }
    tern_session_destroy(session);
}

// All stories told at once, |max_rows| rows in a step.
static void tell_together(tern_model *model, const story *stories, uint32_t max_rows) {
    static float logits[ITEMS * VOCAB];
    tern_batch_item items[ITEMS] = {{0}};
    tern_batch_desc desc = {
        .struct_size = sizeof desc, .item_count = ITEMS, .items = items, .logits = logits};
    for (int i = 0; i < ITEMS; i++) {
        items[i].session = open_session(model, stories[i].kv, max_rows);
        items[i].tokens = stories[i].ids;
        items[i].token_count = stories[i].count;
    }
    for (int step = 0; step < STEPS; step++) {
        assert_ok(tern_decode_batch(model, &desc));
        for (int i = 0; i < ITEMS; i++) {
            assert_int_equal(items[i].status, TERN_STATUS_OK);
            assert_int_equal(items[i].next, stories[i].next[step]);
            assert_memory_equal(logits + i * VOCAB, stories[i].logits[step], VOCAB * sizeof(float));
            items[i].tokens = &stories[i].next[step];
            items[i].token_count = 1;
        }
    }
    for (int i = 0; i < ITEMS; i++) {
        tern_session_destroy(items[i].session);
    }
}

static void a_batch_gives_each_session_its_own_bits(void **state) {
    (void)state;
    static const uint32_t max_rows[] = {0, 8, 1}; // with 8 and 1 there are more than a step holds
    static const char *const names[] = {"tiny-b158-i2_s.gguf", "tiny-hgrn.gguf", "tiny-maple.gguf"};
    static story stories[ITEMS];
    bed b = default_bed();
    for (int k = 0; k < 3; k++) { // with a cache, with states, with experts
        tern_model *model = open_model(b.device, names[k]);
        for (uint32_t i = 0; i < ITEMS; i++) {
            make_story(model, i, &stories[i]);
        }
        for (int i = 0; i < (setups[0].slow ? 2 : 3); i++) {
            tell_together(model, stories, max_rows[i]);
        }
        tern_model_destroy(model);
    }
}

static void mistakes_of_one_item_are_its_own(void **state) {
    (void)state;
    enum { COUNT = 8 };
    bed b = default_bed();
    tern_model *model = open_model(b.device, model_name);
    tern_model *other = open_model(b.device, model_name);
    story good[2];
    float logits[COUNT * VOCAB];
    const int32_t long_ids[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, wrong[2] = {5, VOCAB};
    make_story(model, 1, &good[0]);
    make_story(model, 2, &good[1]);
    tern_session_desc small = TERN_SESSION_DESC_INIT;
    small.context = 8;
    tern_session *full = NULL, *first = open_session(model, good[0].kv, 0);
    assert_ok(tern_session_create(model, &small, &full));
    tern_session *sessions[COUNT] = {full,
                                     first,
                                     NULL,
                                     first,
                                     open_session(other, TERN_KV_F16, 0),
                                     open_session(model, TERN_KV_F16, 0),
                                     open_session(model, TERN_KV_F16, 0),
                                     open_session(model, good[1].kv, 0)};
    tern_batch_item items[COUNT] = {
        {full, long_ids, 9, 0, -7, 0},        {first, good[0].ids, good[0].count, 0, -7, 0},
        {NULL, long_ids, 1, 0, -7, 0},        {first, long_ids, 1, 0, -7, 0},
        {sessions[4], long_ids, 1, 0, -7, 0}, {sessions[5], wrong, 2, 0, -7, 0},
        {sessions[6], long_ids, 0, 0, -7, 0}, {sessions[7], good[1].ids, good[1].count, 0, -7, 0}};
    static const tern_status statuses[COUNT] = {
        TERN_STATUS_OUT_OF_RANGE,     TERN_STATUS_OK,
        TERN_STATUS_INVALID_ARGUMENT, TERN_STATUS_INVALID_ARGUMENT,
        TERN_STATUS_INVALID_ARGUMENT, TERN_STATUS_OUT_OF_RANGE,
        TERN_STATUS_INVALID_ARGUMENT, TERN_STATUS_OK};
    tern_batch_desc desc = {
        .struct_size = sizeof desc, .item_count = COUNT, .items = items, .logits = logits};
    memset(logits, 0x55, sizeof logits);
    assert_fails(tern_decode_batch(model, &desc), TERN_STATUS_OUT_OF_RANGE,
                 "batch: item 0: 9 positions asked for after 0, the context has 8");
    for (int i = 0; i < COUNT; i++) {
        const story *told = i == 1 ? &good[0] : i == 7 ? &good[1] : NULL;
        assert_int_equal(items[i].status, statuses[i]);
        assert_int_equal(items[i].next, told ? told->next[0] : -7);
        if (told) {
            assert_memory_equal(logits + i * VOCAB, told->logits[0], VOCAB * sizeof(float));
        } else {
            assert_int_equal(((unsigned char *)(logits + i * VOCAB))[4 * VOCAB - 1], 0x55);
            assert_true(i == 3 || tern_session_position(sessions[i]) == 0);
        }
    }
    for (int i = 0; i < COUNT; i++) {
        if (i != 3) {
            tern_session_destroy(sessions[i]);
        }
    }
    tern_model_destroy(other);
    tern_model_destroy(model);
}

static void a_batch_of_nothing_is_nothing(void **state) {
    (void)state;
    bed b = default_bed();
    tern_model *model = open_model(b.device, model_name);
    tern_batch_desc desc = {.struct_size = sizeof desc};
    assert_ok(tern_decode_batch(model, &desc));
    desc.item_count = 1;
    assert_fails(tern_decode_batch(model, &desc), TERN_STATUS_INVALID_ARGUMENT, "items is NULL");
    assert_fails(tern_decode_batch(NULL, &desc), TERN_STATUS_INVALID_ARGUMENT, "model is NULL");
    assert_fails(tern_decode_batch(model, NULL), TERN_STATUS_INVALID_ARGUMENT, "desc is NULL");
    tern_model_destroy(model);
}

const struct CMUnitTest batch_tests[] = {
    cmocka_unit_test(a_batch_gives_each_session_its_own_bits),
    cmocka_unit_test(mistakes_of_one_item_are_its_own),
    cmocka_unit_test(a_batch_of_nothing_is_nothing),
};
const size_t batch_test_count = sizeof batch_tests / sizeof batch_tests[0];
