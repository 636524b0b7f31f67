// Generation: what ends it, what is delivered, and that it is what evaluating by hand gives.
#include <tern/embed.h>

#include "tests/models/support.h"

enum { SAMPLES = 16 };

typedef struct listener {
    char text[4096];
    size_t size;
    int calls;
    int stop_after; // calls; 0: never
} listener;

static int32_t listen(void *user, const char *text, size_t size) {
    listener *l = user;
    assert_true(size > 0);
    assert_true(l->size + size < sizeof l->text);
    memcpy(l->text + l->size, text, size);
    l->size += size;
    l->text[l->size] = 0;
    l->calls++;
    return l->stop_after == 0 || l->calls < l->stop_after;
}

typedef struct fixture {
    bed b;
    tern_model *model;
    tern_session *session;
    int32_t prompt[64];
    size_t prompt_count;
    int32_t ids[256];
    listener heard;
    tern_generate_result result;
} fixture;

static void open_fixture(fixture *f, const char *prompt) {
    memset(f, 0, sizeof *f);
    f->b = default_bed();
    f->model = open_model(f->b.device, "tern-stories.gguf");
    f->session = open_session(f->model, TERN_KV_F16, 0);
    f->result.struct_size = sizeof f->result;
    assert_ok(tern_tokenizer_encode(tern_model_tokenizer(f->model), prompt, strlen(prompt),
                                    TERN_TOKENIZE_BOS, f->prompt, 64, &f->prompt_count));
}

static void close_fixture(fixture *f) {
    tern_session_destroy(f->session);
    tern_model_destroy(f->model);
}

static tern_generate_desc desc_of(fixture *f, uint32_t max_tokens) {
    return (tern_generate_desc){.struct_size = sizeof(tern_generate_desc),
                                .max_tokens = max_tokens,
                                .prompt = f->prompt,
                                .prompt_count = f->prompt_count,
                                .on_text = listen,
                                .user = &f->heard,
                                .out_ids = f->ids};
}

static void forget(fixture *f) {
    assert_ok(tern_session_rewind(f->session, 0));
    memset(&f->heard, 0, sizeof f->heard);
}

static void greedy_generation_picks_the_best_logit_of_each_step(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, "Once upon a time");
    tern_generate_desc desc = desc_of(&f, 24);
    assert_ok(tern_session_generate(f.session, &desc, &f.result));
    assert_int_equal(f.result.stop, TERN_STOP_LENGTH);
    assert_int_equal(f.result.count, 24);
    assert_true(f.result.prompt_ns > 0 && f.result.decode_ns > 0);
    assert_int_equal(tern_session_position(f.session), f.prompt_count + 23);

    uint32_t vocab = vocabulary(f.model);
    float *logits = malloc(vocab * sizeof *logits);
    assert_ok(tern_session_rewind(f.session, 0));
    feed(f.session, f.model, f.prompt, (uint32_t)f.prompt_count, 10000, 9999, logits);
    for (int i = 0; i < 24; i++) {
        assert_int_equal(best(logits, vocab), f.ids[i]);
        feed(f.session, f.model, &f.ids[i], 1, 1, 0, logits);
    }
    free(logits);
    char text[1024];
    size_t length = 0;
    for (int i = 0; i < 24; i++) {
        size_t size = 0;
        assert_ok(tern_tokenizer_decode(tern_model_tokenizer(f.model), f.ids[i], 0, text + length,
                                        sizeof text - length, &size));
        length += size;
    }
    assert_int_equal(length, f.heard.size);
    assert_memory_equal(text, f.heard.text, length);
    close_fixture(&f);
}

static void the_text_of_a_bare_beginning_has_no_dummy_space(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, "");
    assert_int_equal(f.prompt_count, 1);
    tern_generate_desc desc = desc_of(&f, 5);
    assert_ok(tern_session_generate(f.session, &desc, &f.result));
    assert_true(f.heard.size > 0 && f.heard.text[0] != ' ');
    close_fixture(&f);
}

