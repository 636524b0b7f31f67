#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <tern/grammar.h>

#include "tests/harness/check.h"
#include "tests/harness/counted_context.h"
#include "tests/harness/rng.h"

static tern_tokenizer *tokenizer;

static int set_up(void **state) {
    char path[512];
    tern_source source;
    tern_archive *archive = NULL;
    snprintf(path, sizeof path, "%s/tools/models/tern-stories.gguf", getenv("TERN_SOURCE_DIR"));
    int failed = counted_set_up(state) != 0 ||
                 tern_source_open_file(context, path, &source) != TERN_STATUS_OK ||
                 tern_archive_open(context, &source, &archive) != TERN_STATUS_OK ||
                 tern_tokenizer_create(context, archive, NULL, &tokenizer) != TERN_STATUS_OK;
    tern_archive_destroy(archive);
    tern_source_close(&source);
    return failed;
}

static int tear_down(void **state) {
    tern_tokenizer_destroy(tokenizer);
    return counted_tear_down(state);
}

static tern_status create(uint32_t kind, const char *text, tern_grammar **out) {
    tern_grammar_desc desc = {sizeof desc, kind, text, strlen(text)};
    return tern_grammar_create(context, tokenizer, &desc, out);
}

static tern_grammar *make(uint32_t kind, const char *text) {
    tern_grammar *grammar;
    CHECK_OK(create(kind, text, &grammar));
    return grammar;
}

// "yes", "no" (does not fit) or "part" (more must follow).
static const char *verdict(tern_grammar *grammar, const char *text, size_t size) {
    CHECK_OK(tern_grammar_reset(grammar));
    if (tern_grammar_feed(grammar, text, size) != TERN_STATUS_OK) {
        return "no";
    }
    return tern_grammar_state(grammar) & TERN_GRAMMAR_MAY_END ? "yes" : "part";
}

typedef struct reading {
    const char *text;
    const char *verdict;
} reading;

static void check_readings(tern_grammar *grammar, const reading *readings) {
    for (; readings->text; readings++) {
        assert_string_equal(verdict(grammar, readings->text, strlen(readings->text)),
                            readings->verdict);
    }
    tern_grammar_destroy(grammar);
}

static void check_gbnf(const char *text, const reading *readings) {
    check_readings(make(TERN_GRAMMAR_GBNF, text), readings);
}

static void test_language(void **state) {
    (void)state;
    check_gbnf("root ::= \"yes\" | \"no\"", (reading[]){{"", "part"},
                                                        {"y", "part"},
                                                        {"yes", "yes"},
                                                        {"yess", "no"},
                                                        {"no", "yes"},
                                                        {"x", "no"},
                                                        {0}});
    check_gbnf("root ::= [a-cx]+ \"-\"? # comment | not\n", (reading[]){{"a", "yes"},
                                                                        {"cab-", "yes"},
                                                                        {"-", "no"},
                                                                        {"d", "no"},
                                                                        {"x", "yes"},
                                                                        {"a--", "no"},
                                                                        {0}});
    check_gbnf("root ::= [^a-z\"]{2,3}", (reading[]){{"A", "part"},
                                                     {"A1", "yes"},
                                                     {"A1\xc3\xa9", "yes"},
                                                     {"Aa", "no"},
                                                     {"A\"", "no"},
                                                     {"1234", "no"},
                                                     {"\xf0\x9f\x98\x80!", "yes"},
                                                     {0}});
    check_gbnf("root ::= (\"a\" | \"b\" \"c\"){0,2} end\nend ::= \";\"\r\n\r\n",
               (reading[]){
                   {";", "yes"}, {"a;", "yes"}, {"bca;", "yes"}, {"aaa", "no"}, {"b;", "no"}, {0}});
    check_gbnf("root ::=\n  list\nlist ::= \"[\" (\n list (\",\" list)*\n )? \"]\"\n   | \"0\"",
               (reading[]){{"0", "yes"},
                           {"[]", "yes"},
                           {"[0,[0,[]],0]", "yes"},
                           {"[0,]", "no"},
                           {"[[", "part"},
                           {0}});
    check_gbnf("root ::= \"\\x41\\u00e9\\U0001F600\\n\\\"\\\\\" [\\]\\-a]",
               (reading[]){{"A\xc3\xa9\xf0\x9f\x98\x80\n\"\\]", "yes"},
                           {"A\xc3\xa9\xf0\x9f\x98\x80\n\"\\-", "yes"},
                           {"A\xc3\xa8", "no"},
                           {0}});
    check_gbnf("root ::= a{3} b{2,}\na ::= \"x\"?\nb ::= \"y\"",
               (reading[]){{"yy", "yes"}, {"xxxyyyy", "yes"}, {"xxxx", "no"}, {"xy", "part"}, {0}});
    check_gbnf("root ::= \"\"", (reading[]){{"", "yes"}, {"a", "no"}, {0}});
    check_gbnf("root ::= . . | \"\xc3\xa9-\"", (reading[]){{"ab", "yes"},
                                                           {"\xc3\xa9-", "yes"},
                                                           {"\xed\xa0\x80", "no"},
                                                           {"\xff", "no"},
                                                           {"\xc0\x80", "no"},
                                                           {"\xf4\x90\x80\x80", "no"},
                                                           {"\xf4\x8f\xbf\xbf\x01", "yes"},
                                                           {0}});
}

