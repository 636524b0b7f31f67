// A whole backend in one file, as a stranger would write it: memory, weights, and the ternary
// matmul. Models run on it all the same: what it does not do runs on the reference backend.
#include <string.h>

#include <tern/backend.h>

#ifdef _WIN32
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

struct tern_backend_instance {
    const tern_host *host;
};

struct tern_backend_device {
    const tern_host *host;
    uint64_t tickets;
};

struct tern_backend_buffer {
    unsigned char *bytes;
};

struct tern_backend_weights {
    tern_weights_info info;
    uint32_t row_bytes;
    uint32_t scales_per_row;
    unsigned char *codes;
    float *scales;
};

struct tern_backend_program {
    uint32_t count;
    tern_tensor params;
    tern_ternary_matmul_desc ops[]; // copies: descriptors are borrowed for compile only
};

static void *allocate(const tern_host *host, size_t size) {
    void *memory = host->allocate(host, size ? size : 1, 64);
    if (memory) {
        memset(memory, 0, size);
    } else {
        host->fail(host, TERN_STATUS_OUT_OF_MEMORY, "mini: out of memory");
    }
    return memory;
}

static tern_status instance_create(const tern_host *host, tern_backend_instance **out_instance) {
    tern_backend_instance *instance = allocate(host, sizeof *instance);
    if (!instance) {
        return TERN_STATUS_OUT_OF_MEMORY;
    }
    instance->host = host;
    *out_instance = instance;
    return TERN_STATUS_OK;
}

static void instance_destroy(tern_backend_instance *instance) {
    instance->host->release(instance->host, instance);
}

static uint32_t device_count(tern_backend_instance *instance) {
    (void)instance;
    return 1;
}

static tern_status device_describe(tern_backend_instance *instance, uint32_t index,
                                   tern_device_info *out_info) {
    (void)instance;
    out_info->index = index;
    out_info->type = TERN_DEVICE_OTHER;
    strcpy(out_info->name, "mini");
    strcpy(out_info->driver, "mini 1");
    return TERN_STATUS_OK;
}

static tern_status device_open(tern_backend_instance *instance, uint32_t index,
                               const tern_native *native, tern_backend_device **out_device) {
    const tern_host *host = instance->host;
    (void)index;
    if (native) {
        return host->fail(host, TERN_STATUS_UNSUPPORTED, "mini: takes no device of the host");
    }
    tern_backend_device *device = allocate(host, sizeof *device);
    if (!device) {
        return TERN_STATUS_OUT_OF_MEMORY;
    }
    device->host = host;
    *out_device = device;
    return TERN_STATUS_OK;
}

static void device_close(tern_backend_device *device) {
    device->host->release(device->host, device);
}

static tern_status buffer_create(tern_backend_device *device, uint64_t size,
                                 tern_backend_buffer **out_buffer) {
    const tern_host *host = device->host;
    tern_backend_buffer *buffer = allocate(host, sizeof *buffer);
    if (buffer) {
        buffer->bytes = allocate(host, (size_t)size);
    }
    if (!buffer || !buffer->bytes) {
        host->release(host, buffer);
        return TERN_STATUS_OUT_OF_MEMORY;
    }
    *out_buffer = buffer;
    return TERN_STATUS_OK;
}

static void buffer_destroy(tern_backend_device *device, tern_backend_buffer *buffer) {
    device->host->release(device->host, buffer->bytes);
    device->host->release(device->host, buffer);
}

static tern_status buffer_upload(tern_backend_device *device, tern_backend_buffer *buffer,
                                 uint64_t offset, const void *data, uint64_t size) {
    (void)device;
    memcpy(buffer->bytes + offset, data, (size_t)size);
    return TERN_STATUS_OK;
}

static tern_status buffer_download(tern_backend_device *device, tern_backend_buffer *buffer,
                                   uint64_t offset, void *data, uint64_t size) {
    (void)device;
    memcpy(data, buffer->bytes + offset, (size_t)size);
    return TERN_STATUS_OK;
}

static void weights_destroy(tern_backend_device *device, tern_backend_weights *weights) {
    device->host->release(device->host, weights->codes);
    device->host->release(device->host, weights->scales);
    device->host->release(device->host, weights);
}

static tern_status weights_create(tern_backend_device *device,
                                  const tern_backend_weights_desc *desc,
                                  tern_backend_weights **out_weights) {
    const tern_host *host = device->host;
    const tern_weights_info *info = &desc->info;
    if (info->dtype != TERN_DTYPE_T2 || info->usage != TERN_WEIGHTS_MATMUL) {
        return host->fail(host, TERN_STATUS_UNSUPPORTED, "mini: only t2 weights of a matmul");
    }
    tern_backend_weights *weights = allocate(host, sizeof *weights);
    if (!weights) {
        return TERN_STATUS_OUT_OF_MEMORY;
    }
    weights->info = *info;
    weights->row_bytes = (info->cols + 3) / 4;
    weights->scales_per_row = info->scale_kind == TERN_SCALE_ROW ? 1
                              : info->scale_kind == TERN_SCALE_GROUP
                                  ? (info->cols + info->group_size - 1) / info->group_size
                                  : 0;
    weights->codes = allocate(host, (size_t)info->rows * weights->row_bytes);
    weights->scales = allocate(host, (size_t)info->rows * weights->scales_per_row * sizeof(float));
    tern_status status = weights->codes && weights->scales
                             ? desc->read(desc->user, 0, info->rows, weights->codes,
                                          weights->scales_per_row ? weights->scales : NULL)
                             : TERN_STATUS_OUT_OF_MEMORY;
    if (status != TERN_STATUS_OK) {
        weights_destroy(device, weights);
        return status;
    }
    *out_weights = weights;
    return TERN_STATUS_OK;
}

