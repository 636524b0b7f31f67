#include "runtime/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/device.h"
#include "runtime/log.h"
#include "runtime/program.h"

// The device is locked.
static tern_status find_row(tern_device *device, const tern_profile_row *wanted, size_t *out_row) {
    tern__profile *profile = &device->profile;
    for (size_t i = 0; i < profile->count; i++) {
        const tern_profile_row *row = &profile->rows[i];
        if (row->kind == wanted->kind && strcmp(row->kernel, wanted->kernel) == 0 &&
            strcmp(row->backend, wanted->backend) == 0) {
            *out_row = i;
            return TERN_STATUS_OK;
        }
    }
    void *rows = profile->rows;
    if (!tern__grow(device->context, &rows, &profile->capacity, profile->count + 1,
                    sizeof *profile->rows)) {
        return tern__fail_memory(device->context, (profile->count + 1) * sizeof *profile->rows,
                                 "a profile");
    }
    profile->rows = rows;
    profile->rows[profile->count] = *wanted;
    *out_row = profile->count++;
    return TERN_STATUS_OK;
}

// The device is locked.
static tern_status find_rows(tern_program *program) {
    for (size_t s = 0; s < program->segment_count; s++) {
        const tern__segment *segment = &program->segments[s];
        for (size_t i = 0; i < segment->count; i++) {
            size_t at = segment->first + i;
            tern_profile_row row = {.kind = program->lowered.ops[at]->kind};
            snprintf(row.backend, sizeof row.backend, "%s",
                     tern__segment_runner(program, segment)->entry->name);
            tern__segment_kernel(program, segment, i, row.kernel);
            TERN_TRY(find_row(program->device, &row, &program->timing.rows[at]));
        }
    }
    return TERN_STATUS_OK;
}

static void free_timing(tern_program *program) {
    tern_context *context = program->device->context;
    tern__free(context, program->timing.rows);
    tern__free(context, program->timing.counted);
    tern__free(context, program->timing.latest);
    program->timing = (tern__timing){0};
}

tern_status tern__profile_add(tern_program *program) {
    tern_device *device = program->device;
    tern__timing *timing = &program->timing;
    size_t count = program->lowered.count;
    timing->rows = tern__calloc(device->context, count, sizeof *timing->rows);
    timing->counted = tern__calloc(device->context, count, sizeof *timing->counted);
    timing->latest = tern__calloc(device->context, count, sizeof *timing->latest);
    if (!timing->rows || !timing->counted || !timing->latest) {
        free_timing(program);
        return tern__fail_memory(device->context, count * sizeof *timing->counted, "a profile");
    }
    tern__mutex_lock(&device->lock);
    tern_status status = find_rows(program);
    if (status == TERN_STATUS_OK) {
        timing->next = device->profile.programs;
        device->profile.programs = program;
    }
    tern__mutex_unlock(&device->lock);
    if (status != TERN_STATUS_OK) {
        free_timing(program);
    }
    return status;
}

// The device is locked and no run of the program is pending.
static tern_status take_segment(tern_program *program, const tern__segment *segment) {
    tern_device *runner = tern__segment_runner(program, segment);
    tern__timing *timing = &program->timing;
    uint64_t *latest = timing->latest + segment->first;
    tern_clock clock = TERN_CLOCK_NONE;
    if (runner->entry->ops.program_times) {
        TERN_TRY(tern__device_check(runner, runner->entry->ops.program_times(
                                                runner->handle, segment->program, latest, &clock)));
    }
    for (size_t i = segment->first; i < segment->first + segment->count; i++) {
        if (clock != TERN_CLOCK_NONE) {
            tern_profile_row *row = &program->device->profile.rows[timing->rows[i]];
            row->clock = clock;
            row->ns += timing->latest[i] - timing->counted[i];
            timing->counted[i] = timing->latest[i];
        }
    }
    return TERN_STATUS_OK;
}

static tern_status take(tern_program *program) {
    tern__timing *timing = &program->timing;
    for (size_t i = 0; i < program->segment_count; i++) {
        TERN_TRY(take_segment(program, &program->segments[i]));
    }
    for (size_t i = 0; i < program->lowered.count; i++) {
        program->device->profile.rows[timing->rows[i]].runs += program->submits - timing->runs;
    }
    timing->runs = program->submits;
    return TERN_STATUS_OK;
}

void tern__profile_remove(tern_program *program) {
    if (!program->timing.rows) {
        return;
    }
    tern_device *device = program->device;
    tern__mutex_lock(&device->lock);
    if (!device->lost) {
        take(program);
    }
    tern_program **link = &device->profile.programs;
    while (*link != program) {
        link = &(*link)->timing.next;
    }
    *link = program->timing.next;
    tern__mutex_unlock(&device->lock);
    free_timing(program);
}

static int longest_first(const void *a, const void *b) {
    const tern_profile_row *left = a;
    const tern_profile_row *right = b;
    return (left->ns < right->ns) - (left->ns > right->ns);
}

static const char *clock_name(tern_clock clock) {
    static const char *const names[] = {"not timed", "host clock", "device clock"};
    return names[clock <= TERN_CLOCK_DEVICE ? clock : TERN_CLOCK_NONE];
}

void tern__profile_finish(tern_device *device) {
    tern__profile *profile = &device->profile;
    if (profile->count && !profile->asked) {
        qsort(profile->rows, profile->count, sizeof *profile->rows, longest_first);
        for (size_t i = 0; i < profile->count; i++) {
            const tern_profile_row *row = &profile->rows[i];
            tern__log(
                device->context, TERN_LOG_INFO, "profile: %s, %s on %s: %llu runs, %.3f ms (%s)",
                tern_op_describe(row->kind)->name, row->kernel, row->backend,
                (unsigned long long)row->runs, (double)row->ns * 1e-6, clock_name(row->clock));
        }
    }
    tern__free(device->context, profile->rows);
    *profile = (tern__profile){0};
}

// The device is locked.
static tern_status take_all(tern_device *device) {
    TERN_TRY(tern__device_alive(device));
    if (device->ticket) {
        TERN_TRY(tern__device_check(
            device, device->entry->ops.wait(device->handle, device->ticket, UINT64_MAX)));
    }
    for (tern_program *program = device->profile.programs; program;
         program = program->timing.next) {
        TERN_TRY(take(program));
    }
    return TERN_STATUS_OK;
}

static tern_status read_row(tern_device *device, uint32_t index, tern_profile_row *out_row) {
    tern__profile *profile = &device->profile;
    TERN_TRY(take_all(device));
    profile->asked = true;
    if (index >= profile->count) {
        return tern__fail(device->context, TERN_STATUS_OUT_OF_RANGE,
                          "device profile: row %u does not exist, there are %zu%s", (unsigned)index,
                          profile->count, profile->on ? "" : ": TERN_PROFILE was not 1");
    }
    uint32_t size = out_row->struct_size;
    *out_row = profile->rows[index];
    out_row->struct_size = size;
    return TERN_STATUS_OK;
}

tern_status tern_device_profile(tern_device *device, uint32_t index, tern_profile_row *out_row) {
    if (!device || !out_row) {
        return tern__fail(device ? device->context : NULL, TERN_STATUS_INVALID_ARGUMENT,
                          "device profile: %s is NULL", device ? "out_row" : "device");
    }
    TERN_TRY(tern__check_size(device->context, "tern_profile_row", out_row->struct_size,
                              sizeof *out_row));
    tern__mutex_lock(&device->lock);
    tern_status status = read_row(device, index, out_row);
    tern__mutex_unlock(&device->lock);
    return status;
}
