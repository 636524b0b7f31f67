#include "backends/template/template.h"

#include "backends/common/report.h"

// Say yes only to what is right to the bit: kind, types, shapes, strides, weights. Begin with
//     op->kind == TERN_OP_TERNARY_MATMUL
// and look at the descriptor behind |op|. Unknown kinds and flags are always answered 0.
int32_t tern_tpl_supports(tern_backend_device *device, const tern_op_header *op) {
    (void)device;
    (void)op;
    return 0;
}

// Gets ops that supports() has accepted, in order. Copy the descriptors (desc->ops is borrowed),
// choose kernels, put barriers where an op reads what one before it wrote (host->op_info says which
// operands those are), and reserve all that submit will need.
tern_status tern_tpl_compile(tern_backend_device *device, const tern_backend_program_desc *desc,
                             tern_backend_program **out_program) {
    (void)out_program;
    return tern_report_fail(device->host, TERN_STATUS_UNSUPPORTED,
                            "template: %u ops to compile, none is supported",
                            (unsigned)desc->count);
}

void tern_tpl_program_destroy(tern_backend_device *device, tern_backend_program *program) {
    (void)device;
    (void)program;
}

// Copies desc->params to the start of the program's parameter block, queues the ops, sets
// *out_ticket to one more than the last submit's, and returns. No allocation here.
tern_status tern_tpl_submit(tern_backend_device *device, tern_backend_program *program,
                            const tern_submit_desc *desc, uint64_t *out_ticket) {
    (void)program;
    (void)desc;
    (void)out_ticket;
    return tern_report_fail(device->host, TERN_STATUS_UNSUPPORTED,
                            "template: there are no programs to submit");
}

// OK once |ticket| is reached, TIMEOUT after |timeout_ns|. May be called from several threads.
tern_status tern_tpl_wait(tern_backend_device *device, uint64_t ticket, uint64_t timeout_ns) {
    (void)device;
    (void)ticket;
    (void)timeout_ns;
    return TERN_STATUS_OK;
}
