#include "tools/tern/bench/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/host.h"
#include "tools/tern/bench/timestamps.h"

enum {
    COPIES_MAX = 1024,    // of matrices and of buffers
    PROGRAM_OPS_MAX = 64, // a model's layers make lists of as many
    PROGRAMS_MAX = 64     // each may have scratch memory of its own
};
#define PROGRAM_SECONDS 0.01 // a program this long hides what a submit costs

static uint32_t copies_for(uint64_t bytes, uint64_t footprint) {
    uint64_t copies = bytes ? (footprint + bytes - 1) / bytes : 1;
    return copies < 1 ? 1 : copies > COPIES_MAX ? COPIES_MAX : (uint32_t)copies;
}

tern_status bench_matrices_make(bench_matrices *self, tern_device *device, const bench_op *op,
                                const bench_pool *pool, bench_shape shape, uint64_t footprint) {
    uint32_t rows = bench_op_matrix_rows(op, shape);
    uint64_t bytes = rows * tern_dtype_row_bytes(pool->dtype, shape.k);
    uint32_t copies = copies_for(bytes, footprint);
    *self = (bench_matrices){.items = calloc(copies, sizeof *self->items)};
    if (!self->items) {
        return TERN_STATUS_OUT_OF_MEMORY;
    }
    for (; self->count < copies; self->count++) {
        tern_status status = bench_matrix_make(device, pool, rows, shape.k, op->usage, NULL,
                                               &self->items[self->count]);
        if (status != TERN_STATUS_OK) {
            return status;
        }
    }
    return TERN_STATUS_OK;
}

void bench_matrices_free(bench_matrices *self) {
    for (uint32_t i = 0; i < self->count; i++) {
        tern_weights_destroy(self->items[i]);
    }
    free(self->items);
    *self = (bench_matrices){0};
}

// The same rows or experts again and again would be found in a cache: each copy has other ids.
static tern_status upload_ids(const bench_case *c, uint32_t copy, tern_buffer *buffer) {
    const tern_tensor *view = &c->views[bench_op_picks(c->op)];
    size_t count = (size_t)view->shape[0] * (view->rank == 2 ? view->shape[1] : 1);
    uint32_t most = c->op->usage == TERN_WEIGHTS_GATHER ? c->shape.n : BENCH_EXPERTS;
    int32_t *ids = malloc(count * sizeof *ids);
    if (!ids) {
        return TERN_STATUS_OUT_OF_MEMORY;
    }
    memcpy(ids, c->image + view->offset, count * sizeof *ids);
    for (size_t i = 0; i < count; i++) {
        ids[i] = (int32_t)(((uint64_t)ids[i] + copy * UINT64_C(7919)) % most);
    }
    tern_status status = tern_buffer_upload(buffer, view->offset, ids, count * sizeof *ids);
    free(ids);
    return status;
}

static tern_status make_buffer(const bench_rig *self, uint32_t copy, tern_buffer **out) {
    const bench_case *c = self->the_case;
    tern_status status = tern_buffer_create(self->device, c->bytes, out);
    if (status == TERN_STATUS_OK) {
        status = tern_buffer_upload(*out, 0, c->image, c->bytes);
    }
    bool picks = bench_op_picks(c->op) >= 0;
    return status == TERN_STATUS_OK && picks && copy ? upload_ids(c, copy, *out) : status;
}

static tern_status make_buffers(bench_rig *self, uint32_t count) {
    tern_status status = TERN_STATUS_OK;
    self->buffers = calloc(count, sizeof *self->buffers);
    if (!self->buffers) {
        return TERN_STATUS_OUT_OF_MEMORY;
    }
    for (uint32_t i = 0; i < count && status == TERN_STATUS_OK; i++) {
        self->buffer_count++; // destroying one that was not made is harmless
        status = make_buffer(self, i, &self->buffers[i]);
    }
    return status;
}

// A program of ops |first|, |first| + 1, ..., each on the next copies; what the last one gives is
// checked, so it reads the first copy, whose ids are those of the case.
static tern_status make_program(bench_rig *self, uint32_t first, uint32_t count,
                                tern_program **out) {
    tern_commands *list = NULL;
    tern_status status = tern_commands_create(self->device, NULL, &list);
    for (uint32_t i = first; i < first + count && status == TERN_STATUS_OK; i++) {
        uint32_t matrices = self->matrices->count;
        tern_weights *weights = matrices ? self->matrices->items[i % matrices] : NULL;
        bool last_pick = bench_op_picks(self->the_case->op) >= 0 && i + 1 == first + count;
        tern_buffer *in = self->buffers[last_pick ? 0 : i % self->buffer_count];
        status = bench_case_append(self->the_case, in, self->out, weights, list);
    }
    if (status == TERN_STATUS_OK) {
        status = tern_commands_finish(list, out);
    }
    tern_commands_destroy(list);
    return status;
}

