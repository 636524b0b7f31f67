// Strings with numbers, to find which of them a text begins with. Read-only once made.
#ifndef TERN_RUNTIME_MODEL_TRIE_H_
#define TERN_RUNTIME_MODEL_TRIE_H_

#include <stdint.h>

#include "runtime/model/text/vocabulary.h"

typedef struct tern__trie_node tern__trie_node;

// All zero: empty, finished already.
typedef struct tern__trie {
    tern__trie_node *nodes; // the root is the first
    uint32_t count;
} tern__trie;

typedef struct tern__trie_word {
    const char *text;
    uint32_t size;
    int32_t value; // at least 0
} tern__trie_word;

// Sorts |words|; an empty one is left out, of equal ones the last counts. The trie does not refer
// to them later. Only running out of memory fails.
tern_status tern__trie_init(tern_context *context, tern__trie_word *words, uint32_t count,
                            tern__trie *out);

// Of the tokens that text may become, unused ones left out. UNSUPPORTED if one is longer than 1024
// bytes.
tern_status tern__trie_of_tokens(const tern__vocabulary *v, tern__trie *out);

void tern__trie_finish(tern_context *context, tern__trie *trie);

// The node after |byte|, or 0 when no word goes on so. The root is 0.
uint32_t tern__trie_step(const tern__trie *trie, uint32_t node, uint8_t byte);
// Value of the word that ends at |node|, or -1.
int32_t tern__trie_value(const tern__trie *trie, uint32_t node);

// The longest beginning of |text| that makes a word after |node|: the word's value and the size of
// the beginning, or -1 and 0.
int32_t tern__trie_longest(const tern__trie *trie, uint32_t node, const char *text, uint32_t size,
                           uint32_t *out_size);

#endif
