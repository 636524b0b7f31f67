#ifndef TERN_RUNTIME_MODEL_MODEL_H_
#define TERN_RUNTIME_MODEL_MODEL_H_

#include "runtime/model/network/cache.h"
#include "runtime/model/network/network.h"
#include "runtime/model/network/step.h"
#include "runtime/platform/platform.h"

// Row counts that steps are compiled for. A prompt is cut into these.
#define TERN__BUCKET_LIST 1, 8, 32, 128, 512
enum { TERN__BUCKET_COUNT = 5, TERN__KV_TYPES = 3 };
extern const uint32_t tern__buckets[TERN__BUCKET_COUNT];

struct tern_model {
    tern_context *context;
    tern_device *device;
    tern__network network;
    tern_tokenizer *tokenizer;
    char *chat_template; // NULL: none
    tern_model_info info;
    uint64_t fingerprint;
    bool has_lock;

    // Held from a submit until its results are read, because sessions share what follows.
    tern__mutex lock;
    tern_buffer *rotary_buffers[TERN__LAYER_KINDS];
    tern_tensor rotary[TERN__LAYER_KINDS]; // as many positions as the longest session so far
    tern__cache caches[TERN__KV_TYPES];
    tern__step *steps[TERN__KV_TYPES][TERN__BUCKET_COUNT]; // made when first needed
    tern_fence given_up; // of the last step that was cancelled, which the device may be at yet
};

tern_status tern__model_check_desc(tern_context *context, const tern_model_desc *desc);

// What is known of a model before its weights are read. The tokenizer is the caller's, even on
// failure.
tern_status tern__model_read_head(const tern_archive *archive, const tern_model_desc *desc,
                                  tern__hyper *hyper, tern_tokenizer **out_tokenizer);

// A failure with what was said of it, in front of which the source is named.
tern_status tern__model_report(const tern_archive *archive, tern_status status,
                               const char *message);

// These with the lock held.

// Room in the cache and the rotary table for a session of |positions|, which has the first |shared|
// blocks of |from|.
tern_status tern__model_lease(tern_model *model, tern_kv_type kv, uint32_t positions,
                              const tern__lease *from, uint32_t shared, tern__lease **out_lease);

// Blocks from that of |position| on become the lease's alone.
tern_status tern__model_own(tern_model *model, tern_kv_type kv, tern__lease *lease,
                            uint32_t position);

// The step of bucket |index|.
tern_status tern__model_step(tern_model *model, tern_kv_type kv, uint32_t index,
                             tern__step **out_step);

#endif
