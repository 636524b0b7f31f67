// Copyright (c) 2026 the tern authors
// SPDX-License-Identifier: MIT
#ifndef TERN_GRAMMAR_H_
#define TERN_GRAMMAR_H_

#include <tern/sampler.h>
#include <tern/tokenizer.h>

/**
 * Limits generated text to what a grammar describes, so that a program can rely on being able to
 * parse it. Give it to a sampler by tern_sampler_constrain.
 *
 * GBNF, a Backus-Naur form: rules `name ::= alternative | alternative`, one of them `root`. An
 * alternative is a sequence of
 *
 *     "text"  [a-z]  [^"\\]  .  name  ( ... )      with escapes \n \r \t \" \\ \[ \] \- \xHH \uHHHH
 *                                                  \UHHHHHHHH
 *
 * each of which may be followed by *, +, ?, {n}, {n,} or {n,m}. A rule ends with its line, but not
 * within parentheses, nor after `::=` or `|`, nor where the next line begins with `|`. `#` begins a
 * comment. Characters are those of Unicode, in UTF-8. Refused by name: a rule that is not defined,
 * or twice, or that begins with itself (left recursion), or that no text can end; repeating what
 * may be empty.
 *
 * JSON Schema (a subset of draft 2020-12): type (one or a list), properties, required,
 * additionalProperties (default here: false beside properties), items, prefixItems, minItems,
 * maxItems, enum, const, minLength, maxLength, anyOf, oneOf, $ref within the document, $defs and
 * definitions; title, description, default, examples, $schema, $id and $comment say nothing.
 * Properties come in the order of the schema, additional ones after them, under names that are none
 * of theirs and have no escapes but \" and \\. A type beside const or enum leaves those values that
 * are of it. oneOf is read as anyOf: that no value fits two of the schemas is for them to see to.
 * Other keywords are UNSUPPORTED by name, and so is what else narrows $ref, anyOf, oneOf, const or
 * enum beside it. The text is JSON with at most one space after a comma or colon.
 *
 * Ownership: destroy it after, or take it from, the samplers that have it; the tokenizer must live
 * as long.
 *
 * Threads: one at a time.
 */

enum { TERN_GRAMMAR_GBNF = 0, TERN_GRAMMAR_JSON_SCHEMA = 1 };

typedef struct tern_grammar_desc {
    uint32_t struct_size; /**< sizeof(tern_grammar_desc) */
    uint32_t kind;        /**< TERN_GRAMMAR_* */
    const char *text;     /**< UTF-8; needed until the call returns */
    size_t size;
} tern_grammar_desc;

enum {
    TERN_GRAMMAR_MAY_END = 1u << 0,  /**< the text so far is complete */
    TERN_GRAMMAR_MAY_GO_ON = 1u << 1 /**< more may follow */
};

TERN_BEGIN_DECLS

/** INVALID_ARGUMENT says what is wrong and in which line, or at which place of a schema;
 * CORRUPT_DATA where the text of a schema is no JSON or has a key twice; UNSUPPORTED names a
 * keyword of a schema that is not implemented; OUT_OF_RANGE as tern_grammar_feed; OUT_OF_MEMORY. */
TERN_API tern_status tern_grammar_create(tern_context *context, const tern_tokenizer *tokenizer,
                                         const tern_grammar_desc *desc, tern_grammar **out_grammar);

/** Accepts NULL. */
TERN_API void tern_grammar_destroy(tern_grammar *grammar);

/** Back to the beginning. OUT_OF_RANGE as tern_grammar_feed; OUT_OF_MEMORY. */
TERN_API tern_status tern_grammar_reset(tern_grammar *grammar);

/** TERN_GRAMMAR_MAY_*, for where it stands; 0 after the id that ends a text. */
TERN_API uint32_t tern_grammar_state(const tern_grammar *grammar);

/**
 * Moves on by |size| bytes that were put in by the caller, such as the beginning of an answer.
 * INVALID_ARGUMENT, with the offset, if they do not fit, OUT_OF_RANGE if there are too many ways to
 * read them: then it stands where it stood. OUT_OF_MEMORY: reset it.
 */
TERN_API tern_status tern_grammar_feed(tern_grammar *grammar, const char *text, size_t size);

TERN_END_DECLS

#endif