// Classes against every character of Unicode, by its number.
static void test_characters(void **state) {
    (void)state;
    static const uint32_t bounds[][2] = {{0, 0x10ffff},       {0x7f, 0x80},     {0x3b1, 0x3c9},
                                         {0x7ff, 0x801},      {0xd000, 0xe001}, {0xfff, 0x12345},
                                         {0x10001, 0x10fffe}, {0x40, 0x50001}};
    for (size_t b = 0; b < sizeof bounds / sizeof bounds[0]; b++) {
        char text[64];
        snprintf(text, sizeof text, "root ::= [\\U%08x-\\U%08x]", bounds[b][0], bounds[b][1]);
        tern_grammar *grammar = make(TERN_GRAMMAR_GBNF, text);
        for (uint32_t c = 0; c <= 0x10ffff; c += c < 0x900 || (c & 0xfff) > 0xff0 ? 1 : 13) {
            char utf8[4] = {(char)c};
            size_t size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
            uint32_t rest = c;
            for (size_t i = size; size > 1 && i-- > 0; rest >>= 6) {
                uint32_t lead = size == 2 ? 0xc0 : size == 3 ? 0xe0 : 0xf0;
                utf8[i] = (char)(i ? 0x80 | (rest & 63) : lead | rest);
            }
            bool inside = c >= bounds[b][0] && c <= bounds[b][1] && !(c >= 0xd800 && c < 0xe000);
            if (strcmp(verdict(grammar, utf8, size), inside ? "yes" : "no") != 0) {
                fail_msg("%s: U+%04X", text, c);
            }
        }
        tern_grammar_destroy(grammar);
    }
}

static void check_refused(const char *text, const char *message) {
    tern_grammar *grammar;
    CHECK_FAILS(create(TERN_GRAMMAR_GBNF, text, &grammar), TERN_STATUS_INVALID_ARGUMENT, message);
    assert_null(grammar);
}

