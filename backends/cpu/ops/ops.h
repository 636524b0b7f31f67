// How an op runs: one tern_cpu_op per kind, each in a file of its name.
#ifndef TERN_BACKENDS_CPU_OPS_OPS_H_
#define TERN_BACKENDS_CPU_OPS_OPS_H_

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "backends/common/stop.h"
#include "backends/cpu/buffer.h"
#include "backends/cpu/kernels/kernels.h"
#include "backends/cpu/threads.h"

// Whether the submit under way is to stop.
struct tern_cpu_stop {
    const tern_submit_desc *submit;
    _Atomic bool seen; // by somebody; work may have been left out since
};

// What an op has while it runs.
struct tern_cpu_run {
    const struct tern_cpu_kernels *kernels;
    struct tern_cpu_pool *pool;
    uint8_t *scratch; // 64-aligned, as large as the op asked for
    uint32_t rows;    // live rows, at least 1
    struct tern_cpu_stop *stop;
};

// Asked from any thread. Whoever leaves work out because of it may: the submit is CANCELLED, even
// if the request is taken back meanwhile.
static inline bool tern_cpu_stopped(struct tern_cpu_stop *stop) {
    if (tern_stop_wanted(stop->submit)) {
        atomic_store_explicit(&stop->seen, true, memory_order_relaxed);
    }
    return atomic_load_explicit(&stop->seen, memory_order_relaxed);
}

struct tern_cpu_pick {
    const char *name;
    enum tern_cpu_level level;
};

#define TERN_CPU_PICK(kernels, slot) ((struct tern_cpu_pick){#slot, (kernels)->slot.level})

struct tern_cpu_op {
    uint32_t desc_size;
    uint32_t rows; // offset of the tensor whose first dimension is R
    // False for a value of the descriptor that this backend does not know. NULL: there is none.
    bool (*supports)(const tern_op_header *desc);
    // Bytes. NULL: none.
    uint64_t (*scratch)(const tern_backend_device *device, const tern_op_header *desc);
    void (*run)(const struct tern_cpu_run *run, const tern_op_header *desc);
    // The kernel that does most of the work.
    struct tern_cpu_pick (*kernel)(const struct tern_cpu_kernels *kernels,
                                   const tern_op_header *desc);
};

#define TERN_CPU_OP_DECLARE(name, number, stem) extern const struct tern_cpu_op tern_cpu_op_##stem;
TERN_OP_LIST(TERN_CPU_OP_DECLARE)
#undef TERN_CPU_OP_DECLARE

// Work that can be split: |count| items of about |cost| nanoseconds each.
struct tern_cpu_work {
    uint32_t count;
    uint64_t cost;
};

// Does items |first| to |end| - 1. |task| is below tern_cpu_max_tasks() and no part that runs at
// the same time has it, so it may choose a part of the scratch.
typedef void tern_cpu_part_fn(const void *user, uint32_t first, uint32_t end, uint32_t task);

// Cuts work into tasks for all threads; what is not worth a thread's attention runs on the
// caller's.
void tern_cpu_split(const struct tern_cpu_run *run, struct tern_cpu_work work, tern_cpu_part_fn *fn,
                    const void *user);
uint32_t tern_cpu_max_tasks(const struct tern_cpu_pool *pool);

static inline uint8_t *tern_cpu_tensor_data(const tern_tensor *tensor) {
    return tern_op_buffer(tensor)->data + tensor->offset;
}

// Row |row| of a float32 matrix, or a vector that is the same for all rows.
static inline float *tern_cpu_f32(const tern_tensor *tensor, uint32_t row) {
    size_t stride = tensor->rank == 2 ? tensor->strides[0] : 0;
    return (float *)(void *)tern_cpu_tensor_data(tensor) + row * stride;
}

// The same, NULL if the tensor is absent.
static inline const float *tern_cpu_f32_optional(const tern_tensor *tensor) {
    return tensor->buffer ? tern_cpu_f32(tensor, 0) : NULL;
}

static inline int32_t *tern_cpu_i32(const tern_tensor *tensor) {
    return (int32_t *)(void *)tern_cpu_tensor_data(tensor);
}

// An index from memory, forced into [0, count).
static inline uint32_t tern_cpu_clamp(int32_t index, uint64_t count) {
    return index < 0 ? 0 : (uint64_t)index < count ? (uint32_t)index : (uint32_t)(count - 1);
}

#endif
