// How patterns cut texts into words.
#include <stdbool.h>

#include "runtime/model/text/tokenizer_split.h"

#include "tests/harness/check.h"
#include "tests/harness/counted_context.h"

// Words, each with an '@' between it and the next.
static char heard[4096];

static tern_status hear(tern__encoder *encoder, const char *word, uint32_t size) {
    (void)encoder;
    size_t used = strlen(heard);
    assert_true(used + size + 2 < sizeof heard);
    used += used ? (size_t)sprintf(heard + used, "@") : 0;
    memcpy(heard + used, word, size);
    heard[used + size] = '\0';
    return TERN_STATUS_OK;
}

static const tern__tokenizer_kind hearing = {"hearing", NULL, hear, NULL};

static size_t counted; // bytes of words

static tern_status count(tern__encoder *encoder, const char *word, uint32_t size) {
    (void)encoder;
    (void)word;
    counted += size;
    return TERN_STATUS_OK;
}

static const tern__tokenizer_kind counting = {"counting", NULL, count, NULL};

static tern_status split(tern__vocabulary *v, const char *text, size_t size) {
    tern_tokenizer tokenizer = {.v = *v, .kind = &hearing};
    tern_status status = tern__splitter_create(v, &tokenizer.splitter);
    heard[0] = '\0';
    if (status == TERN_STATUS_OK) {
        tern__encoder encoder = {.tokenizer = &tokenizer, .context = context};
        status = tern__split_words(&encoder, text, (uint32_t)size);
    }
    tern__splitter_destroy(tokenizer.splitter, context);
    tern__vocabulary_finish(v);
    return status;
}

static void check_split(const char *pattern, tern__split_behaviour behaviour, bool inverted,
                        const char *text, const char *expected) {
    tern__vocabulary v;
    tern__vocabulary_init(&v, context, "test");
    CHECK_OK(tern__vocabulary_split(&v, pattern, behaviour, inverted));
    CHECK_OK(split(&v, text, strlen(text)));
    assert_string_equal(heard, expected);
}

// The example of the documentation of Hugging Face's tokenizers.
static void test_behaviours(void **state) {
    (void)state;
    const char *text = "the-final--countdown";
    check_split("-", TERN__SPLIT_REMOVED, false, text, "the@final@countdown");
    check_split("-", TERN__SPLIT_ISOLATED, false, text, "the@-@final@-@-@countdown");
    check_split("-", TERN__SPLIT_MERGED_WITH_PREVIOUS, false, text, "the-@final-@-@countdown");
    check_split("-", TERN__SPLIT_MERGED_WITH_NEXT, false, text, "the@-final@-@-countdown");
    check_split("-", TERN__SPLIT_CONTIGUOUS, false, text, "the@-@final@--@countdown");
    // What the pattern does not match is what counts.
    check_split("[a-z]+", TERN__SPLIT_REMOVED, true, text, "the@final@countdown");
    check_split("[a-z]+", TERN__SPLIT_MERGED_WITH_PREVIOUS, true, text, "the-@final--@countdown");
    check_split("-", TERN__SPLIT_MERGED_WITH_NEXT, false, "a-", "a@-");
    check_split("-", TERN__SPLIT_REMOVED, false, "---", "");
    // Matches of nothing cut too. Here and below: what the package tokenizers 0.23 makes of it.
    check_split("x*", TERN__SPLIT_ISOLATED, false, "axxbc", "a@xx@b@c");
    check_split("x*", TERN__SPLIT_REMOVED, false, "axxbc", "a@b@c");
    check_split("x*", TERN__SPLIT_MERGED_WITH_PREVIOUS, false, "axxbc", "axx@b@c");
    check_split("x*", TERN__SPLIT_MERGED_WITH_NEXT, false, "axxbc", "a@xxb@c");
    check_split("x*", TERN__SPLIT_CONTIGUOUS, false, "axxbc", "a@xx@b@c");
    check_split("(?=(\\d{3})+(?!\\d))", TERN__SPLIT_ISOLATED, false, "ab2345671x", "ab2@345@671x");
    check_split("(?=(\\d{3})+(?!\\d))", TERN__SPLIT_REMOVED, true, "2345671", "");
    check_split("", TERN__SPLIT_ISOLATED, false, "a\xc3\xa9!", "a@\xc3\xa9@!");
}

