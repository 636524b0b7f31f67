// model.safetensors.index.json: which shard has which tensor.
#ifndef TERN_RUNTIME_MODEL_HF_INDEX_H_
#define TERN_RUNTIME_MODEL_HF_INDEX_H_

#include "runtime/model/files/gguf.h"
#include "runtime/model/files/json.h"

typedef struct tern__hf_index_entry {
    const char *tensor;
    const char *shard;
    bool taken;
} tern__hf_index_entry;

typedef struct tern__hf_index {
    tern_context *context;
    char name[256];                // for messages
    char *text;                    // what names are lent from
    tern__hf_index_entry *entries; // by tensor
    size_t count;
    const char **shards; // each once
    size_t shard_count;
} tern__hf_index;

// Reads file |name| of the archive. NOT_FOUND without a message if there is none; CORRUPT_DATA says
// what is wrong with it.
tern_status tern__hf_index_read(const tern_archive *archive, const char *name, tern__hf_index *out);
void tern__hf_index_finish(tern__hf_index *index);

// CORRUPT_DATA unless |shard| is one of its.
tern_status tern__hf_index_need(const tern__hf_index *index, const char *shard);
// A tensor that |shard| has. CORRUPT_DATA unless the index says so.
tern_status tern__hf_index_take(tern__hf_index *index, const tern__tensor *tensor,
                                const char *shard);
// NOT_FOUND names a tensor that no shard had.
tern_status tern__hf_index_check(const tern__hf_index *index);

#endif
