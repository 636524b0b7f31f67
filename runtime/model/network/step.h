// One step compiled for a number of rows: program, parameter block, activations.
#ifndef TERN_RUNTIME_MODEL_STEP_H_
#define TERN_RUNTIME_MODEL_STEP_H_

#include "runtime/model/network/cache.h"
#include "runtime/model/network/network.h"
#include "runtime/model/network/rowparams.h"

enum { TERN__STEP_BUFFERS = 24 };

typedef struct tern__step {
    tern_context *context;
    tern_device *device;
    tern_program *program;
    uint32_t rows;
    uint32_t buffer_count;
    tern_buffer *buffers[TERN__STEP_BUFFERS];
    tern__step_tensors tensors;
} tern__step;

// For up to |rows| rows of sessions in |cache|; a rotary table for each kind of layer. UNSUPPORTED,
// OUT_OF_MEMORY.
tern_status tern__step_create(const tern__network *network, const tern__cache *cache,
                              const tern_tensor rotary[], uint32_t rows, tern__step **out_step);
// Accepts NULL.
void tern__step_destroy(tern__step *step);

// Device memory of a step of |rows| rows.
uint64_t tern__step_bytes(const tern__hyper *hyper, uint32_t rows, bool staged);

#endif
