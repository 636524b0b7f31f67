// Sessions made from others, prompts that are there already, contexts that are full: each to the
// bit what evaluating from the start gives.
#include "tests/models/support.h"

#include <pthread.h>

static const char model_name[] = "tiny-b158-i2_s.gguf";
enum { VOCAB = 260, LONG = 200 };

static void fill_ids(int32_t *ids, uint32_t count, uint32_t seed) {
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = (int32_t)((i * 131u + seed * 37u + 1u) % VOCAB);
    }
}

// Logits after the last of |count| ids in a session of their own.
static void run_alone(tern_model *model, const int32_t *ids, uint32_t count, float *logits) {
    tern_session *session = open_session(model, TERN_KV_F16, 0);
    feed(session, model, ids, count, count, count - 1, logits);
    tern_session_destroy(session);
}

// Feeds |ids| and compares what follows with a session that has had |all|.
static void assert_goes_on(tern_session *session, tern_model *model, const int32_t *all,
                           uint32_t count) {
    float got[VOCAB], wanted[VOCAB];
    uint32_t position = tern_session_position(session);
    run_alone(model, all, count, wanted);
    feed(session, model, all + position, count - position, count, count - 1 - position, got);
    assert_memory_equal(got, wanted, sizeof got);
    assert_memory_equal(tern_session_ids(session), all, count * sizeof *all);
}

// Ids that part at |position|.
static void two_texts(int32_t *first, int32_t *second, uint32_t position) {
    fill_ids(first, LONG, 1);
    fill_ids(second, LONG, 2);
    memcpy(second, first, position * sizeof *first);
}

static void a_fork_and_its_origin_go_on_by_themselves(void **state) {
    (void)state;
    static const uint32_t positions[] = {70, 128, 0, 1, 63, 64, 150};
    bed b = default_bed();
    tern_model *model = open_model(b.device, model_name);
    int32_t first[LONG], second[LONG];
    float logits[VOCAB];
    for (size_t i = 0; i < (setups[0].slow ? 1 : 7); i++) {
        two_texts(first, second, positions[i]);
        tern_session *origin = open_session(model, TERN_KV_F16, 0), *fork = NULL;
        feed(origin, model, first, 150, 150, 149, logits);
        assert_ok(tern_session_fork(origin, positions[i], &fork));
        assert_int_equal(tern_session_position(fork), positions[i]);
        assert_int_equal(tern_session_context(fork), tern_session_context(origin));
        assert_goes_on(fork, model, second, 180);
        assert_goes_on(origin, model, first, 180);
        tern_session_destroy(origin); // the fork keeps what they shared
        assert_goes_on(fork, model, second, LONG);
        tern_session_destroy(fork);
    }
    tern_model_destroy(model);
}

// Blocks that three sessions share are gone back over by one, then by another.
static void going_back_over_shared_blocks_leaves_the_others_alone(void **state) {
    (void)state;
    bed b = default_bed();
    tern_model *model = open_model(b.device, model_name);
    int32_t first[LONG], second[LONG], third[LONG];
    float logits[VOCAB];
    two_texts(first, second, 70);
    fill_ids(third, LONG, 3);
    tern_session *origin = open_session(model, TERN_KV_F16, 0), *forks[2];
    feed(origin, model, first, 140, 140, 139, logits);
    assert_ok(tern_session_fork(origin, 140, &forks[0]));
    assert_ok(tern_session_fork(forks[0], 130, &forks[1]));
    assert_ok(tern_session_rewind(origin, 70));
    assert_goes_on(origin, model, second, LONG);
    assert_ok(tern_session_rewind(forks[0], 0));
    assert_goes_on(forks[0], model, third, LONG);
    assert_goes_on(forks[1], model, first, LONG);
    tern_session *none = origin;
    assert_fails(tern_session_fork(origin, LONG + 1, &none), TERN_STATUS_OUT_OF_RANGE,
                 "fork at position 201, 200 are filled");
    assert_null(none);
    tern_session_destroy(origin);
    tern_session_destroy(forks[0]);
    tern_session_destroy(forks[1]);
    tern_model_destroy(model);
}