static const char *const texts[] = {
    "I'LL see 12345 dogs,  don't\tyou?\r\n\n  x",
    ("na\xc3\xafve e\xcc\x81t\xc3\xa9 3\xc2\xbd \xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97 "
     "\xe1\xa0\x8e\xd0\x90\xcc\x81 !?\n"),
    "if(x<=10){\n    y+=1;\n}   ",
};

// What the package tokenizers 0.23 makes of the patterns in the models' tokenizer.json.
static const struct {
    const char *name;
    int text;
    const char *words;
} known[] = {
    {"gpt-2", 0, "I@'@LL@ see@ 12345@ dogs@,@ @ don@'t@\t@you@?@\r\n\n @ x"},
    {"gpt-2", 1,
     "na\xc3\xafve@ e@\xcc\x81@t\xc3\xa9@ 3\xc2\xbd@ \xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97@ "
     "\xe1\xa0\x8e@\xd0\x90@\xcc\x81@ !?@\n"},
    {"gpt-2", 2, "if@(@x@<=@10@){@\n   @ y@+=@1@;@\n@}@   "},
    {"llama-bpe", 0, "I@'LL@ see@ @123@45@ dogs@,@ @ don@'t@\tyou@?\r\n\n@ @ x"},
    {"llama-bpe", 1,
     "na\xc3\xafve@ e@\xcc\x81t\xc3\xa9@ @3\xc2\xbd@ \xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97@ "
     "\xe1\xa0\x8e@\xd0\x90@\xcc\x81@ !?\n"},
    {"llama-bpe", 2, "if@(x@<=@10@){\n@   @ y@+=@1@;\n@}@   "},
    {"qwen2", 0, "I@'LL@ see@ @1@2@3@4@5@ dogs@,@ @ don@'t@\tyou@?\r\n\n@ @ x"},
    {"qwen2", 1,
     "na\xc3\xafve@ e@\xcc\x81t\xc3\xa9@ @3@\xc2\xbd@ \xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97@ "
     "\xe1\xa0\x8e@\xd0\x90@\xcc\x81@ !?\n"},
    {"qwen2", 2, "if@(x@<=@1@0@){\n@   @ y@+=@1@;\n@}@   "},
    {"qwen35", 0, "I@'LL@ see@ @1@2@3@4@5@ dogs@,@ @ don@'t@\tyou@?\r\n\n@ @ x"},
    {"qwen35", 1,
     "na\xc3\xafve@ e\xcc\x81t\xc3\xa9@ @3@\xc2\xbd@ \xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97@ "
     "\xe1\xa0\x8e@\xd0\x90\xcc\x81@ !?\n"},
    {"qwen35", 2, "if@(x@<=@1@0@){\n@   @ y@+=@1@;\n@}@   "},
    {"gpt-4o", 0, "I'LL@ see@ @123@45@ dogs@,@ @ don't@\tyou@?\r\n\n@ @ x"},
    {"gpt-4o", 1,
     "na\xc3\xafve@ e\xcc\x81t\xc3\xa9@ @3\xc2\xbd@ \xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97@ "
     "\xe1\xa0\x8e@\xd0\x90\xcc\x81@ !?\n"},
    {"gpt-4o", 2, "if@(x@<=@10@){\n@   @ y@+=@1@;\n@}@   "},
    {"tekken", 0, "I@'LL@ see@ @1@2@3@4@5@ dogs@,@ @ don@'t@\tyou@?\r\n\n@ @ x"},
    {"tekken", 1,
     "na\xc3\xafve@ e\xcc\x81t\xc3\xa9@ @3@\xc2\xbd@ \xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97@ "
     "\xe1\xa0\x8e@\xd0\x90\xcc\x81@ !?\n"},
    {"tekken", 2, "if@(x@<=@1@0@){\n@   @ y@+=@1@;\n@}@   "},
    {"smollm", 0, "I@'@LL@ see@ @1@2@3@4@5@ dogs@,@ @ don@'t@\t@you@?@\r\n\n @ x"},
    {"smollm", 1,
     "na\xc3\xafve@ e@\xcc\x81@t\xc3\xa9@ @3@\xc2\xbd@ \xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97@ "
     "\xe1\xa0\x8e@\xd0\x90@\xcc\x81@ !?@\n"},
    {"smollm", 2, "if@(@x@<=@1@0@){@\n   @ y@+=@1@;@\n@}@   "},
    {"falcon", 0, "I@'@LL@ see@ @123@45@ dogs@,@ @ don@'@t@\t@you@?@\r\n\n @ x"},
    {"falcon", 1,
     "na\xc3\xafve@ e@\xcc\x81@t\xc3\xa9@ 3\xc2\xbd@ \xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97@ "
     "\xe1\xa0\x8e@\xd0\x90@\xcc\x81@ @!?@\n"},
    {"falcon", 2, "if@(@x@<=@10@){@\n   @ y@+=@1@;@\n@}@   "},
    {"deepseek-llm", 0, "I@'@LL@ see@ @12345@ dogs@,@ @ don@'@t@\tyou@?@\r@\n@\n@ @ x"},
    {"deepseek-llm", 1,
     "na@\xc3\xaf@ve@ e@\xcc\x81@t@\xc3\xa9@ @3\xc2\xbd@ @\xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97@ "
     "@\xe1\xa0\x8e@\xd0\x90@\xcc\x81@ !?@\n"},
    {"deepseek-llm", 2, "if@(@x@<=@10@){@\n@   @ y@+=@1@;@\n@}@   "},
    {"deepseek-coder", 0, "I@'@LL@ see@ @1@2@3@4@5@ dogs@,@ @ don@'@t@\tyou@?@\r@\n@\n@ @ x"},
    {"deepseek-coder", 1,
     "na\xc3\xafve@ e@\xcc\x81@t\xc3\xa9@ @3@\xc2\xbd@ @\xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97@ "
     "@\xe1\xa0\x8e@\xd0\x90@\xcc\x81@ !?@\n"},
    {"deepseek-coder", 2, "if@(@x@<=@1@0@){@\n@   @ y@+=@1@;@\n@}@   "},
    {"deepseek-v3", 0, "I@'LL@ see@ @123@45@ dogs@,@ @ don@'t@\tyou@?\r\n\n@ @ x"},
    {"deepseek-v3", 1,
     "na\xc3\xafve@ e\xcc\x81t\xc3\xa9@ @3\xc2\xbd@ @\xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97@ "
     "@\xe1\xa0\x8e\xd0\x90\xcc\x81@ !?\n"},
    {"deepseek-v3", 2, "if@(x@<=@10@){\n@   @ y@+=@1@;\n@}@   "},
    {"jais-2", 0, "I@'LL@ see@ @123@45@ dogs@,@ @ don@'t@\tyou@?\r\n\n@ @ x"},
    {"jais-2", 1,
     "na\xc3\xafve@ e@\xcc\x81t\xc3\xa9@ @3\xc2\xbd@ \xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97@ "
     "\xe1\xa0\x8e@\xd0\x90@\xcc\x81@ !?\n"},
    {"youtu", 0, "I'LL@ see@ @1@2@3@4@5@ dogs@,@ @ don't@\tyou@?\r\n\n@ @ x"},
    {"youtu", 1,
     "na\xc3\xafve@ e\xcc\x81t\xc3\xa9@ @3@\xc2\xbd@ @\xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97@ "
     "\xe1\xa0\x8e@\xd0\x90\xcc\x81@ !?\n"},
    {"seed-coder", 0, "I@'LL@ see@ @1@2@3@4@5@ dogs@,@ @ don@'t@\tyou@?@\r\n\n@ @ x"},
    {"seed-coder", 1,
     "na\xc3\xafve@ e@\xcc\x81t\xc3\xa9@ @3@\xc2\xbd@ \xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97@ "
     "\xe1\xa0\x8e@\xd0\x90@\xcc\x81@ !?@\n"},
    {"bailingmoe", 0, "I@'LL@ see@ @1@2@3@4@5@ dogs@,@ @ don@'t@\tyou@?\r\n\n@ @ x"},
    {"bailingmoe", 1,
     "na\xc3\xafve@ e@\xcc\x81t\xc3\xa9@ @3@\xc2\xbd@ \xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97@ "
     "\xe1\xa0\x8e@\xd0\x90@\xcc\x81@ !?\n"},
    {"exaone-moe", 0, "I@'LL@ see@ @1@2@3@4@5@ dogs@,@ @ don@'t@\tyou@?\r@\n\n@ @ x"},
    {"exaone-moe", 1,
     "na\xc3\xafve e\xcc\x81t\xc3\xa9@ @3@\xc2\xbd@ \xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97@ "
     "\xe1\xa0\x8e@\xd0\x90\xcc\x81@ !?\n"},
    {"kimi-k2", 0, "I'LL@ see@ @123@45@ dogs@,@ @ don't@\tyou@?\r\n\n@ @ x"},
    {"kimi-k2", 1,
     "na\xc3\xafve@ e\xcc\x81t\xc3\xa9@ @3\xc2\xbd@ @\xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97@ "
     "\xe1\xa0\x8e@\xd0\x90\xcc\x81@ !?\n"},
    {"superbpe", 0, "I'LL see @12@345@ dogs,  don't\tyou?\r\n\n  x"},
    {"superbpe", 1,
     "na\xc3\xafve e\xcc\x81t\xc3\xa9 @3\xc2\xbd@ \xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97 "
     "\xe1\xa0\x8e\xd0\x90\xcc\x81 !?\n"},
    {"tiny_aya", 0, "I'LL@ see@ @12@345@ dogs@,@ @ don't@\tyou@?\r\n\n@ @ x"},
    {"tiny_aya", 1,
     "na\xc3\xafve@ e\xcc\x81t\xc3\xa9@ @3\xc2\xbd@ \xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97@ "
     "\xe1\xa0\x8e@\xd0\x90\xcc\x81@ !?\n"},
    {"minicpm5", 0, "I@'LL@ see@ @123@45@ dogs@,@ @ don@'t@\tyou@?\r\n\n@ @ x"},
    {"minicpm5", 1,
     "na\xc3\xafve@ e@\xcc\x81t\xc3\xa9@ @3\xc2\xbd@ \xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97@ "
     "\xe1\xa0\x8e@\xd0\x90@\xcc\x81@ !?\n"},
    {"laguna", 0, "I@'LL@ see@ @1@2@3@4@5@ dogs@,@ @ don@'t@\tyou@?\r@\n\n@ @ x"},
    {"laguna", 1,
     "na\xc3\xafve@ e@\xcc\x81t\xc3\xa9@ @3@\xc2\xbd@ \xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97@ "
     "\xe1\xa0\x8e@\xd0\x90@\xcc\x81@ !?@\n"},
    {"bloom", 0, "I'LL@ see@ 12345@ dogs@, @ don't@\t@you@?\r\n\n @ x"},
    {"bloom", 1,
     "na\xc3\xafve@ e\xcc\x81t\xc3\xa9@ 3\xc2\xbd@ \xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97@ "
     "\xe1\xa0\x8e\xd0\x90\xcc\x81@ !?\n"},
    {"viking", 0, "I'LL@ see@ @1@2@3@4@5@ dogs@, @ don't@\t@you@?\r\n\n @ x"},
    {"viking", 1,
     "na\xc3\xafve@ e\xcc\x81t\xc3\xa9@ @3@\xc2\xbd@ \xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97@ "
     "\xe1\xa0\x8e\xd0\x90\xcc\x81@ !?\n"},
    {"chameleon", 0, "I@'@LL@ see@ @1@2@3@4@5@ dogs@,@  @don@'@t@\t@you@?@\r@\n@\n@  @x"},
    {"chameleon", 1,
     "na\xc3\xafve@ e@\xcc\x81@t\xc3\xa9@ @3@\xc2\xbd@ \xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97@ "
     "\xe1\xa0\x8e@\xd0\x90@\xcc\x81@ @!@?@\n"},
    {"default", 0, "I@'@LL@ see@ @123@45@ dogs@,@ @ don@'@t@\t@you@?@\r\n\n @ x"},
    {"default", 1,
     "na\xc3\xafve@ e@\xcc\x81@t\xc3\xa9@ @3\xc2\xbd@ \xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97@ "
     "\xe1\xa0\x8e@\xd0\x90@\xcc\x81@ @!?@\n"},
    {"default", 2, "if@(@x@<=@10@){@\n   @ y@+=@1@;@\n@}@   "},
};

