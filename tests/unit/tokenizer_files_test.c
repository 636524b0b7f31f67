// Tokenizers from tokenizer.json and from SentencePiece's tokenizer.model.
#include <stdbool.h>
#include <stdlib.h>

#include <tern/archive.h>
#include <tern/tokenizer.h>

#include "runtime/model/files/json.h"
#include "tests/harness/check.h"
#include "tests/harness/counted_context.h"
#include "tests/harness/data.h"

enum { MAX_IDS = 4096 };

static char *read_golden(const char *name, size_t *out_size) {
    char path[512];
    char below[128];
    snprintf(below, sizeof below, "tests/golden/tokenizers/%s", name);
    assert_true(source_path(below, path, sizeof path));
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *out_size = (size_t)ftell(file);
    rewind(file);
    char *data = malloc(*out_size + 1);
    assert_int_equal(fread(data, 1, *out_size, file), *out_size);
    data[*out_size] = '\0';
    fclose(file);
    return data;
}

static tern_status open_memory(const char *data, size_t size, tern_tokenizer **out) {
    tern_source source = tern_source_from_memory("test", data, size);
    *out = NULL;
    return tern_tokenizer_open(context, &source, NULL, out);
}

// These spell out how they cut a text: no name can take its place.
static void test_chosen_pretokenizer(void **state) {
    (void)state;
    static const char *const names[] = {"byte_level.json", "wordpiece.json", "bpe.model"};
    tern_tokenizer_desc desc = TERN_TOKENIZER_DESC_INIT;
    desc.pretokenizer = "llama-bpe";
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t size;
        tern_tokenizer *tokenizer;
        char *data = read_golden(names[i], &size);
        tern_source source = tern_source_from_memory("test", data, size);
        CHECK_FAILS(tern_tokenizer_open(context, &source, &desc, &tokenizer),
                    TERN_STATUS_UNSUPPORTED, "test: the pre-tokenizer 'llama-bpe' was asked for");
        assert_null(tokenizer);
        free(data);
    }
}

static tern_tokenizer *open_golden(const char *name) {
    size_t size;
    char *data = read_golden(name, &size);
    tern_tokenizer *tokenizer;
    CHECK_OK(open_memory(data, size, &tokenizer));
    free(data);
    return tokenizer;
}

// |list| has the ids that are wanted.
static void check_ids(const char *name, const tern_tokenizer *tokenizer, const tern__json *text,
                      uint32_t flags, const tern__json *list) {
    static int32_t ids[MAX_IDS];
    size_t count;
    size_t i = 0;
    CHECK_OK(tern_tokenizer_encode(tokenizer, text ? text->as.string : "", text ? text->size : 0,
                                   flags, ids, MAX_IDS, &count));
    for (const tern__json *id = tern__json_first(list); id; id = tern__json_next(list, id)) {
        if (i >= count || ids[i] != id->as.integer) {
            fail_msg("%s: '%s': id %zu is %d, expected %d", name, text ? text->as.string : "", i,
                     i < count ? ids[i] : -1, (int)id->as.integer);
        }
        i++;
    }
    assert_int_equal(count, i);
}

// What the packages tokenizers and sentencepiece make of the same files.
static void test_golden(void **state) {
    (void)state;
    size_t size;
    char *text = read_golden("cases.json", &size);
    tern__json_document document;
    CHECK_OK(tern__json_parse(context, "cases.json", text, size, &document));
    const tern__json *all = document.nodes;
    int files = 0;
    for (const tern__json *f = tern__json_first(all); f; f = tern__json_next(all, f), files++) {
        const tern__json *cases = tern__json_get(f, "cases");
        bool json = strstr(f->key, ".json") != NULL;
        tern_tokenizer *tokenizer = open_golden(f->key);
        for (const tern__json *c = tern__json_first(cases); c; c = tern__json_next(cases, c)) {
            const tern__json *string = tern__json_first(c);
            check_ids(f->key, tokenizer, string, json ? TERN_TOKENIZE_SPECIAL : 0,
                      tern__json_next(c, string));
        }
        uint32_t around = TERN_TOKENIZE_BOS | TERN_TOKENIZE_EOS;
        check_ids(f->key, tokenizer, NULL, around, tern__json_get(f, "around"));
        tern_tokenizer_destroy(tokenizer);
    }
    assert_int_equal(files, 18);
    tern__json_finish(context, &document);
    free(text);
}

