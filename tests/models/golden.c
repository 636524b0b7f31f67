// Logits and greedy continuations against float64 references and the model's own program.
#include "tests/models/support.h"

enum { GREEDY = 16 }; // ids of a random model's continuation

static void check_golden_logits(const cJSON *logits, const float *got, uint32_t vocab, double limit,
                                const char *name) {
    const cJSON *entry;
    assert_true(cJSON_GetArraySize(logits) >= 1);
    cJSON_ArrayForEach(entry, logits) {
        int count = 0;
        float *wanted = golden_floats(entry, &count);
        assert_int_equal(count, vocab);
        const float *row = got + (size_t)atoi(entry->string) * vocab;
        double error = relative_error(row, wanted, vocab);
        if (!(error <= limit)) {
            fail_msg("%s: logits after position %s are %g from the reference", name, entry->string,
                     error);
        }
        free(wanted);
    }
}

// The continuation is forced, so that a near tie does not end the comparison. |logits| begins with
// those of the prompt's last id and has room for |count| rows more.
static void check_continuation(tern_session *session, tern_model *model, const cJSON *golden,
                               float *logits, float limit) {
    int count = 0, margins = 0;
    uint32_t vocab = vocabulary(model);
    int32_t *greedy = golden_ids(golden, "greedy", &count);
    float *margin = golden_floats(cJSON_GetObjectItem(golden, "margin"), &margins);
    assert_int_equal(count, GREEDY);
    assert_int_equal(margins, GREEDY);
    feed(session, model, greedy, GREEDY, 1, 0, logits + vocab);
    for (uint32_t i = 0; i < GREEDY; i++) {
        if (margin[i] > limit) {
            assert_int_equal(best(logits + i * vocab, vocab), greedy[i]);
        }
    }
    free(greedy);
    free(margin);
}

// |file| has the model, |stem| the answers.
static void check_model(const char *file, const char *stem) {
    char name[64];
    int count = 0;
    bed b = default_bed();
    tern_model *model = open_model(b.device, file);
    snprintf(name, sizeof name, "%s.golden.json", stem);
    cJSON *golden = open_golden(name);
    int32_t *ids = golden_ids(golden, "ids", &count);
    uint32_t vocab = vocabulary(model);
    float *logits = malloc(sizeof *logits * vocab * (size_t)(count + GREEDY));
    for (tern_kv_type kv = TERN_KV_F16; kv <= TERN_KV_F32; kv++) {
        tern_session *session = open_session(model, kv, 0);
        feed(session, model, ids, (uint32_t)count, 1, 0, logits);
        // With keys and values rounded to float16 an activation now and then quantises to its
        // neighbour: a few parts in a hundred.
        double limit = kv == TERN_KV_F32 ? 1e-2 : 5e-2;
        check_golden_logits(cJSON_GetObjectItem(golden, "logits"), logits, vocab, limit, stem);
        check_continuation(session, model, golden, logits + (size_t)(count - 1) * vocab,
                           kv == TERN_KV_F32 ? 0.02f : 0.2f);
        tern_session_destroy(session);
    }
    free(logits);
    free(ids);
    cJSON_Delete(golden);
    tern_model_destroy(model);
}

static void check_random_model(const char *stem) {
    char name[64];
    snprintf(name, sizeof name, "%s.gguf", stem);
    check_model(name, stem);
}

// The same weights as in the GGUF files: packed, with a scale or its inverse, in shards, as float
// master weights, and experts one by one.
static void folders_have_the_reference_logits(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"hf-bitnet/config.json", "tiny-b158-i2_s"},  {"hf-llama/config.json", "tiny-llama-llama3"},
        {"hf-master/config.json", "tiny-bitnet-f16"}, {"hf-gemma3/config.json", "tiny-gemma3"},
        {"hf-qwen3moe/config.json", "tiny-qwen3moe"}, {"hf-maple/config.json", "tiny-maple"},
        {"hf-hgrn/config.json", "tiny-hgrn"},         {"hf-bitmat/config.json", "tiny-llama-bare"}};
    for (size_t i = 0; i < (setups[0].slow ? 2 : sizeof cases / sizeof cases[0]); i++) {
        check_model(cases[i][0], cases[i][1]);
    }
}

