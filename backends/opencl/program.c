#include "backends/opencl/program.h"

#include <stdio.h>
#include <string.h>

#include "backends/common/report.h"
#include "backends/opencl/builder.h"
#include "backends/opencl/ops/ops.h"
#include "backends/opencl/profile.h"
#include "backends/opencl/timeline.h"

static tern_status make_slots(tern_backend_device *device, tern_backend_program *program,
                              const tern_tensor *params) {
    if (!params->buffer) {
        return TERN_STATUS_OK;
    }
    program->params = tern_op_buffer(params)->memory.mem;
    program->params_offset = params->offset;
    program->params_words = params->shape[0];
    size_t words = (size_t)params->shape[0] * TERN_CL_IN_FLIGHT;
    program->slots = tern_report_calloc(device->host, words, sizeof *program->slots);
    if (!program->slots) {
        return tern_report_fail(device->host, TERN_STATUS_OUT_OF_MEMORY,
                                "opencl: no host memory for parameters of %zu words", words);
    }
    return TERN_STATUS_OK;
}

static tern_status make_steps(tern_backend_device *device, tern_backend_program *program,
                              const tern_backend_program_desc *desc) {
    tern_cl_builder builder = {.device = device, .program = program, .params = desc->params};
    for (uint32_t i = 0; i < desc->count; i += builder.op_count) {
        tern_group group = tern_fuse_at(desc->ops, desc->count, i);
        tern_cl_builder_next(&builder, i, group.count);
        if (!tern_cl_emit_group(&builder, &group, desc->ops + i)) {
            tern_cl_builder_next(&builder, i, 1);
            tern_cl_op_find(desc->ops[i]->kind)->emit(&builder, desc->ops[i]);
        }
    }
    return tern_cl_builder_finish(&builder);
}

tern_status tern_cl_program_create(tern_backend_device *device,
                                   tern_backend_program **out_program) {
    tern_backend_program *program = tern_report_calloc(device->host, 1, sizeof *program);
    if (!program) {
        return tern_report_fail(device->host, TERN_STATUS_OUT_OF_MEMORY,
                                "opencl: no host memory for a program: %zu bytes", sizeof *program);
    }
    *out_program = program;
    return TERN_STATUS_OK;
}

tern_status tern_cl_compile(tern_backend_device *device, const tern_backend_program_desc *desc,
                            tern_backend_program **out_program) {
    tern_backend_program *program = NULL;
    TERN_TRY(tern_cl_program_create(device, &program));
    tern_status status = make_slots(device, program, &desc->params);
    if (status == TERN_STATUS_OK) {
        status = tern_cl_profile_create(device, desc->count, &program->profile);
    }
    if (status == TERN_STATUS_OK) {
        status = make_steps(device, program, desc);
    }
    if (status != TERN_STATUS_OK) {
        tern_cl_program_destroy(device, program);
        return status;
    }
    *out_program = program;
    return TERN_STATUS_OK;
}

void tern_cl_program_destroy(tern_backend_device *device, tern_backend_program *program) {
    for (uint32_t i = 0; i < program->step_count; i++) {
        device->cl->clReleaseKernel(program->steps[i].kernel);
    }
    tern_cl_memory_destroy(device, &program->scratch.memory);
    device->host->release(device->host, program->steps);
    device->host->release(device->host, program->slots);
    device->host->release(device->host, program->profile);
    device->host->release(device->host, program);
}

// Parameters go through a slot that stays as it is until its run has ended.
static tern_status write_params(tern_backend_device *device, tern_backend_program *program,
                                const tern_submit_desc *desc) {
    uint32_t words = desc ? desc->params_words : 0;
    if (words == 0 || !program->params) {
        return TERN_STATUS_OK;
    }
    uint32_t slot = program->next_slot;
    TERN_TRY(tern_cl_wait(device, program->slot_tickets[slot], UINT64_MAX));
    int32_t *copy = program->slots + (size_t)slot * program->params_words;
    memcpy(copy, desc->params, words * sizeof *copy);
    program->next_slot = (slot + 1) % TERN_CL_IN_FLIGHT;
    program->slot_tickets[slot] = device->timeline.last + 1;
    uint64_t start = tern_clock_ns();
    cl_int code = device->cl->clEnqueueWriteBuffer(device->queue, program->params, CL_FALSE,
                                                   (size_t)program->params_offset,
                                                   words * sizeof *copy, copy, 0, NULL, NULL);
    tern_meter_driver(&device->meter, start);
    return tern_cl_check(device, code, "clEnqueueWriteBuffer of parameters");
}

static tern_status run_step(tern_backend_device *device, const tern_backend_program *program,
                            const tern_cl_step *step) {
    if (program->profile) {
        return tern_cl_profile_run(device, program->profile, step);
    }
    cl_int code = device->cl->clEnqueueNDRangeKernel(device->queue, step->kernel, 3, NULL,
                                                     step->global, step->local, 0, NULL, NULL);
    return tern_cl_check(device, code, step->name);
}

static tern_status enqueue(tern_backend_device *device, tern_backend_program *program,
                           const tern_submit_desc *desc, cl_event *out_event) {
    TERN_TRY(write_params(device, program, desc));
    uint64_t start = tern_clock_ns();
    for (uint32_t i = 0; i < program->step_count; i++) {
        TERN_TRY(run_step(device, program, &program->steps[i]));
    }
    cl_int code = device->cl->clEnqueueMarkerWithWaitList(device->queue, 0, NULL, out_event);
    TERN_TRY(tern_cl_check(device, code, "clEnqueueMarkerWithWaitList"));
    code = device->cl->clFlush(device->queue);
    tern_meter_driver(&device->meter, start);
    return tern_cl_check(device, code, "clFlush");
}

tern_status tern_cl_submit(tern_backend_device *device, tern_backend_program *program,
                           const tern_submit_desc *desc, uint64_t *out_ticket) {
    if (atomic_load(&device->lost)) {
        return tern_report_fail(device->host, TERN_STATUS_DEVICE_LOST, "opencl device '%s' is lost",
                                device->candidate->info.name);
    }
    TERN_TRY(tern_cl_timeline_reserve(device));
    cl_event event = NULL;
    tern_status status = enqueue(device, program, desc, &event);
    if (status != TERN_STATUS_OK) {
        device->cl->clFinish(device->queue); // what was queued may still read the slot
        if (event) {
            device->cl->clReleaseEvent(event);
        }
        return status;
    }
    tern_meter_submit(&device->meter, program->step_count);
    *out_ticket = tern_cl_timeline_push(device, event);
    return TERN_STATUS_OK;
}

void tern_cl_program_kernel(tern_backend_device *device, tern_backend_program *program,
                            uint32_t index, char *out_name, uint32_t capacity) {
    (void)device;
    size_t used = 0;
    const char *last = "";
    out_name[0] = 0;
    for (uint32_t i = 0; i < program->step_count && used < capacity; i++) {
        const tern_cl_step *step = &program->steps[i];
        bool of_op = index >= step->op && index < step->op + step->op_count;
        if (of_op && strcmp(step->name, last) != 0) {
            used += (size_t)snprintf(out_name + used, capacity - used, "%s%s", used ? "+" : "",
                                     step->name);
            last = step->name;
        }
    }
}