static void test_names(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        tern__vocabulary v;
        bool add_bos;
        const char *text = texts[known[i].text];
        tern__vocabulary_init(&v, context, "test");
        CHECK_OK(tern__vocabulary_pretokenizer(&v, known[i].name, &add_bos));
        CHECK_OK(split(&v, text, strlen(text)));
        if (strcmp(heard, known[i].words) != 0) {
            fail_msg("%s: '%s', expected '%s'", known[i].name, heard, known[i].words);
        }
    }
    tern__vocabulary v;
    bool add_bos;
    tern__vocabulary_init(&v, context, "test");
    CHECK_FAILS(tern__vocabulary_pretokenizer(&v, "llama", &add_bos), TERN_STATUS_UNSUPPORTED,
                "test: the pre-tokenizer 'llama' is not known");
    CHECK_FAILS(tern__vocabulary_pretokenizer(&v, "", &add_bos), TERN_STATUS_UNSUPPORTED,
                "the pre-tokenizer '' is not known");
    CHECK_FAILS(tern__vocabulary_pretokenizer(&v, "qwen2 stablelm2", &add_bos),
                TERN_STATUS_UNSUPPORTED, "'qwen2 stablelm2'");
    tern__vocabulary_finish(&v);
}

// Bytes that are no UTF-8 are words of their own; patterns see what lies between.
static void test_not_utf8(void **state) {
    (void)state;
    tern__vocabulary v;
    bool add_bos;
    static const char text[] = "ab\xff\xc3 cd\xe2\x82 1234\xe2\x82\xac\x80";
    tern__vocabulary_init(&v, context, "test");
    CHECK_OK(tern__vocabulary_pretokenizer(&v, "llama-bpe", &add_bos));
    CHECK_OK(split(&v, text, sizeof text - 1));
    assert_string_equal(heard, "ab@\xff\xc3@ cd@\xe2\x82@ @123@4@\xe2\x82\xac@\x80");
}

