#include "backends/vulkan/ops/ops.h"

static const tern_vk_op table[] = {
#define ROW(name, number, stem) {TERN_OP_##name, tern_vk_supports_##stem, tern_vk_plan_##stem},
    TERN_OP_LIST(ROW)
#undef ROW
};

const tern_vk_op *tern_vk_op_find(tern_op_kind kind) {
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].kind == kind) {
            return &table[i];
        }
    }
    return NULL;
}