static void test_mistakes(void **state) {
    (void)state;
    check_refused("", "rule 'root' is not defined");
    check_refused("root ::= a\n\nb ::= \"\"", "line 1: rule 'a' is not defined");
    check_refused("root ::= \"a\nroot ::= \"b\"", "line 1: expected a character or the closing");
    check_refused("root ::= \"a\"\nroot ::= \"b\"", "line 2: rule 'root' is defined twice");
    check_refused("root = \"a\"", "expected '::='");
    check_refused("root ::= (\"a\"", "expected ')', not the end");
    check_refused("root ::= \"a\" )", "line 1: expected a string, a class, a rule");
    check_refused("root ::= [z-a]", "ascending order");
    check_refused("root ::= \"\\q\"", "after '\\', not 'q'");
    check_refused("root ::= \"\\u12\"", "hexadecimal");
    check_refused("root ::= \"\\ud800\"", "a character of Unicode");
    check_refused("root ::= \"\xff\"", "expected UTF-8");
    check_refused("root ::= \"\xf8\x90\x80\x80\"", "expected UTF-8");
    check_refused("root ::= \"a\"{3,1}", "{n,m} with n <= m");
    check_refused("root ::= \"a\"{99999999999}", "at most 65536");
    char long_text[2048] = "root ::=";
    for (int i = 0; i < 70; i++) {
        strcat(long_text, " \"a\"{65536}");
    }
    check_refused(long_text, "repeat less");
    check_refused("root ::= root \"a\" | \"b\"", "rule 'root' begins with itself");
    check_refused("root ::= a\na ::= b? c\nb ::= \"x\"\nc ::= a | \"y\"", "begins with itself");
    check_refused("root ::= (\"a\"?)*", "may be empty has no end");
    check_refused("root ::= \"a\" root", "has no end");
    check_refused("root ::= []", "has no end");
    char deep[200] = "root ::= ";
    memset(deep + 9, '(', 100);
    check_refused(deep, "64 deep");
    tern_grammar *grammar = make(TERN_GRAMMAR_GBNF, "root ::= \"abc\"");
    CHECK_OK(tern_grammar_feed(grammar, "a", 1));
    CHECK_FAILS(tern_grammar_feed(grammar, "bxc", 3), TERN_STATUS_INVALID_ARGUMENT,
                "byte 1 of 3 does not fit");
    CHECK_OK(tern_grammar_feed(grammar, "bc", 2)); // it stood where it was
    assert_int_equal(tern_grammar_state(grammar), TERN_GRAMMAR_MAY_END);
    tern_grammar_destroy(grammar);
    tern_grammar_destroy(NULL);
}

static const char json_gbnf[] =
    "root ::= object\n"
    "value ::= object | array | string | number | \"true\" | \"false\" | \"null\"\n"
    "object ::= \"{\" ws ( string \":\" ws value (\",\" ws string \":\" ws value)* )? ws \"}\"\n"
    "array ::= \"[\" ws ( value (\",\" ws value)* )? ws \"]\"\n"
    "string ::= \"\\\"\" ( [^\"\\\\\\x00-\\x1f] | \"\\\\\" ([\"\\\\/bfnrt] | \"u\" "
    "[0-9a-fA-F]{4}) )* \"\\\"\"\n"
    "number ::= \"-\"? (\"0\" | [1-9] [0-9]*) (\".\" [0-9]+)? ([eE] [-+]? [0-9]+)?\n"
    "ws ::= [ \\n\\t]*\n";

enum { VOCABULARY = 512 };

// Which ids the sampler may pick, found by offering it each alone.
static bool may_pick(tern_sampler *sampler, tern_grammar *grammar, const char *prefix, int32_t id) {
    float logits[VOCABULARY];
    int32_t picked;
    for (int i = 0; i < VOCABULARY; i++) {
        logits[i] = i == id ? 1.0f : 0.0f;
    }
    CHECK_OK(tern_grammar_reset(grammar));
    CHECK_OK(tern_grammar_feed(grammar, prefix, strlen(prefix)));
    CHECK_OK(tern_sampler_pick(sampler, logits, VOCABULARY, NULL, 0, &picked));
    return picked == id;
}

