#include "backends/cpu/program.h"

#include <stdio.h>
#include <string.h>

#include "backends/common/clock.h"
#include "backends/common/report.h"
#include "backends/cpu/fpcontrol.h"
#include "backends/cpu/ops/ops.h"

struct step {
    const struct tern_cpu_op *op;
    const tern_op_header *desc;
};

struct tern_backend_program {
    uint32_t count;
    uint8_t *params; // NULL: no parameter block
    uint8_t *scratch;
    struct step *steps;
    uint8_t *descs;
    uint64_t *times; // nanoseconds of each step so far; NULL: not timed
};

static const struct tern_cpu_op *const op_table[TERN_OP_COUNT_] = {
#define OP_ENTRY(name, number, stem) [number] = &tern_cpu_op_##stem,
    TERN_OP_LIST(OP_ENTRY)
#undef OP_ENTRY
};

int32_t tern_cpu_supports(tern_backend_device *device, const tern_op_header *op) {
    (void)device;
    if (op->kind >= TERN_OP_COUNT_ || !op_table[op->kind]) {
        return 0;
    }
    const struct tern_cpu_op *entry = op_table[op->kind];
    return op->struct_size >= entry->desc_size && (!entry->supports || entry->supports(op));
}

// Descriptors lie one after the other, each at a multiple of 8.
static size_t desc_room(const tern_op_header *desc) {
    return (op_table[desc->kind]->desc_size + 7u) / 8 * 8;
}

static tern_status allocate(tern_backend_device *device, const tern_backend_program_desc *desc,
                            tern_backend_program *program) {
    const tern_host *host = device->host;
    size_t desc_bytes = 0;
    uint64_t scratch_bytes = 0;
    for (uint32_t i = 0; i < desc->count; i++) {
        const struct tern_cpu_op *op = op_table[desc->ops[i]->kind];
        uint64_t wanted = op->scratch ? op->scratch(device, desc->ops[i]) : 0;
        scratch_bytes = wanted > scratch_bytes ? wanted : scratch_bytes;
        desc_bytes += desc_room(desc->ops[i]);
    }
    program->steps = tern_report_calloc(host, desc->count, sizeof *program->steps);
    program->descs = tern_report_calloc(host, 1, desc_bytes);
    if (device->timed) {
        program->times = tern_report_calloc(host, desc->count, sizeof *program->times);
    }
    bool fits = scratch_bytes <= SIZE_MAX / 2;
    program->scratch = fits ? tern_report_calloc(host, 1, (size_t)scratch_bytes) : NULL;
    if (!program->steps || !program->descs || !program->scratch ||
        (device->timed && !program->times)) {
        return tern_report_fail(host, TERN_STATUS_OUT_OF_MEMORY,
                                "cpu: out of memory: a program of %u ops with %llu bytes of "
                                "scratch",
                                desc->count, (unsigned long long)scratch_bytes);
    }
    return TERN_STATUS_OK;
}

tern_status tern_cpu_compile(tern_backend_device *device, const tern_backend_program_desc *desc,
                             tern_backend_program **out_program) {
    tern_backend_program *program = tern_report_calloc(device->host, 1, sizeof *program);
    if (!program) {
        return tern_report_fail(device->host, TERN_STATUS_OUT_OF_MEMORY, "cpu: out of memory");
    }
    tern_status status = allocate(device, desc, program);
    if (status != TERN_STATUS_OK) {
        tern_cpu_program_destroy(device, program);
        return status;
    }
    program->count = desc->count;
    program->params = desc->params.buffer ? tern_cpu_tensor_data(&desc->params) : NULL;
    uint8_t *place = program->descs;
    for (uint32_t i = 0; i < desc->count; i++) {
        const tern_op_header *op = desc->ops[i];
        memcpy(place, op, op_table[op->kind]->desc_size);
        program->steps[i] = (struct step){op_table[op->kind], (const tern_op_header *)place};
        place += desc_room(op);
    }
    *out_program = program;
    return TERN_STATUS_OK;
}

void tern_cpu_program_destroy(tern_backend_device *device, tern_backend_program *program) {
    const tern_host *host = device->host;
    host->release(host, program->times);
    host->release(host, program->scratch);
    host->release(host, program->descs);
    host->release(host, program->steps);
    host->release(host, program);
}

static uint32_t live_rows(const tern_backend_program *program, const struct step *step) {
    const tern_tensor *rows = (const tern_tensor *)((const uint8_t *)step->desc + step->op->rows);
    uint32_t all = rows->shape[0];
    if (!step->desc->live || !program->params) {
        return all;
    }
    int32_t live;
    memcpy(&live, program->params + 4 * ((size_t)step->desc->live - 1), sizeof live);
    return tern_cpu_clamp(live, all + 1);
}

tern_status tern_cpu_submit(tern_backend_device *device, tern_backend_program *program,
                            const tern_submit_desc *desc, uint64_t *out_ticket) {
    if (desc && desc->params_words && program->params) {
        memcpy(program->params, desc->params, 4 * (size_t)desc->params_words);
    }
    tern_cpu_fpcontrol before = tern_cpu_fpcontrol_enter();
    struct tern_cpu_stop stop = {.submit = desc};
    struct tern_cpu_run run = {.kernels = &device->kernels,
                               .pool = device->pool,
                               .scratch = program->scratch,
                               .stop = &stop};
    for (uint32_t i = 0; i < program->count && !tern_cpu_stopped(&stop); i++) {
        const struct step *step = &program->steps[i];
        uint64_t start = program->times ? tern_clock_ns() : 0;
        run.rows = live_rows(program, step);
        if (run.rows) {
            step->op->run(&run, step->desc);
        }
        if (program->times) {
            program->times[i] += tern_clock_ns() - start;
        }
    }
    tern_cpu_fpcontrol_leave(before);
    if (stop.seen) {
        return TERN_STATUS_CANCELLED;
    }
    *out_ticket = ++device->ticket;
    return TERN_STATUS_OK;
}

tern_status tern_cpu_wait(tern_backend_device *device, uint64_t ticket, uint64_t timeout_ns) {
    (void)device;
    (void)ticket;
    (void)timeout_ns;
    return TERN_STATUS_OK;
}

void tern_cpu_program_kernel(tern_backend_device *device, tern_backend_program *program,
                             uint32_t index, char *out_name, uint32_t capacity) {
    const struct step *step = &program->steps[index];
    struct tern_cpu_pick pick = step->op->kernel(&device->kernels, step->desc);
    snprintf(out_name, capacity, "%s__%s", pick.name, tern_cpu_level_name(pick.level));
}

tern_status tern_cpu_program_times(tern_backend_device *device, tern_backend_program *program,
                                   uint64_t *out_ns, tern_clock *out_clock) {
    (void)device;
    if (program->times) {
        memcpy(out_ns, program->times, program->count * sizeof *out_ns);
    }
    *out_clock = program->times ? TERN_CLOCK_HOST : TERN_CLOCK_NONE;
    return TERN_STATUS_OK;
}
