// The tokenizer of a Hugging Face folder, and what the files beside it say.
#include <tern/archive.h>
#include <tern/tokenizer.h>

#include "tests/harness/check.h"
#include "tests/harness/counted_context.h"
#include "tests/harness/data.h"
#include "tests/harness/memory_files.h"
#include "tests/harness/safetensors_writer.h"

#define TOKENS                                                                                     \
    "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1},\"merges\":[]},\"added_tokens\":["   \
    "{\"id\":2,\"content\":\"<s>\",\"special\":true},"                                             \
    "{\"id\":3,\"content\":\"</s>\",\"special\":true},"                                            \
    "{\"id\":4,\"content\":\"<end>\",\"special\":true}]"

#define TEMPLATE                                                                                   \
    ",\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":"  \
    "\"<s>\",\"type_id\":0}},{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}],\"special_tokens\":{"    \
    "\"<s>\":{\"id\":\"<s>\",\"ids\":[2],\"tokens\":[\"<s>\"]}}}"

#define CONFIG                                                                                     \
    "{\"architectures\":[\"LlamaForCausalLM\"],\"num_hidden_layers\":1,\"hidden_size\":8,"         \
    "\"intermediate_size\":8,\"num_attention_heads\":1,\"rms_norm_eps\":1e-5"

static safetensors_writer writer;
static memory_files folder;

static int set_up(void **state) {
    memset(&writer, 0, sizeof writer);
    memset(&folder, 0, sizeof folder);
    safetensors_add(&writer, "x", "U8", "[1]", NULL, 1);
    safetensors_end(&writer);
    memory_files_put(&folder, "model.safetensors", writer.file, writer.size);
    memory_files_text(&folder, "config.json", CONFIG "}");
    memory_files_text(&folder, "tokenizer.json", TOKENS "}");
    return counted_set_up(state);
}

static tern_status open_folder(tern_tokenizer **out) {
    tern_files files = memory_files_of(&folder);
    tern_archive *archive = NULL;
    *out = NULL;
    tern_status status = tern_archive_open_files(context, &files, "", &archive);
    if (status == TERN_STATUS_OK) {
        status = tern_tokenizer_create(context, archive, NULL, out);
    }
    tern_archive_destroy(archive);
    return status;
}

typedef struct wanted {
    int32_t bos, eos;
    int32_t before, after; // -1: none
    int32_t ends[3];       // 0: no more
} wanted;

static void check(wanted w) {
    tern_tokenizer *tokenizer;
    tern_tokenizer_info info = {.struct_size = sizeof info};
    int32_t expected[4];
    int32_t ids[4];
    size_t count;
    size_t n = 0;
    CHECK_OK(open_folder(&tokenizer));
    CHECK_OK(tern_tokenizer_describe(tokenizer, &info));
    assert_int_equal(info.bos, w.bos);
    assert_int_equal(info.eos, w.eos);
    if (w.before >= 0) {
        expected[n++] = w.before;
    }
    expected[n++] = 0;
    if (w.after >= 0) {
        expected[n++] = w.after;
    }
    CHECK_OK(tern_tokenizer_encode(tokenizer, "a", 1, TERN_TOKENIZE_BOS | TERN_TOKENIZE_EOS, ids, 4,
                                   &count));
    assert_int_equal(count, n);
    assert_memory_equal(ids, expected, n * sizeof *ids);
    for (int32_t id = 0; id < 5; id++) {
        int ends = 0;
        for (int i = 0; i < 3; i++) {
            ends |= w.ends[i] > 0 && w.ends[i] == id;
        }
        assert_int_equal(tern_tokenizer_is_end(tokenizer, id), ends);
    }
    tern_tokenizer_destroy(tokenizer);
}

static void put_config(const char *text) {
    memory_files_text(&folder, "tokenizer_config.json", text);
}

static void test_roles(void **state) {
    (void)state;
    check((wanted){-1, -1, -1, -1, {0}});
    memory_files_text(&folder, "tokenizer.json", TOKENS TEMPLATE "}");
    check((wanted){2, -1, 2, -1, {0}});
    put_config("{\"bos_token\":{\"content\":\"<s>\"},\"eos_token\":\"</s>\",\"pad_token\":null}");
    check((wanted){2, 3, 2, -1, {3}});
    put_config("{\"bos_token\":\"<s>\",\"eos_token\":\"</s>\",\"add_bos_token\":false,"
               "\"add_eos_token\":true}");
    check((wanted){2, 3, -1, 3, {3}});
    memory_files_text(&folder, "tokenizer.json", TOKENS "}");
    put_config("{\"bos_token\":\"<s>\",\"add_bos_token\":true}");
    check((wanted){2, -1, 2, -1, {0}});
    memory_files_drop(&folder, "tokenizer_config.json");
    memory_files_text(&folder, "special_tokens_map.json", "{\"eos_token\":{\"content\":\"</s>\"}}");
    check((wanted){-1, 3, -1, -1, {3}});
}

