// Which op runs where: natively, composed from simpler ops, or on the reference companion.
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/buffer.h"
#include "runtime/ops/ops.h"
#include "runtime/program.h"
#include "runtime/status.h"
#include "runtime/weights.h"

bool tern__program_rewrite(const tern_op_header *op, tern__any_desc *out) {
    const tern_op_info *info = tern_op_describe(op->kind);
    memcpy(out, op, info->desc_size);
    for (uint32_t i = 0; i < info->operand_count; i++) {
        const tern_operand_info *operand = &info->operands[i];
        if (operand->role == TERN_OPERAND_WEIGHTS) {
            tern_weights **weights = tern__op_weights(operand, out);
            if (!(*weights)->handle) {
                return false;
            }
            *weights = (tern_weights *)(void *)(*weights)->handle;
            continue;
        }
        tern_tensor *tensor = tern__op_tensor(operand, out);
        if (tensor->buffer) {
            tensor->buffer = (tern_buffer *)(void *)tensor->buffer->handle;
        }
    }
    return true;
}

static bool is_native(tern_device *device, const tern_op_header *op) {
    tern__any_desc desc;
    if (!tern__program_rewrite(op, &desc)) {
        return false;
    }
    tern__mutex_lock(&device->lock);
    bool native = device->entry->ops.supports(device->handle, &desc.head) != 0;
    tern__mutex_unlock(&device->lock);
    return native;
}

static tern_status add_step(tern_program *program, const tern_op_header *op, uint32_t index,
                            bool native) {
    tern_context *context = program->device->context;
    size_t count = program->lowered.count;
    void *steps = program->steps;
    if (!tern__grow(context, &steps, &program->step_capacity, count + 1, sizeof *program->steps)) {
        return tern__fail_memory(context, (count + 1) * sizeof *program->steps, "a program");
    }
    program->steps = steps;
    TERN_TRY(tern__list_append(&program->lowered, op->kind, op));
    program->steps[count] = (tern__step){index, native};
    return TERN_STATUS_OK;
}

// Composed ops are worth it only where the device can do some of them.
static tern_status add_composed(tern_program *program, tern__list *parts, const tern_op_header *op,
                                uint32_t index) {
    bool any_native = false;
    for (size_t i = 0; i < parts->count && !any_native; i++) {
        any_native = is_native(program->device, parts->ops[i]);
    }
    if (!any_native) {
        return add_step(program, op, index, false);
    }
    for (size_t i = 0; i < parts->count; i++) {
        TERN_TRY(
            add_step(program, parts->ops[i], index, is_native(program->device, parts->ops[i])));
    }
    return TERN_STATUS_OK;
}

static tern_status lower_op(tern_program *program, tern__list *parts, const tern_op_header *op,
                            uint32_t index) {
    if (is_native(program->device, op)) {
        return add_step(program, op, index, true);
    }
    const tern__op *row = tern__op_find(op->kind);
    if (!row->compose) {
        return add_step(program, op, index, false);
    }
    tern__list_clear(parts);
    TERN_TRY(row->compose(parts, op));
    return add_composed(program, parts, op, index);
}

// Scratch that the largest composition needs; each op uses it from the start.
static tern_status measure_scratch(const tern_commands *commands, tern__list *parts,
                                   uint64_t *out_bytes) {
    *out_bytes = 0;
    for (size_t i = 0; i < commands->list.count; i++) {
        const tern_op_header *op = commands->list.ops[i];
        const tern__op *row = tern__op_find(op->kind);
        if (row->compose && !is_native(commands->device, op)) {
            tern__list_clear(parts);
            TERN_TRY(row->compose(parts, op));
            *out_bytes = parts->scratch_bytes > *out_bytes ? parts->scratch_bytes : *out_bytes;
        }
    }
    return TERN_STATUS_OK;
}

static tern_status check_fallback(tern_program *program) {
    tern_device *device = program->device;
    if (device->entry->backend->flags & TERN_BACKEND_FALLBACK) {
        return TERN_STATUS_OK;
    }
    for (size_t i = 0; i < program->lowered.count; i++) {
        if (!program->steps[i].native) {
            const tern_op_info *info = tern_op_describe(program->lowered.ops[i]->kind);
            return tern__fail(device->context, TERN_STATUS_UNSUPPORTED,
                              "op %u, %s, is not supported by %s device \"%s\", and its backend "
                              "allows no fallback",
                              program->steps[i].op, info->name, device->entry->name,
                              device->info.name);
        }
    }
    return TERN_STATUS_OK;
}

static tern_status lower_all(tern_program *program, const tern_commands *commands,
                             tern__list *parts) {
    uint64_t scratch = 0;
    TERN_TRY(measure_scratch(commands, parts, &scratch));
    if (scratch) {
        TERN_TRY(tern_buffer_create(program->device, scratch, &program->scratch));
    }
    parts->scratch = program->scratch;
    for (size_t i = 0; i < commands->list.count; i++) {
        TERN_TRY(lower_op(program, parts, commands->list.ops[i], (uint32_t)i));
    }
    return check_fallback(program);
}

tern_status tern__program_lower(tern_program *program, const tern_commands *commands) {
    tern__list parts = {.device = program->device};
    tern_status status = lower_all(program, commands, &parts);
    tern__list_finish(&parts);
    return status;
}
