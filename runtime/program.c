#include "runtime/program.h"

#include <stdio.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/buffer.h"
#include "runtime/ops/ops.h"
#include "runtime/status.h"

static tern_status cut(tern_program *program) {
    tern_context *context = program->device->context;
    for (size_t i = 0; i < program->lowered.count; i++) {
        bool fallback = !program->steps[i].native;
        size_t count = program->segment_count;
        if (count && program->segments[count - 1].fallback == fallback) {
            program->segments[count - 1].count++;
            continue;
        }
        void *segments = program->segments;
        if (!tern__grow(context, &segments, &program->segment_capacity, count + 1,
                        sizeof *program->segments)) {
            return tern__fail_memory(context, (count + 1) * sizeof *program->segments, "a program");
        }
        program->segments = segments;
        program->segments[count] = (tern__segment){.fallback = fallback, .first = i, .count = 1};
        program->segment_count++;
    }
    return TERN_STATUS_OK;
}

static tern_status compile_native(tern_program *program, tern__segment *segment) {
    tern_device *device = program->device;
    tern_context *context = device->context;
    tern__any_desc *descs = tern__calloc(context, segment->count, sizeof *descs);
    const tern_op_header **ops = tern__calloc(context, segment->count, sizeof *ops);
    tern_status status = TERN_STATUS_OK;
    if (!descs || !ops) {
        status = tern__fail_memory(context, segment->count * sizeof *descs, "a program");
    } else {
        for (size_t i = 0; i < segment->count; i++) {
            tern__program_rewrite(program->lowered.ops[segment->first + i], &descs[i]);
            ops[i] = &descs[i].head;
        }
        tern_tensor params = program->params;
        if (params.buffer) {
            params.buffer = (tern_buffer *)(void *)params.buffer->handle;
        }
        tern_backend_program_desc desc = {sizeof desc, (uint32_t)segment->count, ops, params};
        tern__mutex_lock(&device->lock);
        status = tern__device_check(
            device, device->entry->ops.compile(device->handle, &desc, &segment->program));
        tern__mutex_unlock(&device->lock);
        if (status == TERN_STATUS_OK && !segment->program) {
            status =
                tern__fail(context, TERN_STATUS_INTERNAL,
                           "backend %s: compile succeeded without a program", device->info.backend);
        }
    }
    tern__free(context, ops);
    tern__free(context, descs);
    return status;
}

// "a+b" for an op that became several kernels.
static void append_kernel(char *text, size_t capacity, const char *name) {
    size_t used = strlen(text);
    snprintf(text + used, capacity - used, "%s%s", used ? "+" : "", name);
}

tern_device *tern__segment_runner(const tern_program *program, const tern__segment *segment) {
    return segment->fallback ? program->device->reference : program->device;
}

void tern__segment_kernel(const tern_program *program, const tern__segment *segment, size_t index,
                          char *out_name) {
    enum { CAPACITY = sizeof((tern_op_report *)0)->kernel };
    tern_device *runner = tern__segment_runner(program, segment);
    const tern_backend_ops *ops = &runner->entry->ops;
    out_name[0] = '\0';
    if (ops->program_kernel) {
        ops->program_kernel(runner->handle, segment->program, (uint32_t)index, out_name, CAPACITY);
        out_name[CAPACITY - 1] = '\0';
    }
    if (!out_name[0]) {
        snprintf(out_name, CAPACITY, "%s", runner->entry->name);
    }
}

static void report_step(tern_program *program, const tern__segment *segment, size_t index) {
    tern_device *runner = tern__segment_runner(program, segment);
    const tern__step *step = &program->steps[segment->first + index];
    tern_op_report *report = &program->reports[step->op];
    bool whole = program->lowered.ops[segment->first + index]->kind == report->kind;
    if (whole) {
        report->placement = segment->fallback ? TERN_PLACEMENT_FALLBACK : TERN_PLACEMENT_NATIVE;
        report->numerics = segment->fallback ? TERN_NUMERICS_EXACT : report->numerics;
        snprintf(report->backend, sizeof report->backend, "%s", runner->entry->name);
    } else {
        report->placement = TERN_PLACEMENT_COMPOSED;
    }
    char kernel[sizeof report->kernel];
    tern__segment_kernel(program, segment, index, kernel);
    append_kernel(report->kernel, sizeof report->kernel, kernel);
}

