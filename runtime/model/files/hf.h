// Hugging Face folders as archives: config.json becomes keys, tensors get the names of GGUF.
//
// What GGUF has no key for is said by keys tern.* (hyper.h), which a GGUF file may have too.
#ifndef TERN_RUNTIME_MODEL_HF_H_
#define TERN_RUNTIME_MODEL_HF_H_

#include "runtime/model/files/archive_build.h"
#include "runtime/model/files/json.h"

// What a family of networks has that others have not.
enum {
    TERN__HF_QWEN = 1u << 0,
    TERN__HF_EXPERTS = 1u << 1,
    TERN__HF_GEMMA = 1u << 2,
    TERN__HF_HGRN = 1u << 3,
    TERN__HF_MASTER = 1u << 4, // float weights that each forward pass makes ternary
    TERN__HF_MAPLE = 1u << 5,
    TERN__HF_BITMAT = 1u << 6,
    TERN__HF_PLAIN = 1u << 7 // llama and bitnet
};

typedef struct tern__hf_family {
    const char *class_name; // in config.json
    const char *architecture;
    uint32_t traits; // TERN__HF_*
} tern__hf_family;

// What naming and typing tensors needs to know of the configuration.
typedef struct tern__hf_model {
    const tern__hf_family *family;
    uint32_t heads, kv_heads, head_dim, width, ffn_width, expert_width, experts;
    double rotary_part; // of a head that turns with the position
    bool tied;          // the output matrix is the embedding; a copy of it is passed over
    bool packed;
    bool absmean;     // float matrices are rounded to their mean size by a load
    bool scaled_bias; // scales multiply the biases of projections too
} tern__hf_model;

// Writes the keys that |config| gives; |file| is its name, for messages. UNSUPPORTED names an
// architecture or a key that is not known and may change the arithmetic, CORRUPT_DATA one of the
// wrong type, NOT_FOUND one that is missing.
tern_status tern__hf_config(tern__builder *builder, const char *file, const tern__json *config,
                            tern__hf_model *out);

// rope_theta, rope_scaling and their newer form rope_parameters.
tern_status tern__hf_rope(tern__builder *builder, const char *file, const tern__json *config,
                          const tern__hf_model *model);

// The key tokenizer.chat_template, if chat_template.jinja or tokenizer_config.json has one.
tern_status tern__hf_template(tern__builder *builder);

// The key pooling_type, if the folder is one of sentence-transformers. UNSUPPORTED names a pooling
// that is not known, or several.
#define TERN__HF_POOLING "1_Pooling/config.json"
tern_status tern__hf_pooling(tern__builder *builder, const tern__hf_model *model);

// quantization_config, or what a family does without one: the tern.* keys about weights.
tern_status tern__hf_quantization(tern__builder *builder, const char *file,
                                  const tern__json *config, tern__hf_model *model);

// Where a tensor goes. |name| has no number of expert in it.
typedef struct tern__hf_place {
    char name[128];
    bool skip;      // a buffer that can be made again
    bool is_matrix; // the weight of a projection: may be packed
    bool is_expert;
    uint32_t expert;
    uint32_t rows; // of the projection, by the configuration; 0: not known
} tern__hf_place;

// The place of the tensor called |name| in the file; a name that is not known stays as it is, for
// the network's layout to refuse.
void tern__hf_name(const tern__hf_model *model, const char *name, tern__hf_place *out);

// The other way round: what the folder calls |name|, of |expert| where its class has one tensor for
// each. False if it has no name for it.
bool tern__hf_unname(const tern__hf_model *model, const char *name, uint32_t expert, char *out,
                     size_t capacity);

// Opens the folder that |archive|'s files are, with nothing in it yet. |weights|: NULL, or the file
// of tensors that the user named, which must be the folder's or part of it.
tern_status tern__hf_open(tern_archive *archive, const char *weights);

#endif
