// Reads JSON (RFC 8259), strictly: a tree of values in one array, in the order of the text.
//
// Not cJSON, which the programs use: its allocator is one for the whole process where a context has
// its own, its strings end at the first NUL where vocabularies hold pieces with NULs, and integers
// above 2^53 (64-bit offsets and ids) lose digits.
//
//     {"a": [1, 2], "b": "x"}      object(span 5)  a: array(span 3)  1  2  b: "x"
#ifndef TERN_RUNTIME_MODEL_JSON_H_
#define TERN_RUNTIME_MODEL_JSON_H_

#include <stdbool.h>
#include <stdint.h>

#include <tern/context.h>

typedef enum tern__json_type {
    TERN__JSON_NULL,
    TERN__JSON_BOOL,
    TERN__JSON_NUMBER,
    TERN__JSON_STRING,
    TERN__JSON_ARRAY,
    TERN__JSON_OBJECT
} tern__json_type;

// One value. Keys and strings are UTF-8 with escapes decoded, NUL-terminated, and may hold NULs
// ("\u0000") before that.
typedef struct tern__json {
    const char *key; // of an object's member; NULL: an element, or the whole
    union {
        const char *string;
        int64_t integer; // of a number with |flag|
        double real;     // of one without
    } as;
    uint32_t key_size; // bytes
    uint32_t size;     // bytes of a string; members of an object, elements of an array
    uint32_t span;     // values in this one, itself included
    uint8_t type;      // tern__json_type
    bool flag;         // BOOL: its value; NUMBER: written as an integer, of 18 digits at most
} tern__json;

typedef struct tern__json_document {
    tern__json *nodes; // the first is the whole
    size_t count;
} tern__json_document;

enum { TERN__JSON_DEPTH = 64 };

// Parses |size| bytes of |text|, which is changed and lent: it must outlive the document. |name| is
// the file's, for messages. CORRUPT_DATA says what is wrong and at which offset; arrays and objects
// more than TERN__JSON_DEPTH deep, strings that are not UTF-8, halves of surrogate pairs and
// numbers beyond double are refused. Takes at most 16 times the memory of |text|, as a list of
// digits does. Members that share a key are kept: tern__json_check_unique
// finds them.
tern_status tern__json_parse(tern_context *context, const char *name, char *text, size_t size,
                             tern__json_document *out);
void tern__json_finish(tern_context *context, tern__json_document *document);

// CORRUPT_DATA names a key that |object| has twice. Takes n log n steps.
tern_status tern__json_check_unique(tern_context *context, const char *name,
                                    const tern__json *object);

// The value of a number; 0 of anything else.
static inline double tern__json_number_of(const tern__json *value) {
    return value->type != TERN__JSON_NUMBER ? 0.0
           : value->flag                    ? (double)value->as.integer
                                            : value->as.real;
}

// The first child of an array or object, NULL if there is none; and the one after |child|.
//
//     for (const tern__json *c = tern__json_first(list); c; c = tern__json_next(list, c))
static inline const tern__json *tern__json_first(const tern__json *parent) {
    return parent->span > 1 ? parent + 1 : NULL;
}
static inline const tern__json *tern__json_next(const tern__json *parent, const tern__json *child) {
    const tern__json *next = child + child->span;
    return next < parent + parent->span ? next : NULL;
}

// The first member |key| of |object|; NULL if there is none, or |object| is NULL or no object.
// Linear.
const tern__json *tern__json_get(const tern__json *object, const char *key);
// Whether |value| is there and a string equal to |text|.
bool tern__json_is(const tern__json *value, const char *text);
// "an object", "a string", ...; NULL is "nothing".
const char *tern__json_type_name(const tern__json *value);

#endif
