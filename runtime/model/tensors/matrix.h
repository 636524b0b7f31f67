// One tensor of a file, read once, becomes one matrix on a device.
#ifndef TERN_RUNTIME_MODEL_MATRIX_H_
#define TERN_RUNTIME_MODEL_MATRIX_H_

#include "runtime/model/network/layout.h"

// Memory that one matrix after the other passes through. Taken and given back each time, it would
// leave holes between the matrices: 72 of 1585 MB with a 2B-4T shape in TQ2_0.
typedef struct tern__room {
    void *memory;
    size_t size;
} tern__room;

// What a load carries along.
typedef struct tern__loader {
    tern_context *context;
    tern_device *device;
    const tern_archive *archive;
    const tern_model_desc *desc;
    uint64_t done; // bytes of the file, for the progress callback
    uint64_t total;
    uint32_t i2s_block; // 0: not known yet
    uint64_t claimed;   // device memory of all weights, as far as it is known
    tern__room raw;     // rows as the file has them
    tern__room codes;   // a matrix whose scales decide its kind, and these
    tern__room scales;
} tern__loader;

// Gives back its rooms.
void tern__loader_finish(tern__loader *loader);

// Counts |bytes| as read and asks the progress callback, and whoever may cancel, whether to go on:
// CANCELLED.
tern_status tern__loader_advance(tern__loader *loader, uint64_t bytes);

// OUT_OF_MEMORY with both numbers if |loader->claimed| passes the budget.
tern_status tern__loader_check_budget(const tern__loader *loader);

// OUT_OF_MEMORY, before anything is taken, if |bytes| for |what| pass all that the device has. A
// system that promises more memory than it has would otherwise end the process, not the call.
tern_status tern__check_memory(tern_device *device, const char *what, uint64_t bytes);

// Device memory of a matrix of this shape and type, as canonical rows.
uint64_t tern__weights_bytes(const tern_weights_info *info);

// Ternary types keep one scale per matrix or row where that says the same. Dense values that are
// -s, 0 or +s, with an s for each 64 columns at most, become ternary where |part->may_be_ternary|;
// float32 that float16 holds as well becomes that, or else bfloat16, where |part->may_be_half|.
// Where |part->absmean| all of them do: with m the mean of |w|, added up in double precision, row
// by row in ascending order, and rounded to float32 (1e-5 at least), and f = 1 / m,
//
//     code = clamp(round half even(w * f), -1, 1), scale = 1 / f
//
// each of |part->experts| by itself. |*out_bytes| is what it takes.
tern_status tern__matrix_load(tern__loader *loader, const tern__part *part, tern__matrix *out,
                              uint64_t *out_bytes);

#endif
