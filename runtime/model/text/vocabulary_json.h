// The parts of a tokenizer.json that say what is done to a text before and after the model, and
// what their readers share.
#ifndef TERN_RUNTIME_MODEL_VOCABULARY_JSON_H_
#define TERN_RUNTIME_MODEL_VOCABULARY_JSON_H_

#include "runtime/model/files/json.h"
#include "runtime/model/text/vocabulary.h"

// UNSUPPORTED names a step, or a setting of one, that is not implemented. NULL and null are none.
tern_status tern__json_read_normalizer(tern__vocabulary *v, const tern__json *normalizer);
tern_status tern__json_read_pre_tokenizer(tern__vocabulary *v, const tern__json *pre_tokenizer);
tern_status tern__json_read_decoder(tern__vocabulary *v, const tern__json *decoder);
tern_status tern__json_read_post_processor(tern__vocabulary *v, const tern__json *processor);

// The token |id| as an entry of added_tokens describes it. |own| tokens are the model's.
tern_status tern__json_read_added(tern__vocabulary *v, const tern__json *token, uint32_t id,
                                  size_t own);

// {"token": id, ...} as a vocab.json has it, and the lines of the merges.txt beside it; both as |v|
// has its letters by then.
tern_status tern__vocabulary_read_words(tern__vocabulary *v, const tern__json *vocab);
tern_status tern__vocabulary_read_merges(tern__vocabulary *v, const char *text, size_t size);

// What the tokenizer_class of a folder without a tokenizer.json means: UNSUPPORTED names one that
// is not known.
tern_status tern__vocabulary_class(tern__vocabulary *v, const char *name);
// The tokens that begin and end a text where the folder says nothing, once there are tokens.
void tern__vocabulary_class_ends(tern__vocabulary *v, const char *name);

typedef tern_status (*tern__json_reader)(tern__vocabulary *v, const tern__json *step);

// Readers by the "type" of a step, the last one empty.
typedef struct tern__json_entry {
    const char *type;
    tern__json_reader read;
} tern__json_entry;

// Has |step| read by the entry of its type; one that is not listed is refused as |what|.
tern_status tern__json_read_step(tern__vocabulary *v, const tern__json *step, const char *what,
                                 const tern__json_entry *entries);
// The same for each of the list |key| of |step|.
tern_status tern__json_read_list(tern__vocabulary *v, const tern__json *step, const char *key,
                                 tern__json_reader read);

// Nothing, or null.
bool tern__json_is_none(const tern__json *value);

// UNSUPPORTED: "the WHAT 'NAME' is not supported".
tern_status tern__json_refuse(const tern__vocabulary *v, const char *what, const char *name);

// Members of |object|. CORRUPT_DATA if one is of another type, or, without a |fallback|, not there.
// Strings are lent; one with a zero byte in it is refused.
tern_status tern__json_want_string(const tern__vocabulary *v, const tern__json *object,
                                   const char *key, const char *fallback, const char **out);
tern_status tern__json_want_bool(const tern__vocabulary *v, const tern__json *object,
                                 const char *key, bool fallback, bool *out);
tern_status tern__json_want_list(const tern__vocabulary *v, const tern__json *object,
                                 const char *key, const tern__json **out);
// |value| as an id; |what| has it, for the message.
tern_status tern__json_to_id(const tern__vocabulary *v, const tern__json *value, const char *what,
                             uint32_t *out);

// {"String": "x"} or {"Regex": "x"}: one of the two, the other is NULL.
tern_status tern__json_want_pattern(const tern__vocabulary *v, const tern__json *step,
                                    const char **out_plain, const char **out_regex);

#endif
