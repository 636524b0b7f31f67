// Following a grammar byte by byte, in all the ways at once that it leaves open.
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/sampling/grammar.h"
#include "runtime/status.h"

enum { HEADS = 1 << 12, MAX_PLACES = 1 << 16, MAX_STACKS = 1 << 22 };

static uint32_t hash_of(uint32_t item, uint32_t under) {
    return (item * 2654435761u ^ under * 2246822519u) >> 20;
}

static tern_status too_many(const tern__walk *walk) {
    return tern__fail(walk->context, TERN_STATUS_OUT_OF_RANGE,
                      "grammar: too many ways to read the text, or rules too deep in each other");
}

tern_status tern__walk_init(tern__walk *walk, const tern__rules *rules) {
    *walk = (tern__walk){.rules = rules, .context = rules->context, .stack_count = 1};
    walk->heads = tern__calloc(walk->context, 2 * HEADS, sizeof *walk->heads);
    walk->todo_heads = walk->heads ? walk->heads + HEADS : NULL;
    void *stacks = NULL;
    bool done = walk->heads &&
                tern__grow(walk->context, &stacks, &walk->stack_capacity, 64, sizeof *walk->stacks);
    walk->stacks = stacks;
    if (!done) {
        return tern__fail_memory(walk->context, 2 * HEADS * sizeof *walk->heads, "a grammar");
    }
    walk->stacks[0] = (tern__stack_entry){0, 0, 0};
    return TERN_STATUS_OK;
}

void tern__walk_finish(tern__walk *walk) {
    tern__free(walk->context, walk->stacks);
    tern__free(walk->context, walk->heads);
    tern__free(walk->context, walk->places);
    tern__free(walk->context, walk->todo);
}

// The last made go first, so each is the head of its chain.
void tern__walk_forget(tern__walk *walk, size_t count) {
    while (walk->stack_count > count) {
        const tern__stack_entry *entry = &walk->stacks[--walk->stack_count];
        walk->heads[hash_of(entry->item, entry->under)] = entry->chain;
    }
}

// |item| on top of |under|. Nothing is to be remembered of a rule that has come to its end.
static tern_status push_stack(tern__walk *walk, uint32_t item, uint32_t under, uint32_t *out) {
    *out = under;
    if (item == 0) {
        return TERN_STATUS_OK;
    }
    uint32_t hash = hash_of(item, under);
    for (uint32_t i = walk->heads[hash]; i; i = walk->stacks[i].chain) {
        if (walk->stacks[i].item == item && walk->stacks[i].under == under) {
            *out = i;
            return TERN_STATUS_OK;
        }
    }
    if (walk->stack_count >= MAX_STACKS) {
        return too_many(walk);
    }
    void *stacks = walk->stacks;
    if (!tern__grow(walk->context, &stacks, &walk->stack_capacity, walk->stack_count + 1,
                    sizeof *walk->stacks)) {
        return tern__fail_memory(walk->context, walk->stack_count * sizeof *walk->stacks,
                                 "a grammar");
    }
    walk->stacks = stacks;
    walk->stacks[walk->stack_count] = (tern__stack_entry){item, under, walk->heads[hash]};
    *out = walk->heads[hash] = (uint32_t)walk->stack_count++;
    return TERN_STATUS_OK;
}

static void forget_todo(tern__walk *walk) {
    for (size_t i = 0; i < walk->todo_count; i++) {
        walk->todo_heads[hash_of(walk->todo[i].place.item, walk->todo[i].place.stack)] = 0;
    }
    walk->todo_count = 0;
}

static tern_status append_todo(tern__walk *walk, tern__place place) {
    void *todo = walk->todo;
    if (!tern__grow(walk->context, &todo, &walk->todo_capacity, walk->todo_count + 1,
                    sizeof *walk->todo)) {
        return tern__fail_memory(walk->context, walk->todo_count * sizeof *walk->todo, "a grammar");
    }
    walk->todo = todo;
    walk->todo[walk->todo_count++] = (tern__todo){place, 0};
    return TERN_STATUS_OK;
}