static void a_full_context_shifts(void **state) {
    (void)state;
    static const uint32_t cuts[][2] = {{10, 90}, {0, 10}, {64, 1}, {120, 30}, {5, 0}, {0, 150}};
    bed b = default_bed();
    tern_model *model = open_model(b.device, model_name);
    int32_t ids[LONG], left[LONG];
    float logits[VOCAB];
    fill_ids(ids, LONG, 4);
    for (size_t i = 0; i < (setups[0].slow ? 1 : 6); i++) {
        uint32_t first = cuts[i][0], count = cuts[i][1];
        memcpy(left, ids, first * sizeof *ids);
        memcpy(left + first, ids + first + count, (LONG - first - count) * sizeof *ids);
        tern_session *session = open_session(model, TERN_KV_F16, 0);
        feed(session, model, ids, 150, 150, 149, logits);
        assert_fails(tern_session_drop(session, first, 151 - first, NULL), TERN_STATUS_OUT_OF_RANGE,
                     "drop up to position 151, 150 are filled");
        assert_ok(tern_session_drop(session, first, count, NULL));
        assert_int_equal(tern_session_position(session), 150 - count);
        assert_goes_on(session, model, left, LONG - count);
        tern_session_destroy(session);
    }
    tern_model_destroy(model);
}

static void a_prompt_that_is_there_is_not_evaluated_again(void **state) {
    (void)state;
    enum { NEW = 8 };
    bed b = default_bed();
    tern_model *model = open_model(b.device, model_name);
    int32_t first[LONG], second[LONG], wanted[NEW], got[NEW];
    two_texts(first, second, 90);
    tern_generate_result result = {.struct_size = sizeof result};
    tern_generate_desc desc = {
        .struct_size = sizeof desc, .max_tokens = NEW, .prompt = second, .prompt_count = 120};
    tern_session *session = open_session(model, TERN_KV_F16, 0);
    float logits[VOCAB];
    desc.out_ids = wanted;
    assert_ok(tern_session_generate(session, &desc, &result));
    uint32_t count = result.count;
    assert_int_equal(result.reused, 0);
    assert_ok(tern_session_rewind(session, 0));
    feed(session, model, first, 100, 100, 99, logits);
    assert_int_equal(tern_session_common_prefix(session, second, 120), 90);
    assert_int_equal(tern_session_common_prefix(session, first, 80), 80);
    assert_int_equal(tern_session_common_prefix(session, first, 120), 100);
    static const uint32_t reused[] = {90, 119}; // then all but the last, which picks
    desc.flags = TERN_GENERATE_REUSE;
    desc.out_ids = got;
    for (int i = 0; i < 2; i++) {
        assert_ok(tern_session_generate(session, &desc, &result));
        assert_int_equal(result.reused, reused[i]);
        assert_int_equal(result.count, count);
        assert_memory_equal(got, wanted, count * sizeof *got);
    }
    tern_session_destroy(session);
    tern_model_destroy(model);
}

// Against a loop by hand: drop half of what lies after |keep|, feed, pick.
static void generation_goes_on_past_the_context(void **state) {
    (void)state;
    enum { CONTEXT = 32, KEEP = 5, PROMPT = 20, NEW = 60 };
    bed b = default_bed();
    tern_model *model = open_model(b.device, model_name);
    float logits[VOCAB];
    uint32_t picks = 0;
    int32_t prompt[PROMPT], wanted[NEW], got[NEW], held[CONTEXT];
    tern_session_desc small = TERN_SESSION_DESC_INIT;
    tern_session *session = NULL;
    small.context = CONTEXT;
    fill_ids(prompt, PROMPT, 5);
    memcpy(held, prompt, sizeof prompt);
    for (uint32_t count = PROMPT; picks < NEW; picks++) {
        session = open_session(model, TERN_KV_F16, 0);
        feed(session, model, held, count, count, count - 1, logits);
        wanted[picks] = best(logits, VOCAB);
        tern_session_destroy(session);
        if (count == CONTEXT) {
            uint32_t drop = (CONTEXT - KEEP) / 2;
            count -= drop;
            memmove(held + KEEP, held + KEEP + drop, (count - KEEP) * sizeof *held);
        }
        held[count++] = wanted[picks];
        assert_false(tern_tokenizer_is_end(tern_model_tokenizer(model), wanted[picks]));
    }
    assert_ok(tern_session_create(model, &small, &session));
    tern_generate_result result = {.struct_size = sizeof result};
    tern_generate_desc desc = {.struct_size = sizeof desc,
                               .max_tokens = NEW,
                               .prompt = prompt,
                               .prompt_count = PROMPT,
                               .out_ids = got};
    assert_fails(tern_session_generate(session, &desc, &result), TERN_STATUS_OUT_OF_RANGE,
                 "do not fit");
    desc.flags = TERN_GENERATE_SHIFT;
    desc.keep = CONTEXT;
    assert_fails(tern_session_generate(session, &desc, &result), TERN_STATUS_OUT_OF_RANGE,
                 "32 positions to keep");
    desc.keep = KEEP;
    assert_ok(tern_session_generate(session, &desc, &result));
    assert_int_equal(result.count, NEW);
    assert_memory_equal(got, wanted, sizeof got);
    // A prompt for which more than half must go.
    assert_ok(tern_session_generate(session, &desc, &result));
    assert_memory_equal(tern_session_ids(session), prompt, KEEP * sizeof *prompt);
    tern_session_destroy(session);
    tern_model_destroy(model);
}