static tern_status make_reports(tern_program *program, const tern_commands *commands) {
    tern_device *device = program->device;
    program->op_count = (uint32_t)commands->list.count;
    program->reports = tern__calloc(device->context, program->op_count, sizeof *program->reports);
    if (!program->reports) {
        return tern__fail_memory(device->context, program->op_count * sizeof *program->reports,
                                 "a program");
    }
    for (uint32_t i = 0; i < program->op_count; i++) {
        tern_op_report *report = &program->reports[i];
        report->kind = commands->list.ops[i]->kind;
        report->numerics = device->info.numerics;
        snprintf(report->backend, sizeof report->backend, "%s", device->entry->name);
    }
    for (size_t s = 0; s < program->segment_count; s++) {
        for (size_t i = 0; i < program->segments[s].count; i++) {
            report_step(program, &program->segments[s], i);
        }
    }
    return TERN_STATUS_OK;
}

static tern_status build(tern_program *program, const tern_commands *commands) {
    TERN_TRY(tern__program_lower(program, commands));
    TERN_TRY(cut(program));
    for (size_t i = 0; i < program->segment_count; i++) {
        tern__segment *segment = &program->segments[i];
        TERN_TRY(segment->fallback ? tern__fallback_compile(program, segment)
                                   : compile_native(program, segment));
    }
    TERN_TRY(make_reports(program, commands));
    return program->device->profile.on ? tern__profile_add(program) : TERN_STATUS_OK;
}

tern_status tern__program_create(tern_commands *commands, tern_program **out_program) {
    *out_program = NULL;
    tern_device *device = commands->device;
    TERN_TRY(tern_device_status(device));
    tern_program *program = tern__calloc(device->context, 1, sizeof *program);
    if (!program) {
        return tern__fail_memory(device->context, sizeof *program, "a program");
    }
    program->device = device;
    program->params = commands->params;
    program->lowered.device = device;
    tern_status status = build(program, commands);
    if (status != TERN_STATUS_OK) {
        tern_program_destroy(program);
        return status;
    }
    *out_program = program;
    return TERN_STATUS_OK;
}

void tern_program_destroy(tern_program *program) {
    if (!program) {
        return;
    }
    tern_device *device = program->device;
    tern_context *context = device->context;
    if (program->ticket) {
        device->entry->ops.wait(device->handle, program->ticket, UINT64_MAX);
    }
    tern__profile_remove(program);
    for (size_t i = 0; i < program->segment_count; i++) {
        tern__segment *segment = &program->segments[i];
        tern_device *runner = tern__segment_runner(program, segment);
        if (segment->program) {
            tern__mutex_lock(&device->lock);
            runner->entry->ops.program_destroy(runner->handle, segment->program);
            tern__mutex_unlock(&device->lock);
        }
        tern__free(context, segment->spans);
    }
    tern__free(context, program->segments);
    tern__fallback_finish(program);
    tern__list_finish(&program->lowered);
    tern__free(context, program->steps);
    tern__free(context, program->reports);
    tern_buffer_destroy(program->scratch);
    tern__free(context, program);
}

static tern_status check_submit(const tern_program *program, const tern_submit_desc *desc) {
    TERN_TRY(tern__check_size(program->device->context, "tern_submit_desc", desc->struct_size,
                              sizeof *desc));
    uint32_t words = program->params.buffer ? program->params.shape[0] : 0;
    if (desc->params_words > words || (desc->params_words && !desc->params)) {
        return tern__fail(program->device->context, TERN_STATUS_INVALID_ARGUMENT,
                          "submit: %u parameter words at %s, the block has %u", desc->params_words,
                          desc->params ? "an address" : "NULL", words);
    }
    return TERN_STATUS_OK;
}

