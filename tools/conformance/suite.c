#include "tools/conformance/suite.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/conformance/ftz.h"
#include "tools/conformance/report.h"

uint32_t suite_pick(const suite *self, uint32_t tiny, uint32_t quick, uint32_t full) {
    return self->level == LEVEL_TINY ? tiny : self->level == LEVEL_QUICK ? quick : full;
}

suite_test *suite_begin(suite *self, const char *format, ...) {
    // Without the memory for a test there is nothing that could be reported either.
    static suite_test the_test;
    suite_test *test = &the_test;
    *test = (suite_test){.suite = self, .submit_count = 1};
    test->number = report_next(self->row);
    test->random = rng_make(report_name(self->row), test->number);
    test->layout = (suite_layout)rng_below(&test->random, LAYOUT_COUNT);
    va_list list;
    va_start(list, format);
    vsnprintf(test->label, sizeof test->label, format, list);
    va_end(list);
    return test;
}

void suite_decide(suite_test *test, suite_verdict verdict, const char *format, ...) {
    if (test->verdict != VERDICT_PASSED) {
        return;
    }
    va_list list;
    va_start(list, format);
    vsnprintf(test->message, sizeof test->message, format, list);
    va_end(list);
    test->verdict = verdict;
}

void suite_decide_status(suite_test *test, int side, tern_status status, const char *call) {
    bool tested = side == SIDE_TESTED;
    test->suite->lost = test->suite->lost || (tested && status == TERN_STATUS_DEVICE_LOST);
    suite_decide(test,
                 tested && status == TERN_STATUS_UNSUPPORTED ? VERDICT_SKIPPED : VERDICT_FAILED,
                 "%s%s: %s", tested ? "" : "reference: ", call, tern_last_error_message());
}

void suite_op(suite_test *test, tern_op_kind kind, void *desc, size_t size) {
    tern_op_header *copy = malloc(size);
    if (!copy || test->op_count == SUITE_OPS) {
        free(copy);
        suite_decide(test, VERDICT_FAILED, "no room for an op");
        return;
    }
    memcpy(copy, desc, size);
    copy->struct_size = (uint32_t)size;
    copy->kind = kind;
    copy->live = test->limited ? 1 : 0; // word 0 of the parameter block: see suite_live
    test->ops[test->op_count++] = copy;
}

static void bind_tensor(tern_tensor *view, int side) {
    suite_memory *memory = (suite_memory *)(void *)view->buffer;
    view->buffer = memory ? memory->on[side] : NULL;
}

// Puts the objects of |side| where the test's description holds its own.
static void bind_op(tern_op_header *op, int side) {
    const tern_op_info *info = tern_op_describe(op->kind);
    for (uint32_t i = 0; i < info->operand_count; i++) {
        void *member = (char *)op + info->operands[i].offset;
        if (info->operands[i].role == TERN_OPERAND_WEIGHTS) {
            tern_weights **weights = member;
            suite_matrix_data *data = (suite_matrix_data *)(void *)*weights;
            *weights = data ? data->on[side] : NULL;
        } else {
            bind_tensor(member, side);
        }
    }
}

static tern_status append(tern_commands *commands, const tern_op_header *op) {
    switch (op->kind) {
#define CASE(name, number, stem)                                                                   \
    case TERN_OP_##name:                                                                           \
        return tern_cmd_##stem(commands, (const tern_##stem##_desc *)(const void *)op);
        TERN_OP_LIST(CASE)
#undef CASE
    default:
        return TERN_STATUS_INTERNAL;
    }
}

static tern_status append_bound(suite_test *test, tern_commands *commands, int side) {
    for (uint32_t i = 0; i < test->op_count; i++) {
        tern_op_header *op = malloc(test->ops[i]->struct_size);
        if (!op) {
            return TERN_STATUS_OUT_OF_MEMORY;
        }
        memcpy(op, test->ops[i], test->ops[i]->struct_size);
        bind_op(op, side);
        tern_status status = append(commands, op);
        free(op);
        if (status != TERN_STATUS_OK) {
            return status;
        }
    }
    return TERN_STATUS_OK;
}

static tern_status compile(suite_test *test, int side, tern_program **program) {
    tern_commands_desc desc = {.struct_size = sizeof desc, .params = test->params};
    bind_tensor(&desc.params, side);
    tern_commands *commands = NULL;
    tern_status status = tern_commands_create(test->suite->device[side], &desc, &commands);
    if (status == TERN_STATUS_OK) {
        status = append_bound(test, commands, side);
    }
    if (status == TERN_STATUS_OK) {
        status = tern_commands_finish(commands, program);
    }
    tern_commands_destroy(commands);
    return status;
}

