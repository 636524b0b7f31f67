// Any bytes as a grammar, and bytes after a NUL as a text that it may or may not allow: GBNF, or a
// JSON schema if the first byte is odd.
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tern/grammar.h>

#include "tests/harness/gguf_writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// One token for each byte. Of these 2 ends a text too, as in a llama vocabulary that names no end.
static tern_tokenizer *make_tokenizer(tern_context *context) {
    gguf_writer w = {0};
    tern_tokenizer *tokenizer = NULL;
    tern_archive *archive = NULL;
    gguf_start(&w, 3, 0, 3);
    gguf_key(&w, "tokenizer.ggml.model", TERN_VALUE_STRING);
    gguf_text(&w, "llama", 5);
    gguf_key(&w, "tokenizer.ggml.tokens", TERN_VALUE_ARRAY);
    gguf_int(&w, TERN_VALUE_STRING, 4);
    gguf_int(&w, 256, 8);
    for (unsigned byte = 0; byte < 256; byte++) {
        char text[8];
        snprintf(text, sizeof text, "<0x%02X>", byte);
        gguf_text(&w, text, 6);
    }
    gguf_key(&w, "tokenizer.ggml.token_type", TERN_VALUE_ARRAY);
    gguf_int(&w, TERN_VALUE_I32, 4);
    gguf_int(&w, 256, 8);
    for (unsigned byte = 0; byte < 256; byte++) {
        gguf_int(&w, 6, 4); // a byte
    }
    tern_source source = tern_source_from_memory("bytes", w.data, w.size);
    if (tern_archive_open(context, &source, &archive) != TERN_STATUS_OK ||
        tern_tokenizer_create(context, archive, NULL, &tokenizer) != TERN_STATUS_OK) {
        abort();
    }
    tern_archive_destroy(archive);
    free(w.data);
    return tokenizer;
}

static void follow(tern_context *context, const tern_tokenizer *tokenizer, tern_grammar *grammar,
                   const char *text, size_t size) {
    float logits[256] = {0};
    int32_t id;
    tern_sampler *sampler;
    tern_grammar_feed(grammar, text, size);
    if (tern_sampler_create(context, NULL, &sampler) != TERN_STATUS_OK ||
        tern_sampler_constrain(sampler, grammar) != TERN_STATUS_OK) {
        abort();
    }
    for (int i = 0; i < 3; i++) {
        uint32_t state = tern_grammar_state(grammar);
        tern_status status = tern_sampler_pick(sampler, logits, 256, NULL, 0, &id);
        bool ends = status == TERN_STATUS_OK && tern_tokenizer_is_end(tokenizer, id);
        uint32_t needed = ends ? TERN_GRAMMAR_MAY_END : TERN_GRAMMAR_MAY_GO_ON;
        if (status == TERN_STATUS_OK && !(state & needed)) {
            abort(); // it picked what may not follow
        }
    }
    tern_sampler_destroy(sampler);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static tern_context *context;
    static tern_tokenizer *tokenizer;
    if (size == 0 || (!context && tern_context_create(NULL, &context) != TERN_STATUS_OK)) {
        return 0;
    }
    tokenizer = tokenizer ? tokenizer : make_tokenizer(context);
    char *copy = malloc(size); // so that the address sanitizer sees every read past the end
    memcpy(copy, data + 1, size - 1);
    const char *nul = memchr(copy, 0, size - 1);
    size_t grammar_size = nul ? (size_t)(nul - copy) : size - 1;
    tern_grammar_desc desc = {sizeof desc, data[0] % 2, copy, grammar_size};
    tern_grammar *grammar;
    if (tern_grammar_create(context, tokenizer, &desc, &grammar) == TERN_STATUS_OK) {
        follow(context, tokenizer, grammar, nul ? nul + 1 : copy,
               nul ? size - 2 - grammar_size : 0);
    }
    tern_grammar_destroy(grammar);
    free(copy);
    return 0;
}
