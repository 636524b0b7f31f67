// A grammar over the tokens of a vocabulary: which may come next, and where that leads.
#include "runtime/model/sampling/grammar.h"

#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/text/tokenizer.h"
#include "runtime/status.h"

enum { MASKS = 8, KEPT_STACKS = 1 << 16 };

// The ids that may follow a set of places, remembered: within a string of JSON, say, each character
// leads to the same places again.
typedef struct mask {
    tern__place *places;
    size_t place_count, place_capacity;
    uint8_t *allowed; // of every token; NULL: not in use
    uint64_t used;    // the latest use
} mask;

// Every token's bytes, in the order of their bytes, so that tokens with a common beginning are
// neighbours.
typedef struct spelled {
    uint32_t id;
    uint32_t shared; // bytes in common with the one before
    uint32_t start;
    uint32_t size;
} spelled;

struct tern_grammar {
    tern_context *context;
    const tern_tokenizer *tokenizer;
    tern__rules rules;
    tern__walk walk; // its places are those where the text stands
    char *bytes;
    spelled *tokens;
    uint32_t token_count; // with bytes
    uint32_t vocabulary;
    mask masks[MASKS];
    uint64_t uses;
    uint8_t *padded; // a mask for more logits than tokens
    size_t padded_capacity;
    size_t *depths; // end of the places of each depth, while a mask is made
    size_t compact_at;
    bool ended;
};

static int compare(const tern_grammar *g, const spelled *a, const spelled *b) {
    uint32_t size = a->size < b->size ? a->size : b->size;
    int order = memcmp(g->bytes + a->start, g->bytes + b->start, size);
    return order ? order : a->size < b->size ? -1 : a->size > b->size;
}

// Bottom-up merges: qsort has no place for |g|.
static const spelled *merge_sort(const tern_grammar *g, spelled *from, spelled *to) {
    uint32_t n = g->token_count;
    for (uint32_t width = 1; width < n; width *= 2) {
        for (uint32_t low = 0; low < n; low += 2 * width) {
            uint32_t middle = n - low < width ? n : low + width;
            uint32_t high = n - middle < width ? n : middle + width;
            for (uint32_t i = low, a = low, b = middle; i < high; i++) {
                bool left = a < middle && (b == high || compare(g, &from[a], &from[b]) <= 0);
                to[i] = left ? from[a++] : from[b++];
            }
        }
        spelled *swap = from;
        from = to;
        to = swap;
    }
    return from;
}

static uint32_t shared_size(const tern_grammar *g, const spelled *a, const spelled *b) {
    uint32_t i = 0;
    while (i < a->size && i < b->size && g->bytes[a->start + i] == g->bytes[b->start + i]) {
        i++;
    }
    return i;
}

static tern_status sort_tokens(tern_grammar *g) {
    size_t bytes = (size_t)g->token_count * sizeof(spelled);
    spelled *spare = tern__alloc(g->context, bytes);
    if (!spare) {
        return tern__fail_memory(g->context, bytes, "a grammar's tokens");
    }
    const spelled *sorted = merge_sort(g, g->tokens, spare);
    if (sorted == spare) {
        memcpy(g->tokens, spare, bytes);
    }
    tern__free(g->context, spare);
    for (uint32_t i = 1; i < g->token_count; i++) {
        g->tokens[i].shared = shared_size(g, &g->tokens[i - 1], &g->tokens[i]);
    }
    return TERN_STATUS_OK;
}

static size_t spell(tern_grammar *g, bool write) {
    size_t total = 0;
    g->token_count = 0;
    for (uint32_t id = 0; id < g->vocabulary; id++) {
        char *to = write ? g->bytes + total : NULL;
        size_t size = tern__token_bytes(g->tokenizer, (int32_t)id, false, to, write ? SIZE_MAX : 0);
        if (size && write) {
            g->tokens[g->token_count] =
                (spelled){.id = id, .start = (uint32_t)total, .size = (uint32_t)size};
        }
        g->token_count += size > 0;
        total += size;
    }
    return total;
}