static tern_status submit_all(suite_test *test, tern_program *program) {
    tern_fence fence = {0};
    for (uint32_t s = 0; s < test->submit_count; s++) {
        tern_submit_desc desc = {sizeof desc, test->params.buffer ? SUITE_WORDS : 0,
                                 test->words[s]};
        tern_status status = tern_program_submit(program, &desc, &fence);
        if (status != TERN_STATUS_OK) {
            return status;
        }
    }
    tern_status polled = tern_fence_wait(fence, 0);
    return polled == TERN_STATUS_TIMEOUT ? tern_fence_wait(fence, UINT64_MAX) : polled;
}

static tern_status upload(suite_test *test, int side) {
    for (uint32_t i = 0; i < test->memory_count; i++) {
        suite_memory *memory = &test->memories[i];
        tern_status status =
            tern_buffer_create(test->suite->device[side], memory->size, &memory->on[side]);
        if (status == TERN_STATUS_OK) {
            status = tern_buffer_upload(memory->on[side], 0, memory->before, memory->size);
        }
        if (status != TERN_STATUS_OK) {
            return status;
        }
    }
    return TERN_STATUS_OK;
}

static tern_status download(suite_test *test, int side) {
    for (uint32_t i = 0; i < test->memory_count; i++) {
        suite_memory *memory = &test->memories[i];
        memory->after[side] = malloc(memory->size);
        if (!memory->after[side]) {
            return TERN_STATUS_OUT_OF_MEMORY;
        }
        tern_status status =
            tern_buffer_download(memory->on[side], 0, memory->after[side], memory->size);
        if (status != TERN_STATUS_OK) {
            return status;
        }
    }
    return TERN_STATUS_OK;
}

// The report is of the device under test; its own row counts only its own op.
static void note_placements(suite_test *test, tern_program *program) {
    for (uint32_t i = 0; i < test->op_count; i++) {
        tern_op_report report = {.struct_size = sizeof report};
        if (tern_program_report(program, i, &report) == TERN_STATUS_OK) {
            report_placement(test->suite->row, &report);
        } else {
            suite_decide_status(test, SIDE_TESTED, TERN_STATUS_INTERNAL, "report");
        }
    }
}

static bool try_step(suite_test *test, int side, tern_status status, const char *call) {
    if (status != TERN_STATUS_OK) {
        suite_decide_status(test, side, status, call);
    }
    return status == TERN_STATUS_OK;
}

static void run_program(suite_test *test, int side) {
    tern_program *program = NULL;
    if (try_step(test, side, compile(test, side, &program), "compile") &&
        try_step(test, side, submit_all(test, program), "submit") &&
        try_step(test, side, download(test, side), "download") && side == SIDE_TESTED) {
        note_placements(test, program);
    }
    tern_program_destroy(program);
}

static void run_side(suite_test *test, int side) {
    if (try_step(test, side, suite_matrices_create(test, side), "weights") &&
        try_step(test, side, upload(test, side), "buffer")) {
        run_program(test, side);
    }
}

static void run_test(suite_test *test) {
    run_side(test, SIDE_REFERENCE);
    if (test->verdict != VERDICT_PASSED) {
        return;
    }
    ftz_state saved = ftz_set(test->suite->ftz);
    run_side(test, SIDE_TESTED);
    ftz_restore(saved);
    if (test->verdict == VERDICT_PASSED) {
        suite_compare(test);
    }
}

static void free_test(suite_test *test) {
    for (uint32_t i = 0; i < test->op_count; i++) {
        free(test->ops[i]);
    }
    for (uint32_t i = 0; i < test->memory_count; i++) {
        suite_memory *memory = &test->memories[i];
        for (int side = 0; side < SIDES; side++) {
            tern_buffer_destroy(memory->on[side]);
            free(memory->after[side]);
        }
        free(memory->before);
        free(memory->rule);
    }
    for (uint32_t i = 0; i < test->matrix_count; i++) {
        for (int side = 0; side < SIDES; side++) {
            tern_weights_destroy(test->matrices[i].on[side]);
        }
        free(test->matrices[i].codes);
        free(test->matrices[i].scales);
    }
}

bool suite_wanted(const suite_test *test) {
    const suite *self = test->suite;
    return (!self->only || self->only == test->number) && !self->lost;
}

void suite_end(suite_test *test) {
    suite *self = test->suite;
    bool wanted = suite_wanted(test);
    if (wanted && test->verdict == VERDICT_PASSED && test->op_count) {
        run_test(test);
    }
    free_test(test);
    if (wanted) {
        report_test(self->row, test);
    }
}
