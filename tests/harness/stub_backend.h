// A backend that holds memory and weights but does no op, told by a config how to behave. Tests of
// the runtime register it, and tests/plugins builds it as a library. Public headers only.
#ifndef TERN_TESTS_HARNESS_STUB_BACKEND_H_
#define TERN_TESTS_HARNESS_STUB_BACKEND_H_

#include <stdbool.h>
#include <string.h>

#include <tern/backend.h>

#define STUB_DEVICES_MAX 4

typedef struct stub_device_config {
    tern_device_type type;
    const char *name;
    const char *driver;
    tern_status describe_status; // what describing it answers instead, without a word
    tern_status open_status;
    const char *open_message;
} stub_device_config;

// Zero is the behaviour of a good backend.
typedef struct stub_config {
    tern_status instance_status;
    const char *instance_message;
    uint32_t device_count;
    stub_device_config devices[STUB_DEVICES_MAX];
    uint64_t max_buffer_bytes;
    uint32_t rows_per_read;       // 0: all at once
    tern_status weights_status;   // what weights_create answers instead
    bool weights_silent;          // without a word
    uint32_t weights_read_before; // rows that it reads before it answers so
    uint32_t weights_rows_unread; // rows at the end that it never reads
    tern_status buffer_status;    // what copies answer instead
} stub_config;

struct tern_backend_instance {
    const tern_host *host;
    const stub_config *config;
};

struct tern_backend_device {
    const tern_host *host;
    const stub_config *config;
};

struct tern_backend_buffer {
    uint64_t size;
    unsigned char bytes[];
};

struct tern_backend_weights {
    tern_weights_info info;
    size_t row_bytes;
    size_t row_scales;
    unsigned char *codes;
    float *scales;
};

static inline tern_status stub_fail(const tern_host *host, tern_status status,
                                    const char *message) {
    return message ? (host->fail)(host, status, message) : status;
}

static inline void *stub_allocate(const tern_host *host, size_t size) {
    void *memory = host->allocate(host, size, 64);
    if (memory) {
        memset(memory, 0, size);
    }
    return memory;
}

static inline tern_status stub_no_memory(const tern_host *host) {
    return stub_fail(host, TERN_STATUS_OUT_OF_MEMORY, "stub: out of memory");
}

static inline tern_status stub_instance_create(const tern_host *host, const stub_config *config,
                                               tern_backend_instance **out_instance) {
    if (config->instance_status != TERN_STATUS_OK) {
        return stub_fail(host, config->instance_status, config->instance_message);
    }
    tern_backend_instance *instance = stub_allocate(host, sizeof *instance);
    if (!instance) {
        return stub_no_memory(host);
    }
    instance->host = host;
    instance->config = config;
    *out_instance = instance;
    return TERN_STATUS_OK;
}

static inline void stub_instance_destroy(tern_backend_instance *instance) {
    instance->host->release(instance->host, instance);
}

static inline uint32_t stub_device_count(tern_backend_instance *instance) {
    return instance->config->device_count;
}

static inline tern_status stub_device_describe(tern_backend_instance *instance, uint32_t index,
                                               tern_device_info *out_info) {
    const stub_device_config *device = &instance->config->devices[index];
    if (device->describe_status != TERN_STATUS_OK) {
        return device->describe_status;
    }
    out_info->index = index;
    out_info->type = device->type;
    out_info->max_buffer_bytes = instance->config->max_buffer_bytes;
    strncpy(out_info->name, device->name ? device->name : "stub", sizeof out_info->name - 1);
    strncpy(out_info->driver, device->driver ? device->driver : "stub 1.0",
            sizeof out_info->driver - 1);
    return TERN_STATUS_OK;
}

static inline tern_status stub_device_open(tern_backend_instance *instance, uint32_t index,
                                           const tern_native *native,
                                           tern_backend_device **out_device) {
    const tern_host *host = instance->host;
    const stub_device_config *config = &instance->config->devices[index];
    if (native) {
        return stub_fail(host, TERN_STATUS_UNSUPPORTED, "stub: takes no device of the host");
    }
    if (config->open_status != TERN_STATUS_OK) {
        return stub_fail(host, config->open_status, config->open_message);
    }
    tern_backend_device *device = stub_allocate(host, sizeof *device);
    if (!device) {
        return stub_no_memory(host);
    }
    device->host = host;
    device->config = instance->config;
    *out_device = device;
    return TERN_STATUS_OK;
}

