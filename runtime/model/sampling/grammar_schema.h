// Writing GBNF for a JSON schema: what the files grammar_schema*.c share.
#ifndef TERN_RUNTIME_MODEL_GRAMMAR_SCHEMA_H_
#define TERN_RUNTIME_MODEL_GRAMMAR_SCHEMA_H_

#include <stdbool.h>

#include "runtime/model/files/json.h"
#include "runtime/status.h"

typedef struct tern__schema_writer {
    tern_context *context;
    tern__json_document document;
    uint8_t *wanted; // of each value: 1 as a rule, 3 when it is written
    char *text;
    size_t size;
    size_t capacity;
    bool failed; // out of memory
} tern__schema_writer;

// "the schema: '#/properties/name' |what|".
tern_status tern__schema_fail(const tern__schema_writer *w, tern_status status,
                              const tern__json *node, const char *what);

// "the schema: '#/properties/name'", as far as it fits.
void tern__schema_describe(const tern__schema_writer *w, const tern__json *node, char *out,
                           size_t capacity);

void tern__schema_put(tern__schema_writer *w, const char *text);
void tern__schema_putf(tern__schema_writer *w, const char *format, ...) TERN__PRINTF(2, 3);
// Within a literal of GBNF: characters of a string of JSON, the string with its quotes, or any
// value as compact JSON.
void tern__schema_put_characters(tern__schema_writer *w, const char *bytes, size_t size);
void tern__schema_put_string(tern__schema_writer *w, const char *bytes, size_t size);
void tern__schema_put_json(tern__schema_writer *w, const tern__json *value);
// The name of the rule of |schema|, an object or true; NULL is true, which allows any value.
tern_status tern__schema_put_call(tern__schema_writer *w, const tern__json *schema);

// Rules are named after the place of their schema in the document: "n5".
static inline size_t tern__schema_index(const tern__schema_writer *w, const tern__json *node) {
    return (size_t)(node - w->document.nodes);
}

// Right sides for the types that have keywords of their own. The one of an object is
// "{" n5f0 "}", and these are the rules n5f0 and its kin.
tern_status tern__schema_put_string_type(tern__schema_writer *w, const tern__json *schema);
tern_status tern__schema_put_array_type(tern__schema_writer *w, const tern__json *schema);
tern_status tern__schema_put_object_rules(tern__schema_writer *w, const tern__json *schema);

// The rule n5x0y0 and its kin: the rest, after its quote, of a name that is none of |properties|,
// of which there is one at least.
tern_status tern__schema_put_other_names(tern__schema_writer *w, const tern__json *schema,
                                         const tern__json *properties);

#endif
