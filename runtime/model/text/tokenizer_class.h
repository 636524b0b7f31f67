// Sets of characters as Oniguruma has them, written for PCRE2.
#ifndef TERN_RUNTIME_MODEL_TEXT_TOKENIZER_CLASS_H_
#define TERN_RUNTIME_MODEL_TEXT_TOKENIZER_CLASS_H_

#include <stdbool.h>
#include <stddef.h>

#include "runtime/model/text/text.h"

// White_Space of Unicode (PCRE2's \s has U+180E besides), and what words are made of.
#define TERN__SPACES                                                                               \
    "\\x{9}-\\x{d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}"    \
    "\\x{205f}\\x{3000}"
#define TERN__LETTERS                                                                              \
    "\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\\x{24b6}-\\x{24e9}\\x{1f130}-\\x{1f149}"                    \
    "\\x{1f150}-\\x{1f169}\\x{1f170}-\\x{1f189}"
// But in a class the superscripts and fractions of Latin-1 are too.
#define TERN__LETTERS_ALONE TERN__LETTERS "\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}"

// Where a word begins or ends, and where not.
#define TERN__WORD_EDGE                                                                            \
    "(?:(?<=[" TERN__LETTERS_ALONE "])(?![" TERN__LETTERS_ALONE "])|(?<![" TERN__LETTERS_ALONE     \
    "])(?=[" TERN__LETTERS_ALONE "]))"
#define TERN__NO_WORD_EDGE                                                                         \
    "(?:(?<=[" TERN__LETTERS_ALONE "])(?=[" TERN__LETTERS_ALONE "])|(?<![" TERN__LETTERS_ALONE     \
    "])(?![" TERN__LETTERS_ALONE "]))"

// |before|, |name| and |after| together stand in a class of PCRE2.
typedef struct tern__set {
    const char *before;
    const char *name; // |name_size| bytes, lent
    size_t name_size;
    const char *after;
    bool negated; // all but those
} tern__set;

// \s, \w, \h and their opposites. False for other letters.
bool tern__set_of_escape(char letter, bool in_class, tern__set *out);

// \p{NAME}, or \P{NAME}; a ^ before a name negates it. False if it is none that PCRE2 reads
// otherwise.
bool tern__set_of_property(const char *name, size_t size, bool negated, tern__set *out);

// [:NAME:], which [:^NAME:] negates. False if there is none.
bool tern__set_of_class(const char *name, size_t size, bool negated, tern__set *out);

void tern__set_add(const tern__set *set, tern__text *out);

#endif
