// An Aho-Corasick automaton of the tokens spelled backwards, run over the text backwards: where it
// stands at a byte, the longest token that it has just read is the longest that starts there.
#include "runtime/model/text/tokenizer_added.h"

#include <string.h>

#include "runtime/allocator.h"
#include "runtime/status.h"

// A place in the tree of reversed tokens.
typedef struct node {
    uint32_t parent;
    uint32_t depth;
    uint32_t fail; // the longest end of what was read that is also in the tree
    int32_t any;   // longest token that ends here, or -1
    int32_t user;  // the same of user-defined tokens
    uint8_t byte;  // from the parent
} node;

struct tern__added {
    node *nodes; // the root first
    uint32_t count;
    uint32_t *slots; // children: node, 0 when free; found by parent and byte
    uint32_t mask;
    bool has_user_defined;
    tern__added_where where;
};

// What |id| is looked for as; empty if it is not.
static tern__span spelling_of(const tern__added *a, const tern__vocabulary *v, uint32_t id) {
    const tern__token *token = &v->tokens[id];
    bool is_added = token->type == TERN__TOKEN_CONTROL || token->type == TERN__TOKEN_UNKNOWN ||
                    token->type == TERN__TOKEN_USER_DEFINED;
    bool kept = (token->added & TERN__ADDED_KEPT) != 0;
    bool normal = (token->added & TERN__ADDED_NORMALIZED) != 0;
    bool wanted = a->where == TERN__ADDED_IN_MAP
                      ? kept
                      : is_added && normal == (a->where == TERN__ADDED_IN_NORMAL);
    return wanted ? token->spelling : (tern__span){0, 0};
}

static uint32_t *slot_of(const tern__added *a, uint32_t parent, uint8_t byte) {
    uint64_t hash = ((uint64_t)parent << 8 | byte) * 0x9e3779b97f4a7c15u;
    uint32_t slot = (uint32_t)(hash >> 32) & a->mask;
    while (a->slots[slot] != 0 &&
           (a->nodes[a->slots[slot]].parent != parent || a->nodes[a->slots[slot]].byte != byte)) {
        slot = (slot + 1) & a->mask;
    }
    return &a->slots[slot];
}

static void insert(tern__added *a, const tern__vocabulary *v, uint32_t id) {
    tern__span spelling = spelling_of(a, v, id);
    uint32_t at = 0;
    for (uint32_t i = spelling.size; i-- > 0;) {
        uint8_t byte = (uint8_t)v->text[spelling.start + i];
        uint32_t *slot = slot_of(a, at, byte);
        if (*slot == 0) {
            a->nodes[a->count] = (node){at, a->nodes[at].depth + 1, 0, -1, -1, byte};
            *slot = a->count++;
        }
        at = *slot;
    }
    a->nodes[at].any = a->nodes[at].any < 0 ? (int32_t)id : a->nodes[at].any;
    if (v->tokens[id].type == TERN__TOKEN_USER_DEFINED) {
        a->nodes[at].user = a->nodes[at].user < 0 ? (int32_t)id : a->nodes[at].user;
        a->has_user_defined = true;
    }
}

// Where reading |byte| at |from| leads.
static uint32_t step(const tern__added *a, uint32_t from, uint8_t byte) {
    for (;;) {
        uint32_t to = *slot_of(a, from, byte);
        if (to != 0 || from == 0) {
            return to;
        }
        from = a->nodes[from].fail;
    }
}

static void link(tern__added *a, uint32_t index) {
    node *n = &a->nodes[index];
    n->fail = n->parent == 0 ? 0 : step(a, a->nodes[n->parent].fail, n->byte);
    const node *shorter = &a->nodes[n->fail];
    n->any = n->any < 0 ? shorter->any : n->any;
    n->user = n->user < 0 ? shorter->user : n->user;
}