static tern_status read_tokens(tern_grammar *g) {
    size_t bytes = spell(g, false);
    size_t longest = 0;
    g->bytes = tern__alloc(g->context, bytes);
    g->tokens = tern__calloc(g->context, g->token_count, sizeof *g->tokens);
    if (!g->bytes || !g->tokens) {
        return tern__fail_memory(g->context, bytes + g->token_count * sizeof *g->tokens,
                                 "a grammar's tokens");
    }
    spell(g, true);
    for (uint32_t i = 0; i < g->token_count; i++) {
        longest = g->tokens[i].size > longest ? g->tokens[i].size : longest;
    }
    g->depths = tern__calloc(g->context, longest + 1, sizeof *g->depths);
    if (!g->depths) {
        return tern__fail_memory(g->context, (longest + 1) * sizeof *g->depths, "a grammar");
    }
    return sort_tokens(g);
}

static tern_status parse(tern_grammar *g, const tern_grammar_desc *desc) {
    return desc->kind == TERN_GRAMMAR_GBNF ? tern__rules_parse(&g->rules, desc->text, desc->size)
                                           : tern__schema_parse(&g->rules, desc->text, desc->size);
}

static tern_status set_up(tern_grammar *g, const tern_grammar_desc *desc) {
    tern_tokenizer_info info = {.struct_size = sizeof info};
    TERN_TRY(parse(g, desc));
    TERN_TRY(tern_tokenizer_describe(g->tokenizer, &info));
    g->vocabulary = info.size;
    TERN_TRY(read_tokens(g));
    TERN_TRY(tern__walk_init(&g->walk, &g->rules));
    return tern__walk_begin(&g->walk);
}

static tern_status check(tern_context *context, const tern_grammar_desc *desc) {
    TERN_TRY(tern__check_size(context, "tern_grammar_desc", desc->struct_size, sizeof *desc));
    if (desc->kind > TERN_GRAMMAR_JSON_SCHEMA || (desc->size && !desc->text)) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT,
                          "grammar: kind %u with %s text, expected TERN_GRAMMAR_* and a text",
                          desc->kind, desc->text ? "a" : "no");
    }
    return TERN_STATUS_OK;
}

tern_status tern_grammar_create(tern_context *context, const tern_tokenizer *tokenizer,
                                const tern_grammar_desc *desc, tern_grammar **out_grammar) {
    if (!context || !tokenizer || !desc || !out_grammar) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT,
                          "grammar: context, tokenizer, desc and out_grammar must not be NULL");
    }
    *out_grammar = NULL;
    TERN_TRY(check(context, desc));
    tern_grammar *g = tern__calloc(context, 1, sizeof *g);
    if (!g) {
        return tern__fail_memory(context, sizeof *g, "a grammar");
    }
    g->context = context;
    g->tokenizer = tokenizer;
    g->rules.context = context;
    g->walk.context = context;
    g->compact_at = KEPT_STACKS;
    tern_status status = set_up(g, desc);
    if (status != TERN_STATUS_OK) {
        tern_grammar_destroy(g);
        return status;
    }
    *out_grammar = g;
    return TERN_STATUS_OK;
}

void tern_grammar_destroy(tern_grammar *grammar) {
    if (!grammar) {
        return;
    }
    tern_context *context = grammar->context;
    for (int i = 0; i < MASKS; i++) {
        tern__free(context, grammar->masks[i].places);
        tern__free(context, grammar->masks[i].allowed);
    }
    tern__walk_finish(&grammar->walk);
    tern__rules_finish(&grammar->rules);
    tern__free(context, grammar->bytes);
    tern__free(context, grammar->tokens);
    tern__free(context, grammar->depths);
    tern__free(context, grammar->padded);
    tern__free(context, grammar);
}

// Places of masks name stacks too: they go with them.
static void forget_masks(tern_grammar *g) {
    for (int i = 0; i < MASKS; i++) {
        g->masks[i].place_count = 0;
        g->masks[i].used = 0;
    }
}