// What Oniguruma reads otherwise than PCRE2.
static void test_dialect(void **state) {
    (void)state;
    check_split("\\s+", TERN__SPLIT_REMOVED, false,
                "a\xe1\xa0\x8e"
                "b\xc2\xa0"
                "c d",
                "a\xe1\xa0\x8e"
                "b@c@d"); // U+180E is no White_Space
    check_split("[^\\s]+", TERN__SPLIT_REMOVED, true, "a\x1c\xc2\x85 b", "a\x1c@b");
    check_split("\\S", TERN__SPLIT_REMOVED, false, "a b", " ");
    check_split("^b|a$", TERN__SPLIT_REMOVED, false, "a\nb\nab", "\n@\nab"); // of each line
    check_split("[]\\[[:digit:]]", TERN__SPLIT_REMOVED, false, "a]b[c7d", "a@b@c@d");
    check_split("\\h+", TERN__SPLIT_REMOVED, false, "xbeg0F\xc2\xb2", "x@g@\xc2\xb2");
    check_split("[^\\S\n]", TERN__SPLIT_REMOVED, false, "a b\n", "a@b\n");
    check_split("[a[bc]]+", TERN__SPLIT_REMOVED, false, "xabcy", "x@y");
    check_split("[^a[bc][^b-z]]", TERN__SPLIT_REMOVED, false, "xabcy", "abc");
    check_split("[\\p{L}&&[^\\p{Han}x]]+", TERN__SPLIT_REMOVED, false,
                "ax\xe4\xb8\xad"
                "b",
                "x\xe4\xb8\xad");
    check_split("[^a-z&&[^b]]", TERN__SPLIT_REMOVED, false, "abAB", "a");
    check_split("\\p{Han}+", TERN__SPLIT_REMOVED, false, "\xe4\xb8\xad\xe3\x80\x82x",
                "\xe3\x80\x82x");
    check_split("\\w+", TERN__SPLIT_REMOVED, false, "e\xcc\x81_\xc2\xb2\xe0\xa7\xb4!",
                "\xe0\xa7\xb4!");
    check_split("[\\w-]+", TERN__SPLIT_REMOVED, false, "e\xcc\x81-\xc2\xb2", "\xc2\xb2");
    check_split("e\\b", TERN__SPLIT_REMOVED, false,
                "e\xcc\x81"
                "e",
                "e\xcc\x81");
    check_split("(?m)a.b", TERN__SPLIT_REMOVED, false, "xa\nbx", "x@x"); // its m is another's s
    check_split("(?im-x:A.)b|.", TERN__SPLIT_ISOLATED, false, "a\nbB\n", "a\nb@B@\n");
    check_split("[[:punct:]]", TERN__SPLIT_REMOVED, false, "a$b\xc2\xa3", "a@b");
    check_split("[[:^alpha:]]", TERN__SPLIT_REMOVED, false,
                "a\xe0\xa4\xbe"
                "1b",
                "a\xe0\xa4\xbe@b");
    check_split("\\p{Punct}", TERN__SPLIT_REMOVED, false, "a$b!c", "a$b@c");
    check_split("\\d{1,3}+", TERN__SPLIT_ISOLATED, false, "a1234567", "a@1234567");
    check_split("(?:(\\d){2}){1,2}+x", TERN__SPLIT_ISOLATED, false, "1234567x", "1@234567x");
    static const struct {
        const char *pattern;
        const char *part;
    } refused[] = {{"[a", "a class without an end"},
                   {"[a&&]", "an empty class"},
                   {"[[:what:]]", "an unknown class"},
                   {"\\Qa", "\\Q"},
                   {"(a", "missing closing parenthesis"},
                   {"a\\", "\\ at end of pattern"},
                   {"\\p{Nothing}", "unknown property"},
                   {"(?<=a+)b", "lookbehind"},
                   {"\\C", "disabled"}};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        tern__vocabulary v;
        tern__vocabulary_init(&v, context, "test");
        CHECK_OK(tern__vocabulary_split(&v, refused[i].pattern, TERN__SPLIT_ISOLATED, false));
        CHECK_FAILS(split(&v, "a", 1), TERN_STATUS_UNSUPPORTED, refused[i].part);
    }
}