// Nodes the nearer to the root first: a link leads to one that is nearer.
static tern_status link_all(tern__added *a, tern_context *context) {
    uint32_t deepest = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        deepest = a->nodes[i].depth > deepest ? a->nodes[i].depth : deepest;
    }
    size_t entries = (size_t)deepest + 2 + a->count;
    uint32_t *starts = tern__calloc(context, entries, sizeof *starts);
    if (!starts) {
        return tern__fail_memory(context, (uint64_t)entries * sizeof *starts, "added tokens");
    }
    uint32_t *order = starts + deepest + 2;
    for (uint32_t i = 0; i < a->count; i++) {
        starts[a->nodes[i].depth + 1]++;
    }
    for (uint32_t depth = 0; depth <= deepest; depth++) {
        starts[depth + 1] += starts[depth];
    }
    for (uint32_t i = 0; i < a->count; i++) {
        order[starts[a->nodes[i].depth]++] = i;
    }
    for (uint32_t i = 1; i < a->count; i++) { // the root is the first
        link(a, order[i]);
    }
    tern__free(context, starts);
    return TERN_STATUS_OK;
}

static tern_status fill(tern__added *a, const tern__vocabulary *v, size_t bytes) {
    size_t slots = 16;
    while (slots / 2 < bytes + 1) {
        slots *= 2;
    }
    if (slots > (size_t)1 << 31) {
        return tern__fail(v->context, TERN_STATUS_UNSUPPORTED,
                          "%s: the added tokens take %zu bytes, which is not supported", v->file,
                          bytes);
    }
    a->nodes = tern__alloc(v->context, (bytes + 1) * sizeof *a->nodes);
    a->slots = tern__calloc(v->context, slots, sizeof *a->slots);
    if (!a->nodes || !a->slots) {
        return tern__fail_memory(v->context, bytes * sizeof *a->nodes + slots * sizeof *a->slots,
                                 "added tokens");
    }
    a->mask = (uint32_t)(slots - 1);
    a->nodes[0] = (node){0, 0, 0, -1, -1, 0};
    a->count = 1;
    for (uint32_t id = 0; id < v->token_count; id++) {
        if (spelling_of(a, v, id).size > 0) {
            insert(a, v, id);
        }
    }
    return link_all(a, v->context);
}

tern_status tern__added_create(const tern__vocabulary *v, tern__added_where where,
                               tern__added **out_added) {
    const tern__added none = {.where = where};
    size_t bytes = 0;
    *out_added = NULL;
    for (uint32_t id = 0; id < v->token_count; id++) {
        bytes += spelling_of(&none, v, id).size;
    }
    if (bytes == 0) {
        return TERN_STATUS_OK;
    }
    tern__added *added = tern__calloc(v->context, 1, sizeof *added);
    if (!added) {
        return tern__fail_memory(v->context, sizeof *added, "added tokens");
    }
    added->where = where;
    tern_status status = fill(added, v, bytes);
    if (status != TERN_STATUS_OK) {
        tern__added_destroy(added, v->context);
        return status;
    }
    *out_added = added;
    return TERN_STATUS_OK;
}

void tern__added_destroy(tern__added *added, tern_context *context) {
    if (added) {
        tern__free(context, added->nodes);
        tern__free(context, added->slots);
        tern__free(context, added);
    }
}

bool tern__added_has_user_defined(const tern__added *added) {
    return added && added->has_user_defined;
}

void tern__added_find(const tern__added *added, const char *text, uint32_t size, bool special,
                      int32_t *out_ids) {
    uint32_t at = 0;
    for (uint32_t i = size; i-- > 0;) {
        at = step(added, at, (uint8_t)text[i]);
        out_ids[i] = special ? added->nodes[at].any : added->nodes[at].user;
    }
}

uint32_t tern__added_size(const tern__added *added, const tern__vocabulary *v, int32_t id) {
    return spelling_of(added, v, (uint32_t)id).size;
}
