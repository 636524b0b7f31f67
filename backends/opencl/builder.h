// How ops become steps. The first failure is kept in |status|; what follows it does nothing, so
// that ops need not look.
#ifndef TERN_OPENCL_BUILDER_H_
#define TERN_OPENCL_BUILDER_H_

#include "backends/opencl/program.h"
#include "backends/opencl/weights.h"

typedef struct tern_cl_builder {
    tern_backend_device *device;
    tern_backend_program *program;
    tern_tensor params;
    uint32_t op;       // the first op of those that steps are made for
    uint32_t op_count; // how many they are
    // Whose rows the scratch holds quantised, up to the op |quantised_end|; NULL: none.
    const tern_bitlinear_desc *quantised;
    uint32_t quantised_end;
    uint64_t scratch_used; // by these ops
    uint64_t scratch_size; // the most that was used
    tern_cl_step *step;
    uint32_t arg;
    tern_status status;
} tern_cl_builder;

// A tensor [rows, cols] (or [rows] for cols 0) of the program's scratch, for this op only.
tern_tensor tern_cl_scratch(tern_cl_builder *builder, tern_dtype dtype, uint32_t rows,
                            uint32_t cols);

// Starts a launch: arguments follow in the order of the kernel's parameters.
void tern_cl_begin(tern_cl_builder *builder, const char *source, const char *options,
                   const char *function);
// Calls the launch by another name than its function's.
void tern_cl_label(tern_cl_builder *builder, const char *name);
// ROWS of tensor.clh: how many of |rows| rows are live.
void tern_cl_rows(tern_cl_builder *builder, const tern_op_header *op, uint32_t rows);
// MATRIX of tensor.clh: memory, first element, elements from row to row (0 for a vector or an
// absent tensor).
void tern_cl_matrix(tern_cl_builder *builder, const tern_tensor *tensor);
// VECTOR of tensor.clh: memory, first element. An absent one reads as something that is not used.
void tern_cl_vector(tern_cl_builder *builder, const tern_tensor *tensor);
void tern_cl_memory_arg(tern_cl_builder *builder, const tern_cl_memory *memory);
// Local memory for each work-group.
void tern_cl_local(tern_cl_builder *builder, size_t bytes);
void tern_cl_uint(tern_cl_builder *builder, uint32_t value);
void tern_cl_float(tern_cl_builder *builder, float value);
// Work-groups of |local| x 1 x 1 work-items, this many in each dimension.
void tern_cl_launch(tern_cl_builder *builder, uint32_t local, size_t x, size_t y, size_t z);

// Ready for |count| ops from op |index| of a list on.
void tern_cl_builder_next(tern_cl_builder *builder, uint32_t index, uint32_t count);

// The first failure, or makes the scratch.
tern_status tern_cl_builder_finish(tern_cl_builder *builder);

// Groups of 64 that |items| work-items make.
static inline size_t tern_cl_groups(size_t items) {
    return (items + TERN_CL_GROUP - 1) / TERN_CL_GROUP;
}

#endif
