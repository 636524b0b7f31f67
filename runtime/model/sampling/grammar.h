// Grammars, compiled to bytes, and where a text stands in one.
#ifndef TERN_RUNTIME_MODEL_GRAMMAR_H_
#define TERN_RUNTIME_MODEL_GRAMMAR_H_

#include <stdbool.h>

#include <tern/grammar.h>

// A step of an alternative. Item 0 is the end of every alternative.
typedef struct tern__item {
    bool is_call; // of |rule|; else one byte from |low| to |high|
    uint8_t low;
    uint8_t high;
    uint32_t rule;
    uint32_t next;
} tern__item;

typedef struct tern__alternative {
    uint32_t item; // 0: empty
    uint32_t next; // of the same rule; 0: none (the first alternative of all is a dummy)
} tern__alternative;

typedef struct tern__rule {
    const char *name; // in the grammar's text while it is parsed; NULL: made up
    uint32_t name_size;
    uint32_t line;  // of its definition, or of its first use
    uint32_t first; // alternative
    bool is_defined;
    bool is_nullable;   // may be empty
    bool is_productive; // some text ends it
} tern__rule;

typedef struct tern__rules {
    tern_context *context;
    // What a rule of that name is called in messages, if not by its name and line; NULL: it is.
    void (*describe)(void *user, const char *name, uint32_t size, char *out, size_t capacity);
    void *describe_user;
    tern__item *items;
    size_t item_count, item_capacity;
    tern__alternative *alternatives;
    size_t alternative_count, alternative_capacity;
    tern__rule *rules;
    size_t rule_count, rule_capacity;
    uint32_t root;
} tern__rules;

// Parses GBNF and checks what it says. tern__rules_finish either way.
tern_status tern__rules_parse(tern__rules *rules, const char *text, size_t size);
void tern__rules_finish(tern__rules *rules);
// INVALID_ARGUMENT names a rule that cannot be followed.
tern_status tern__rules_check(tern__rules *rules);

// Building blocks of the parser; each fails with OUT_OF_MEMORY or for being too large.
tern_status tern__rules_item(tern__rules *rules, tern__item item, uint32_t *out);
tern_status tern__rules_rule(tern__rules *rules, uint32_t *out);
tern_status tern__rules_alternative(tern__rules *rules, uint32_t rule, uint32_t item);
// An alternative of |rule| for each run of bytes that encodes the characters |low| to |high|.
tern_status tern__rules_characters(tern__rules *rules, uint32_t rule, uint32_t low, uint32_t high);

// The same for a JSON schema; messages name places in it.
tern_status tern__schema_parse(tern__rules *rules, const char *schema, size_t size);

// A way to go on: the next item, always one of bytes, and what follows its rule. Item 0: the end.
typedef struct tern__place {
    uint32_t item;
    uint32_t stack;
} tern__place;

// What follows after a rule: an item, then what lies under it. Entry 0 is the empty stack. Equal
// stacks are one entry, so that places can be compared.
typedef struct tern__stack_entry {
    uint32_t item;
    uint32_t under;
    uint32_t chain; // of the same hash
} tern__stack_entry;

typedef struct tern__todo {
    tern__place place;
    uint32_t chain; // index and 1 of one of the same hash
} tern__todo;

// Sets of places, the last |count| of |places|, over a pool of stacks.
typedef struct tern__walk {
    const tern__rules *rules;
    tern_context *context;
    tern__stack_entry *stacks;
    size_t stack_count, stack_capacity;
    uint32_t *heads; // of the chains, by hash
    tern__place *places;
    size_t place_count, place_capacity;
    tern__todo *todo; // places on the way to where bytes are read, each once
    size_t todo_count, todo_capacity;
    uint32_t *todo_heads; // of the chains, by hash: index and 1
} tern__walk;

tern_status tern__walk_init(tern__walk *walk, const tern__rules *rules);
void tern__walk_finish(tern__walk *walk);
// Appends the places where the grammar begins.
tern_status tern__walk_begin(tern__walk *walk);
// Appends the places that |byte| leads to from those of |first| to |end|.
tern_status tern__walk_step(tern__walk *walk, size_t first, size_t end, uint8_t byte);
// Gives |walk|, empty so far, the places of |from| and the stacks that they name.
tern_status tern__walk_copy(tern__walk *walk, const tern__walk *from);
// Forgets the stacks from |count| on, which no place names any more.
void tern__walk_forget(tern__walk *walk, size_t count);

// For samplers: which ids of |count| may come next, a byte for each; lent until the next call.
tern_status tern__grammar_mask(tern_grammar *grammar, uint32_t count, const uint8_t **out_allowed);
// Moves on by an id that is allowed.
tern_status tern__grammar_accept(tern_grammar *grammar, int32_t id);

// The grammar of a sampler, or NULL.
tern_grammar *tern__sampler_grammar(const tern_sampler *sampler);

#endif