typedef struct worker {
    tern_model *model;
    tern_session *origin;
    int32_t ids[LONG];
    float wanted[VOCAB];
    int rounds;
    int different;
} worker;

static tern_status count_bytes(void *user, const void *data, size_t size) {
    (void)data;
    *(uint64_t *)user += size;
    return TERN_STATUS_OK;
}

// Forks of one origin, each in a thread of its own: made, gone back over, saved, destroyed.
static void *work(void *user) {
    worker *w = user;
    for (int round = 0; round < w->rounds; round++) {
        tern_session *fork = NULL;
        float got[VOCAB];
        uint32_t position = round % 2 ? 64 : 100;
        w->different += tern_session_fork(w->origin, 100, &fork) != TERN_STATUS_OK;
        w->different += tern_session_rewind(fork, position) != TERN_STATUS_OK;
        for (uint32_t i = position; i < 120; i++) {
            tern_row row = {fork, w->ids[i], i + 1 == 120 ? TERN_ROW_LOGITS : 0};
            tern_eval_desc eval = {
                .struct_size = sizeof eval, .row_count = 1, .rows = &row, .logits = got};
            w->different += tern_model_eval(w->model, &eval) != TERN_STATUS_OK;
        }
        w->different += memcmp(got, w->wanted, sizeof got) != 0;
        uint64_t written = 0;
        tern_sink sink = {.struct_size = sizeof sink, .user = &written, .write = count_bytes};
        w->different += tern_session_save(fork, &sink) != TERN_STATUS_OK;
        w->different += written != tern_session_saved_bytes(fork);
        tern_session_destroy(fork);
    }
    return NULL;
}

static void forks_work_on_several_threads(void **state) {
    (void)state;
    bed b = default_bed();
    tern_model *model = open_model(b.device, model_name);
    static worker workers[2];
    pthread_t threads[2];
    float logits[VOCAB];
    for (uint32_t i = 0; i < 2; i++) { // two forks of the same blocks, the origins of the others
        workers[i] = (worker){.model = model, .rounds = setups[0].slow ? 2 : 6};
        fill_ids(workers[i].ids, LONG, 6);
        run_alone(model, workers[i].ids, 120, workers[i].wanted);
    }
    workers[0].origin = open_session(model, TERN_KV_F16, 0);
    feed(workers[0].origin, model, workers[0].ids, 110, 110, 109, logits);
    assert_ok(tern_session_fork(workers[0].origin, 110, &workers[1].origin));
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (uint32_t i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        tern_session_destroy(workers[i].origin);
    }
    assert_int_equal(workers[0].different + workers[1].different, 0);
    tern_model_destroy(model);
}

const struct CMUnitTest fork_tests[] = {
    cmocka_unit_test(a_fork_and_its_origin_go_on_by_themselves),
    cmocka_unit_test(going_back_over_shared_blocks_leaves_the_others_alone),
    cmocka_unit_test(a_full_context_shifts),
    cmocka_unit_test(a_prompt_that_is_there_is_not_evaluated_again),
    cmocka_unit_test(generation_goes_on_past_the_context),
    cmocka_unit_test(forks_work_on_several_threads),
};
const size_t fork_test_count = sizeof fork_tests / sizeof fork_tests[0];
