// Finding the added tokens (control, unknown, user-defined) that a text spells out.
#ifndef TERN_RUNTIME_MODEL_TOKENIZER_ADDED_H_
#define TERN_RUNTIME_MODEL_TOKENIZER_ADDED_H_

#include "runtime/model/text/vocabulary.h"

typedef struct tern__added tern__added;

// Tokens that are found in a text as it is, in a normalised one, or by the map of characters, which
// leaves them alone.
typedef enum tern__added_where {
    TERN__ADDED_IN_TEXT,
    TERN__ADDED_IN_NORMAL,
    TERN__ADDED_IN_MAP
} tern__added_where;

// NULL if |v| has none of them.
tern_status tern__added_create(const tern__vocabulary *v, tern__added_where where,
                               tern__added **out_added);

// Accepts NULL.
void tern__added_destroy(tern__added *added, tern_context *context);

// Whether a text without control tokens needs looking at.
bool tern__added_has_user_defined(const tern__added *added);

// For each of |size| bytes, the longest token that starts there, or -1. Without |special| only
// user-defined ones count. Linear.
void tern__added_find(const tern__added *added, const char *text, uint32_t size, bool special,
                      int32_t *out_ids);

// Bytes that token |id|, just found, takes.
uint32_t tern__added_size(const tern__added *added, const tern__vocabulary *v, int32_t id);

#endif