// The walk over the sorted vocabulary against the text of each token by itself.
static void test_masks(void **state) {
    (void)state;
    static const char *const prefixes[] = {
        "",           "{",  "{\"a",     "{\"a\": [1", "{\"a\":{\"b\":-",
        "{\"a\": tr", "{}", "{\"\\u12", "{\"\xc3"};
    tern_grammar *grammar = make(TERN_GRAMMAR_GBNF, json_gbnf);
    tern_sampler *sampler;
    CHECK_OK(tern_sampler_create(context, NULL, &sampler));
    CHECK_OK(tern_sampler_constrain(sampler, grammar));
    assert_false(tern_sampler_is_greedy(sampler));
    int allowed = 0;
    for (size_t p = 0; p < sizeof prefixes / sizeof prefixes[0]; p++) {
        for (int32_t id = 0; id < VOCABULARY; id++) {
            char text[64];
            size_t size, length = strlen(prefixes[p]);
            memcpy(text, prefixes[p], length);
            CHECK_OK(tern_tokenizer_decode(tokenizer, id, 0, text + length, 32, &size));
            bool is_end = tern_tokenizer_is_end(tokenizer, id) != 0;
            const char *is = verdict(grammar, text, length + size);
            bool fits = is_end ? strcmp(is, "yes") == 0 : size > 0 && strcmp(is, "no") != 0;
            allowed += fits;
            if (may_pick(sampler, grammar, prefixes[p], id) != fits) {
                fail_msg("after '%s' token %d", prefixes[p], id);
            }
        }
    }
    assert_true(allowed > 300);
    tern_sampler_destroy(sampler);
    tern_grammar_destroy(grammar);
}

// Texts drawn from random logits are texts of the grammar, and end.
static void test_drawn(void **state) {
    (void)state;
    tern_grammar *grammar = make(TERN_GRAMMAR_GBNF, json_gbnf);
    tern_grammar *judge = make(TERN_GRAMMAR_GBNF, json_gbnf);
    rng random = rng_make(7);
    int complete = 0;
    for (uint64_t seed = 0; seed < 40; seed++) {
        tern_sampler_desc desc = {
            .struct_size = sizeof desc, .temperature = 1.0f, .top_k = 20, .seed = seed};
        tern_sampler *sampler;
        float logits[VOCABULARY + 3]; // more logits than tokens, as padded models have
        int32_t id = 0;
        CHECK_OK(tern_sampler_create(context, &desc, &sampler));
        CHECK_OK(tern_grammar_reset(grammar));
        CHECK_OK(tern_grammar_reset(judge));
        CHECK_OK(tern_sampler_constrain(sampler, grammar));
        for (int n = 0; n < 60 && tern_grammar_state(grammar); n++) {
            for (int i = 0; i < VOCABULARY + 3; i++) {
                logits[i] = (float)(rng_u32(&random) >> 8) / (1 << 22);
            }
            CHECK_OK(tern_sampler_pick(sampler, logits, VOCABULARY + 3, NULL, 0, &id));
            char text[32];
            size_t size;
            CHECK_OK(tern_tokenizer_decode(tokenizer, id, 0, text, sizeof text, &size));
            CHECK_OK(tern_grammar_feed(judge, text, size));
        }
        if (!tern_grammar_state(grammar)) {
            assert_true(tern_grammar_state(judge) & TERN_GRAMMAR_MAY_END);
            CHECK_FAILS(tern_sampler_pick(sampler, logits, VOCABULARY, NULL, 0, &id),
                        TERN_STATUS_NOT_FOUND, "allows no token");
            complete++;
        }
        tern_sampler_destroy(sampler);
    }
    assert_true(complete > 10);
    tern_grammar_destroy(grammar);
    tern_grammar_destroy(judge);
}

// Nesting far beyond what one pool of stacks keeps; the places stay right through its renewals.
static void test_deep_texts(void **state) {
    (void)state;
    enum { DEPTH = 200000 };
    tern_grammar *grammar =
        make(TERN_GRAMMAR_GBNF, "root ::= \"(\" root \")\" \";\" | \"a\" | \"b\" root \"b\"");
    for (int i = 0; i < DEPTH; i++) {
        CHECK_OK(tern_grammar_feed(grammar, i % 3 ? "(" : "b", 1));
    }
    CHECK_OK(tern_grammar_feed(grammar, "a", 1));
    for (int i = DEPTH; i-- > 0;) {
        assert_int_equal(tern_grammar_state(grammar), TERN_GRAMMAR_MAY_GO_ON);
        CHECK_OK(tern_grammar_feed(grammar, i % 3 ? ");" : "b", i % 3 ? 2 : 1));
    }
    assert_int_equal(tern_grammar_state(grammar), TERN_GRAMMAR_MAY_END);
    tern_grammar_destroy(grammar);
}

