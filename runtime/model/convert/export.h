// The files of a Hugging Face folder for a model that did not come from one. They are made as a
// file that was made of a folder would have kept them (kept.h); restore.c then writes the tensors.
#ifndef TERN_RUNTIME_MODEL_EXPORT_H_
#define TERN_RUNTIME_MODEL_EXPORT_H_

#include "runtime/model/files/gguf_write.h"
#include "runtime/model/files/hf.h"
#include "runtime/model/convert/convert.h"
#include "runtime/model/network/hyper.h"

// How a matrix is written.
typedef struct tern__export_form {
    bool matrix;
    bool ternary;
    bool packed;    // as bytes of four rows, with one scale for each
    uint32_t types; // TERN__HOLDS_*, of all values
} tern__export_form;

typedef struct tern__export {
    const tern__conversion *c;
    tern__hyper hyper;        // of the archive
    tern__export_form *forms; // of each tensor
    bool packed;              // the folder says that its linear layers are
    bool linear_norms;        // they have norms of their own
    bool turned;              // rotary pairs lie side by side, which the folder's do not
    float norm_offset;        // of the folder less that of the archive
    tern__writer config, generation, pooling, tokens, token_settings, header;
    const char *token_file; // "tokenizer.json" or "tokenizer.model"; NULL: as it was kept
    uint64_t size;          // of the file of tensors
} tern__export;

// What the tensors are, config.json, generation_config.json and how hidden states are pooled.
// UNSUPPORTED names what no folder can say; where it is only that a last bit may change, that takes
// TERN_CONVERT_LOSSY. tern__export_finish in any case.
tern_status tern__export_config(tern__export *e, const tern__conversion *c);
// UNSUPPORTED names what |hyper|, that which the folder says, has otherwise than the archive.
tern_status tern__export_compare(tern__export *e, const tern__hyper *hyper);
// Fills |e->forms|, which tern__export_config asks for.
tern_status tern__export_look(tern__export *e);
// The header of model.safetensors.
tern_status tern__export_header(tern__export *e, const tern__hf_model *model);
// tokenizer.json or tokenizer.model, and tokenizer_config.json.
tern_status tern__export_tokens(tern__export *e);
void tern__export_finish(tern__export *e);

// Adds what printf makes of |format|, at most 500 bytes of it.
void tern__put_format(tern__writer *w, const char *format, ...);
// Adds |text| as a string of JSON.
void tern__put_string(tern__writer *w, const char *text, size_t size);

#endif