tern_status tern_grammar_reset(tern_grammar *grammar) {
    if (!grammar) {
        return tern__fail(NULL, TERN_STATUS_INVALID_ARGUMENT, "grammar: grammar is NULL");
    }
    grammar->walk.place_count = 0;
    grammar->ended = false;
    return tern__walk_begin(&grammar->walk);
}

uint32_t tern_grammar_state(const tern_grammar *grammar) {
    uint32_t state = 0;
    for (size_t i = 0; grammar && !grammar->ended && i < grammar->walk.place_count; i++) {
        state |= grammar->walk.places[i].item ? TERN_GRAMMAR_MAY_GO_ON : TERN_GRAMMAR_MAY_END;
    }
    return state;
}

// The set at the end of |places| becomes the only one.
static void keep_last(tern_grammar *g, size_t first) {
    tern__walk *walk = &g->walk;
    walk->place_count -= first;
    memmove(walk->places, walk->places + first, walk->place_count * sizeof *walk->places);
}

// Rebuilds the pool from the stacks that are still in use, once it has grown large.
static tern_status compact(tern_grammar *g) {
    if (g->walk.stack_count < g->compact_at) {
        return TERN_STATUS_OK;
    }
    tern__walk fresh;
    TERN_TRY(tern__walk_init(&fresh, &g->rules));
    tern_status status = tern__walk_copy(&fresh, &g->walk);
    if (status != TERN_STATUS_OK) {
        tern__walk_finish(&fresh);
        return status;
    }
    tern__walk_finish(&g->walk);
    g->walk = fresh;
    g->compact_at = KEPT_STACKS + 2 * fresh.stack_count;
    forget_masks(g);
    return TERN_STATUS_OK;
}

// |*out_used| bytes lead somewhere. The places stay where they were unless all do.
static tern_status advance(tern_grammar *g, const char *text, size_t size, size_t *out_used) {
    tern__walk *walk = &g->walk;
    size_t original = walk->place_count, first = 0, end = original;
    size_t stacks = walk->stack_count;
    tern_status status = TERN_STATUS_OK;
    *out_used = 0;
    while (*out_used < size && status == TERN_STATUS_OK) {
        status = tern__walk_step(walk, first, end, (uint8_t)text[*out_used]);
        if (walk->place_count == end) {
            break;
        }
        first = end;
        end = walk->place_count;
        ++*out_used;
    }
    if (status != TERN_STATUS_OK || *out_used < size) {
        walk->place_count = original;
        tern__walk_forget(walk, stacks);
        return status;
    }
    keep_last(g, first);
    return compact(g);
}

tern_status tern_grammar_feed(tern_grammar *grammar, const char *text, size_t size) {
    if (!grammar || (size && !text)) {
        return tern__fail(grammar ? grammar->context : NULL, TERN_STATUS_INVALID_ARGUMENT,
                          "grammar: %s is NULL", grammar ? "text" : "grammar");
    }
    size_t used = 0;
    TERN_TRY(advance(grammar, text, grammar->ended ? 0 : size, &used));
    if (used < size) {
        return tern__fail(grammar->context, TERN_STATUS_INVALID_ARGUMENT,
                          "grammar: byte %zu of %zu does not fit", used, size);
    }
    return TERN_STATUS_OK;
}

tern_status tern__grammar_accept(tern_grammar *grammar, int32_t id) {
    if (tern_tokenizer_is_end(grammar->tokenizer, id)) {
        grammar->ended = true;
        return TERN_STATUS_OK;
    }
    for (uint32_t i = 0; i < grammar->token_count; i++) {
        const spelled *token = &grammar->tokens[i];
        if (token->id == (uint32_t)id) {
            return tern_grammar_feed(grammar, grammar->bytes + token->start, token->size);
        }
    }
    return tern__fail(grammar->context, TERN_STATUS_INVALID_ARGUMENT,
                      "grammar: token %d has no text", id);
}