static void random_models_have_the_reference_logits(void **state) {
    (void)state;
    // Those that a slow device runs, too, come first; to it the others are more of the same.
    static const char *const stems[] = {
        "tiny-b158-i2_s",  "tiny-bitnet-f16",  "tiny-bitnet-bf16",  "tiny-b158-scale",
        "tiny-bitnet-row", "tiny-llama-group", "tiny-llama-dense",  "tiny-gemma3",
        "tiny-maple",      "tiny-hgrn",        "tiny-qwen3",        "tiny-qwen3-norms",
        "tiny-bitnet-odd", "tiny-llama-yarn",  "tiny-llama-linear", "tiny-llama-llama3",
        "tiny-qwen3moe",   "tiny-llama-bare",  "rand-b158-i2_s",    "rand-bitnet-tq1_0",
        "rand-llama-tq2_0"};
    for (size_t i = 0; i < (setups[0].slow ? 10 : sizeof stems / sizeof stems[0]); i++) {
        check_random_model(stems[i]);
    }
}

static void check_default_case(tern_model *model, const cJSON *golden, const cJSON *item,
                               bool first) {
    int prompt_count = 0, count = 0, margins = 0;
    uint32_t vocab = vocabulary(model);
    const char *prompt = cJSON_GetObjectItem(item, "prompt")->valuestring;
    int32_t *prompt_ids = golden_ids(item, "prompt_ids", &prompt_count);
    int32_t *ids = golden_ids(item, "ids", &count);
    float *margin = golden_floats(cJSON_GetObjectItem(item, "margin"), &margins);
    int32_t encoded[256];
    size_t encoded_count = 0;
    assert_ok(tern_tokenizer_encode(tern_model_tokenizer(model), prompt, strlen(prompt),
                                    TERN_TOKENIZE_BOS, encoded, 256, &encoded_count));
    assert_int_equal(encoded_count, prompt_count);
    assert_memory_equal(encoded, prompt_ids, encoded_count * sizeof *encoded);

    tern_session *session = open_session(model, TERN_KV_F32, 0);
    float *logits = malloc(sizeof *logits * vocab * (size_t)(count + 1));
    feed(session, model, prompt_ids, (uint32_t)prompt_count, 10000, 9999, logits);
    if (first) {
        int golden_count = 0;
        float *wanted = golden_floats(cJSON_GetObjectItem(golden, "logits"), &golden_count);
        assert_int_equal(golden_count, vocab);
        assert_true(relative_error(logits, wanted, vocab) <= 1e-2);
        free(wanted);
    }
    assert_int_equal(best(logits, vocab), ids[0]);
    feed(session, model, ids, (uint32_t)count, 1, 0, logits);
    for (int i = 0; i + 1 < count; i++) {
        if (margin[i + 1] > 0.1f) {
            assert_int_equal(best(logits + (size_t)i * vocab, vocab), ids[i + 1]);
        }
    }
    tern_session_destroy(session);
    free(logits);
    free(prompt_ids);
    free(ids);
    free(margin);
}

static void default_model_tells_its_golden_stories(void **state) {
    (void)state;
    bed b = default_bed();
    tern_model *model = open_model(b.device, "tern-stories.gguf");
    cJSON *golden = open_golden("tern-stories.golden.json");
    const cJSON *cases = cJSON_GetObjectItem(golden, "cases");
    const cJSON *item;
    assert_int_equal(cJSON_GetArraySize(cases), 3);
    cJSON_ArrayForEach(item, cases) {
        check_default_case(model, golden, item, item == cases->child);
    }
    cJSON_Delete(golden);
    tern_model_destroy(model);
}

static void check_stories_case(tern_model *model, const cJSON *item) {
    int count = 0, margins = 0;
    uint32_t vocab = vocabulary(model);
    int32_t *ids = golden_ids(item, "ids", &count);
    float *margin = golden_floats(cJSON_GetObjectItem(item, "margin"), &margins);
    float *logits = malloc(sizeof *logits * vocab * (size_t)count);
    tern_session *session = open_session(model, TERN_KV_F32, 0);
    feed(session, model, ids, (uint32_t)count, 1, 0, logits);
    const char *prompt = cJSON_GetObjectItem(item, "prompt")->valuestring;
    check_golden_logits(cJSON_GetObjectItem(item, "logits"), logits, vocab, 5e-2, prompt);
    const char *text = cJSON_GetObjectItem(item, "prompt")->valuestring;
    int32_t encoded[256];
    size_t prompt_count = 0;
    assert_ok(tern_tokenizer_encode(tern_model_tokenizer(model), text, strlen(text),
                                    TERN_TOKENIZE_BOS, encoded, 256, &prompt_count));
    assert_memory_equal(encoded, ids, prompt_count * sizeof *encoded);
    for (int i = (int)prompt_count - 1; i + 1 < count; i++) {
        if (margin[i] > 0.1f) {
            assert_int_equal(best(logits + (size_t)i * vocab, vocab), ids[i + 1]);
        }
    }
    tern_session_destroy(session);
    free(logits);
    free(ids);
    free(margin);
}

