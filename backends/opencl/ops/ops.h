// What the backend knows of an op: whether it can do it, and the steps it becomes.
#ifndef TERN_OPENCL_OPS_OPS_H_
#define TERN_OPENCL_OPS_OPS_H_

#include "backends/common/fuse.h"
#include "backends/opencl/builder.h"

// |desc| is the op's typed descriptor, checked by the runtime.
typedef struct tern_cl_op {
    bool (*supports)(const tern_backend_device *device, const void *desc);
    void (*emit)(tern_cl_builder *builder, const void *desc);
} tern_cl_op;

// NULL for an op that is not known.
const tern_cl_op *tern_cl_op_find(tern_op_kind kind);

#define TERN_CL_OP_DECLARE(NAME, number, stem) extern const tern_cl_op tern_cl_op_##stem;
TERN_OP_LIST(TERN_CL_OP_DECLARE)
#undef TERN_CL_OP_DECLARE

// Whether |tensor| is there and of this type.
static inline bool tern_cl_is(const tern_tensor *tensor, tern_dtype dtype) {
    return tensor->buffer && tensor->dtype == dtype;
}

// Whether |tensor| is absent or float32.
static inline bool tern_cl_is_optional(const tern_tensor *tensor) {
    return !tensor->buffer || tensor->dtype == TERN_DTYPE_F32;
}

// Whether |weights| are on the device and made for |usage|.
static inline bool tern_cl_has(tern_weights *weights, uint32_t usage) {
    const tern_backend_weights *handle = tern_op_weights(weights);
    return handle && handle->info.usage & usage;
}

// Whether |cache| is of f16, f32 or i8; elements of a key or value, as a row of i8 ends with its
// scale.
bool tern_cl_cache_known(const tern_tensor *cache);
uint32_t tern_cl_cache_dim(const tern_tensor *cache);

// How kernels are compiled for the type of |cache|, and CACHE of cache.clh.
const char *tern_cl_cache_options(const tern_tensor *cache);
void tern_cl_cache(tern_cl_builder *builder, const tern_tensor *cache);

// Emits a group as one launch (with what it needs before it). False, and nothing is emitted, if
// this device or these operands need single ops.
bool tern_cl_emit_group(tern_cl_builder *builder, const tern_group *group,
                        const tern_op_header *const *ops);

#endif