// A pattern that would take for ever, or all memory, fails.
static void test_limits(void **state) {
    (void)state;
    static const char *const patterns[] = {"(a+)+$", "(a|aa)+$", "((a*)*)*b", "(?:(?:a|b)*c)+d"};
    char text[3000];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 'x';
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        tern__vocabulary v;
        tern__vocabulary_init(&v, context, "test");
        CHECK_OK(tern__vocabulary_split(&v, patterns[i], TERN__SPLIT_ISOLATED, false));
        tern_status status = split(&v, text, sizeof text);
        if (status != TERN_STATUS_OK) { // PCRE2 may see that there is no match
            assert_int_equal(status, TERN_STATUS_UNSUPPORTED);
            assert_non_null(strstr(tern_last_error_message(), "takes too long on this text"));
        }
    }
    tern__vocabulary v;
    tern__vocabulary_init(&v, context, "test");
    CHECK_OK(tern__vocabulary_split(&v, "(a+)+$", TERN__SPLIT_ISOLATED, false));
    CHECK_FAILS(split(&v, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaax", 50),
                TERN_STATUS_UNSUPPORTED, "takes too long on this text");
    tern__vocabulary_init(&v, context, "test");
    for (int i = 0; i < 17; i++) {
        CHECK_OK(tern__vocabulary_split(&v, "a", TERN__SPLIT_ISOLATED, false));
    }
    CHECK_FAILS(split(&v, "a", 1), TERN_STATUS_UNSUPPORTED,
                "has 17 patterns, the normalizer 0, at most 16");
}

