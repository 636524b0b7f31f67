// What is known of config.json: the classes of networks, and what each key becomes.
#ifndef TERN_RUNTIME_MODEL_HF_RULES_H_
#define TERN_RUNTIME_MODEL_HF_RULES_H_

#include "runtime/model/files/hf.h"

typedef enum tern__hf_rule_kind {
    TERN__HF_COUNT,  // an integer, as it is
    TERN__HF_REAL,   // a float, as it is
    TERN__HF_TEXT,   // a string, as it is
    TERN__HF_OTHER,  // read elsewhere
    TERN__HF_FALSE,  // must be false or 0: true changes the arithmetic
    TERN__HF_TRUE,   // must be true
    TERN__HF_ONE,    // must be 1
    TERN__HF_SWIGLU, // must be "swiglu", which is what all of them compute
    TERN__HF_NOTHING // harmless
} tern__hf_rule_kind;

// A key of config.json and what becomes of it, in the families that know it (0: in all).
typedef struct tern__hf_rule {
    const char *config;
    tern__hf_rule_kind kind;
    const char *gguf; // behind the name of the architecture
    uint32_t families;
} tern__hf_rule;

// Family |index|, or NULL past the last.
const tern__hf_family *tern__hf_family_at(size_t index);

// What becomes of |key| in families of |traits|; NULL if it is not known there.
const tern__hf_rule *tern__hf_rule_of(const char *key, uint32_t traits);
// Whether |key| is of training, of generation or of the program that wrote the file.
bool tern__hf_is_harmless(const char *key);

#endif
