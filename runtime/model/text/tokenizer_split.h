// The patterns that cut a text into words.
#ifndef TERN_RUNTIME_MODEL_TOKENIZER_SPLIT_H_
#define TERN_RUNTIME_MODEL_TOKENIZER_SPLIT_H_

#include "runtime/model/text/text.h"
#include "runtime/model/text/tokenizer.h"

// Compiles the patterns of |v|, the splits' and the normaliser's; NULL if there are none.
// UNSUPPORTED names a pattern that PCRE2 refuses.
tern_status tern__splitter_create(const tern__vocabulary *v, tern__splitter **out_splitter);

// Accepts NULL.
void tern__splitter_destroy(tern__splitter *splitter, tern_context *context);

// Cuts |size| > 0 bytes into words and has the kind encode each. UNSUPPORTED if a pattern takes too
// many steps.
tern_status tern__split_words(tern__encoder *encoder, const char *text, uint32_t size);

// |span| of |v|, a pattern as tokenizer.json has them, as PCRE2 reads it. UNSUPPORTED names what
// cannot be said so.
tern_status tern__pattern_translate(const tern__vocabulary *v, const tern__span *span,
                                    tern__text *out);

// Adds |text|, shorter than 4 GiB, to |out| with what matches the step |step| of the normaliser, a
// pattern, replaced by its content. Fails as tern__split_words.
tern_status tern__split_replace(const tern__splitter *splitter, const tern__vocabulary *v,
                                size_t step, const char *text, size_t size, tern__text *out);

#endif