static tern_status run_program(tern_program *program) {
    tern_fence fence = {0};
    tern_status status = tern_program_submit(program, NULL, &fence);
    return status == TERN_STATUS_OK ? tern_fence_wait(fence, UINT64_MAX) : status;
}

// Seconds of the fastest of a few runs, since anything may come between.
static tern_status time_program(tern_program *program, double *out_seconds) {
    tern_status status = run_program(program); // the first one warms up
    *out_seconds = 1e30;
    for (int i = 0; i < 3 && status == TERN_STATUS_OK; i++) {
        double start = host_seconds();
        status = run_program(program);
        double seconds = host_seconds() - start;
        *out_seconds = seconds < *out_seconds ? seconds : *out_seconds;
        if (seconds > 0.1) {
            break;
        }
    }
    return status;
}

// How many ops make a program long enough; also learns which kernel runs.
static tern_status find_length(bench_rig *self, uint32_t total) {
    tern_op_report report = {.struct_size = sizeof report};
    tern_program *program = NULL;
    double seconds = 0.0;
    tern_status status = make_program(self, 0, 1, &program);
    if (status == TERN_STATUS_OK) {
        status = tern_program_report(program, 0, &report);
    }
    if (status == TERN_STATUS_OK) {
        status = time_program(program, &seconds);
    }
    tern_program_destroy(program);
    snprintf(self->kernel, sizeof self->kernel, "%s", report.kernel);
    double fits = PROGRAM_SECONDS / (seconds > 1e-6 ? seconds : 1e-6);
    uint32_t most = total < PROGRAM_OPS_MAX ? total : PROGRAM_OPS_MAX;
    uint32_t least = (total + PROGRAMS_MAX - 1) / PROGRAMS_MAX;
    self->program_ops = fits < least ? least : fits > most ? most : (uint32_t)fits;
    return status;
}

static tern_status make_programs(bench_rig *self, uint32_t total) {
    tern_status status = find_length(self, total);
    uint32_t count = (total + self->program_ops - 1) / self->program_ops;
    self->programs = calloc(count, sizeof *self->programs);
    if (!self->programs) {
        return TERN_STATUS_OUT_OF_MEMORY;
    }
    for (uint32_t i = 0; i < count && status == TERN_STATUS_OK; i++) {
        status = make_program(self, i * self->program_ops, self->program_ops, &self->programs[i]);
        self->program_count += status == TERN_STATUS_OK;
    }
    return status;
}

tern_status bench_rig_make(bench_rig *self, tern_device *device, const bench_case *the_case,
                           const bench_matrices *matrices, uint64_t footprint) {
    *self = (bench_rig){.device = device, .the_case = the_case, .matrices = matrices};
    uint32_t buffers = copies_for(the_case->bytes, footprint);
    bool product = the_case->op->usage == TERN_WEIGHTS_MATMUL && bench_op_picks(the_case->op) < 0;
    if (product && buffers > matrices->count) {
        buffers = matrices->count;
    }
    tern_status status = tern_buffer_create(device, the_case->bytes, &self->out);
    if (status == TERN_STATUS_OK) {
        status = make_buffers(self, buffers);
    }
    uint32_t total = matrices->count > buffers ? matrices->count : buffers;
    return status == TERN_STATUS_OK ? make_programs(self, total) : status;
}

void bench_rig_free(bench_rig *self) {
    for (uint32_t i = 0; i < self->program_count; i++) {
        tern_program_destroy(self->programs[i]);
    }
    for (uint32_t i = 0; i < self->buffer_count; i++) {
        tern_buffer_destroy(self->buffers[i]);
    }
    tern_buffer_destroy(self->out);
    free(self->programs);
    free(self->buffers);
    *self = (bench_rig){0};
}

static tern_status run_next(void *user) {
    bench_rig *self = user;
    tern_program *program = self->programs[self->next];
    self->next = (self->next + 1) % self->program_count;
    return run_program(program);
}

static tern_status run_stamped(bench_rig *self, samples *times) {
    uint64_t before = 0, after = 0;
    timestamps_read(self->device, &before);
    tern_status status = run_next(self);
    timestamps_read(self->device, &after);
    if (status == TERN_STATUS_OK) {
        samples_add(times, (double)(after - before) * 1e-9);
    }
    return status;
}

static tern_status measure_stamped(bench_rig *self, samples *times) {
    double begin = host_seconds();
    tern_status status = run_next(self);
    while (status == TERN_STATUS_OK && times->count < SAMPLES_MAX &&
           (times->count < times->least || host_seconds() - begin < times->seconds)) {
        status = run_stamped(self, times);
    }
    return status;
}

tern_status bench_rig_measure(bench_rig *self, samples *times, bool timestamps) {
    tern_status status =
        timestamps ? measure_stamped(self, times) : samples_take(times, run_next, self);
    for (uint32_t i = 0; i < times->count; i++) {
        times->values[i] /= self->program_ops;
    }
    return status;
}

tern_status bench_rig_result(bench_rig *self, uint8_t *out) {
    return tern_buffer_download(self->out, 0, out, self->the_case->bytes);
}
