// What a GGUF file that was made of a folder keeps of it: the files that say what its tokens are,
// which there is no way to say by the keys of GGUF for every tokenizer; and for the way back the
// headers of its files of tensors, each behind 8 bytes of its file's size, and what scales were.
#ifndef TERN_RUNTIME_MODEL_KEPT_H_
#define TERN_RUNTIME_MODEL_KEPT_H_

#include "runtime/model/convert/convert.h"
#include "runtime/model/files/gguf_write.h"

#define TERN__KEPT_HEADER "tern.header."     // and the file's name: an array of bytes
#define TERN__KEPT_SCALE "tern.folder_scale" // "direct" or "inverse"

// The |index|-th other file of a folder that is kept; NULL past the last.
const char *tern__kept_file(size_t index);

// Puts keys for what |c->archive|, a folder, has of this, and counts them.
tern_status tern__kept_put(tern__writer *w, const tern__conversion *c, uint64_t *count);

#endif