// Encodes |text| and decodes it again.
static void check_decoded(const char *file, const char *text, const char *expected) {
    tern_tokenizer *tokenizer = open_golden(file);
    int32_t ids[256];
    char bytes[1024];
    size_t count;
    size_t length = 0;
    CHECK_OK(tern_tokenizer_encode(tokenizer, text, strlen(text), 0, ids, 256, &count));
    for (size_t i = 0; i < count; i++) {
        size_t piece;
        CHECK_OK(tern_tokenizer_decode(tokenizer, ids[i], i == 0, bytes + length,
                                       sizeof bytes - length, &piece));
        length += piece;
    }
    if (length != strlen(expected) || memcmp(bytes, expected, length) != 0) {
        fail_msg("%s: '%s' comes back as '%.*s', expected '%s'", file, text, (int)length, bytes,
                 expected);
    }
    tern_tokenizer_destroy(tokenizer);
}

// Every decoder gives a text back, but for what its normaliser dropped.
static void test_decoders(void **state) {
    (void)state;
    static const char text[] = "The \u00e9 \U0001f999, don't";
    check_decoded("byte_level.json", text, text);
    check_decoded("gpt2.json", text, text);
    check_decoded("falcon.json", text, text);
    check_decoded("marked.json", text, text);
    check_decoded("bpe.model", text, text);
    check_decoded("metaspace.json", "the  man", "the  man");
    check_decoded("unigram.model", " the \t man ", "the man");
    check_decoded("unigram.json", "The  man", "The man");
    check_decoded("wordpiece.json", "The man, D\u00e9mon.", "the man, demon.");
    check_decoded("word_level.json", "The, and", "the , and");
    check_decoded("prefix.json", "the man, and.", "the man , and .");
    check_decoded("suffix.json", "the man, and.", "the man , and . "); // the package drops the last
    check_decoded("letters.json", text, text);
    check_decoded("whitespace.json", "the man, and.", "the man , and .");
}

// A vocabulary of three words, with |parts| in the file.
static tern_status make(const char *model, const char *parts, tern_tokenizer **out) {
    char file[2048];
    int size = snprintf(file, sizeof file, "{%s\"model\":{%s}}", parts, model);
    assert_true(size > 0 && (size_t)size < sizeof file);
    return open_memory(file, (size_t)size, out);
}

#define WORDPIECE                                                                                  \
    "\"type\":\"WordPiece\",\"unk_token\":\"u\",\"vocab\":{\"u\":0,\"a\":1,\"b\":2,\"##b\":3}"
#define BPE "\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2},\"merges\":[\"a b\"]"

