#include "backends/opencl/builder.h"

#include <stdio.h>
#include <string.h>

#include "backends/common/report.h"
#include "backends/common/sizes.h"

// The parameter "every row is live" of ROWS.
#define NO_LIVE_WORD UINT64_MAX

void tern_cl_builder_next(tern_cl_builder *builder, uint32_t index, uint32_t count) {
    builder->op = index;
    builder->op_count = count;
    builder->scratch_used = 0;
}

tern_tensor tern_cl_scratch(tern_cl_builder *builder, tern_dtype dtype, uint32_t rows,
                            uint32_t cols) {
    tern_tensor tensor = {(tern_buffer *)(void *)&builder->program->scratch,
                          builder->scratch_used,
                          dtype,
                          cols ? 2u : 1u,
                          {rows, cols},
                          {1, 1}};
    uint64_t bytes = (uint64_t)(cols ? cols : 1) * tern_element_bytes(dtype);
    bytes = cols ? (bytes + 3) & ~(uint64_t)3 : bytes;
    if (cols) {
        tensor.strides[0] = (uint32_t)(bytes / tern_element_bytes(dtype));
    }
    uint64_t end = builder->scratch_used + bytes * rows;
    builder->scratch_used = (end + 255) & ~(uint64_t)255;
    if (builder->scratch_size < builder->scratch_used) {
        builder->scratch_size = builder->scratch_used;
    }
    return tensor;
}

static void keep(tern_cl_builder *builder, tern_status status) {
    if (builder->status == TERN_STATUS_OK) {
        builder->status = status;
    }
}

static tern_status grow(tern_cl_builder *builder) {
    tern_backend_program *program = builder->program;
    const tern_host *host = builder->device->host;
    if (program->step_count < program->step_capacity) {
        return TERN_STATUS_OK;
    }
    uint32_t capacity = program->step_capacity ? program->step_capacity * 2 : 64;
    tern_cl_step *steps = tern_report_calloc(host, capacity, sizeof *steps);
    if (!steps) {
        return tern_report_fail(host, TERN_STATUS_OUT_OF_MEMORY,
                                "opencl: no host memory for a program of %u steps", capacity);
    }
    if (program->step_count) {
        memcpy(steps, program->steps, program->step_count * sizeof *steps);
    }
    host->release(host, program->steps);
    program->steps = steps;
    program->step_capacity = capacity;
    return TERN_STATUS_OK;
}

static tern_status begin(tern_cl_builder *builder, const tern_cl_kernel_name *name) {
    TERN_TRY(grow(builder));
    tern_backend_program *program = builder->program;
    tern_cl_step *step = &program->steps[program->step_count];
    TERN_TRY(tern_cl_kernel_create(builder->device, name, &step->kernel));
    snprintf(step->name, sizeof step->name, "%s", name->function);
    step->op = builder->op;
    step->op_count = builder->op_count;
    builder->step = step;
    builder->arg = 0;
    program->step_count++;
    return TERN_STATUS_OK;
}

void tern_cl_begin(tern_cl_builder *builder, const char *source, const char *options,
                   const char *function) {
    if (builder->status == TERN_STATUS_OK) {
        keep(builder, begin(builder, &(tern_cl_kernel_name){source, options, function}));
    }
}

void tern_cl_label(tern_cl_builder *builder, const char *name) {
    if (builder->status == TERN_STATUS_OK) {
        snprintf(builder->step->name, sizeof builder->step->name, "%s", name);
    }
}

static void set_arg(tern_cl_builder *builder, size_t size, const void *value) {
    if (builder->status == TERN_STATUS_OK) {
        cl_int code =
            builder->device->cl->clSetKernelArg(builder->step->kernel, builder->arg++, size, value);
        keep(builder, tern_cl_check(builder->device, code, builder->step->name));
    }
}

void tern_cl_local(tern_cl_builder *builder, size_t bytes) {
    set_arg(builder, bytes, NULL);
}

static void set_ulong(tern_cl_builder *builder, uint64_t value) {
    cl_ulong argument = value;
    set_arg(builder, sizeof argument, &argument);
}

void tern_cl_uint(tern_cl_builder *builder, uint32_t value) {
    cl_uint argument = value;
    set_arg(builder, sizeof argument, &argument);
}

void tern_cl_float(tern_cl_builder *builder, float value) {
    set_arg(builder, sizeof value, &value);
}

void tern_cl_memory_arg(tern_cl_builder *builder, const tern_cl_memory *memory) {
    set_arg(builder, sizeof memory->mem, &memory->mem);
}

static void set_buffer(tern_cl_builder *builder, const tern_tensor *tensor) {
    if (builder->status != TERN_STATUS_OK) {
        return;
    }
    const tern_backend_buffer *buffer = tern_op_buffer(tensor);
    if (buffer == &builder->program->scratch) {
        builder->step->scratch_args |= (uint64_t)1 << builder->arg++;
        return;
    }
    const cl_mem *mem = buffer ? &buffer->memory.mem : &builder->device->nothing;
    set_arg(builder, sizeof *mem, mem);
}

void tern_cl_vector(tern_cl_builder *builder, const tern_tensor *tensor) {
    set_buffer(builder, tensor);
    set_ulong(builder, tensor->buffer ? tensor->offset / tern_element_bytes(tensor->dtype) : 0);
}

void tern_cl_matrix(tern_cl_builder *builder, const tern_tensor *tensor) {
    tern_cl_vector(builder, tensor);
    tern_cl_uint(builder,
                 tensor->buffer && tensor->rank >= 2 ? tensor->strides[tensor->rank - 2] : 0);
}

void tern_cl_rows(tern_cl_builder *builder, const tern_op_header *op, uint32_t rows) {
    bool some = op->live && builder->params.buffer;
    tern_tensor none = {NULL};
    set_buffer(builder, some ? &builder->params : &none);
    set_ulong(builder, some ? builder->params.offset / 4 + op->live - 1 : NO_LIVE_WORD);
    tern_cl_uint(builder, rows);
}

void tern_cl_launch(tern_cl_builder *builder, uint32_t local, size_t x, size_t y, size_t z) {
    if (builder->status == TERN_STATUS_OK) {
        const size_t global[3] = {x * local, y, z};
        const size_t group[3] = {local, 1, 1};
        memcpy(builder->step->global, global, sizeof global);
        memcpy(builder->step->local, group, sizeof group);
    }
}

// Scratch is made once the most that any op needs is known; the arguments that wait for it are set.
static tern_status bind_scratch(tern_cl_builder *builder) {
    tern_backend_program *program = builder->program;
    tern_backend_device *device = builder->device;
    if (builder->scratch_size == 0) {
        return TERN_STATUS_OK;
    }
    TERN_TRY(tern_cl_memory_create(device, builder->scratch_size, "scratch of a program",
                                   &program->scratch.memory));
    for (uint32_t i = 0; i < program->step_count; i++) {
        const tern_cl_step *step = &program->steps[i];
        for (cl_uint arg = 0; step->scratch_args >> arg; arg++) {
            if (step->scratch_args >> arg & 1) {
                cl_int code = device->cl->clSetKernelArg(step->kernel, arg, sizeof(cl_mem),
                                                         &program->scratch.memory.mem);
                TERN_TRY(tern_cl_check(device, code, step->name));
            }
        }
    }
    return TERN_STATUS_OK;
}

tern_status tern_cl_builder_finish(tern_cl_builder *builder) {
    TERN_TRY(builder->status);
    return bind_scratch(builder);
}
