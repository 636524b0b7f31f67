// The model that is measured: from a file, or random, loaded on a device.
#ifndef TERN_TOOLS_TERN_BENCH_SUBJECT_H_
#define TERN_TOOLS_TERN_BENCH_SUBJECT_H_

#include "tools/tern/bench/random_model.h"
#include "tools/tern/command.h"

typedef struct subject {
    const char *label; // shape or file
    random_model random;
    tern_archive *archive;
    tern_model_info info;
    tern_memory_estimate memory;

    // What one token reads and multiplies, but for the cache: the layers without their experts, and
    // the output matrix.
    double body_bytes, head_bytes, body_macs, head_macs;
    double expert_bytes, expert_macs;     // of all experts
    double experts, experts_used;         // of a layer, and of those for a token; 1 and 1 of none
    bool dense;                           // the layers are float, not ternary
    double position_bytes, position_macs; // of attention, for each position in the cache

    tern_model *model;
    tern_session *session;
    double load_seconds;
} subject;

// Opens the model: the file |path|, or the shape where that is NULL.
tern_status subject_open(subject *self, tern_context *context, const char *path,
                         const model_shape *shape);

// Loads it and makes a session of up to |context| positions.
tern_status subject_load(subject *self, tern_device *device, uint32_t context,
                         const model_options *options);
void subject_unload(subject *self);
void subject_close(subject *self);

// What the layers read for |rows| tokens, each expert once, and multiply for each of them.
double subject_layer_bytes(const subject *self, uint32_t rows);
double subject_layer_macs(const subject *self);

// Evaluates |count| made-up tokens at the next positions; logits of the last one into |logits|,
// unless that is NULL.
tern_status subject_eval(subject *self, uint32_t count, float *logits);

// A made-up id for a position.
int32_t subject_token(const subject *self, uint32_t position);

#endif