static const struct {
    const char *model;
    const char *parts;
    tern_status status;
    const char *message;
} refused[] = {
    {WORDPIECE, "\"normalizer\":{\"type\":\"Magic\"},", TERN_STATUS_UNSUPPORTED,
     "the normalizer 'Magic' is not supported"},
    {WORDPIECE,
     "\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"(\"},"
     "\"content\":\"\"},",
     TERN_STATUS_UNSUPPORTED, "pattern '("},
    {WORDPIECE, "\"normalizer\":{\"type\":7},", TERN_STATUS_CORRUPT_DATA,
     "'type' is a number, expected a string"},
    {WORDPIECE, "\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"?\"},",
     TERN_STATUS_CORRUPT_DATA, "not base64"},
    {WORDPIECE, "\"pre_tokenizer\":{\"type\":\"UnicodeScripts\"},", TERN_STATUS_UNSUPPORTED,
     "the pre_tokenizer 'UnicodeScripts' is not supported"},
    {WORDPIECE,
     "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":"
     "\"Digits\"},{\"type\":\"Metaspace\"}]},",
     TERN_STATUS_UNSUPPORTED, "after another one 'Metaspace'"},
    {WORDPIECE, "\"decoder\":{\"type\":\"CTC\"},", TERN_STATUS_UNSUPPORTED,
     "the decoder 'CTC' is not supported"},
    {WORDPIECE, "\"post_processor\":{\"type\":\"Odd\"},", TERN_STATUS_UNSUPPORTED,
     "the post_processor 'Odd' is not supported"},
    {WORDPIECE,
     "\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"a\",9],\"sep\":"
     "[\"a\",1]},",
     TERN_STATUS_CORRUPT_DATA, "an id with a meaning is 9"},
    {WORDPIECE, "\"added_tokens\":[{\"id\":4000000,\"content\":\"x\"}],", TERN_STATUS_CORRUPT_DATA,
     "has the id 4000000, expected at most"},
    {WORDPIECE, "\"added_tokens\":[{\"id\":-1,\"content\":\"x\"}],", TERN_STATUS_CORRUPT_DATA,
     "has the id -1"},
    {WORDPIECE,
     "\"post_processor\":{\"type\":\"TemplateProcessing\",\"special_tokens\":{},\"single\":["
     "{\"SpecialToken\":{\"id\":\"[CLS]\",\"type_id\":0}}]},",
     TERN_STATUS_CORRUPT_DATA, "token '[CLS]' is none of its special_tokens"},
    {WORDPIECE,
     "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"ByteLevel\"},{\"type\":"
     "\"NFC\"}]},",
     TERN_STATUS_UNSUPPORTED, "normalizer after another one 'ByteLevel'"},
    {"\"type\":\"WordSalad\"", "", TERN_STATUS_UNSUPPORTED, "the model 'WordSalad'"},
    {WORDPIECE, "\"pre_tokenizer\":{\"type\":\"FixedLength\",\"length\":0},",
     TERN_STATUS_UNSUPPORTED, "FixedLength"},
    {"\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"a b\"]", "", TERN_STATUS_CORRUPT_DATA,
     "merge"},
    {"\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"ab\"]", "", TERN_STATUS_CORRUPT_DATA,
     "merge 0 is not two tokens"},
    {"\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":0},\"merges\":[]", "", TERN_STATUS_CORRUPT_DATA,
     "'vocab' has the id 0 twice, for 'b' too"},
    {"\"type\":\"BPE\",\"vocab\":{\"a\":0,\"a\":1},\"merges\":[]", "", TERN_STATUS_CORRUPT_DATA,
     "'a'"},
    {"\"type\":\"BPE\",\"vocab\":[],\"merges\":[]", "", TERN_STATUS_CORRUPT_DATA,
     "'vocab' is an array, expected an object"},
    {BPE ",\"dropout\":0.5", "", TERN_STATUS_UNSUPPORTED, "BPE with dropout"},
    {BPE ",\"end_of_word_suffix\":"
         "\"00000000001111111111222222222233333333334444444444555555555566666\"",
     "", TERN_STATUS_UNSUPPORTED, "end_of_word_suffix '0000"},
    {"\"type\":\"Unigram\",\"vocab\":[[\"a\",-1]],\"unk_id\":1", "", TERN_STATUS_CORRUPT_DATA,
     "unk_id is 1, but there are 1 tokens"},
    {"\"type\":\"Unigram\",\"vocab\":[[\"a\"]],\"unk_id\":0", "", TERN_STATUS_CORRUPT_DATA,
     "token 0 is not a pair"},
    {"\"type\":\"Unigram\",\"vocab\":[[\"a\",-1]]", "", TERN_STATUS_CORRUPT_DATA,
     "nor an unknown token"},
    {"\"type\":\"WordPiece\",\"vocab\":{\"a\":0}", "", TERN_STATUS_CORRUPT_DATA,
     "without an unknown token"},
};

static void test_refused(void **state) {
    (void)state;
    tern_tokenizer *tokenizer;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        CHECK_FAILS(make(refused[i].model, refused[i].parts, &tokenizer), refused[i].status,
                    refused[i].message);
        assert_null(tokenizer);
    }
    static char file[2048];
    int size =
        snprintf(file, sizeof file,
                 "{\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"u\",0],[\"%01025d\","
                 "-1]]}}",
                 0);
    CHECK_FAILS(open_memory(file, (size_t)size, &tokenizer), TERN_STATUS_UNSUPPORTED,
                "token 1 has 1025 bytes, at most 1024");
    CHECK_FAILS(open_memory("{}", 2, &tokenizer), TERN_STATUS_CORRUPT_DATA, "'model' is nothing");
    CHECK_FAILS(open_memory("hello", 5, &tokenizer), TERN_STATUS_UNSUPPORTED, "not a tokenizer");
    CHECK_OK(make(WORDPIECE, "", &tokenizer));
    tern_tokenizer_destroy(tokenizer);
}