// Patterns that look far ahead from everywhere: linear in the text, or refused. Before, minutes.
static void test_linear(void **state) {
    (void)state;
    enum { SIZE = 200000 };
    static const struct {
        const char *pattern;
        char letter;
        bool refused;
    } cases[] = {{"1+x", '1', true},
                 {"(?=(\\d{3})+(?!\\d))", '1', true},
                 {"\\d{1,3}(?=(?:\\d{3})*\\b)", '1', true},
                 {"(?=(\\d{3})+(?!\\d))", 'a', false},
                 {"[^(\\s|[.,!?])]+", 'a', false},
                 {"\\s+$", ' ', false},
                 {"\\p{L}+|\\s+(?!\\S)", 'a', false}};
    static char text[SIZE];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tern_tokenizer tokenizer = {.kind = &counting};
        tern__vocabulary_init(&tokenizer.v, context, "test");
        CHECK_OK(
            tern__vocabulary_split(&tokenizer.v, cases[i].pattern, TERN__SPLIT_ISOLATED, false));
        CHECK_OK(tern__splitter_create(&tokenizer.v, &tokenizer.splitter));
        memset(text, cases[i].letter, sizeof text);
        tern__encoder encoder = {.tokenizer = &tokenizer, .context = context};
        counted = 0;
        tern_status status = tern__split_words(&encoder, text, SIZE);
        assert_int_equal(status, cases[i].refused ? TERN_STATUS_UNSUPPORTED : TERN_STATUS_OK);
        assert_true(cases[i].refused || counted == SIZE);
        tern__splitter_destroy(tokenizer.splitter, context);
        tern__vocabulary_finish(&tokenizer.v);
    }
}

