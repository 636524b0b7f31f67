// What is done to a text before it is cut into tokens.
#ifndef TERN_RUNTIME_MODEL_NORMALIZE_H_
#define TERN_RUNTIME_MODEL_NORMALIZE_H_

#include "runtime/model/text/text.h"
#include "runtime/model/text/vocabulary.h"

struct tern__splitter;
struct tern__added;

// Which steps are taken.
typedef struct tern__normalizing {
    const tern__vocabulary *v;
    const struct tern__splitter *patterns; // of |v|
    const struct tern__added *kept; // what a map of SentencePiece leaves alone; NULL: nothing
    size_t from, to;                // one step at least
    bool first;                     // the text begins the whole text
} tern__normalizing;

// Makes |out|, which must be empty, what the steps make of |text|. Bytes that are no UTF-8 stay as
// they are. UNSUPPORTED if the text grows beyond 1 GiB, or a pattern takes too many steps.
tern_status tern__normalize(const tern__normalizing *how, const char *text, size_t size,
                            tern__text *out);

// CORRUPT_DATA says what is wrong with a precompiled map of SentencePiece.
tern_status tern__charsmap_check(const tern__vocabulary *v, const char *map, size_t size);

// Such a map, checked.
typedef struct tern__charsmap {
    const char *bytes;
    size_t size;
} tern__charsmap;

// As SentencePiece does it: adds what the longest string of the map that |text| begins with
// becomes, or a character, and returns how many bytes that was.
size_t tern__charsmap_add_next(tern__charsmap map, const char *text, size_t size, tern__text *out);
// The same as the package tokenizers does it: of a grapheme of less than six bytes the shortest
// string that it begins with replaces all of it; else character by character.
void tern__charsmap_add_graphemes(tern__charsmap map, const char *text, size_t size,
                                  tern__text *out);

// White_Space of the Unicode Character Database; what words are made of (letters, marks, digits,
// the underscore and its like). False for -1.
bool tern__is_space(int32_t character);
bool tern__is_word(int32_t character);

// Canonical or compatibility form of |text|, composed or not.
void tern__normal_form_add(tern__normal_form form, const char *text, size_t size, tern__text *out);

#endif
