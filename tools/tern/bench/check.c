#include "tools/tern/bench/check.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 4, OUTPUTS = 16, ENDS = 2 };

typedef struct check {
    const bench_case *whole;
    const uint8_t *memory; // of the whole case
    bench_case part;
    uint32_t *rows; // of the whole, for each of the part
    uint32_t row_count;
    uint32_t outputs[ENDS * BENCH_EXPERTS]; // likewise
    uint32_t output_count;
    uint8_t *result; // of the part
} check;

// |count| of |total|, spread over all, first and last among them.
static uint32_t spread_out(uint32_t *out, uint32_t count, uint32_t total) {
    count = count < total ? count : total;
    for (uint32_t i = 0; i < count; i++) {
        out[i] = count > 1 ? (uint32_t)((uint64_t)i * (total - 1) / (count - 1)) : 0;
    }
    return count;
}

// A lookup's matrix is made of the rows that the sampled ids name, which are then 0, 1, ...
static void pick_ids(check *self) {
    uint8_t *ids = self->part.image + self->part.views[0].offset;
    for (uint32_t i = 0; i < self->row_count; i++) {
        memcpy(&self->outputs[i], ids + i * 4, 4);
        memcpy(ids + i * 4, &i, 4);
    }
    self->output_count = self->row_count;
}

// Of every expert the first output and the last.
static void pick_ends(check *self) {
    uint32_t n = self->whole->shape.n;
    for (uint32_t e = 0; e < BENCH_EXPERTS; e++) {
        self->outputs[ENDS * e] = e * n;
        self->outputs[ENDS * e + 1] = e * n + n - 1;
    }
    self->output_count = ENDS;
}

static bool take_sample(check *self) {
    const bench_case *whole = self->whole;
    bool lookup = whole->op->usage == TERN_WEIGHTS_GATHER;
    // What a kv_append leaves is a cache, and a recurrence goes from row to row: all are wanted.
    bool all = whole->op->kind == TERN_OP_KV_APPEND || whole->op->kind == TERN_OP_RECURRENCE;
    uint32_t most = all ? whole->shape.rows : ROWS;
    self->rows = calloc(whole->shape.rows, sizeof *self->rows);
    if (!self->rows) {
        return false;
    }
    self->row_count = spread_out(self->rows, most, whole->shape.rows);
    if (whole->op->kind == TERN_OP_EXPERT_BITLINEAR) {
        pick_ends(self);
    } else if (whole->shape.n) {
        self->output_count = spread_out(self->outputs, OUTPUTS, whole->shape.n);
    }
    uint32_t n = lookup ? self->row_count : self->output_count;
    if (!bench_case_sample(&self->part, whole, self->rows, self->row_count, n)) {
        return false;
    }
    if (lookup) {
        pick_ids(self);
    }
    self->result = malloc((size_t)self->part.bytes);
    return self->result != NULL;
}

static tern_status run_list(tern_device *device, check *self, tern_buffer *buffer,
                            tern_weights *weights) {
    tern_commands *list = NULL;
    tern_program *program = NULL;
    tern_status status = tern_commands_create(device, NULL, &list);
    if (status == TERN_STATUS_OK) {
        status = bench_case_append(&self->part, buffer, buffer, weights, list);
    }
    if (status == TERN_STATUS_OK) {
        status = tern_commands_finish(list, &program);
    }
    if (status == TERN_STATUS_OK) {
        status = tern_program_submit(program, NULL, NULL);
    }
    if (status == TERN_STATUS_OK) { // after everything submitted before has finished
        status = tern_buffer_download(buffer, 0, self->result, self->part.bytes);
    }
    tern_program_destroy(program);
    tern_commands_destroy(list);
    return status;
}

static tern_status run_part(tern_device *device, check *self, const bench_pool *pool) {
    tern_buffer *buffer = NULL;
    tern_weights *weights = NULL;
    tern_status status = tern_buffer_create(device, self->part.bytes, &buffer);
    if (status == TERN_STATUS_OK) {
        status = tern_buffer_upload(buffer, 0, self->part.image, self->part.bytes);
    }
    if (status == TERN_STATUS_OK && self->whole->op->usage) {
        uint32_t rows = bench_op_matrix_rows(self->whole->op, self->part.shape);
        status = bench_matrix_make(device, pool, rows, self->part.shape.k, self->whole->op->usage,
                                   self->outputs, &weights);
    }
    if (status == TERN_STATUS_OK) {
        status = run_list(device, self, buffer, weights);
    }
    tern_weights_destroy(weights);
    tern_buffer_destroy(buffer);
    return status;
}

// The ends of what each slot has, in a row of the part and in one of the whole.
static bool same_ends(const check *self, const uint8_t *want, const uint8_t *got) {
    size_t n = self->whole->shape.n;
    for (uint32_t s = 0; s < BENCH_SLOTS; s++) {
        if (memcmp(want + ENDS * s * 4, got + s * n * 4, 4) != 0 ||
            memcmp(want + (ENDS * s + 1) * 4, got + (s * n + n - 1) * 4, 4) != 0) {
            return false;
        }
    }
    return true;
}

// Row |r| of the part's result |index| against the whole's.
static bool same_row(const check *self, uint32_t index, uint32_t r) {
    const tern_tensor *part = &self->part.views[index];
    const tern_tensor *whole = &self->whole->views[index];
    size_t part_size = (size_t)bench_view_row_bytes(part);
    size_t whole_size = (size_t)bench_view_row_bytes(whole);
    const uint8_t *want = self->result + part->offset + r * part_size;
    const uint8_t *got = self->memory + whole->offset + self->rows[r] * whole_size;
    if (self->whole->op->operands[index].extent == EXTENT_R_SN) {
        return same_ends(self, want, got);
    }
    if (self->whole->op->operands[index].extent != EXTENT_R_N) {
        return memcmp(want, got, part_size) == 0;
    }
    for (uint32_t i = 0; i < self->output_count; i++) { // float32, all of them
        if (memcmp(want + i * 4, got + self->outputs[i] * (size_t)4, 4) != 0) {
            return false;
        }
    }
    return true;
}

static bool same_view(const check *self, uint32_t index) {
    const tern_tensor *view = &self->part.views[index];
    if (self->whole->op->operands[index].extent == EXTENT_CACHE_WRITTEN) {
        size_t size = (size_t)tern_tensor_packed_bytes(view->dtype, view->rank, view->shape);
        return memcmp(self->result + view->offset, self->memory + self->whole->views[index].offset,
                      size) == 0;
    }
    for (uint32_t r = 0; r < self->row_count; r++) {
        if (!same_row(self, index, r)) {
            return false;
        }
    }
    return true;
}

tern_status bench_check(tern_device *reference, const bench_case *the_case, const bench_pool *pool,
                        const uint8_t *memory, bool *out_ok) {
    check self = {.whole = the_case, .memory = memory};
    tern_status status = TERN_STATUS_OUT_OF_MEMORY;
    if (take_sample(&self)) {
        status = run_part(reference, &self, pool);
    }
    *out_ok = status == TERN_STATUS_OK;
    for (uint32_t i = 0; *out_ok && i < BENCH_OPERANDS && the_case->op->operands[i].name; i++) {
        *out_ok = the_case->op->operands[i].fill != FILL_RESULT || same_view(&self, i);
    }
    bench_case_free(&self.part);
    free(self.rows);
    free(self.result);
    return status;
}