static void test_words(void **state) {
    (void)state;
    tern_tokenizer *tokenizer;
    int32_t id;
    size_t count;
    CHECK_OK(make("\"vocab\":{\"a b\":0}", "", &tokenizer)); // as old files have it
    CHECK_OK(tern_tokenizer_encode(tokenizer, "a b", 3, 0, &id, 1, &count));
    assert_int_equal(count, 1);
    CHECK_FAILS(tern_tokenizer_encode(tokenizer, "ab", 2, 0, &id, 1, &count),
                TERN_STATUS_INVALID_ARGUMENT, "the word 'ab' has no token in this vocabulary");
    tern_tokenizer_destroy(tokenizer);
    // Of unigram vocabularies a text may spell the token of a byte, as in the package tokenizers.
    CHECK_OK(make("\"type\":\"Unigram\",\"byte_fallback\":true,\"unk_id\":0,\"vocab\":[[\"u\",0],["
                  "\"<0x41>\",-1]]",
                  "", &tokenizer));
    CHECK_OK(tern_tokenizer_encode(tokenizer, "<0x41>", 6, 0, &id, 1, &count));
    assert_int_equal(count, 1);
    assert_int_equal(id, 1);
    tern_tokenizer_destroy(tokenizer);
}

// Text must not be able to spell what only a caller may ask for.
static void test_special(void **state) {
    (void)state;
    static const char added[] = "\"added_tokens\":[{\"id\":4,\"content\":\"ab\",\"special\":true},"
                                "{\"id\":5,\"content\":\"ba\",\"special\":false}],";
    tern_tokenizer *tokenizer;
    int32_t ids[8];
    size_t count;
    CHECK_OK(make(WORDPIECE, added, &tokenizer));
    CHECK_OK(tern_tokenizer_encode(tokenizer, "ab", 2, TERN_TOKENIZE_SPECIAL, ids, 8, &count));
    assert_int_equal(count, 1);
    assert_int_equal(ids[0], 4);
    CHECK_OK(tern_tokenizer_encode(tokenizer, "abba", 4, 0, ids, 8, &count));
    assert_int_equal(count, 3);
    assert_memory_equal(ids, ((int32_t[]){1, 3, 5}), 3 * sizeof *ids);
    CHECK_OK(tern_tokenizer_encode(tokenizer, "u", 1, 0, ids, 8, &count));
    assert_int_equal(ids[0], 0); // unknown, not spelled: the same id
    tern_tokenizer_destroy(tokenizer);
}

#define LETTERS                                                                                    \
    "\"type\":\"BPE\",\"merges\":[],\"vocab\":{\"a\":0,\"!\":1,\"\u00e9\":2,\"\u00b0\":3,"         \
    "\"\u013e\":4,\"b\":5,\"\u0120\":6}"