// What cannot be generated or embedded costs a session nothing of what it holds.
static void a_wrong_id_loses_nothing(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, "Once upon a time");
    tern_generate_desc desc = desc_of(&f, 4);
    assert_ok(tern_session_generate(f.session, &desc, &f.result));
    uint32_t filled = tern_session_position(f.session);
    int32_t wrong[2] = {f.prompt[0], (int32_t)vocabulary(f.model)};
    desc.prompt = wrong;
    desc.prompt_count = 2;
    const uint32_t flags[] = {0, TERN_GENERATE_REUSE, TERN_GENERATE_SHIFT,
                              TERN_GENERATE_REUSE | TERN_GENERATE_SHIFT};
    for (int i = 0; i < 4; i++) {
        desc.flags = flags[i];
        assert_fails(tern_session_generate(f.session, &desc, &f.result), TERN_STATUS_OUT_OF_RANGE,
                     "generate: id");
        assert_int_equal(tern_session_position(f.session), filled);
    }
    wrong[1] = -1;
    float vector[1];
    tern_embed_desc embed = {
        .struct_size = sizeof embed, .pooling = TERN_POOLING_LAST, .ids = wrong, .id_count = 2};
    assert_fails(tern_session_embed(f.session, &embed, vector), TERN_STATUS_OUT_OF_RANGE,
                 "embed: id -1 at 1 is none of the model");
    assert_int_equal(tern_session_position(f.session), filled);
    close_fixture(&f);
}

// The first space of a text goes, no more: the prompt's own second one has begun it.
static void spaces_that_begin_a_text_are_delivered(void **state) {
    (void)state;
    fixture f;
    int32_t spaces[2]; // the one before every text, and its own
    size_t count;
    tern_sampler *sampler;
    open_fixture(&f, "");
    assert_ok(tern_tokenizer_encode(tern_model_tokenizer(f.model), " ", 1, 0, spaces, 2, &count));
    assert_int_equal(spaces[0], spaces[1]);
    const tern_logit_bias bias = {spaces[0], 1e6f};
    tern_sampler_desc sampling = TERN_SAMPLER_DESC_INIT;
    sampling.biases = &bias;
    sampling.bias_count = 1;
    assert_ok(tern_sampler_create(f.b.context, &sampling, &sampler));
    for (size_t had = 0; had < 2; had++) {
        tern_generate_desc desc = desc_of(&f, 3);
        desc.sampler = sampler;
        f.prompt[f.prompt_count] = spaces[0];
        desc.prompt_count += had;
        forget(&f);
        assert_ok(tern_session_generate(f.session, &desc, &f.result));
        assert_string_equal(f.heard.text, had ? "   " : "  ");
    }
    tern_sampler_destroy(sampler);
    close_fixture(&f);
}

static void a_stop_string_ends_it_even_across_tokens(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, "Once upon a time");
    tern_generate_desc desc = desc_of(&f, 30);
    assert_ok(tern_session_generate(f.session, &desc, &f.result));
    char whole[4096];
    snprintf(whole, sizeof whole, "%s", f.heard.text);
    // From the middle of one word to the middle of the next but one.
    const char *space = strchr(whole + 20, ' ');
    assert_non_null(space);
    char stop[16];
    snprintf(stop, sizeof stop, "%.9s", space - 2);
    const char *stops[] = {"never in a story", stop};
    forget(&f);
    desc.stop_strings = stops;
    desc.stop_string_count = 2;
    assert_ok(tern_session_generate(f.session, &desc, &f.result));
    assert_int_equal(f.result.stop, TERN_STOP_STRING);
    assert_true(f.result.count < 30);
    assert_int_equal(f.heard.size, strstr(whole, stop) - whole);
    assert_memory_equal(f.heard.text, whole, f.heard.size);

    // What only looks like the beginning of a stop string is delivered in the end.
    char almost[24];
    snprintf(almost, sizeof almost, "%s#", stop);
    stops[1] = almost;
    forget(&f);
    assert_ok(tern_session_generate(f.session, &desc, &f.result));
    assert_int_equal(f.result.stop, TERN_STOP_LENGTH);
    assert_string_equal(f.heard.text, whole);
    close_fixture(&f);
}

