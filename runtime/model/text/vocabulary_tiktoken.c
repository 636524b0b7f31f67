// Reads the text that tiktoken keeps vocabularies in: a line for each token, its bytes in base64, a
// space and its rank, which is its id; pairs join by their text, the lowest rank first. Pattern and
// special tokens are in no such file, so that it must be one that is known, by its size.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/text/base64.h"
#include "runtime/model/text/vocabulary.h"
#include "runtime/status.h"

enum { LLAMA3_RANKS = 128000, LLAMA3_SPECIALS = 256, MAX_LINE = 4096 };

static tern_status corrupt(const tern__vocabulary *v, uint32_t line, const char *expected) {
    return tern__fail(v->context, TERN_STATUS_CORRUPT_DATA, "%s: line %" PRIu32 ": expected %s",
                      v->file, line + 1, expected);
}

// The token of line |rank|, which ends before |end|.
static tern_status read_line(tern__vocabulary *v, uint32_t rank, const char *text,
                             const char *end) {
    char bytes[MAX_LINE];
    size_t size = 0;
    uint64_t number = 0;
    const char *space = memchr(text, ' ', (size_t)(end - text));
    if (end > text && end[-1] == '\r') {
        end--;
    }
    if (!space || space - text > MAX_LINE || space == text ||
        !tern__base64_decode(text, (size_t)(space - text), bytes, &size)) {
        return corrupt(v, rank, "a token in base64 and its rank");
    }
    const char *digit = space + 1;
    for (; digit < end && *digit >= '0' && *digit <= '9' && number < TERN__MAX_TOKENS; digit++) {
        number = number * 10 + (uint64_t)(*digit - '0');
    }
    if (digit != end || digit == space + 1 || number != rank) {
        return corrupt(v, rank, "the ranks 0, 1, 2 and so on");
    }
    return tern__vocabulary_set(v, rank, bytes, size, -(double)rank, TERN__TOKEN_NORMAL);
}

static tern_status read_ranks(tern__vocabulary *v, const char *data, size_t size) {
    const char *end = data + size;
    uint32_t rank = 0;
    while (data < end) {
        const char *line_end = memchr(data, '\n', (size_t)(end - data));
        line_end = line_end ? line_end : end;
        TERN_TRY(read_line(v, rank++, data, line_end));
        data = line_end + (line_end < end);
    }
    return TERN_STATUS_OK;
}

static tern_status add_special(tern__vocabulary *v, uint32_t id, const char *name) {
    return tern__vocabulary_set(v, id, name, strlen(name), 0.0, TERN__TOKEN_CONTROL);
}

// Llama 3 as published: ten tokens of which some are reserved, and 246 that are.
static tern_status add_llama3(tern__vocabulary *v) {
    static const char *const names[] = {
        "<|begin_of_text|>",   "<|end_of_text|>",   NULL, NULL,         NULL, NULL,
        "<|start_header_id|>", "<|end_header_id|>", NULL, "<|eot_id|>",
    };
    const uint32_t count = sizeof names / sizeof names[0];
    uint32_t reserved = 0;
    for (uint32_t i = 0; i < LLAMA3_SPECIALS; i++) {
        char name[64];
        if (i < count && names[i]) {
            snprintf(name, sizeof name, "%s", names[i]);
        } else {
            snprintf(name, sizeof name, "<|reserved_special_token_%" PRIu32 "|>", reserved++);
        }
        TERN_TRY(add_special(v, LLAMA3_RANKS + i, name));
    }
    v->bos = LLAMA3_RANKS;
    v->eos = LLAMA3_RANKS + 1;
    v->end_of_turn = LLAMA3_RANKS + 9;
    v->before = (tern__affix){{v->bos}, 1};
    bool add_bos;
    return tern__vocabulary_pretokenizer(v, "llama-bpe", &add_bos);
}

tern_status tern__vocabulary_read_tiktoken(tern__vocabulary *v, const char *data, size_t size) {
    v->kind = "gpt2";
    v->byte_level = true;
    v->join_by_score = true;
    TERN_TRY(read_ranks(v, data, size));
    if (v->token_count != LLAMA3_RANKS) {
        return tern__fail(v->context, TERN_STATUS_UNSUPPORTED,
                          "%s: a tiktoken vocabulary of %zu tokens is not known, only Llama 3's "
                          "of %d: use its tokenizer.json",
                          v->file, v->token_count, LLAMA3_RANKS);
    }
    return add_llama3(v);
}
