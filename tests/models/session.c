// Sessions: several in one pass, from several threads, growing, rewound, at their limits.
#include "tests/models/support.h"

#include <pthread.h>

static const char model_name[] = "tiny-b158-i2_s.gguf";
enum { VOCAB = 260, LONG = 75 };

typedef struct fixture {
    bed b;
    tern_model *model;
} fixture;

static fixture open_fixture(void) {
    fixture f = {default_bed(), NULL};
    f.model = open_model(f.b.device, model_name);
    assert_int_equal(vocabulary(f.model), VOCAB);
    return f;
}

static void close_fixture(fixture *f) {
    tern_model_destroy(f->model);
}

static void fill_ids(int32_t *ids, uint32_t count, uint32_t seed) {
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = (int32_t)((i * 131u + seed * 37u + 1u) % VOCAB);
    }
}

// Logits of every row of one session alone.
static void run_alone(tern_model *model, tern_kv_type kv, const int32_t *ids, uint32_t count,
                      float *logits) {
    tern_session *session = open_session(model, kv, 0);
    feed(session, model, ids, count, 1, 0, logits);
    tern_session_destroy(session);
}

static void sessions_in_one_eval_equal_each_alone(void **state) {
    (void)state;
    enum { SESSIONS = 3, EACH = 20 };
    static const tern_kv_type kinds[SESSIONS] = {TERN_KV_F16, TERN_KV_F16, TERN_KV_F32};
    fixture f = open_fixture();
    tern_session *sessions[SESSIONS];
    int32_t ids[SESSIONS][EACH];
    tern_row rows[SESSIONS * EACH] = {{0}};
    static float wanted[SESSIONS][EACH * VOCAB], got[SESSIONS * EACH * VOCAB];
    for (uint32_t s = 0; s < SESSIONS; s++) {
        fill_ids(ids[s], EACH, s);
        run_alone(f.model, kinds[s], ids[s], EACH, wanted[s]);
        sessions[s] = open_session(f.model, kinds[s], 0);
    }
    for (uint32_t i = 0; i < SESSIONS * EACH; i++) {
        uint32_t s = i % SESSIONS;
        rows[i] = (tern_row){sessions[s], ids[s][i / SESSIONS], TERN_ROW_LOGITS};
    }
    tern_eval_desc eval = {
        .struct_size = sizeof eval, .row_count = SESSIONS * EACH, .rows = rows, .logits = got};
    assert_ok(tern_model_eval(f.model, &eval));
    for (uint32_t i = 0; i < SESSIONS * EACH; i++) {
        const float *alone = wanted[i % SESSIONS] + (i / SESSIONS) * VOCAB;
        assert_memory_equal(got + i * VOCAB, alone, VOCAB * sizeof(float));
    }
    for (uint32_t s = 0; s < SESSIONS; s++) {
        assert_int_equal(tern_session_position(sessions[s]), EACH);
        tern_session_destroy(sessions[s]);
    }
    close_fixture(&f);
}

static void a_session_keeps_its_content_while_others_make_the_cache_grow(void **state) {
    (void)state;
    enum { OTHERS = 6 };
    fixture f = open_fixture();
    int32_t ids[LONG];
    static float wanted[LONG * VOCAB], got[LONG * VOCAB];
    fill_ids(ids, LONG, 5);
    run_alone(f.model, TERN_KV_F16, ids, LONG, wanted);
    tern_model_destroy(f.model); // its cache has grown already
    f.model = open_model(f.b.device, model_name);
    tern_session_desc desc = TERN_SESSION_DESC_INIT;
    tern_session *session = NULL, *others[OTHERS];
    desc.context = 80;
    assert_ok(tern_session_create(f.model, &desc, &session));
    uint32_t done = 0;
    for (int i = 0; i < OTHERS; i++) {
        feed(session, f.model, ids + done, 12, 1, 0, got + done * VOCAB);
        done += 12;
        others[i] = open_session(f.model, TERN_KV_F16, 0);
        feed(others[i], f.model, ids, 3, 100, 99, got + done * VOCAB);
    }
    feed(session, f.model, ids + done, LONG - done, 1, 0, got + done * VOCAB);
    assert_memory_equal(got, wanted, sizeof got);
    for (int i = 0; i < OTHERS; i++) {
        tern_session_destroy(others[i]);
    }
    tern_session_destroy(session);
    close_fixture(&f);
}

static void rewinding_forgets(void **state) {
    (void)state;
    fixture f = open_fixture();
    int32_t ids[LONG], other[LONG];
    static float wanted[LONG * VOCAB], got[LONG * VOCAB];
    fill_ids(ids, LONG, 1);
    fill_ids(other, LONG, 2);
    run_alone(f.model, TERN_KV_F16, ids, LONG, wanted);
    tern_session *session = open_session(f.model, TERN_KV_F16, 0);
    feed(session, f.model, ids, 40, 1, 0, got);
    feed(session, f.model, other, 30, 1, 0, got);
    assert_fails(tern_session_rewind(session, 71), TERN_STATUS_OUT_OF_RANGE, "70 are filled");
    assert_ok(tern_session_rewind(session, 40));
    assert_int_equal(tern_session_position(session), 40);
    feed(session, f.model, ids + 40, LONG - 40, 1, 0, got);
    assert_memory_equal(got, wanted + 40 * VOCAB, (LONG - 40) * VOCAB * sizeof(float));
    tern_session_destroy(session);
    close_fixture(&f);
}