static bool is_mask_of(const mask *m, const tern__walk *walk) {
    return m->used && m->place_count == walk->place_count &&
           memcmp(m->places, walk->places, m->place_count * sizeof *m->places) == 0;
}

// Walks the tokens in their order; what a token shares with the one before has been walked.
static tern_status fill_mask(tern_grammar *g, mask *m) {
    tern__walk *walk = &g->walk;
    uint32_t depth = 0; // bytes that led somewhere
    g->depths[0] = walk->place_count;
    for (uint32_t i = 0; i < g->token_count; i++) {
        const spelled *token = &g->tokens[i];
        if (token->shared > depth) {
            continue; // and those bytes led nowhere
        }
        depth = token->shared;
        while (depth < token->size) {
            size_t end = g->depths[depth];
            walk->place_count = end;
            TERN_TRY(tern__walk_step(walk, depth ? g->depths[depth - 1] : 0, end,
                                     (uint8_t)g->bytes[token->start + depth]));
            if (walk->place_count == end) {
                break;
            }
            g->depths[++depth] = walk->place_count;
        }
        m->allowed[token->id] = depth == token->size;
    }
    return TERN_STATUS_OK;
}

static void allow_ends(const tern_grammar *g, mask *m) {
    bool complete = (tern_grammar_state(g) & TERN_GRAMMAR_MAY_END) != 0;
    for (uint32_t id = 0; id < g->vocabulary; id++) {
        if (tern_tokenizer_is_end(g->tokenizer, (int32_t)id)) {
            m->allowed[id] = complete;
        }
    }
}

static tern_status make_mask(tern_grammar *g, mask *m) {
    tern__walk *walk = &g->walk;
    size_t places = walk->place_count, stacks = walk->stack_count;
    void *copy = m->places;
    m->used = 0;
    m->allowed = m->allowed ? m->allowed : tern__alloc(g->context, g->vocabulary);
    bool grown = tern__grow(g->context, &copy, &m->place_capacity, places, sizeof *m->places);
    m->places = copy;
    if (!m->allowed || !grown) {
        return tern__fail_memory(g->context, g->vocabulary + places * sizeof *m->places,
                                 "a grammar's mask");
    }
    memset(m->allowed, 0, g->vocabulary);
    tern_status status = fill_mask(g, m);
    walk->place_count = places;
    tern__walk_forget(walk, stacks);
    TERN_TRY(status);
    allow_ends(g, m);
    memcpy(m->places, walk->places, places * sizeof *m->places);
    m->place_count = places;
    return TERN_STATUS_OK;
}

// The mask of where it stands, made in the place of the one not used for longest if need be.
static tern_status find_mask(tern_grammar *g, mask **out) {
    mask *oldest = &g->masks[0];
    for (int i = 0; i < MASKS; i++) {
        if (is_mask_of(&g->masks[i], &g->walk)) {
            *out = &g->masks[i];
            (*out)->used = ++g->uses;
            return TERN_STATUS_OK;
        }
        oldest = g->masks[i].used < oldest->used ? &g->masks[i] : oldest;
    }
    TERN_TRY(make_mask(g, oldest));
    oldest->used = ++g->uses;
    *out = oldest;
    return TERN_STATUS_OK;
}

tern_status tern__grammar_mask(tern_grammar *grammar, uint32_t count, const uint8_t **out_allowed) {
    mask *m = NULL;
    TERN_TRY(find_mask(grammar, &m));
    *out_allowed = m->allowed;
    if (count <= grammar->vocabulary && !grammar->ended) {
        return TERN_STATUS_OK;
    }
    void *padded = grammar->padded;
    if (!tern__grow(grammar->context, &padded, &grammar->padded_capacity, count, 1)) {
        return tern__fail_memory(grammar->context, count, "a grammar's mask");
    }
    grammar->padded = padded;
    memset(padded, 0, count);
    if (!grammar->ended) {
        memcpy(padded, m->allowed, grammar->vocabulary);
    }
    *out_allowed = grammar->padded;
    return TERN_STATUS_OK;
}