static tern_status weights_export(tern_backend_device *device, tern_backend_weights *weights,
                                  uint32_t first, uint32_t count, void *codes, float *scales) {
    (void)device;
    size_t row = weights->row_bytes;
    memcpy(codes, weights->codes + first * row, count * row);
    if (scales && weights->scales_per_row) {
        row = weights->scales_per_row;
        memcpy(scales, weights->scales + first * row, count * row * sizeof(float));
    }
    return TERN_STATUS_OK;
}

static int32_t supports(tern_backend_device *device, const tern_op_header *op) {
    (void)device;
    if (op->kind != TERN_OP_TERNARY_MATMUL) {
        return 0;
    }
    // Groups would need the blocked sum of the numbers contract: left to the host.
    const tern_ternary_matmul_desc *matmul = (const tern_ternary_matmul_desc *)(const void *)op;
    return tern_op_weights(matmul->weights)->info.scale_kind != TERN_SCALE_GROUP;
}

static tern_status compile(tern_backend_device *device, const tern_backend_program_desc *desc,
                           tern_backend_program **out_program) {
    tern_backend_program *program =
        allocate(device->host, sizeof *program + desc->count * sizeof program->ops[0]);
    if (!program) {
        return TERN_STATUS_OUT_OF_MEMORY;
    }
    program->count = desc->count;
    program->params = desc->params;
    for (uint32_t i = 0; i < desc->count; i++) {
        memcpy(&program->ops[i], desc->ops[i], sizeof program->ops[i]);
    }
    *out_program = program;
    return TERN_STATUS_OK;
}

static void program_destroy(tern_backend_device *device, tern_backend_program *program) {
    device->host->release(device->host, program);
}

static void *at(const tern_tensor *tensor) {
    return tern_op_buffer(tensor)->bytes + tensor->offset;
}

// tern/ops.h, rule 3: what is smaller than 2^-50, and -0, becomes +0.
static float flush(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (bits & 0x7fffffffu) < 0x26800000u ? 0.0f : x;
}

static int32_t dot(const tern_backend_weights *weights, uint32_t n, const int8_t *q) {
    const unsigned char *row = weights->codes + (size_t)n * weights->row_bytes;
    int32_t sum = 0;
    for (uint32_t k = 0; k < weights->info.cols; k++) {
        sum += q[k] * ((row[k / 4] >> (k % 4 * 2) & 3) - 1);
    }
    return sum;
}

static void run(const tern_backend_program *program, const tern_ternary_matmul_desc *op) {
    const tern_backend_weights *weights = tern_op_weights(op->weights);
    uint32_t rows = op->q.shape[0];
    if (op->head.live) {
        int32_t live = ((const int32_t *)at(&program->params))[op->head.live - 1];
        rows = live < 0 ? 0 : (uint32_t)live < rows ? (uint32_t)live : rows;
    }
    for (uint32_t r = 0; r < rows; r++) {
        const int8_t *q = (const int8_t *)at(&op->q) + (size_t)r * op->q.strides[0];
        float scale = ((const float *)at(&op->scale))[r];
        float *out = (float *)at(&op->out) + (size_t)r * op->out.strides[0];
        for (uint32_t n = 0; n < weights->info.rows; n++) {
            float w = weights->scales_per_row ? weights->scales[n] : weights->info.scale;
            float y = (float)dot(weights, n, q) * scale * w;
            out[n] = flush(op->bias.buffer ? y + ((const float *)at(&op->bias))[n] : y);
        }
    }
}

static tern_status submit(tern_backend_device *device, tern_backend_program *program,
                          const tern_submit_desc *desc, uint64_t *out_ticket) {
    if (desc->params_words) {
        memcpy(at(&program->params), desc->params, desc->params_words * sizeof *desc->params);
    }
    for (uint32_t i = 0; i < program->count; i++) {
        run(program, &program->ops[i]);
    }
    *out_ticket = ++device->tickets;
    return TERN_STATUS_OK;
}

static tern_status wait(tern_backend_device *device, uint64_t ticket, uint64_t timeout_ns) {
    (void)device, (void)ticket, (void)timeout_ns;
    return TERN_STATUS_OK; // submit has finished when it returns
}

static const tern_backend_ops mini_ops = {.struct_size = sizeof(tern_backend_ops),
                                          .instance_create = instance_create,
                                          .instance_destroy = instance_destroy,
                                          .device_count = device_count,
                                          .device_describe = device_describe,
                                          .device_open = device_open,
                                          .device_close = device_close,
                                          .buffer_create = buffer_create,
                                          .buffer_destroy = buffer_destroy,
                                          .buffer_upload = buffer_upload,
                                          .buffer_download = buffer_download,
                                          .weights_create = weights_create,
                                          .weights_destroy = weights_destroy,
                                          .weights_export = weights_export,
                                          .supports = supports,
                                          .compile = compile,
                                          .program_destroy = program_destroy,
                                          .submit = submit,
                                          .wait = wait};

static const tern_backend mini = {.struct_size = sizeof(tern_backend),
                                  .abi = TERN_ABI_VERSION,
                                  .flags = TERN_BACKEND_FALLBACK,
                                  .name = "mini",
                                  .description = "an example in one file",
                                  .ops = &mini_ops};

const tern_backend *tern_backend_query(uint32_t min_abi, uint32_t max_abi) {
    return min_abi <= TERN_ABI_VERSION && TERN_ABI_VERSION <= max_abi ? &mini : NULL;
}