static void test_ends(void **state) {
    (void)state;
    put_config("{\"eos_token\":\"</s>\"}");
    memory_files_text(&folder, "config.json", CONFIG ",\"eos_token_id\":1}");
    check((wanted){-1, 3, -1, -1, {3, 1}});
    memory_files_text(&folder, "generation_config.json", "{\"eos_token_id\":[3,4]}");
    check((wanted){-1, 3, -1, -1, {3, 4}}); // it rules over config.json
    memory_files_text(&folder, "generation_config.json", "{\"eos_token_id\":4}");
    check((wanted){-1, 3, -1, -1, {3, 4}});
}

// The model has no row for the last token.
static void test_outside(void **state) {
    (void)state;
    tern_tokenizer *tokenizer;
    tern_tokenizer_info info = {.struct_size = sizeof info};
    int32_t ids[8];
    size_t count;
    memory_files_text(&folder, "config.json", CONFIG ",\"vocab_size\":4}");
    CHECK_OK(open_folder(&tokenizer));
    CHECK_OK(tern_tokenizer_describe(tokenizer, &info));
    assert_int_equal(info.size, 4);
    CHECK_OK(tern_tokenizer_encode(tokenizer, "a<end>", 6, TERN_TOKENIZE_SPECIAL, ids, 8, &count));
    assert_int_equal(count, 1); // and the letters of "<end>" are not known
    tern_tokenizer_destroy(tokenizer);
}

// A model of SentencePiece with tokens of the folder's own.
static void test_sentencepiece(void **state) {
    (void)state;
    char path[512];
    static char data[1 << 14];
    tern_tokenizer *tokenizer;
    int32_t ids[16];
    size_t count;
    assert_true(source_path("tests/golden/tokenizers/bpe.model", path, sizeof path));
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(data, 1, sizeof data, file);
    fclose(file);
    memory_files_drop(&folder, "tokenizer.json");
    memory_files_put(&folder, "tokenizer.model", data, size);
    put_config("{\"added_tokens_decoder\":{\"420\":{\"content\":\"<|user|>\",\"special\":true}},"
               "\"eos_token\":\"<|user|>\"}");
    CHECK_OK(open_folder(&tokenizer));
    CHECK_OK(
        tern_tokenizer_encode(tokenizer, "<|user|>", 8, TERN_TOKENIZE_SPECIAL, ids, 16, &count));
    assert_int_equal(count, 1);
    assert_int_equal(ids[0], 420);
    assert_true(tern_tokenizer_is_end(tokenizer, 420));
    tern_tokenizer_destroy(tokenizer);
    put_config("{}");
    memory_files_text(&folder, "added_tokens.json", "{\"<|user|>\":421,\"<s>\":1}");
    CHECK_OK(open_folder(&tokenizer));
    CHECK_OK(
        tern_tokenizer_encode(tokenizer, "<|user|>", 8, TERN_TOKENIZE_SPECIAL, ids, 16, &count));
    assert_int_equal(count, 1);
    assert_int_equal(ids[0], 421);
    tern_tokenizer_destroy(tokenizer);
    memory_files_text(&folder, "added_tokens.json", "{\"<|user|>\":5000}");
    CHECK_FAILS(open_folder(&tokenizer), TERN_STATUS_CORRUPT_DATA,
                "added_tokens.json: added token '<|user|>'");
    memory_files_drop(&folder, "added_tokens.json");
    put_config("{\"added_tokens_decoder\":{\"90000\":{\"content\":\"x\"}}}");
    CHECK_FAILS(open_folder(&tokenizer), TERN_STATUS_CORRUPT_DATA,
                "tokenizer_config.json: added token '90000'");
}

#define WORDS                                                                                      \
    "{\"1\":0,\"2\":1,\"12\":2,\"a\":3,\"e\":4,\"\\u00c3\":5,\"\\u00a9\":6,\"\\u00cc\":7,"         \
    "\"\\u0123\":8,"                                                                               \
    "\"\\u0120\":9,\"\\u0120a\":10,\"<|endoftext|>\":11,\"<|pad|>\":12}"
#define MERGES "#version: 0.2\n1 2\n\xc4\xa0 a\n"