static inline void stub_device_close(tern_backend_device *device) {
    device->host->release(device->host, device);
}

static inline tern_status stub_buffer_create(tern_backend_device *device, uint64_t size,
                                             tern_backend_buffer **out_buffer) {
    tern_backend_buffer *buffer = stub_allocate(device->host, sizeof *buffer + (size_t)size);
    if (!buffer) {
        return stub_no_memory(device->host);
    }
    buffer->size = size;
    *out_buffer = buffer;
    return TERN_STATUS_OK;
}

static inline void stub_buffer_destroy(tern_backend_device *device, tern_backend_buffer *buffer) {
    device->host->release(device->host, buffer);
}

static inline tern_status stub_buffer_upload(tern_backend_device *device,
                                             tern_backend_buffer *buffer, uint64_t offset,
                                             const void *data, uint64_t size) {
    if (device->config->buffer_status != TERN_STATUS_OK) {
        return stub_fail(device->host, device->config->buffer_status, "stub: the copy failed");
    }
    memcpy(buffer->bytes + offset, data, (size_t)size);
    return TERN_STATUS_OK;
}

static inline tern_status stub_buffer_download(tern_backend_device *device,
                                               tern_backend_buffer *buffer, uint64_t offset,
                                               void *data, uint64_t size) {
    (void)device;
    memcpy(data, buffer->bytes + offset, (size_t)size);
    return TERN_STATUS_OK;
}

static inline void *stub_buffer_map(tern_backend_device *device, tern_backend_buffer *buffer) {
    (void)device;
    return buffer->bytes;
}

// Bytes of a canonical row of what a backend is given.
static inline size_t stub_row_bytes(const tern_weights_info *info) {
    size_t cols = info->cols;
    switch (info->dtype) {
    case TERN_DTYPE_F32:
        return 4 * cols;
    case TERN_DTYPE_F16:
    case TERN_DTYPE_BF16:
        return (2 * cols + 3) / 4 * 4;
    case TERN_DTYPE_Q8_0:
        return (cols + 31) / 32 * 34;
    default:
        return (cols + 3) / 4;
    }
}

static inline size_t stub_row_scales(const tern_weights_info *info) {
    if (info->scale_kind == TERN_SCALE_GROUP) {
        return (info->cols + info->group_size - 1) / info->group_size;
    }
    return info->scale_kind == TERN_SCALE_ROW ? 1 : 0;
}

static inline tern_status stub_read_rows(const tern_backend_weights_desc *desc, uint32_t rows,
                                         uint32_t chunk, tern_backend_weights *weights) {
    for (uint32_t first = 0; first < rows;) {
        uint32_t count = chunk && chunk < rows - first ? chunk : rows - first;
        tern_status status =
            desc->read(desc->user, first, count, weights->codes + first * weights->row_bytes,
                       weights->row_scales ? weights->scales + first * weights->row_scales : NULL);
        if (status != TERN_STATUS_OK) {
            return status;
        }
        first += count;
    }
    return TERN_STATUS_OK;
}

static inline void stub_weights_destroy(tern_backend_device *device,
                                        tern_backend_weights *weights) {
    device->host->release(device->host, weights->codes);
    device->host->release(device->host, weights->scales);
    device->host->release(device->host, weights);
}

static inline tern_status stub_weights_create(tern_backend_device *device,
                                              const tern_backend_weights_desc *desc,
                                              tern_backend_weights **out_weights) {
    const stub_config *config = device->config;
    tern_backend_weights *weights = stub_allocate(device->host, sizeof *weights);
    if (!weights) {
        return stub_no_memory(device->host);
    }
    weights->info = desc->info;
    weights->row_bytes = stub_row_bytes(&desc->info);
    weights->row_scales = stub_row_scales(&desc->info);
    weights->codes = stub_allocate(device->host, desc->info.rows * weights->row_bytes + 1);
    weights->scales =
        stub_allocate(device->host, desc->info.rows * weights->row_scales * sizeof(float) + 1);
    bool ready = weights->codes && weights->scales;
    bool refuses = config->weights_status != TERN_STATUS_OK;
    uint32_t rows =
        refuses ? config->weights_read_before : desc->info.rows - config->weights_rows_unread;
    tern_status status = ready ? stub_read_rows(desc, rows, config->rows_per_read, weights)
                               : stub_no_memory(device->host);
    if (status == TERN_STATUS_OK && refuses) {
        status = stub_fail(device->host, config->weights_status,
                           config->weights_silent ? NULL : "stub: takes no weights");
    }
    if (status != TERN_STATUS_OK) {
        stub_weights_destroy(device, weights);
        return status;
    }
    *out_weights = weights;
    return TERN_STATUS_OK;
}