// Added tokens that get in each other's way, as the package tokenizers 0.23 has them.
static void test_added(void **state) {
    (void)state;
    static const struct {
        const char *added; // after the pre-tokenizer
        const char *text;
        int32_t ids[8];
        size_t count;
    } cases[] = {
        // Of white space that a token takes, tokens are made all the same.
        {"{\"id\":7,\"content\":\"<r>\",\"rstrip\":true},{\"id\":8,\"content\":\"  \"}",
         "a<r>    a",
         {0, 7, 8, 8, 0},
         5},
        // One that is none, being a part of a word, hides what lies within it.
        {"{\"id\":7,\"content\":\"aaa\",\"single_word\":true},{\"id\":8,\"content\":\"aa\"}",
         "aaaa",
         {0, 0, 0, 0},
         4},
        // The letter of a byte stays one: of a byte that is spelled alike, and of another (U+9C1C).
        {"{\"id\":1,\"content\":\"!\",\"special\":true}", "a!b", {0, 1, 5}, 3},
        {"{\"id\":2,\"content\":\"\u00e9\"}", "\u00e9\u9c1c", {2, 2, 3, 4}, 4},
        {"{\"id\":2,\"content\":\"\u00e9\",\"special\":true}", "\u9c1c", {2, 3, 4}, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char parts[512];
        int32_t ids[8];
        size_t count;
        tern_tokenizer *tokenizer;
        snprintf(parts, sizeof parts,
                 "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false},"
                 "\"added_tokens\":[%s],",
                 cases[i].added);
        CHECK_OK(make(LETTERS, parts, &tokenizer));
        CHECK_OK(tern_tokenizer_encode(tokenizer, cases[i].text, strlen(cases[i].text), 0, ids, 8,
                                       &count));
        assert_int_equal(count, cases[i].count);
        assert_memory_equal(ids, cases[i].ids, count * sizeof *ids);
        tern_tokenizer_destroy(tokenizer);
    }
}

// Runs of marks that are added tokens (Gemma's) are spaces, too.
static void test_added_spaces(void **state) {
    (void)state;
    tern_tokenizer *tokenizer;
    char text[8];
    size_t size;
    CHECK_OK(
        make("\"type\":\"BPE\",\"merges\":[],\"vocab\":{\"x\":0}",
             "\"decoder\":{\"type\":\"Replace\",\"pattern\":{\"String\":\"\u2581\"},\"content\":"
             "\" \"},\"added_tokens\":[{\"id\":1,\"content\":\"\u2581\u2581\"}],",
             &tokenizer));
    for (int first = 0; first < 2; first++) {
        CHECK_OK(tern_tokenizer_decode(tokenizer, 1, first, text, sizeof text, &size));
        assert_int_equal(size, 2);
        assert_memory_equal(text, "  ", 2);
    }
    tern_tokenizer_destroy(tokenizer);
}

static const char *const golden[] = {"byte_level.json", "marked.json", "unigram.json",
                                     "wordpiece.json",  "bpe.model",   "unigram.model"};
enum { GOLDEN = sizeof golden / sizeof golden[0] };

// Whatever is cut off, there is one line or a tokenizer, and nothing is lost.
static void test_truncated(void **state) {
    (void)state;
    for (size_t f = 0; f < GOLDEN; f++) {
        size_t size;
        char *data = read_golden(golden[f], &size);
        size_t blocks = heap.blocks;
        size_t step = size / 200 + 1;
        for (size_t cut = 0; cut < size; cut += step) {
            char *part = malloc(cut + 1); // so that reading past the end is seen
            memcpy(part, data, cut);
            tern_tokenizer *tokenizer;
            tern_status status = open_memory(part, cut, &tokenizer);
            bool json = strstr(golden[f], ".json") != NULL;
            assert_true(!json || status != TERN_STATUS_OK);
            assert_true(status == TERN_STATUS_OK || strlen(tern_last_error_message()) > 0);
            tern_tokenizer_destroy(tokenizer);
            assert_int_equal(heap.blocks, blocks);
            free(part);
        }
        free(data);
    }
}

static tern_status open_and_encode(const char *data, size_t size) {
    static const char text[] = "The <tag> \u00e9 man\xff 123  the\u0301\u0323 <mask>";
    int32_t ids[256];
    size_t count;
    tern_tokenizer *tokenizer;
    tern_status status = open_memory(data, size, &tokenizer);
    if (status == TERN_STATUS_OK) {
        status = tern_tokenizer_encode(tokenizer, text, sizeof text - 1, TERN_TOKENIZE_SPECIAL, ids,
                                       256, &count);
    }
    tern_tokenizer_destroy(tokenizer);
    return status;
}

// Every allocation fails once.
static void test_no_memory(void **state) {
    (void)state;
    for (size_t f = 0; f < GOLDEN; f++) {
        size_t size;
        char *data = read_golden(golden[f], &size);
        size_t blocks = heap.blocks;
        tern_status status = TERN_STATUS_OUT_OF_MEMORY;
        for (size_t i = 1; status != TERN_STATUS_OK; i++) {
            heap.fail_at = heap.calls + i;
            status = open_and_encode(data, size);
            if (status != TERN_STATUS_OK && status != TERN_STATUS_OUT_OF_MEMORY) {
                fail_msg("%s, allocation %zu: %s", golden[f], i, tern_last_error_message());
            }
            assert_int_equal(heap.blocks, blocks);
            assert_true(i < 1000 && (i > 10 || status != TERN_STATUS_OK));
        }
        heap.fail_at = 0;
        free(data);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),    cmocka_unit_test(test_decoders),
        cmocka_unit_test(test_refused),   cmocka_unit_test(test_special),
        cmocka_unit_test(test_words),     cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_no_memory), cmocka_unit_test(test_chosen_pretokenizer),
        cmocka_unit_test(test_added),     cmocka_unit_test(test_added_spaces),
    };
    return cmocka_run_group_tests(tests, counted_set_up, counted_tear_down);
}