static void check_ids(const char *text, const int32_t *expected, size_t count) {
    tern_tokenizer *tokenizer;
    int32_t ids[32];
    size_t got;
    CHECK_OK(open_folder(&tokenizer));
    CHECK_OK(
        tern_tokenizer_encode(tokenizer, text, strlen(text), TERN_TOKENIZE_SPECIAL, ids, 32, &got));
    assert_int_equal(got, count);
    assert_memory_equal(ids, expected, count * sizeof *ids);
    tern_tokenizer_destroy(tokenizer);
}

#define CHECK_IDS(text, ...)                                                                       \
    check_ids(text, (const int32_t[]){__VA_ARGS__}, sizeof((const int32_t[]){__VA_ARGS__}) / 4)

// As transformers 5.23 reads the same files: GPT-2 keeps digits together, Qwen2 does not, and
// composes.
static void test_merges(void **state) {
    (void)state;
    static const char text[] = "12 ae\xcc\x81<|endoftext|>\xc3\xa9<x>";
    memory_files_drop(&folder, "tokenizer.json");
    memory_files_text(&folder, "vocab.json", WORDS);
    memory_files_text(&folder, "merges.txt", MERGES);
    put_config("{\"tokenizer_class\":\"GPT2Tokenizer\"}");
    CHECK_IDS(text, 2, 10, 4, 7, 8, 11, 5, 6);
    put_config("{\"tokenizer_class\":\"Qwen2TokenizerFast\",\"added_tokens_decoder\":{\"13\":{"
               "\"content\":\"<x>\",\"special\":false}}}");
    CHECK_IDS(text, 0, 1, 10, 5, 6, 11, 5, 6, 13);
    put_config("{\"tokenizer_class\":\"CodeGenTokenizer\",\"add_prefix_space\":true}");
    CHECK_IDS("a 12", 10, 9, 2);
    CHECK_IDS(" a", 10);
    put_config("{\"tokenizer_class\":\"GPT2Tokenizer\",\"add_bos_token\":true}");
    tern_tokenizer *tokenizer;
    tern_tokenizer_info info = {.struct_size = sizeof info};
    CHECK_OK(open_folder(&tokenizer));
    CHECK_OK(tern_tokenizer_describe(tokenizer, &info));
    assert_int_equal(info.bos, 11);
    assert_int_equal(info.eos, 11);
    assert_true(info.add_bos);
    tern_tokenizer_destroy(tokenizer);
    // Without TERN_TOKENIZE_SPECIAL what a folder calls special is not spelled.
    memory_files_text(&folder, "special_tokens_map.json",
                      "{\"additional_special_tokens\":[\"<|pad|>\"]}");
    CHECK_IDS("<|pad|>12", 12, 2);
    CHECK_OK(open_folder(&tokenizer));
    int32_t ids[8];
    size_t count;
    CHECK_OK(tern_tokenizer_encode(tokenizer, "<|pad|>", 7, 0, ids, 8, &count));
    assert_int_equal(count, 1); // its letters are not in the vocabulary, but for one
    assert_int_equal(ids[0], 3);
    tern_tokenizer_destroy(tokenizer);
}

static void test_merges_refused(void **state) {
    (void)state;
    tern_tokenizer *tokenizer;
    memory_files_drop(&folder, "tokenizer.json");
    memory_files_text(&folder, "vocab.json", WORDS);
    CHECK_FAILS(open_folder(&tokenizer), TERN_STATUS_UNSUPPORTED,
                "the tokenizer_class '' is not supported without a tokenizer.json");
    put_config("{\"tokenizer_class\":\"WhisperTokenizer\"}");
    CHECK_FAILS(open_folder(&tokenizer), TERN_STATUS_UNSUPPORTED,
                "the tokenizer_class 'WhisperTokenizer'");
    put_config("{\"tokenizer_class\":\"GPT2Tokenizer\"}");
    CHECK_FAILS(open_folder(&tokenizer), TERN_STATUS_NOT_FOUND, "a vocab.json, but no merges.txt");
    memory_files_text(&folder, "merges.txt", "1 2\n12\n");
    CHECK_FAILS(open_folder(&tokenizer), TERN_STATUS_CORRUPT_DATA,
                "merges.txt: merge 1 is not two tokens");
    memory_files_text(&folder, "merges.txt", "1 b");
    CHECK_FAILS(open_folder(&tokenizer), TERN_STATUS_CORRUPT_DATA, "merges.txt: merge 0 is of '1'");
    memory_files_text(&folder, "merges.txt", MERGES);
    memory_files_text(&folder, "vocab.json", "[]");
    CHECK_FAILS(open_folder(&tokenizer), TERN_STATUS_CORRUPT_DATA,
                "vocab.json: the model's 'vocab' is an array");
}

