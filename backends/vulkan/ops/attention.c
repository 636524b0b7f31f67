#include "backends/common/report.h"
#include "backends/vulkan/device.h"
#include "backends/vulkan/ops/cache.h"
#include "backends/vulkan/ops/ops.h"

// Shared memory of attention.comp besides the query: kept scores, a block's scores and weights,
// those of its values, the reduction's part, and some single words.
enum { SHARED_BYTES = 4 * (2048 + 4 * 64 + 16) };

// Workgroups along the blocks of a head; further blocks are taken in turns, so that a long context
// of which little is used costs little.
enum { BLOCK_GROUPS = 64 };
// Scratch that blocks may leave to be joined.
#define PARTS_BYTES ((uint64_t)64 << 20)

// Blocks that a row can touch: all, or those of its window.
static uint32_t most_blocks(const tern_attention_desc *desc) {
    uint32_t all = desc->table.shape[1];
    uint32_t touched = desc->window / TERN_KV_BLOCK + 2;
    return desc->window && touched < all ? touched : all;
}

static uint32_t heads_of(const tern_attention_desc *desc) {
    return desc->q.shape[1] / tern_vk_cache_dim(&desc->k_cache);
}

// No fewer rounds than the loops of attention.comp go through for |blocks| blocks of one row.
static uint64_t loops_of(const tern_attention_desc *desc, uint64_t blocks) {
    uint64_t dim = tern_vk_cache_dim(&desc->k_cache);
    uint64_t dot = dim / 4 + 40 * (dim / 1024 + 1) + 2;
    uint64_t values = 18 * tern_vk_groups_of_64(dim);
    return blocks * (2 * dot + values + 40) + 16;
}

static uint32_t groups_of(const tern_attention_desc *desc) {
    uint32_t blocks = most_blocks(desc);
    return blocks < BLOCK_GROUPS ? blocks : BLOCK_GROUPS;
}

// Floats that the blocks of a row leave.
static uint64_t row_parts(const tern_attention_desc *desc) {
    return (uint64_t)heads_of(desc) * most_blocks(desc) * (tern_vk_cache_dim(&desc->k_cache) + 2);
}

// Whether this device can do each block in a workgroup of its own.
static bool can_split(const tern_backend_device *device, const tern_attention_desc *desc) {
    uint64_t blocks = most_blocks(desc);
    uint64_t bytes = 4 * desc->q.shape[0] * row_parts(desc);
    uint64_t turns = (blocks + BLOCK_GROUPS - 1) / BLOCK_GROUPS;
    uint64_t join = blocks * (tern_vk_groups_of_64(tern_vk_cache_dim(&desc->k_cache)) + 3);
    return blocks > 1 && bytes <= PARTS_BYTES && bytes + 4096 <= device->limits.range &&
           (uint64_t)heads_of(desc) * groups_of(desc) <= device->limits.groups[0] &&
           loops_of(desc, turns) <= device->limits.loops && join <= device->limits.loops;
}

static bool can_do_whole(const tern_backend_device *device, const tern_attention_desc *desc) {
    return loops_of(desc, most_blocks(desc)) <= device->limits.loops;
}

// Where a workgroup for each head of each row leaves the device idle, the blocks are shared out.
static bool splits(const tern_backend_device *device, const tern_attention_desc *desc) {
    bool few = (uint64_t)heads_of(desc) * desc->q.shape[0] < device->variant->attention_groups;
    return can_split(device, desc) && (few || !can_do_whole(device, desc));
}

bool tern_vk_supports_attention(tern_backend_device *device, const tern_op_header *op) {
    const tern_attention_desc *desc = (const tern_attention_desc *)op;
    return tern_vk_cache_known(&desc->k_cache) &&
           4 * (uint64_t)tern_vk_cache_dim(&desc->k_cache) + SHARED_BYTES <=
               device->limits.shared &&
           heads_of(desc) <= device->limits.groups[0] &&
           (can_do_whole(device, desc) || can_split(device, desc));
}

// The whole of it to desc->out, or the blocks to |parts|, unless NULL.
static tern_status plan_heads(tern_vk_plan *plan, const tern_attention_desc *desc,
                              const tern_tensor *parts) {
    uint32_t head_dim = tern_vk_cache_dim(&desc->k_cache);
    uint32_t heads = heads_of(desc);
    tern_vk_step *step;
    tern_vk_push_attention push = {
        .group = heads / desc->k_cache.shape[1], .scale = desc->scale, .window = desc->window};
    TERN_TRY(tern_vk_plan_step(plan, &desc->head, desc->q.shape[0], &step, &push.rows));
    push.q = tern_vk_step_tensor(plan, step, &desc->q, TERN_OPERAND_IN);
    push.k_cache = tern_vk_step_cache(plan, step, &desc->k_cache, TERN_OPERAND_IN);
    push.v_cache = tern_vk_step_cache(plan, step, &desc->v_cache, TERN_OPERAND_IN);
    const tern_tensor *const tensors[] = {&desc->positions, &desc->sequences, &desc->table};
    push.blocks = tern_vk_step_blocks(plan, step, tensors, desc->k_cache.shape[0]);
    push.result = tern_vk_step_tensor(plan, step, parts ? parts : &desc->out, TERN_OPERAND_OUT);
    uint32_t groups = parts ? groups_of(desc) : 1;
    return tern_vk_plan_dispatch(
        plan, step,
        &(tern_vk_dispatch){.shader =
                                parts ? TERN_VK_SHADER_attention_blocks : TERN_VK_SHADER_attention,
                            .spec = {head_dim, desc->k_cache.dtype, groups, most_blocks(desc)},
                            .push = &push,
                            .push_size = sizeof push,
                            .groups_x = (uint64_t)heads * groups,
                            .groups_y = desc->q.shape[0]});
}

static tern_status plan_join(tern_vk_plan *plan, const tern_attention_desc *desc,
                             const tern_tensor *parts) {
    tern_vk_step *step;
    tern_vk_push_attention_join push = {.places = desc->table.shape[1] * TERN_KV_BLOCK,
                                        .window = desc->window};
    TERN_TRY(tern_vk_plan_step(plan, &desc->head, desc->q.shape[0], &step, &push.rows));
    push.positions = tern_vk_step_tensor(plan, step, &desc->positions, TERN_OPERAND_IN).offset;
    push.parts = tern_vk_step_tensor(plan, step, parts, TERN_OPERAND_IN);
    push.result = tern_vk_step_tensor(plan, step, &desc->out, TERN_OPERAND_OUT);
    return tern_vk_plan_dispatch(
        plan, step,
        &(tern_vk_dispatch){.shader = TERN_VK_SHADER_attention_join,
                            .spec = {tern_vk_cache_dim(&desc->k_cache), most_blocks(desc)},
                            .push = &push,
                            .push_size = sizeof push,
                            .groups_x = heads_of(desc),
                            .groups_y = desc->q.shape[0]});
}

tern_status tern_vk_plan_attention(tern_vk_plan *plan, const tern_op_header *op) {
    const tern_attention_desc *desc = (const tern_attention_desc *)op;
    if (!splits(plan->device, desc)) {
        return plan_heads(plan, desc, NULL);
    }
    tern_tensor parts =
        tern_vk_plan_scratch(plan, TERN_DTYPE_F32, desc->q.shape[0], (uint32_t)row_parts(desc));
    TERN_TRY(plan_heads(plan, desc, &parts));
    return plan_join(plan, desc, &parts);
}