static void stories3m_follows_its_own_program(void **state) {
    (void)state;
    static const char *const files[] = {"models/stories3m-i2_s.gguf", "models/stories3m-tq1_0.gguf",
                                        "models/stories3m-tq2_0.gguf", "models/stories3m-f16.gguf"};
    find_file(files[0]);
    bed b = default_bed();
    cJSON *golden = open_golden("models/stories3m.golden.json");
    const cJSON *cases = cJSON_GetObjectItem(golden, "cases");
    assert_int_equal(cJSON_GetArraySize(cases), 4);
    for (int f = 0; f < (setups[0].slow ? 1 : 4); f++) {
        tern_model *model = open_model(b.device, files[f]);
        int case_count = f == 0 && !setups[0].slow ? 4 : 1; // the others' twins are compared below
        for (int i = 0; i < case_count; i++) {
            check_stories_case(model, cJSON_GetArrayItem(cases, i));
        }
        tern_model_destroy(model);
    }
    cJSON_Delete(golden);
}

static void equal_weights_give_equal_bits_in_every_file_type(void **state) {
    (void)state;
    static const char *const files[] = {"models/stories3m-tq1_0.gguf",
                                        "models/stories3m-tq2_0.gguf", "models/stories3m-f16.gguf",
                                        "models/stories3m-i2_s.gguf"};
    static const int32_t ids[] = {1, 403, 407, 261, 378, 432, 383, 286, 261, 376};
    float logits[3][512];
    find_file(files[0]);
    bed b = default_bed();
    for (int f = 0; f < 3; f++) {
        tern_model *model = open_model(b.device, files[f]);
        tern_session *session = open_session(model, TERN_KV_F16, 0);
        assert_int_equal(vocabulary(model), 512);
        feed(session, model, ids, 10, 100, 99, logits[f]);
        tern_session_destroy(session);
        tern_model_destroy(model);
    }
    assert_memory_equal(logits[0], logits[1], sizeof logits[0]);
    assert_memory_equal(logits[0], logits[2], sizeof logits[0]);
}

static void stories260k_tells_its_documented_story(void **state) {
    (void)state;
    static const char story[] =
        "Once upon a time, there was a little girl named Lily. She loved to play outside in the "
        "park. One day, she saw a big, red ball. She wanted to play with it, but it was too high.";
    find_file("data/stories260K/stories260K.gguf");
    bed b = default_bed();
    tern_model *model = open_model(b.device, "data/stories260K/stories260K.gguf");
    tern_session *session = open_session(model, TERN_KV_F32, 0);
    int32_t ids[101] = {1};
    char text[1024];
    size_t length = 0;
    tern_generate_desc desc = {.struct_size = sizeof desc, .max_tokens = 100};
    tern_generate_result result = {.struct_size = sizeof result};
    desc.prompt = ids;
    desc.prompt_count = 1;
    desc.out_ids = ids + 1;
    assert_ok(tern_session_generate(session, &desc, &result));
    assert_int_equal(result.count, 100);
    for (int i = 1; i <= 100; i++) {
        size_t size = 0;
        assert_ok(tern_tokenizer_decode(tern_model_tokenizer(model), ids[i], i == 1, text + length,
                                        sizeof text - length, &size));
        length += size;
    }
    text[length] = 0;
    assert_memory_equal(text, story, sizeof story - 1);
    tern_session_destroy(session);
    tern_model_destroy(model);
}

const struct CMUnitTest golden_tests[] = {
    cmocka_unit_test(random_models_have_the_reference_logits),
    cmocka_unit_test(folders_have_the_reference_logits),
    cmocka_unit_test(default_model_tells_its_golden_stories),
    cmocka_unit_test(stories3m_follows_its_own_program),
    cmocka_unit_test(equal_weights_give_equal_bits_in_every_file_type),
    cmocka_unit_test(stories260k_tells_its_documented_story),
};
const size_t golden_test_count = sizeof golden_tests / sizeof golden_tests[0];
