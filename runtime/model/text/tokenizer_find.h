// Matches of a pattern in time linear in the text, whatever the pattern.
#ifndef TERN_RUNTIME_MODEL_TEXT_TOKENIZER_FIND_H_
#define TERN_RUNTIME_MODEL_TEXT_TOKENIZER_FIND_H_

#include <pcre2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What the options of pcre2_jit_compile must be for tern__find.
#define TERN__FIND_JIT (PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_HARD)

// What the matching of one text may cost, and has.
typedef struct tern__finder {
    pcre2_match_context *limits;
    pcre2_match_data *match;
    uint64_t left; // bytes that may yet be looked at beyond what any pattern may
} tern__finder;

// For |size| bytes that |patterns| look at. False when out of memory; finish it all the same.
bool tern__finder_init(tern__finder *f, pcre2_general_context *general, uint64_t size,
                       size_t patterns);
void tern__finder_finish(tern__finder *f);

// The first match in well-formed |text| from |at| on: its number of groups and one more, with the
// offsets in |f->match|; PCRE2_ERROR_NOMATCH; PCRE2_ERROR_MATCHLIMIT if the text costs too much;
// or another error of PCRE2.
int tern__find(tern__finder *f, const pcre2_code *code, const char *text, size_t size, size_t at);

#endif