static void check_schema(const char *text, const reading *readings) {
    check_readings(make(TERN_GRAMMAR_JSON_SCHEMA, text), readings);
}

static void test_schemas(void **state) {
    (void)state;
    check_schema(
        "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\",\"minLength\":1},"
        "\"hp\":{\"type\":\"integer\"},\"tags\":{\"items\":{\"enum\":[\"a\",2,null]}}},"
        "\"required\":[\"hp\"],\"title\":\"x\"}",
        (reading[]){{"{\"name\":\"A\",\"hp\":3}", "yes"},
                    {"{\"name\": \"A\", \"hp\": -3, \"tags\": [2, \"a\",null]}", "yes"},
                    {"{\"hp\":0,\"tags\":[]}", "yes"},
                    {"{\"hp\":1.5}", "no"},
                    {"{\"hp\":01}", "no"},
                    {"{\"name\":\"\"", "no"},
                    {"{\"name\":\"A\"}", "no"},
                    {"{\"tags\"", "no"},
                    {"{\"hp\":1,}", "no"},
                    {"{\"hp\":1,\"other\"", "no"},
                    {"{\"hp\":1,\"tags\":[3", "no"},
                    {"{\"hp\":1", "part"},
                    {0}});
    check_schema(
        "{\"anyOf\":[{\"const\":{\"a\":[1,\"q\\\"\"]}},{\"type\":[\"boolean\",\"null\"]}]}",
        (reading[]){
            {"{\"a\":[1,\"q\\\"\"]}", "yes"}, {"true", "yes"}, {"null", "yes"}, {"1", "no"}, {0}});
    check_schema(
        "{\"$ref\":\"#/$defs/list\",\"$defs\":{\"list\":{\"type\":\"array\",\"maxItems\":2,"
        "\"items\":{\"$ref\":\"#/$defs/list\"}}}}",
        (reading[]){{"[]", "yes"},
                    {"[[],[[]]]", "yes"},
                    {"[[], [[], []]]", "yes"},
                    {"[[],[],[]]", "no"},
                    {"[1", "no"},
                    {0}});
    check_schema("{\"prefixItems\":[{\"type\":\"number\"},true],\"minItems\":3,\"maxItems\":4,"
                 "\"items\":{\"type\":\"null\"}}",
                 (reading[]){{"[1.5e-3,\"x\",null]", "yes"},
                             {"[1,{\"a\":[0]},null, null]", "yes"},
                             {"[1,2]", "no"},
                             {"[1,2,null,null,null]", "no"},
                             {0}});
    check_schema("{\"type\":\"object\",\"properties\":{\"a\":true},"
                 "\"additionalProperties\":{\"type\":\"integer\"}}",
                 (reading[]){{"{}", "yes"},
                             {"{\"a\":\"s\",\"b\":1,\"c\":2}", "yes"},
                             {"{\"b\":1, \"c\":2}", "yes"},
                             {"{\"b\":\"", "no"},
                             {0}});
    check_schema("true",
                 (reading[]){{"{\"a\":[1,true,{}]}", "yes"}, {"nul", "part"}, {"x", "no"}, {0}});
    check_schema(
        "{\"type\":\"string\",\"maxLength\":2}",
        (reading[]){
            {"\"\"", "yes"}, {"\"\\u00e9\xc3\xa9\"", "yes"}, {"\"abc", "no"}, {"\"\n", "no"}, {0}});
    check_schema("{\"enum\":[0.1,2.5e-3,0.30000000000000004]}",
                 (reading[]){{"0.1", "yes"},
                             {"0.0025", "yes"},
                             {"0.3", "part"},
                             {"0.30000000000000004", "yes"},
                             {0}});
}