// Once each: ways that meet again, as those of `a ::= b | b` do, would double at every rule.
static tern_status add_todo(tern__walk *walk, tern__place place) {
    uint32_t hash = hash_of(place.item, place.stack);
    for (uint32_t i = walk->todo_heads[hash]; i; i = walk->todo[i - 1].chain) {
        if (walk->todo[i - 1].place.item == place.item &&
            walk->todo[i - 1].place.stack == place.stack) {
            return TERN_STATUS_OK;
        }
    }
    if (walk->todo_count >= MAX_PLACES) {
        return too_many(walk);
    }
    TERN_TRY(append_todo(walk, place));
    walk->todo[walk->todo_count - 1].chain = walk->todo_heads[hash];
    walk->todo_heads[hash] = (uint32_t)walk->todo_count;
    return TERN_STATUS_OK;
}

static tern_status add_place(tern__walk *walk, tern__place place) {
    void *places = walk->places;
    if (!tern__grow(walk->context, &places, &walk->place_capacity, walk->place_count + 1,
                    sizeof place)) {
        return tern__fail_memory(walk->context, walk->place_count * sizeof place, "a grammar");
    }
    walk->places = places;
    walk->places[walk->place_count++] = place;
    return TERN_STATUS_OK;
}

static tern_status add_call(tern__walk *walk, const tern__item *item, uint32_t under) {
    const tern__rules *rules = walk->rules;
    uint32_t stack;
    TERN_TRY(push_stack(walk, item->next, under, &stack));
    for (uint32_t a = rules->rules[item->rule].first; a; a = rules->alternatives[a].next) {
        TERN_TRY(add_todo(walk, (tern__place){rules->alternatives[a].item, stack}));
    }
    return TERN_STATUS_OK;
}

// From each place in |todo| on to the next bytes, through the beginnings and ends of rules. As each
// is there once, so is each that is left.
static tern_status expand(tern__walk *walk) {
    for (size_t i = 0; i < walk->todo_count; i++) {
        tern__place place = walk->todo[i].place;
        const tern__item *item = &walk->rules->items[place.item];
        if (place.item == 0 && place.stack != 0) {
            tern__stack_entry entry = walk->stacks[place.stack];
            TERN_TRY(add_todo(walk, (tern__place){entry.item, entry.under}));
        } else if (place.item != 0 && item->is_call) {
            TERN_TRY(add_call(walk, item, place.stack));
        } else {
            TERN_TRY(add_place(walk, place));
        }
    }
    return TERN_STATUS_OK;
}

tern_status tern__walk_begin(tern__walk *walk) {
    tern__item root = {.is_call = true, .rule = walk->rules->root};
    forget_todo(walk);
    TERN_TRY(add_call(walk, &root, 0));
    return expand(walk);
}

tern_status tern__walk_step(tern__walk *walk, size_t first, size_t end, uint8_t byte) {
    forget_todo(walk);
    for (size_t i = first; i < end; i++) {
        tern__place place = walk->places[i];
        const tern__item *item = &walk->rules->items[place.item];
        if (place.item && byte >= item->low && byte <= item->high) {
            TERN_TRY(add_todo(walk, (tern__place){item->next, place.stack}));
        }
    }
    return expand(walk);
}

// From the bottom up; |todo| holds it meanwhile.
static tern_status copy_stack(tern__walk *walk, const tern__walk *from, uint32_t stack,
                              uint32_t *out) {
    forget_todo(walk);
    for (; stack; stack = from->stacks[stack].under) {
        TERN_TRY(append_todo(walk, (tern__place){from->stacks[stack].item, 0}));
    }
    *out = 0;
    while (walk->todo_count) {
        TERN_TRY(push_stack(walk, walk->todo[--walk->todo_count].place.item, *out, out));
    }
    return TERN_STATUS_OK;
}

tern_status tern__walk_copy(tern__walk *walk, const tern__walk *from) {
    for (size_t i = 0; i < from->place_count; i++) {
        tern__place place = from->places[i];
        TERN_TRY(copy_stack(walk, from, place.stack, &place.stack));
        TERN_TRY(add_place(walk, place));
    }
    return TERN_STATUS_OK;
}
