#include "runtime/commands.h"

#include <string.h>

#include "runtime/allocator.h"
#include "runtime/buffer.h"
#include "runtime/ops/ops.h"
#include "runtime/program.h"
#include "runtime/status.h"

tern_status tern__list_append(tern__list *list, tern_op_kind kind, const void *desc) {
    tern_context *context = list->device->context;
    uint32_t size = tern__op_find(kind)->info.desc_size;
    if (list->count >= UINT32_MAX / 2) {
        return tern__fail(context, TERN_STATUS_OUT_OF_RANGE, "commands: a list holds %u ops",
                          UINT32_MAX / 2);
    }
    void *ops = list->ops;
    if (!tern__grow(context, &ops, &list->capacity, list->count + 1, sizeof *list->ops)) {
        return tern__fail_memory(context, (list->count + 1) * sizeof *list->ops, "a list of ops");
    }
    list->ops = ops;
    tern_op_header *copy = tern__alloc(context, size);
    if (!copy) {
        return tern__fail_memory(context, size, "an op");
    }
    memcpy(copy, desc, size);
    copy->struct_size = size;
    copy->kind = kind;
    list->ops[list->count++] = copy;
    return TERN_STATUS_OK;
}

void tern__list_clear(tern__list *list) {
    for (size_t i = 0; i < list->count; i++) {
        tern__free(list->device->context, list->ops[i]);
    }
    list->count = 0;
    list->scratch_bytes = 0;
}

void tern__list_finish(tern__list *list) {
    tern__list_clear(list);
    if (list->device) {
        tern__free(list->device->context, list->ops);
    }
    *list = (tern__list){.device = list->device};
}

tern_tensor tern__list_scratch(tern__list *list, tern_dtype dtype, uint32_t rank,
                               const uint32_t *shape) {
    // Every scratch tensor starts on a boundary that any device can bind.
    uint64_t offset = (list->scratch_bytes + 255) / 256 * 256;
    list->scratch_bytes = offset + tern_tensor_packed_bytes(dtype, rank, shape);
    return tern_tensor_make(list->scratch, offset, dtype, rank, shape);
}

static tern_status check_params(tern_device *device, const tern_tensor *params) {
    if (!params->buffer) {
        return TERN_STATUS_OK;
    }
    tern__check check = {device->context, device, "commands"};
    return tern__check_tensor(&check, "params", params, TERN__DTYPE(I32), 1);
}

tern_status tern_commands_create(tern_device *device, const tern_commands_desc *desc,
                                 tern_commands **out_commands) {
    static const tern_commands_desc none = {.struct_size = sizeof none};
    if (!device || !out_commands) {
        return tern__fail(device ? device->context : NULL, TERN_STATUS_INVALID_ARGUMENT,
                          "commands create: %s is NULL", device ? "out_commands" : "device");
    }
    *out_commands = NULL;
    desc = desc ? desc : &none;
    TERN_TRY(
        tern__check_size(device->context, "tern_commands_desc", desc->struct_size, sizeof *desc));
    TERN_TRY(tern__check_reserved(device->context, "tern_commands_desc", desc->reserved));
    TERN_TRY(check_params(device, &desc->params));
    tern_commands *commands = tern__calloc(device->context, 1, sizeof *commands);
    if (!commands) {
        return tern__fail_memory(device->context, sizeof *commands, "a list of ops");
    }
    commands->device = device;
    commands->list.device = device;
    commands->params = desc->params;
    *out_commands = commands;
    return TERN_STATUS_OK;
}

void tern_commands_destroy(tern_commands *commands) {
    if (commands) {
        tern__list_finish(&commands->list);
        tern__free(commands->device->context, commands);
    }
}

uint32_t tern_commands_count(const tern_commands *commands) {
    return commands ? (uint32_t)commands->list.count : 0;
}

const tern_op_header *tern_commands_op(const tern_commands *commands, uint32_t index) {
    return index < tern_commands_count(commands) ? commands->list.ops[index] : NULL;
}

tern_status tern_commands_finish(tern_commands *commands, tern_program **out_program) {
    if (!commands || !out_program) {
        return tern__fail(commands ? commands->device->context : NULL, TERN_STATUS_INVALID_ARGUMENT,
                          "commands finish: %s is NULL", commands ? "out_program" : "commands");
    }
    return tern__program_create(commands, out_program);
}