// Names of properties are theirs alone, however they are spelled; all others are free.
static void test_schema_names(void **state) {
    (void)state;
    check_schema(
        "{\"properties\":{\"ab\":true,\"a\":true,\"q\\\"\":true,\"\u00e9]-\":true,\"\":true,"
        "\"\\u0001\":true},\"additionalProperties\":{\"type\":\"integer\"}}",
        (reading[]){{"{\"abc\":1,\"b\":2,\"aa\":3,\"q\":4,\"\\\"\":5}", "yes"},
                    {"{\"\u00e9]\":1,\"\u00e9]-x\":2,\"\u00e8\":3,\"\\\\\":4}", "yes"},
                    {"{\"ab\":\"s\",\"a\":1,\"q\\\"\":[],\"\u00e9]-\":{},\"\":0,\"x\":1}", "yes"},
                    {"{\"ab\":1,\"ab\"", "no"},
                    {"{\"a\":1,\"q\\\"\":1,\"a\"", "no"},
                    {"{\"q\\\"\":1,\"q\\\"\"", "no"},
                    {"{\"x\":1,\"\u00e9]-\"", "no"},
                    {"{\"x\":1,\"\"", "no"},
                    {"{\"x\":1,\"\\u0001\"", "no"},
                    {"{\"x\":\"", "no"},
                    {0}});
    check_schema(
        "{\"properties\":{\"a\":{\"type\":\"null\"}},\"additionalProperties\":true}",
        (reading[]){{"{\"a\":1", "no"}, {"{\"\\u0061\"", "no"}, {"{\"b\":1}", "yes"}, {0}});
    check_schema(
        "{\"$ref\":\"#/$defs/a%20b%7E1~1%zz\",\"$defs\":{\"a b//%zz\":{\"type\":\"null\"}}}",
        (reading[]){{"null", "yes"}, {0}});
}

// Elements with schemas of their own are there as minItems and maxItems say; a character that is
// written in two halves is one, and neither half is one alone.
static void test_schema_counts(void **state) {
    (void)state;
    check_schema(
        "{\"prefixItems\":[{\"type\":\"null\"},{\"const\":1},{\"const\":2}],\"minItems\":1}",
        (reading[]){{"[]", "no"},
                    {"[null]", "yes"},
                    {"[null,1]", "yes"},
                    {"[null,2", "no"},
                    {"[null,1,2,\"x\",3]", "yes"},
                    {0}});
    check_schema("{\"prefixItems\":[{\"const\":1},{\"const\":2}],\"maxItems\":1}",
                 (reading[]){{"[]", "yes"}, {"[1]", "yes"}, {"[1,", "no"}, {0}});
    check_schema("{\"prefixItems\":[{\"const\":1}],\"items\":false}",
                 (reading[]){{"[]", "yes"}, {"[1]", "yes"}, {"[1,", "no"}, {0}});
    check_schema("{\"type\":\"string\",\"minLength\":2,\"maxLength\":2}",
                 (reading[]){{"\"\\ud83e\\udd99\\uD7FF\"", "yes"},
                             {"\"\\ud83e\\udd99\"", "no"},
                             {"\"\\ud83e\\u0041", "no"},
                             {"\"\\udd99", "no"},
                             {0}});
}

// Two ways from each rule to the next would be 2^60 without a look back.
static void test_ways_that_meet(void **state) {
    (void)state;
    char text[60 * 32] = "root ::= r0 | r0\n";
    for (int i = 0; i < 60; i++) {
        char rule[32];
        snprintf(rule, sizeof rule, "r%d ::= r%d | r%d\n", i, i + 1, i + 1);
        strcat(text, rule);
    }
    strcat(text, "r60 ::= \"a\"\n");
    check_gbnf(text, (reading[]){{"", "part"}, {"a", "yes"}, {"aa", "no"}, {0}});
}