static void test_refused(void **state) {
    (void)state;
    tern_tokenizer *tokenizer;
    put_config("{\"add_bos_token\":\"yes\",\"bos_token\":\"<s>\"}");
    CHECK_FAILS(open_folder(&tokenizer), TERN_STATUS_CORRUPT_DATA,
                "tokenizer_config.json: 'add_bos_token' is a string, expected true or false");
    put_config("{\"eos_token\":3}");
    CHECK_FAILS(open_folder(&tokenizer), TERN_STATUS_CORRUPT_DATA, "'eos_token' is a number");
    put_config("{");
    CHECK_FAILS(open_folder(&tokenizer), TERN_STATUS_CORRUPT_DATA, "tokenizer_config.json");
    memory_files_drop(&folder, "tokenizer_config.json");
    memory_files_text(&folder, "generation_config.json", "{\"eos_token_id\":\"x\"}");
    CHECK_FAILS(open_folder(&tokenizer), TERN_STATUS_CORRUPT_DATA,
                "generation_config.json: 'eos_token_id' is a string, expected an id");
    memory_files_drop(&folder, "tokenizer.json");
    CHECK_FAILS(open_folder(&tokenizer), TERN_STATUS_NOT_FOUND,
                "no file tokenizer.json or tokenizer.model");
}

static void check_template(const char *expected) {
    tern_files files = memory_files_of(&folder);
    tern_archive *archive;
    tern_value value = {.struct_size = sizeof value};
    CHECK_OK(tern_archive_open_files(context, &files, "", &archive));
    tern_status status = tern_archive_find(archive, "tokenizer.chat_template", &value);
    assert_int_equal(status, expected ? TERN_STATUS_OK : TERN_STATUS_NOT_FOUND);
    if (expected) {
        assert_string_equal(value.string, expected);
    }
    tern_archive_destroy(archive);
}

static void test_template(void **state) {
    (void)state;
    check_template(NULL);
    put_config("{\"chat_template\":\"{{ one }}\"}");
    check_template("{{ one }}");
    put_config("{\"chat_template\":[{\"name\":\"tool\",\"template\":\"x\"},"
               "{\"name\":\"default\",\"template\":\"two\"}]}");
    check_template("two");
    memory_files_text(&folder, "chat_template.jinja", "three");
    check_template("three");
}

static void check_no_memory(void) {
    tern_status status = TERN_STATUS_OUT_OF_MEMORY;
    size_t blocks = heap.blocks;
    for (size_t i = 1; status != TERN_STATUS_OK; i++) {
        tern_tokenizer *tokenizer;
        heap.fail_at = heap.calls + i;
        status = open_folder(&tokenizer);
        heap.fail_at = 0;
        assert_true(status == TERN_STATUS_OK || status == TERN_STATUS_OUT_OF_MEMORY);
        assert_true(i < 300 && (i > 20 || status != TERN_STATUS_OK));
        tern_tokenizer_destroy(tokenizer);
        assert_int_equal(heap.blocks, blocks);
    }
}

static void test_no_memory(void **state) {
    (void)state;
    put_config("{\"bos_token\":\"<s>\",\"add_bos_token\":true,\"chat_template\":\"t\"}");
    memory_files_text(&folder, "generation_config.json", "{\"eos_token_id\":[3,4]}");
    check_no_memory();
    memory_files_drop(&folder, "tokenizer.json");
    memory_files_text(&folder, "vocab.json", WORDS);
    memory_files_text(&folder, "merges.txt", MERGES);
    put_config("{\"tokenizer_class\":\"Qwen2Tokenizer\",\"add_prefix_space\":true}");
    check_no_memory();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_roles, set_up, counted_tear_down),
        cmocka_unit_test_setup_teardown(test_ends, set_up, counted_tear_down),
        cmocka_unit_test_setup_teardown(test_outside, set_up, counted_tear_down),
        cmocka_unit_test_setup_teardown(test_sentencepiece, set_up, counted_tear_down),
        cmocka_unit_test_setup_teardown(test_refused, set_up, counted_tear_down),
        cmocka_unit_test_setup_teardown(test_merges, set_up, counted_tear_down),
        cmocka_unit_test_setup_teardown(test_merges_refused, set_up, counted_tear_down),
        cmocka_unit_test_setup_teardown(test_template, set_up, counted_tear_down),
        cmocka_unit_test_setup_teardown(test_no_memory, set_up, counted_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
