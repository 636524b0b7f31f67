// The parser of GBNF: what the files grammar_parse*.c share.
#ifndef TERN_RUNTIME_MODEL_SAMPLING_GRAMMAR_PARSE_H_
#define TERN_RUNTIME_MODEL_SAMPLING_GRAMMAR_PARSE_H_

#include "runtime/model/sampling/grammar.h"

typedef struct tern__parser {
    tern__rules *rules;
    const char *at;
    const char *end;
    uint32_t line;
    uint32_t depth;  // of parentheses
    uint32_t names;  // of rules,
    uint32_t *slots; // found by their hash: rule, 0 when free
} tern__parser;

// A part of an alternative: its first and last item, 0 and 0 if it is empty.
typedef struct tern__piece {
    uint32_t first;
    uint32_t last;
} tern__piece;

// "grammar: line 3: |what|, not 'x'".
tern_status tern__parse_fail(const tern__parser *p, const char *what);

// Blanks and comments; lines only where a rule goes on.
void tern__parse_skip(tern__parser *p, bool lines);

static inline bool tern__parse_is_next(const tern__parser *p, char c) {
    return p->at < p->end && *p->at == c;
}

// A rule without a name.
tern_status tern__parse_make_up(tern__parser *p, uint32_t *out);
tern_status tern__parse_append(tern__parser *p, tern__piece *to, tern__item item);

static inline tern_status tern__parse_call(tern__parser *p, tern__piece *to, uint32_t rule) {
    return tern__parse_append(p, to, (tern__item){.is_call = true, .rule = rule});
}

// "text", [a-z] and the dot.
tern_status tern__parse_string(tern__parser *p, tern__piece *out);
tern_status tern__parse_class(tern__parser *p, tern__piece *out);
tern_status tern__parse_any(tern__parser *p, tern__piece *out);

// What may follow a part: *, +, ?, {n}, {n,} and {n,m}, any number of them.
tern_status tern__parse_repetition(tern__parser *p, tern__piece *part);

#endif
