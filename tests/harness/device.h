// A device to run single ops on: tensors that are freed together, and submits that are waited for.
// Include after cmocka.h.
#ifndef TERN_TESTS_HARNESS_DEVICE_H_
#define TERN_TESTS_HARNESS_DEVICE_H_

#include <stdio.h>
#include <stdlib.h>

#include <tern/tern.h>

enum { BENCH_OBJECTS = 64 };

typedef struct bench {
    tern_context *context;
    tern_device *device;
    tern_buffer *buffers[BENCH_OBJECTS];
    tern_weights *weights[BENCH_OBJECTS];
    void *memory[BENCH_OBJECTS];
    int buffer_count, weights_count, memory_count;
} bench;

#define CHECK_OK(expression)                                                                       \
    do {                                                                                           \
        if ((expression) != TERN_STATUS_OK) {                                                      \
            fail_msg("%s: %s", #expression, tern_last_error_message());                            \
        }                                                                                          \
    } while (0)

// Opens |backend|; ends the program as skipped where it is not built in. Of the environment only
// TERN_VULKAN_VALIDATION counts, whose messages CTest looks for, and which ternary kernels a GPU
// backend takes.
static inline void bench_open(bench *b, const char *backend) {
    *b = (bench){0};
    tern_context_desc context = TERN_CONTEXT_DESC_INIT;
    context.flags = TERN_CONTEXT_IGNORE_ENV;
    const char *validation = getenv("TERN_VULKAN_VALIDATION");
    context.log = validation ? tern_log_stderr : NULL;
    CHECK_OK(tern_context_create(&context, &b->context));
    CHECK_OK(tern_context_set_option(b->context, "TERN_VULKAN_VALIDATION",
                                     validation ? validation : ""));
    static const char *const kernels[] = {"TERN_VULKAN_KERNELS", "TERN_OPENCL_KERNELS"};
    for (int i = 0; i < 2; i++) {
        const char *wanted = getenv(kernels[i]);
        CHECK_OK(tern_context_set_option(b->context, kernels[i], wanted ? wanted : ""));
    }
    tern_device_desc device = TERN_DEVICE_DESC_INIT;
    device.backends = backend;
    tern_status status = tern_device_open(b->context, &device, &b->device);
    if (status == TERN_STATUS_UNAVAILABLE || status == TERN_STATUS_NOT_FOUND) {
        printf("skipped: backend %s: %s\n", backend, tern_last_error_message());
        exit(77);
    }
    CHECK_OK(status);
}

// Frees what the last test made.
static inline void bench_clear(bench *b) {
    while (b->buffer_count) {
        tern_buffer_destroy(b->buffers[--b->buffer_count]);
    }
    while (b->weights_count) {
        tern_weights_destroy(b->weights[--b->weights_count]);
    }
    while (b->memory_count) {
        free(b->memory[--b->memory_count]);
    }
}

static inline void bench_close(bench *b) {
    bench_clear(b);
    tern_device_close(b->device);
    tern_context_destroy(b->context);
}

static inline void *bench_memory(bench *b, size_t bytes) {
    assert_true(b->memory_count < BENCH_OBJECTS);
    void *memory = calloc(1, bytes ? bytes : 1);
    assert_non_null(memory);
    return b->memory[b->memory_count++] = memory;
}

static inline float *bench_floats(bench *b, size_t count) {
    return bench_memory(b, count * sizeof(float));
}

// A packed tensor in a buffer of its own; |data| is packed too, NULL leaves it zero.
static inline tern_tensor bench_tensor(bench *b, tern_dtype dtype, uint32_t rank,
                                       const uint32_t *shape, const void *data) {
    assert_true(b->buffer_count < BENCH_OBJECTS);
    uint64_t bytes = tern_tensor_packed_bytes(dtype, rank, shape);
    tern_buffer *buffer = NULL;
    CHECK_OK(tern_buffer_create(b->device, bytes, &buffer));
    b->buffers[b->buffer_count++] = buffer;
    if (data) {
        CHECK_OK(tern_buffer_upload(buffer, 0, data, bytes));
    }
    return tern_tensor_make(buffer, 0, dtype, rank, shape);
}

static inline tern_tensor bench_matrix(bench *b, uint32_t rows, uint32_t cols, const float *data) {
    return bench_tensor(b, TERN_DTYPE_F32, 2, (const uint32_t[]){rows, cols}, data);
}

static inline tern_tensor bench_vector(bench *b, uint32_t count, const float *data) {
    return bench_tensor(b, TERN_DTYPE_F32, 1, &count, data);
}

static inline tern_tensor bench_ints(bench *b, uint32_t count, const int32_t *data) {
    return bench_tensor(b, TERN_DTYPE_I32, 1, &count, data);
}

// Everything a packed tensor holds, padding included.
static inline void *bench_read(bench *b, const tern_tensor *tensor) {
    uint64_t bytes = tern_tensor_packed_bytes(tensor->dtype, tensor->rank, tensor->shape);
    void *memory = bench_memory(b, (size_t)bytes);
    CHECK_OK(tern_buffer_download(tensor->buffer, tensor->offset, memory, bytes));
    return memory;
}

static inline tern_weights *bench_weights(bench *b, const tern_weights_info *info,
                                          const void *codes, const float *scales) {
    assert_true(b->weights_count < BENCH_OBJECTS);
    tern_weights_desc desc = {.struct_size = sizeof desc,
                              .info = *info,
                              .codes = codes,
                              .scales = scales,
                              .name = "test"};
    desc.info.struct_size = sizeof desc.info;
    tern_weights *weights = NULL;
    CHECK_OK(tern_weights_create(b->device, &desc, &weights));
    return b->weights[b->weights_count++] = weights;
}

// Runs what is on the list and destroys it.
static inline void bench_finish(tern_commands *commands) {
    tern_program *program = NULL;
    tern_fence fence;
    CHECK_OK(tern_commands_finish(commands, &program));
    tern_commands_destroy(commands);
    CHECK_OK(tern_program_submit(program, NULL, &fence));
    CHECK_OK(tern_fence_wait(fence, UINT64_MAX));
    tern_program_destroy(program);
}

// Runs one op: BENCH_RUN(b, add, .a = a, .b = b, .out = out).
#define BENCH_RUN(b, op, ...)                                                                      \
    do {                                                                                           \
        tern_commands *commands_ = NULL;                                                           \
        tern_##op##_desc desc_ = {__VA_ARGS__};                                                    \
        CHECK_OK(tern_commands_create((b)->device, NULL, &commands_));                             \
        CHECK_OK(tern_cmd_##op(commands_, &desc_));                                                \
        bench_finish(commands_);                                                                   \
    } while (0)

// |got| within |allowed| of |want|, or fails naming the element.
static inline void check_near(const char *what, size_t index, double got, double want,
                              double allowed) {
    double off = got > want ? got - want : want - got;
    if (!(off <= allowed)) {
        fail_msg("%s: element %zu is %.9g, expected %.9g within %.3g", what, index, got, want,
                 allowed);
    }
}

#endif