static inline tern_status stub_weights_export(tern_backend_device *device,
                                              tern_backend_weights *weights, uint32_t first,
                                              uint32_t count, void *codes, float *scales) {
    (void)device;
    memcpy(codes, weights->codes + first * weights->row_bytes, count * weights->row_bytes);
    if (scales) {
        memcpy(scales, weights->scales + first * weights->row_scales,
               count * weights->row_scales * sizeof *scales);
    }
    return TERN_STATUS_OK;
}

static inline int32_t stub_supports(tern_backend_device *device, const tern_op_header *op) {
    (void)device;
    (void)op;
    return 0;
}

static inline tern_status stub_compile(tern_backend_device *device,
                                       const tern_backend_program_desc *desc,
                                       tern_backend_program **out_program) {
    (void)desc;
    (void)out_program;
    return stub_fail(device->host, TERN_STATUS_UNSUPPORTED, "stub: does no op");
}

static inline void stub_program_destroy(tern_backend_device *device,
                                        tern_backend_program *program) {
    (void)device;
    (void)program;
}

static inline tern_status stub_submit(tern_backend_device *device, tern_backend_program *program,
                                      const tern_submit_desc *desc, uint64_t *out_ticket) {
    (void)program;
    (void)desc;
    (void)out_ticket;
    return stub_fail(device->host, TERN_STATUS_UNSUPPORTED, "stub: does no op");
}

static inline tern_status stub_wait(tern_backend_device *device, uint64_t ticket,
                                    uint64_t timeout_ns) {
    (void)device;
    (void)ticket;
    (void)timeout_ns;
    return TERN_STATUS_OK;
}

#define STUB_OPS(size, create_fn, compile_fn)                                                      \
    {                                                                                              \
        .struct_size = (size), .instance_create = create_fn,                                       \
        .instance_destroy = stub_instance_destroy, .device_count = stub_device_count,              \
        .device_describe = stub_device_describe, .device_open = stub_device_open,                  \
        .device_close = stub_device_close, .buffer_create = stub_buffer_create,                    \
        .buffer_destroy = stub_buffer_destroy, .buffer_upload = stub_buffer_upload,                \
        .buffer_download = stub_buffer_download, .weights_create = stub_weights_create,            \
        .weights_destroy = stub_weights_destroy, .weights_export = stub_weights_export,            \
        .supports = stub_supports, .compile = compile_fn, .program_destroy = stub_program_destroy, \
        .submit = stub_submit, .wait = stub_wait, .buffer_map = stub_buffer_map,                   \
    }

// Defines the backend |id| with |config|: its table id_backend and its query function id_query.
#define STUB_BACKEND(id, backend_name, backend_flags, config)                                      \
    static tern_status id##_instance_create(const tern_host *host,                                 \
                                            tern_backend_instance **out_instance) {                \
        return stub_instance_create(host, &(config), out_instance);                                \
    }                                                                                              \
    static const tern_backend_ops id##_ops =                                                       \
        STUB_OPS(sizeof(tern_backend_ops), id##_instance_create, stub_compile);                    \
    static const tern_backend id##_backend = {                                                     \
        .struct_size = sizeof(tern_backend),                                                       \
        .abi = TERN_ABI_VERSION,                                                                   \
        .flags = backend_flags,                                                                    \
        .name = backend_name,                                                                      \
        .description = "a stub for tests",                                                         \
        .ops = &id##_ops,                                                                          \
    };                                                                                             \
    static const tern_backend *id##_query(uint32_t min_abi, uint32_t max_abi) {                    \
        return min_abi <= TERN_ABI_VERSION && TERN_ABI_VERSION <= max_abi ? &id##_backend : NULL;  \
    }

#endif
