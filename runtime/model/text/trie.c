#include "runtime/model/text/trie.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/status.h"

enum { LONGEST_TOKEN = 1024 };

// Children of one node lie side by side, in the order of their bytes.
struct tern__trie_node {
    uint32_t first; // child
    int32_t value;
    uint16_t children;
    uint8_t byte; // that leads here
};

// Words [begin, end) share |depth| bytes.
typedef struct range {
    uint32_t begin;
    uint32_t end;
    uint32_t depth;
} range;

typedef struct builder {
    tern_context *context;
    tern__trie *trie;
    tern__trie_word *words;
    size_t node_capacity;
    range *ranges; // of each node
    size_t range_capacity;
} builder;

// Equal words keep the order of their values.
static int compare_words(const void *a, const void *b) {
    const tern__trie_word *x = a;
    const tern__trie_word *y = b;
    uint32_t size = x->size < y->size ? x->size : y->size;
    int order = size ? memcmp(x->text, y->text, size) : 0;
    if (order != 0) {
        return order;
    }
    if (x->size != y->size) {
        return x->size < y->size ? -1 : 1;
    }
    return (x->value > y->value) - (x->value < y->value);
}

static bool add_node(builder *b, range words, uint8_t byte) {
    tern__trie *trie = b->trie;
    if (!tern__grow(b->context, (void **)&trie->nodes, &b->node_capacity, (size_t)trie->count + 1,
                    sizeof *trie->nodes) ||
        !tern__grow(b->context, (void **)&b->ranges, &b->range_capacity, (size_t)trie->count + 1,
                    sizeof *b->ranges)) {
        return false;
    }
    trie->nodes[trie->count] = (tern__trie_node){0, -1, 0, byte};
    b->ranges[trie->count] = words;
    trie->count++;
    return true;
}

// Words that end here come first; what is left is split by the next byte.
static bool expand(builder *b, uint32_t node) {
    range words = b->ranges[node];
    while (words.begin < words.end && b->words[words.begin].size == words.depth) {
        b->trie->nodes[node].value = words.depth ? b->words[words.begin].value : -1;
        words.begin++;
    }
    b->trie->nodes[node].first = b->trie->count;
    while (words.begin < words.end) {
        uint8_t byte = (uint8_t)b->words[words.begin].text[words.depth];
        range child = {words.begin, words.begin, words.depth + 1};
        while (child.end < words.end && (uint8_t)b->words[child.end].text[words.depth] == byte) {
            child.end++;
        }
        if (!add_node(b, child, byte)) {
            return false;
        }
        b->trie->nodes[node].children++;
        words.begin = child.end;
    }
    return true;
}

tern_status tern__trie_init(tern_context *context, tern__trie_word *words, uint32_t count,
                            tern__trie *out) {
    *out = (tern__trie){0};
    if (count > 0) {
        qsort(words, count, sizeof *words, compare_words);
    }
    builder b = {.context = context, .trie = out, .words = words};
    bool ok = add_node(&b, (range){0, count, 0}, 0);
    for (uint32_t node = 0; ok && node < out->count; node++) {
        ok = expand(&b, node);
    }
    tern__free(context, b.ranges);
    if (!ok) {
        tern__trie_finish(context, out);
        return tern__fail_memory(context, b.node_capacity * sizeof *out->nodes, "a vocabulary");
    }
    return TERN_STATUS_OK;
}

static bool is_spelled(const tern__vocabulary *v, const tern__token *token) {
    return !(token->added & TERN__ADDED_ONLY) &&
           (token->type == TERN__TOKEN_NORMAL || token->type == TERN__TOKEN_USER_DEFINED ||
            token->type == TERN__TOKEN_UNDEFINED ||
            (v->spelled_bytes && token->type == TERN__TOKEN_BYTE));
}

// Every byte of a text may begin a walk as long as the longest token.
static tern_status check_lengths(const tern__vocabulary *v) {
    for (size_t id = 0; id < v->token_count; id++) {
        const tern__token *token = &v->tokens[id];
        if (is_spelled(v, token) && token->size > LONGEST_TOKEN) {
            return tern__fail(v->context, TERN_STATUS_UNSUPPORTED,
                              "%s: token %zu has %" PRIu32 " bytes, at most %d are supported",
                              v->file, id, token->size, LONGEST_TOKEN);
        }
    }
    return TERN_STATUS_OK;
}

tern_status tern__trie_of_tokens(const tern__vocabulary *v, tern__trie *out) {
    TERN_TRY(check_lengths(v));
    tern__trie_word *words = tern__calloc(v->context, v->token_count, sizeof *words);
    if (!words) {
        return tern__fail_memory(v->context, (uint64_t)v->token_count * sizeof *words,
                                 "a vocabulary");
    }
    uint32_t count = 0;
    for (size_t id = 0; id < v->token_count; id++) {
        const tern__token *token = &v->tokens[id];
        if (is_spelled(v, token)) {
            words[count++] = (tern__trie_word){v->text + token->start, token->size, (int32_t)id};
        }
    }
    tern_status status = tern__trie_init(v->context, words, count, out);
    tern__free(v->context, words);
    return status;
}

void tern__trie_finish(tern_context *context, tern__trie *trie) {
    tern__free(context, trie->nodes);
    *trie = (tern__trie){0};
}

uint32_t tern__trie_step(const tern__trie *trie, uint32_t node, uint8_t byte) {
    if (trie->count == 0) {
        return 0;
    }
    const tern__trie_node *parent = &trie->nodes[node];
    uint32_t low = parent->first;
    uint32_t high = low + parent->children;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (trie->nodes[middle].byte < byte) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < parent->first + parent->children && trie->nodes[low].byte == byte ? low : 0;
}

int32_t tern__trie_value(const tern__trie *trie, uint32_t node) {
    return trie->count ? trie->nodes[node].value : -1;
}

int32_t tern__trie_longest(const tern__trie *trie, uint32_t node, const char *text, uint32_t size,
                           uint32_t *out_size) {
    int32_t value = -1;
    *out_size = 0;
    for (uint32_t i = 0; i < size; i++) {
        node = tern__trie_step(trie, node, (uint8_t)text[i]);
        if (node == 0) {
            break;
        }
        if (trie->nodes[node].value >= 0) {
            value = trie->nodes[node].value;
            *out_size = i + 1;
        }
    }
    return value;
}
