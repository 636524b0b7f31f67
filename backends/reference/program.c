// A program is a copy of the list; a submit runs it at once, an op after the other.
#include "backends/reference/ops/ops.h"
#include "backends/reference/reference.h"

#include <string.h>

#include "backends/common/clock.h"
#include "backends/common/stop.h"

struct tern_backend_program {
    uint32_t count;
    tern_tensor params;
    void *scratch;   // enough for the op that needs most
    uint64_t *times; // nanoseconds of each op so far; NULL: not timed
    const tern_op_header *ops[];
};

#define TABLE_ROW(name, number, stem) [number] = &tern_ref_op_##stem,
static const tern_ref_op *const table[TERN_OP_COUNT_] = {TERN_OP_LIST(TABLE_ROW)};
#undef TABLE_ROW

int32_t tern_ref_supports(tern_backend_device *device, const tern_op_header *op) {
    (void)device;
    const tern_ref_op *row = op->kind < TERN_OP_COUNT_ ? table[op->kind] : NULL;
    return row && op->struct_size == row->desc_size && (!row->known || row->known(op));
}

static uint64_t desc_bytes(const tern_op_header *op) {
    return ((uint64_t)table[op->kind]->desc_size + 15) / 16 * 16;
}

// What |program| holds besides its ops. What is made stays when it fails.
static tern_status add_memory(tern_backend_device *device, uint64_t scratch,
                              tern_backend_program *program) {
    TERN_TRY(tern_ref_allocate(device->host, scratch, "scratch", &program->scratch));
    if (device->timed) {
        void *times = NULL;
        TERN_TRY(tern_ref_allocate(device->host, program->count * sizeof *program->times,
                                   "a program's times", &times));
        program->times = times;
    }
    return TERN_STATUS_OK;
}

tern_status tern_ref_compile(tern_backend_device *device, const tern_backend_program_desc *desc,
                             tern_backend_program **out_program) {
    const tern_host *host = device->host;
    uint64_t scratch = 0;
    uint64_t head = sizeof(tern_backend_program) + (uint64_t)desc->count * sizeof desc->ops[0];
    head = (head + 15) / 16 * 16;
    uint64_t bytes = head;
    for (uint32_t i = 0; i < desc->count; i++) {
        const tern_ref_op *row = table[desc->ops[i]->kind];
        uint64_t need = row->scratch ? row->scratch(desc->ops[i]) : 0;
        scratch = need > scratch ? need : scratch;
        bytes += desc_bytes(desc->ops[i]);
    }
    void *memory = NULL;
    TERN_TRY(tern_ref_allocate(host, bytes, "a program", &memory));
    tern_backend_program *program = memory;
    program->count = desc->count;
    program->params = desc->params;
    tern_status status = add_memory(device, scratch, program);
    if (status != TERN_STATUS_OK) {
        tern_ref_program_destroy(device, program);
        return status;
    }
    uint8_t *at = (uint8_t *)memory + head;
    for (uint32_t i = 0; i < desc->count; i++) {
        memcpy(at, desc->ops[i], table[desc->ops[i]->kind]->desc_size);
        program->ops[i] = (const tern_op_header *)(void *)at;
        at += desc_bytes(desc->ops[i]);
    }
    *out_program = program;
    return TERN_STATUS_OK;
}

void tern_ref_program_destroy(tern_backend_device *device, tern_backend_program *program) {
    if (program) {
        device->host->release(device->host, program->times);
        device->host->release(device->host, program->scratch);
        device->host->release(device->host, program);
    }
}

tern_status tern_ref_submit(tern_backend_device *device, tern_backend_program *program,
                            const tern_submit_desc *desc, uint64_t *out_ticket) {
    tern_ref_run run = {.scratch = program->scratch};
    if (program->params.buffer) {
        int32_t *block = tern_ref_i32(&program->params);
        if (desc->params_words) {
            memcpy(block, desc->params, desc->params_words * sizeof *block);
        }
        run.params = block;
    }
    for (uint32_t i = 0; i < program->count; i++) {
        if (tern_stop_wanted(desc)) {
            return TERN_STATUS_CANCELLED;
        }
        uint64_t start = program->times ? tern_clock_ns() : 0;
        table[program->ops[i]->kind]->run(&run, program->ops[i]);
        if (program->times) {
            program->times[i] += tern_clock_ns() - start;
        }
    }
    *out_ticket = ++device->ticket;
    return TERN_STATUS_OK;
}

tern_status tern_ref_wait(tern_backend_device *device, uint64_t ticket, uint64_t timeout_ns) {
    (void)device;
    (void)ticket;
    (void)timeout_ns;
    return TERN_STATUS_OK;
}

tern_status tern_ref_program_times(tern_backend_device *device, tern_backend_program *program,
                                   uint64_t *out_ns, tern_clock *out_clock) {
    (void)device;
    if (program->times) {
        memcpy(out_ns, program->times, program->count * sizeof *out_ns);
    }
    *out_clock = program->times ? TERN_CLOCK_HOST : TERN_CLOCK_NONE;
    return TERN_STATUS_OK;
}