static void check_schema_refused(const char *text, tern_status status, const char *message) {
    tern_grammar *grammar;
    CHECK_FAILS(create(TERN_GRAMMAR_JSON_SCHEMA, text, &grammar), status, message);
    assert_null(grammar);
}

static void test_schema_mistakes(void **state) {
    (void)state;
    check_schema_refused("{", TERN_STATUS_CORRUPT_DATA, "the schema");
    check_schema_refused("{\"enum\":[1],\"enum\":[2]}", TERN_STATUS_CORRUPT_DATA, "'enum'");
    check_schema_refused("{\"properties\":{\"a\":true,\"a\":true}}", TERN_STATUS_CORRUPT_DATA,
                         "'a'");
    check_schema_refused("3", TERN_STATUS_INVALID_ARGUMENT, "'#' must be a schema");
    check_schema_refused("{\"properties\":{\"a\":{\"pattern\":\"x\"}}}", TERN_STATUS_UNSUPPORTED,
                         "'#/properties/a/pattern' is not supported");
    check_schema_refused("{\"type\":\"text\"}", TERN_STATUS_INVALID_ARGUMENT,
                         "'#/type' is no type of JSON");
    check_schema_refused("{\"items\":{\"minItems\":-1}}", TERN_STATUS_INVALID_ARGUMENT,
                         "'#/items/minItems' must be a number");
    check_schema_refused("{\"minLength\":3,\"maxLength\":2}", TERN_STATUS_INVALID_ARGUMENT,
                         "'#/maxLength' is below");
    check_schema_refused("{\"required\":[\"a\"],\"properties\":{\"b\":true}}",
                         TERN_STATUS_INVALID_ARGUMENT, "'#/required/0' is none of the properties");
    check_schema_refused("{\"$ref\":\"other.json\"}", TERN_STATUS_UNSUPPORTED,
                         "'#/$ref' is not within");
    check_schema_refused("{\"$ref\":\"#/a\"}", TERN_STATUS_INVALID_ARGUMENT, "names nothing");
    check_schema_refused("{\"$ref\":\"#/examples/x\",\"examples\":[true]}",
                         TERN_STATUS_INVALID_ARGUMENT, "names nothing");
    check_schema_refused("{\"anyOf\":[true],\"type\":\"object\"}", TERN_STATUS_UNSUPPORTED,
                         "'#' has several");
    check_schema_refused("{\"enum\":[\"a\"],\"minLength\":2}", TERN_STATUS_UNSUPPORTED,
                         "'#' has several");
    check_schema_refused("{\"enum\":[]}", TERN_STATUS_INVALID_ARGUMENT, "must be an array");
}

// Schemas that need themselves are told by their place, not by a line of what is made of them.
static void test_schemas_without_end(void **state) {
    (void)state;
    check_schema_refused("{\"$ref\":\"#\"}", TERN_STATUS_INVALID_ARGUMENT,
                         "the schema: '#' has no end");
    check_schema_refused("{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#\"}},"
                         "\"required\":[\"a\"]}",
                         TERN_STATUS_INVALID_ARGUMENT, "the schema: '#' has no end");
    check_schema_refused("{\"properties\":{\"a\":{\"items\":{\"$ref\":\"#/properties/b\"}},"
                         "\"b\":{\"minItems\":1,\"items\":{\"$ref\":\"#/properties/b\"}}}}",
                         TERN_STATUS_INVALID_ARGUMENT, "the schema: '#/properties/b' has no end");
    check_schema_refused("{\"properties\":{\"a\":{\"anyOf\":[{\"const\":1},"
                         "{\"anyOf\":[{\"$ref\":\"#/properties/a\"}]}]}}}",
                         TERN_STATUS_INVALID_ARGUMENT,
                         "the schema: '#/properties/a' begins with itself");
    assert_null(strstr(tern_last_error_message(), "line"));
}