// Words longer than what a pattern is shown at first are one.
static void test_long_words(void **state) {
    (void)state;
    char text[4000];
    char expected[4000];
    for (size_t size = 500; size < 1300; size += 61) {
        memset(text, 'a', sizeof text);
        text[size] = ' ';
        text[3 * size] = '\0';
        snprintf(expected, sizeof expected, "%.*s@%s", (int)size, text, text + size);
        check_split(" ?a+(?!b)", TERN__SPLIT_ISOLATED, false, text, expected);
        // A character lies across the end of what is shown.
        memset(text, ' ', size);
        memcpy(text + size - 1, "\xe4\xb8\xad", 3);
        text[size + 2] = '\0';
        snprintf(expected, sizeof expected, "%.*s@\xe4\xb8\xad", (int)size - 1, text);
        check_split("\\p{Lo}", TERN__SPLIT_ISOLATED, false, text, expected);
        check_split("$", TERN__SPLIT_ISOLATED, false, text, text);
        check_split("(?<=\\s)(?=\\S)", TERN__SPLIT_ISOLATED, false, text, expected);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_behaviours), cmocka_unit_test(test_names),
        cmocka_unit_test(test_not_utf8),   cmocka_unit_test(test_dialect),
        cmocka_unit_test(test_limits),     cmocka_unit_test(test_linear),
        cmocka_unit_test(test_long_words),
    };
    return cmocka_run_group_tests(tests, counted_set_up, counted_tear_down);
}
