#include "runtime/ops/ops.h"

#include "runtime/status.h"

#define EXTERN_OP(name, number, stem) extern const tern__op tern__op_##stem;
TERN_OP_LIST(EXTERN_OP)
#undef EXTERN_OP

static const tern__op *const table[TERN_OP_COUNT_] = {
#define TABLE_ROW(name, number, stem) [number] = &tern__op_##stem,
    TERN_OP_LIST(TABLE_ROW)
#undef TABLE_ROW
};

const tern__op *tern__op_find(tern_op_kind kind) {
    return kind < TERN_OP_COUNT_ ? table[kind] : NULL;
}

const tern_op_info *tern_op_describe(tern_op_kind kind) {
    const tern__op *op = tern__op_find(kind);
    return op ? &op->info : NULL;
}

tern_tensor *tern__op_tensor(const tern_operand_info *operand, void *desc) {
    return (tern_tensor *)(void *)((char *)desc + operand->offset);
}

tern_weights **tern__op_weights(const tern_operand_info *operand, void *desc) {
    return (tern_weights **)(void *)((char *)desc + operand->offset);
}

static tern_status check_head(const tern__check *check, const tern_commands *commands,
                              const tern_op_header *head) {
    TERN_TRY(tern__check_reserved(check->context, check->op, head->reserved));
    uint32_t words = commands->params.buffer ? commands->params.shape[0] : 0;
    if (head->live > words) {
        return tern__fail(check->context, TERN_STATUS_INVALID_ARGUMENT,
                          "%s: live is word %u, the parameter block has %u", check->op, head->live,
                          words);
    }
    return TERN_STATUS_OK;
}

static tern_status append(tern_commands *commands, const tern__op *op, const void *desc) {
    if (!commands || !desc) {
        return tern__fail(NULL, TERN_STATUS_INVALID_ARGUMENT, "%s: %s is NULL", op->info.name,
                          commands ? "the descriptor" : "the list");
    }
    tern__check check = {commands->device->context, commands->device, op->info.name};
    TERN_TRY(check_head(&check, commands, desc));
    TERN_TRY(op->check(&check, desc));
    return tern__list_append(&commands->list, op->info.kind, desc);
}

#define DEFINE_COMMAND(name, number, stem)                                                         \
    tern_status tern_cmd_##stem(tern_commands *commands, const tern_##stem##_desc *desc) {         \
        return append(commands, &tern__op_##stem, desc);                                           \
    }
TERN_OP_LIST(DEFINE_COMMAND)
#undef DEFINE_COMMAND