static void hidden_states_come_in_the_order_of_the_rows(void **state) {
    (void)state;
    enum { COUNT = 6 };
    static const uint32_t flags[COUNT] = {
        TERN_ROW_HIDDEN, TERN_ROW_LOGITS, 0, TERN_ROW_HIDDEN | TERN_ROW_LOGITS,
        TERN_ROW_HIDDEN, TERN_ROW_LOGITS};
    fixture f = open_fixture();
    tern_model_info info = {.struct_size = sizeof info};
    assert_ok(tern_model_describe(f.model, &info));
    int32_t ids[COUNT];
    static float all[COUNT * VOCAB], logits[COUNT * VOCAB];
    float *hidden = calloc(COUNT * 2, info.width * sizeof *hidden);
    float *each = hidden + COUNT * info.width;
    fill_ids(ids, COUNT, 3);
    run_alone(f.model, TERN_KV_F16, ids, COUNT, all);
    tern_session *session = open_session(f.model, TERN_KV_F16, 0);
    tern_row rows[COUNT];
    for (int i = 0; i < COUNT; i++) { // one at a time
        rows[i] = (tern_row){session, ids[i], TERN_ROW_HIDDEN};
        tern_eval_desc one = {.struct_size = sizeof one, .row_count = 1, .rows = &rows[i]};
        one.hidden = each + (size_t)i * info.width;
        assert_ok(tern_model_eval(f.model, &one));
        rows[i].flags = flags[i];
    }
    assert_ok(tern_session_rewind(session, 0));
    tern_eval_desc eval = {.struct_size = sizeof eval,
                           .row_count = COUNT,
                           .rows = rows,
                           .logits = logits,
                           .hidden = hidden};
    assert_ok(tern_model_eval(f.model, &eval));
    static const int hidden_rows[] = {0, 3, 4}, logit_rows[] = {1, 3, 5};
    for (int i = 0; i < 3; i++) {
        assert_memory_equal(hidden + (size_t)i * info.width,
                            each + (size_t)hidden_rows[i] * info.width, info.width * sizeof(float));
        assert_memory_equal(logits + i * VOCAB, all + logit_rows[i] * VOCAB, VOCAB * sizeof(float));
    }
    free(hidden);
    tern_session_destroy(session);
    close_fixture(&f);
}

typedef struct worker {
    tern_model *model;
    int32_t ids[LONG];
    float wanted[LONG * VOCAB];
    int rounds;
    int different;
} worker;

static void *work(void *user) {
    worker *w = user;
    float *got = malloc(sizeof w->wanted);
    for (int round = 0; round < w->rounds; round++) {
        tern_session_desc desc = TERN_SESSION_DESC_INIT;
        tern_session *session = NULL;
        desc.context = round % 2 ? 100 : 0;
        w->different += tern_session_create(w->model, &desc, &session) != TERN_STATUS_OK;
        for (uint32_t i = 0; session && i < LONG; i++) {
            tern_row row = {session, w->ids[i], TERN_ROW_LOGITS};
            tern_eval_desc eval = {.struct_size = sizeof eval, .row_count = 1, .rows = &row};
            eval.logits = got + (size_t)i * VOCAB;
            w->different += tern_model_eval(w->model, &eval) != TERN_STATUS_OK;
        }
        w->different += memcmp(got, w->wanted, sizeof w->wanted) != 0;
        tern_session_destroy(session);
    }
    free(got);
    return NULL;
}