// Parameters go in by themselves, since the first segment may be the companion's.
static tern_status submit_segments(tern_program *program, const tern_submit_desc *desc) {
    tern_device *device = program->device;
    const tern_backend_ops *ops = &device->entry->ops;
    if (desc->params_words) {
        TERN_TRY(ops->buffer_upload(device->handle, program->params.buffer->handle,
                                    program->params.offset, desc->params,
                                    (uint64_t)desc->params_words * 4));
    }
    tern_submit_desc unchanged = {
        .struct_size = sizeof unchanged, .stop = desc->stop, .stop_user = desc->stop_user};
    for (size_t i = 0; i < program->segment_count; i++) {
        tern__segment *segment = &program->segments[i];
        if (desc->stop && desc->stop(desc->stop_user)) {
            return TERN_STATUS_CANCELLED;
        }
        if (segment->fallback) {
            TERN_TRY(tern__fallback_run(program, segment, &unchanged));
        } else {
            TERN_TRY(ops->submit(device->handle, segment->program, &unchanged, &device->ticket));
        }
    }
    return device->ticket ? ops->wait(device->handle, device->ticket, UINT64_MAX) : TERN_STATUS_OK;
}

static tern_status submit_locked(tern_program *program, const tern_submit_desc *desc) {
    tern_device *device = program->device;
    TERN_TRY(tern__device_alive(device));
    if (program->segment_count == 1 && !program->segments[0].fallback) {
        return device->entry->ops.submit(device->handle, program->segments[0].program, desc,
                                         &device->ticket);
    }
    return submit_segments(program, desc);
}

static tern_status fail_stopped(const tern_program *program) {
    return tern__fail(program->device->context, TERN_STATUS_CANCELLED,
                      "submit: stopped on request, after some of %u ops", program->op_count);
}

tern_status tern_program_submit(tern_program *program, const tern_submit_desc *desc,
                                tern_fence *out_fence) {
    static const tern_submit_desc unchanged = {.struct_size = sizeof unchanged};
    if (out_fence) {
        *out_fence = (tern_fence){NULL, 0};
    }
    if (!program) {
        return tern__fail(NULL, TERN_STATUS_INVALID_ARGUMENT, "submit: program is NULL");
    }
    tern_device *device = program->device;
    desc = desc ? desc : &unchanged;
    TERN_TRY(check_submit(program, desc));
    tern__mutex_lock(&device->lock);
    tern_status status = submit_locked(program, desc);
    status = status == TERN_STATUS_CANCELLED ? fail_stopped(program)
                                             : tern__device_check(device, status);
    if (status == TERN_STATUS_CANCELLED) {
        program->ticket = device->ticket; // of segments that were queued before
    }
    if (status == TERN_STATUS_OK && program->segment_count) {
        program->ticket = device->ticket;
        program->submits++;
        if (out_fence && device->ticket) {
            *out_fence = (tern_fence){device, device->ticket};
        }
    }
    tern__mutex_unlock(&device->lock);
    return status;
}

tern_status tern_fence_wait(tern_fence fence, uint64_t timeout_ns) {
    if (!fence.device) {
        return TERN_STATUS_OK;
    }
    tern_device *device = fence.device;
    tern_status status = device->entry->ops.wait(device->handle, fence.ticket, timeout_ns);
    if (status == TERN_STATUS_DEVICE_LOST) {
        tern__mutex_lock(&device->lock);
        tern__device_check(device, status);
        tern__mutex_unlock(&device->lock);
    }
    return status;
}

tern_status tern_program_report(tern_program *program, uint32_t index, tern_op_report *out_report) {
    if (!program || !out_report) {
        return tern__fail(program ? program->device->context : NULL, TERN_STATUS_INVALID_ARGUMENT,
                          "program report: %s is NULL", program ? "out_report" : "program");
    }
    TERN_TRY(tern__check_size(program->device->context, "tern_op_report", out_report->struct_size,
                              sizeof *out_report));
    if (index >= program->op_count) {
        return tern__fail(program->device->context, TERN_STATUS_OUT_OF_RANGE,
                          "program report: op %u does not exist, the list has %u", index,
                          program->op_count);
    }
    uint32_t size = out_report->struct_size;
    *out_report = program->reports[index];
    out_report->struct_size = size;
    return TERN_STATUS_OK;
}