static void the_end_of_text_ends_it(void **state) {
    (void)state;
    fixture f;
    if (setups[0].slow) {
        print_message("left out on %s: a whole story takes long\n", setups[0].label);
        return;
    }
    open_fixture(&f, "Once upon a time");
    tern_generate_desc desc = desc_of(&f, 250);
    assert_ok(tern_session_generate(f.session, &desc, &f.result));
    assert_int_equal(f.result.stop, TERN_STOP_EOS);
    assert_true(f.result.count > 20 && f.result.count < 250);
    for (uint32_t i = 0; i < f.result.count; i++) {
        assert_false(tern_tokenizer_is_end(tern_model_tokenizer(f.model), f.ids[i]));
    }
    close_fixture(&f);
}

static void the_callback_ends_it(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, "Once upon a time");
    tern_generate_desc desc = desc_of(&f, 50);
    f.heard.stop_after = 4;
    assert_ok(tern_session_generate(f.session, &desc, &f.result));
    assert_int_equal(f.result.stop, TERN_STOP_CALLBACK);
    assert_int_equal(f.heard.calls, 4);
    assert_int_equal(f.result.count, 4);
    close_fixture(&f);
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, "Once upon a time");
    uint32_t room = tern_session_context(f.session) - (uint32_t)f.prompt_count;
    tern_generate_desc desc = desc_of(&f, room + 2);
    assert_fails(tern_session_generate(f.session, &desc, &f.result), TERN_STATUS_OUT_OF_RANGE,
                 "context of 256");
    assert_int_equal(tern_session_position(f.session), 0);
    assert_int_equal(f.heard.calls, 0);
    desc.max_tokens = 0;
    assert_ok(tern_session_generate(f.session, &desc, &f.result));
    assert_int_equal(f.result.stop, TERN_STOP_LENGTH);
    assert_int_equal(f.result.count, 0);
    desc.prompt_count = 0;
    assert_fails(tern_session_generate(f.session, &desc, &f.result), TERN_STATUS_INVALID_ARGUMENT,
                 "prompt");
    close_fixture(&f);
}

static void sample(fixture *f, uint64_t seed, float temperature, int32_t *ids) {
    tern_sampler_desc sampling = TERN_SAMPLER_DESC_INIT;
    sampling.seed = seed;
    sampling.temperature = temperature;
    sampling.top_k = 40;
    tern_sampler *sampler = NULL;
    assert_ok(tern_sampler_create(f->b.context, &sampling, &sampler));
    tern_generate_desc desc = desc_of(f, SAMPLES);
    desc.sampler = sampler;
    forget(f);
    memset(f->ids, 0, sizeof f->ids);
    assert_ok(tern_session_generate(f->session, &desc, &f->result));
    memcpy(ids, f->ids, SAMPLES * sizeof *ids);
    tern_sampler_destroy(sampler);
}

static void samples_follow_the_seed(void **state) {
    (void)state;
    fixture f;
    int32_t first[SAMPLES], again[SAMPLES], other[SAMPLES], greedy[SAMPLES];
    open_fixture(&f, "Once upon a time");
    sample(&f, 7, 1.0f, first);
    sample(&f, 7, 1.0f, again);
    sample(&f, 8, 1.0f, other);
    assert_memory_equal(first, again, sizeof first);
    assert_memory_not_equal(first, other, sizeof first);
    tern_generate_desc desc = desc_of(&f, SAMPLES);
    forget(&f);
    assert_ok(tern_session_generate(f.session, &desc, &f.result));
    memcpy(greedy, f.ids, sizeof greedy);
    sample(&f, 9, 0.0f, other);
    assert_memory_equal(greedy, other, sizeof greedy);
    close_fixture(&f);
}

const struct CMUnitTest generate_tests[] = {
    cmocka_unit_test(greedy_generation_picks_the_best_logit_of_each_step),
    cmocka_unit_test(the_text_of_a_bare_beginning_has_no_dummy_space),
    cmocka_unit_test(a_wrong_id_loses_nothing),
    cmocka_unit_test(spaces_that_begin_a_text_are_delivered),
    cmocka_unit_test(a_stop_string_ends_it_even_across_tokens),
    cmocka_unit_test(the_end_of_text_ends_it),
    cmocka_unit_test(the_callback_ends_it),
    cmocka_unit_test(what_does_not_fit_is_refused),
    cmocka_unit_test(samples_follow_the_seed),
};
const size_t generate_test_count = sizeof generate_tests / sizeof generate_tests[0];
