// A backend with mistakes, to see that tern-conformance finds them: the reference backend, but add
// rounds one bit differently, mul writes one word too far, and softmax does not exist.
#include <string.h>

#include <tern/backend.h>

const tern_backend *tern_backend_query_reference(uint32_t min_abi, uint32_t max_abi);

static const tern_backend_ops *right;

// What the latest program wrote to, and how: tests run one op at a time.
static tern_tensor last_out;
static tern_op_kind last_kind;

static int32_t supports(tern_backend_device *device, const tern_op_header *op) {
    return op->kind != TERN_OP_SOFTMAX && right->supports(device, op);
}

static tern_status compile(tern_backend_device *device, const tern_backend_program_desc *desc,
                           tern_backend_program **out_program) {
    const tern_op_header *op = desc->ops[desc->count - 1];
    last_kind = op->kind;
    if (op->kind == TERN_OP_ADD) {
        last_out = ((const tern_add_desc *)(const void *)op)->out;
    } else if (op->kind == TERN_OP_MUL) {
        last_out = ((const tern_mul_desc *)(const void *)op)->out;
    }
    return right->compile(device, desc, out_program);
}

static void spoil(tern_backend_device *device, uint64_t offset) {
    uint32_t word;
    if (right->buffer_download(device, tern_op_buffer(&last_out), offset, &word, 4) == 0) {
        word ^= 1;
        right->buffer_upload(device, tern_op_buffer(&last_out), offset, &word, 4);
    }
}

static tern_status submit(tern_backend_device *device, tern_backend_program *program,
                          const tern_submit_desc *desc, uint64_t *out_ticket) {
    tern_status status = right->submit(device, program, desc, out_ticket);
    if (status == TERN_STATUS_OK && last_kind == TERN_OP_ADD) {
        spoil(device, last_out.offset);
    } else if (status == TERN_STATUS_OK && last_kind == TERN_OP_MUL &&
               last_out.strides[0] > last_out.shape[1]) {
        spoil(device, last_out.offset + (uint64_t)last_out.shape[1] * 4);
    }
    return status;
}

__attribute__((visibility("default"))) const tern_backend *tern_backend_query(uint32_t min_abi,
                                                                              uint32_t max_abi);

const tern_backend *tern_backend_query(uint32_t min_abi, uint32_t max_abi) {
    static tern_backend_ops ops;
    static tern_backend backend;
    const tern_backend *reference = tern_backend_query_reference(min_abi, max_abi);
    if (reference) {
        right = reference->ops;
        ops = *right;
        ops.supports = supports;
        ops.compile = compile;
        ops.submit = submit;
        backend = *reference;
        backend.flags = TERN_BACKEND_FALLBACK;
        backend.name = "wrong";
        backend.ops = &ops;
    }
    return reference ? &backend : NULL;
}
