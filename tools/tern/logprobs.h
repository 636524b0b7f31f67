// The likeliest tokens beside each that was picked, as `tern run --json --logprobs N` lists them.
#ifndef TERN_TOOLS_TERN_LOGPROBS_H_
#define TERN_TOOLS_TERN_LOGPROBS_H_

#include "tools/tern/command.h"

typedef struct logprobs {
    const tern_tokenizer *tokenizer;
    uint32_t best; // how many are listed; 0: none
    cJSON *list;   // an array, one object for each id picked; made with the first
} logprobs;

// The part of tern_generate_desc.on_logits, for |self|.
void logprobs_add(logprobs *self, int32_t id, const float *logits, uint32_t count);

#endif