// A type beside values narrows them.
static void test_types_beside_values(void **state) {
    (void)state;
    check_schema("{\"type\":\"integer\",\"enum\":[1,2.0,2.5,\"1\",true,null]}",
                 (reading[]){{"1", "yes"}, {"2.5", "no"}, {"\"1\"", "no"}, {"true", "no"}, {0}});
    check_schema("{\"type\":[\"string\",\"null\"],\"enum\":[1,\"a\",null,[],{}]}",
                 (reading[]){{"\"a\"", "yes"}, {"null", "yes"}, {"1", "no"}, {"[", "no"}, {0}});
    check_schema("{\"type\":\"array\",\"const\":[1]}", (reading[]){{"[1]", "yes"}, {0}});
    check_schema_refused("{\"type\":\"string\",\"enum\":[1,null]}", TERN_STATUS_INVALID_ARGUMENT,
                         "'#/enum' has no value of the type");
    check_schema_refused("{\"type\":\"boolean\",\"const\":\"true\"}", TERN_STATUS_INVALID_ARGUMENT,
                         "'#/const' has no value of the type");
    check_schema_refused("{\"type\":\"text\",\"const\":\"x\"}", TERN_STATUS_INVALID_ARGUMENT,
                         "'#/type' is no type of JSON");
    check_schema_refused("{\"type\":[\"string\",7],\"enum\":[\"x\"]}", TERN_STATUS_INVALID_ARGUMENT,
                         "'#/type/1' is no type of JSON");
}

// As many rules as may have names, each its own, used before and after they are defined.
static void test_many_names(void **state) {
    (void)state;
    enum { NAMES = 16384 };
    char *text = malloc(NAMES * 64);
    size_t used = (size_t)sprintf(text, "root ::= r1\n");
    for (int i = 1; i < NAMES; i++) {
        used += (size_t)sprintf(text + used, "r%d ::= \"%c\" %s%d\n", i, 'a' + i % 7,
                                i + 1 < NAMES ? "r" : "[x] #", i + 1);
    }
    tern_grammar *grammar = make(TERN_GRAMMAR_GBNF, text);
    for (int i = 1; i < NAMES; i++) {
        char letter = (char)('a' + i % 7);
        CHECK_OK(tern_grammar_feed(grammar, &letter, 1));
    }
    CHECK_OK(tern_grammar_feed(grammar, "x", 1));
    assert_int_equal(tern_grammar_state(grammar), TERN_GRAMMAR_MAY_END);
    tern_grammar_destroy(grammar);
    sprintf(text + used, "more ::= \"y\"\n");
    CHECK_FAILS(create(TERN_GRAMMAR_GBNF, text, &grammar), TERN_STATUS_INVALID_ARGUMENT,
                "line 16385: expected at most 16384 rules");
    free(text);
}

static void check_out_of_memory(uint32_t kind, const char *text) {
    size_t calls = heap.calls;
    tern_grammar *grammar = make(kind, text);
    tern_grammar_destroy(grammar);
    size_t needed = heap.calls - calls;
    for (size_t i = 1; i <= needed; i++) {
        heap.fail_at = heap.calls + i;
        CHECK_FAILS(create(kind, text, &grammar), TERN_STATUS_OUT_OF_MEMORY, "out of memory");
        assert_null(grammar);
    }
    heap.fail_at = 0;
}

static void test_out_of_memory(void **state) {
    (void)state;
    check_out_of_memory(TERN_GRAMMAR_GBNF, json_gbnf);
    check_out_of_memory(TERN_GRAMMAR_JSON_SCHEMA, "{\"properties\":{\"a\":{\"enum\":[1,2]}}}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_language),
        cmocka_unit_test(test_characters),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_masks),
        cmocka_unit_test(test_drawn),
        cmocka_unit_test(test_deep_texts),
        cmocka_unit_test(test_schemas),
        cmocka_unit_test(test_schema_mistakes),
        cmocka_unit_test(test_schema_names),
        cmocka_unit_test(test_schema_counts),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_ways_that_meet),
        cmocka_unit_test(test_schemas_without_end),
        cmocka_unit_test(test_types_beside_values),
        cmocka_unit_test(test_many_names),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