static void two_threads_with_a_session_each_get_the_same_bits(void **state) {
    (void)state;
    fixture f = open_fixture();
    static worker workers[2];
    pthread_t threads[2];
    for (uint32_t i = 0; i < 2; i++) {
        workers[i] = (worker){.model = f.model, .rounds = setups[0].slow ? 2 : 8};
        fill_ids(workers[i].ids, LONG, i + 8);
        run_alone(f.model, TERN_KV_F16, workers[i].ids, LONG, workers[i].wanted);
    }
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (uint32_t i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(workers[0].different + workers[1].different, 0);
    close_fixture(&f);
}

static int32_t stop_at_once(void *user) {
    int *calls = user;
    return ++*calls > 2;
}

static void limits_and_mistakes_are_reported_before_anything_runs(void **state) {
    (void)state;
    fixture f = open_fixture();
    static float logits[40 * VOCAB];
    int32_t ids[40];
    tern_session *session = NULL;
    tern_session_desc desc = TERN_SESSION_DESC_INIT;
    desc.context = 300;
    assert_fails(tern_session_create(f.model, &desc, &session), TERN_STATUS_OUT_OF_RANGE, "256");
    desc.context = 32;
    desc.max_rows = 7;
    assert_fails(tern_session_create(f.model, &desc, &session), TERN_STATUS_INVALID_ARGUMENT, "7");
    desc.max_rows = 8;
    assert_ok(tern_session_create(f.model, &desc, &session));
    assert_int_equal(tern_session_context(session), 32);

    tern_row rows[40];
    fill_ids(ids, 40, 4);
    for (int i = 0; i < 40; i++) {
        rows[i] = (tern_row){session, ids[i], TERN_ROW_LOGITS};
    }
    tern_eval_desc eval = {
        .struct_size = sizeof eval, .row_count = 33, .rows = rows, .logits = logits};
    assert_fails(tern_model_eval(f.model, &eval), TERN_STATUS_OUT_OF_RANGE, "33");
    assert_int_equal(tern_session_position(session), 0);
    eval.row_count = 5;
    rows[4].token = VOCAB;
    assert_fails(tern_model_eval(f.model, &eval), TERN_STATUS_OUT_OF_RANGE, "260");
    rows[4].token = -1;
    assert_fails(tern_model_eval(f.model, &eval), TERN_STATUS_OUT_OF_RANGE, "-1");
    rows[4].token = 0;
    eval.logits = NULL;
    assert_fails(tern_model_eval(f.model, &eval), TERN_STATUS_INVALID_ARGUMENT, "logits");
    eval.logits = logits;
    rows[2].session = NULL;
    assert_fails(tern_model_eval(f.model, &eval), TERN_STATUS_INVALID_ARGUMENT, "row 2");
    rows[2].session = session;
    assert_int_equal(tern_session_position(session), 0);

    int calls = 0;
    eval.row_count = 30;
    eval.cancel = stop_at_once;
    eval.cancel_user = &calls;
    assert_fails(tern_model_eval(f.model, &eval), TERN_STATUS_CANCELLED, "16 of 30");
    assert_int_equal(tern_session_position(session), 16);
    tern_session_destroy(session);
    close_fixture(&f);
}

static void reports_say_what_became_of_each_op(void **state) {
    (void)state;
    fixture f = open_fixture();
    tern_session *session = open_session(f.model, TERN_KV_F16, 0);
    tern_op_report report = {.struct_size = sizeof report};
    uint32_t bitlinears = 0, count = 0;
    while (tern_session_report(session, count, &report) == TERN_STATUS_OK) {
        bitlinears += report.kind == TERN_OP_BITLINEAR;
        assert_true(report.backend[0] != 0);
        count++;
    }
    assert_int_equal(bitlinears, 7);
    assert_true(count > 12);
    tern_session_destroy(session);
    close_fixture(&f);
}

static int32_t count_call(void *user, const tern_perplexity_result *so_far) {
    (void)so_far;
    ++*(int *)user;
    return 1;
}

// The last id of a window, which is scored and never evaluated, one in its middle, and one that
// lies past the last window.
static void texts_with_ids_that_are_none_are_not_measured(void **state) {
    (void)state;
    enum { COUNT = 35, CONTEXT = 16 };
    static const uint32_t places[] = {31, 20};
    bed b = default_bed();
    tern_model *model = open_model(b.device, "tiny-b158-i2_s.gguf");
    int calls = 0;
    int32_t ids[COUNT] = {0};
    tern_perplexity_result result = {.struct_size = sizeof result};
    tern_perplexity_desc desc = {.struct_size = sizeof desc,
                                 .context = CONTEXT,
                                 .ids = ids,
                                 .id_count = COUNT,
                                 .progress = count_call,
                                 .progress_user = &calls};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char words[64];
        ids[places[i]] = i ? -1 : 260;
        snprintf(words, sizeof words, "id %d at %u of the text", ids[places[i]], places[i]);
        assert_fails(tern_perplexity(model, &desc, &result), TERN_STATUS_OUT_OF_RANGE, words);
        ids[places[i]] = 0;
    }
    assert_int_equal(calls, 0);
    ids[32] = -1;
    assert_ok(tern_perplexity(model, &desc, &result));
    assert_true(calls > 0);
    tern_model_destroy(model);
}

const struct CMUnitTest session_tests[] = {
    cmocka_unit_test(sessions_in_one_eval_equal_each_alone),
    cmocka_unit_test(a_session_keeps_its_content_while_others_make_the_cache_grow),
    cmocka_unit_test(rewinding_forgets),
    cmocka_unit_test(hidden_states_come_in_the_order_of_the_rows),
    cmocka_unit_test(two_threads_with_a_session_each_get_the_same_bits),
    cmocka_unit_test(limits_and_mistakes_are_reported_before_anything_runs),
    cmocka_unit_test(texts_with_ids_that_are_none_are_not_measured),
    cmocka_unit_test(reports_say_what_became_of_each_op),
};
const size_t session_test_count = sizeof session_tests / sizeof session_tests[0];
