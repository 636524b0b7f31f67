// The experts of a layer, each a tensor of its own in the folder, as one tensor of all.
#ifndef TERN_RUNTIME_MODEL_HF_STACK_H_
#define TERN_RUNTIME_MODEL_HF_STACK_H_

#include "runtime/model/files/hf.h"

enum { TERN__HF_BUCKETS = 1024 };

typedef struct tern__hf_stack {
    char name[128];
    tern__tensor first;  // of those that were added
    tern__piece *pieces; // one for each expert; the archive's
    uint32_t count;
    size_t next; // of its bucket: an index from 1, 0 behind the last
} tern__hf_stack;

typedef struct tern__hf_stacks {
    tern__hf_stack *items;
    size_t count;
    size_t capacity;
    size_t buckets[TERN__HF_BUCKETS]; // by a hash of the names, as |next|
    size_t tensors; // of the folder, experts among them: set before the first is added
} tern__hf_stacks;

// CORRUPT_DATA names an expert that there is not, that is there twice, or that differs in shape or
// type from another; or says that the folder cannot have as many as config.json says, before room
// is made for them.
tern_status tern__hf_stacks_add(tern__hf_stacks *stacks, tern_archive *archive,
                                const tern__hf_model *model, const tern__hf_place *place,
                                const tern__tensor *tensor);

// Puts the tensors: a dimension more, but for single values, which become one row. NOT_FOUND names
// an expert that is missing.
tern_status tern__hf_stacks_build(const tern__hf_stacks *stacks, const tern__hf_model *model,
                                  tern__builder *builder);
void tern__hf_stacks_finish(tern__hf_stacks *stacks, tern_context *context);

#endif
