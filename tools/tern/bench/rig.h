// A case on a device, many times over: programs that run it on different copies of its inputs, so
// that no cache holds what the next one reads. All write to the same place, as the ops of a model
// wait for each other: none may run beside the one before, or be fused with it.
#ifndef TERN_TOOLS_TERN_BENCH_RIG_H_
#define TERN_TOOLS_TERN_BENCH_RIG_H_

#include "tools/tern/bench/case.h"
#include "tools/tern/bench/matrix.h"
#include "tools/tern/bench/samples.h"

// Equal matrices in different memory.
typedef struct bench_matrices {
    tern_weights **items;
    uint32_t count;
} bench_matrices;

// As many copies as take |footprint| bytes together, at least one.
tern_status bench_matrices_make(bench_matrices *self, tern_device *device, const bench_op *op,
                                const bench_pool *pool, bench_shape shape, uint64_t footprint);
void bench_matrices_free(bench_matrices *self);

typedef struct bench_rig {
    tern_device *device;
    const bench_case *the_case;
    const bench_matrices *matrices;
    tern_buffer **buffers;
    uint32_t buffer_count;
    tern_buffer *out;
    tern_program **programs;
    uint32_t program_count;
    uint32_t program_ops; // in each program
    uint32_t next;        // program to run
    char kernel[64];
} bench_rig;

// |matrices| is empty for an op without weights.
tern_status bench_rig_make(bench_rig *self, tern_device *device, const bench_case *the_case,
                           const bench_matrices *matrices, uint64_t footprint);
void bench_rig_free(bench_rig *self);

// Times of one op. |timestamps|: by the device's own clock, which it has.
tern_status bench_rig_measure(bench_rig *self, samples *times, bool timestamps);

// What the op made: memory with the case's layout.
tern_status bench_rig_result(bench_rig *self, uint8_t *out);

#endif
