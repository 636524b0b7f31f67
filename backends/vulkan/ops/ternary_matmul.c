#include <stdio.h>
#include <string.h>

#include "backends/common/report.h"
#include "backends/vulkan/choice.h"
#include "backends/vulkan/device.h"
#include "backends/vulkan/ops/bitlinear_row.h"
#include "backends/vulkan/ops/ops.h"
#include "backends/vulkan/weights.h"

// Words of 16 columns that ternary_gemm.comp holds at a time.
enum { CHUNK = 64 };

bool tern_vk_supports_ternary_matmul(tern_backend_device *device, const tern_op_header *op) {
    (void)device;
    const tern_ternary_matmul_desc *desc = (const tern_ternary_matmul_desc *)op;
    return tern_op_weights(desc->weights)->info.dtype == TERN_DTYPE_T2;
}

tern_vk_ternary tern_vk_step_ternary(tern_vk_plan *plan, tern_vk_step *step,
                                     const tern_backend_weights *weights, uint32_t index) {
    const tern_vk_segment *segment = &weights->segments[index];
    tern_vk_step_block(step, &segment->block, 0, segment->code_bytes);
    if (segment->scale_bytes) {
        tern_vk_step_block(step, &segment->block, segment->scale_offset, segment->scale_bytes);
    } else {
        tern_vk_step_block(step, &plan->device->null_block, 0, plan->device->null_block.size);
    }
    return (tern_vk_ternary){.words = weights->layout.row_words,
                             .groups = weights->layout.row_scales,
                             .group_words = weights->info.group_size / 16,
                             .scale = weights->info.scale};
}

// A ternary matmul with the residual that a bitlinear may add.
typedef struct product {
    const tern_ternary_matmul_desc *desc;
    const tern_tensor *residual;
} product;

// How many rows a workgroup holds, with no more than |rows| to do.
static uint32_t rows_held(const tern_vk_gemm_kernel *kernel, uint32_t rows) {
    return kernel->rows < rows ? kernel->rows : rows;
}

static void set_kernel(const tern_backend_device *device, const tern_vk_gemm_kernel *kernel,
                       const product *p, tern_vk_dispatch *dispatch) {
    tern_scale_kind scales = tern_op_weights(p->desc->weights)->info.scale_kind;
    uint32_t rows = p->desc->q.shape[0];
    bool int_dot = kernel->int_dot && device->features.int_dot;
    dispatch->groups_y = rows;
    if (scales == TERN_SCALE_GROUP) {
        dispatch->shader =
            int_dot ? TERN_VK_SHADER_ternary_matmul_int_dot : TERN_VK_SHADER_ternary_matmul;
        return;
    }
    uint32_t most = device->limits.invocations / 64;
    uint32_t groups = kernel->groups < most ? kernel->groups : most;
    uint32_t each = rows_held(kernel, rows);
    uint64_t tiles = (uint64_t)groups * kernel->tiles;
    const uint32_t spec[] = {groups, each, kernel->tiles, scales, CHUNK};
    dispatch->shader = int_dot ? TERN_VK_SHADER_ternary_gemm_int_dot : TERN_VK_SHADER_ternary_gemm;
    memcpy(dispatch->spec, spec, sizeof spec);
    dispatch->groups_x = (dispatch->groups_x + tiles - 1) / tiles;
    dispatch->groups_y = ((uint64_t)rows + each - 1) / each;
}

static tern_status plan_segment(tern_vk_plan *plan, const tern_vk_gemm_kernel *kernel,
                                const product *p, uint32_t index) {
    const tern_ternary_matmul_desc *desc = p->desc;
    const tern_tensor *residual = p->residual;
    const tern_backend_weights *weights = tern_op_weights(desc->weights);
    const tern_vk_segment *segment = &weights->segments[index];
    uint32_t rows = desc->q.shape[0];
    tern_vk_step *step;
    tern_vk_push_ternary_matmul push = {.outputs = segment->count,
                                        .q_words = (weights->info.cols + 3) / 4,
                                        .has_bias = desc->bias.buffer != NULL,
                                        .has_residual = residual->buffer != NULL};
    TERN_TRY(tern_vk_plan_step(plan, &desc->head, rows, &step, &push.rows));
    push.q = tern_vk_step_tensor(plan, step, &desc->q, TERN_OPERAND_IN);
    push.scale = tern_vk_step_tensor(plan, step, &desc->scale, TERN_OPERAND_IN).offset;
    push.weights = tern_vk_step_ternary(plan, step, weights, index);
    push.bias = tern_vk_step_tensor(plan, step, &desc->bias, TERN_OPERAND_IN).offset;
    push.bias += segment->first;
    push.residual = tern_vk_step_tensor(plan, step, residual, TERN_OPERAND_IN);
    push.residual.offset += segment->first;
    push.result = tern_vk_step_tensor(plan, step, &desc->out, TERN_OPERAND_OUT);
    push.result.offset += segment->first;
    tern_vk_dispatch dispatch = {.push = &push, .push_size = sizeof push};
    dispatch.groups_x = tern_vk_groups_of_64(segment->count);
    set_kernel(plan->device, kernel, p, &dispatch);
    return tern_vk_plan_dispatch(plan, step, &dispatch);
}

// Candidate |index| for a product with the first segment of its weights, by rows and to results of
// no one.
static tern_status plan_trial(tern_vk_plan *plan, const void *user, uint32_t index) {
    const tern_ternary_matmul_desc *wanted = user;
    const tern_vk_gemm_kernel *kernel = &tern_vk_gemm_kernels[index];
    const tern_vk_limits *limits = &plan->device->limits;
    const tern_tensor none = {NULL};
    uint32_t rows = wanted->q.shape[0];
    if ((kernel->int_dot && !plan->device->features.int_dot) ||
        limits->invocations < 64 * kernel->groups ||
        limits->shared < rows_held(kernel, rows) * (16 * CHUNK + 4)) {
        return TERN_STATUS_UNSUPPORTED;
    }
    tern_ternary_matmul_desc desc = {
        .head = wanted->head,
        .q = tern_vk_plan_scratch(plan, TERN_DTYPE_I8, rows, wanted->q.shape[1]),
        .scale = tern_vk_plan_scratch(plan, TERN_DTYPE_F32, 1, rows),
        .weights = wanted->weights,
        .out = tern_vk_plan_scratch(plan, TERN_DTYPE_F32, rows, wanted->out.shape[1])};
    desc.head.live = 0;
    return plan_segment(plan, kernel, &(product){&desc, &none}, 0);
}

static tern_status choose_kernel(tern_vk_plan *plan, const tern_ternary_matmul_desc *desc,
                                 tern_vk_gemm_kernel *out_kernel) {
    const tern_weights_info *info = &tern_op_weights(desc->weights)->info;
    uint32_t index = TERN_VK_GEMM_KERNELS;
    char shape[96];
    *out_kernel = plan->device->variant->gemm;
    if (info->scale_kind == TERN_SCALE_GROUP) {
        return TERN_STATUS_OK;
    }
    snprintf(shape, sizeof shape, "%u rows, scales %u, %ux%u", desc->q.shape[0],
             (unsigned)info->scale_kind, info->cols, info->rows);
    TERN_TRY(tern_vk_choose(
        plan->device, &(tern_vk_trial){shape, TERN_VK_GEMM_KERNELS, plan_trial, desc}, &index));
    if (index < TERN_VK_GEMM_KERNELS) {
        *out_kernel = tern_vk_gemm_kernels[index];
    }
    return TERN_STATUS_OK;
}

tern_status tern_vk_plan_ternary(tern_vk_plan *plan, const tern_ternary_matmul_desc *desc,
                                 const tern_tensor *residual) {
    const tern_backend_weights *weights = tern_op_weights(desc->weights);
    tern_vk_gemm_kernel kernel;
    TERN_TRY(choose_kernel(plan, desc, &kernel));
    for (uint32_t i = 0; i < weights->segment_count; i++) {
        TERN_TRY(plan_segment(plan, &kernel, &(product){desc, residual}, i));
    }
    return TERN_STATUS_OK;
}

tern_status tern_vk_plan_ternary_matmul(tern_vk_plan *plan, const tern_op_header *op) {
    tern_tensor none = {.buffer = NULL};
    bool done = false;
    TERN_TRY(tern_vk_plan_ternary_row(plan, (const tern_ternary_matmul_desc *)op, &done));
    return done ? TERN_STATUS_OK
                : tern_vk_plan_ternary(plan, (const tern_ternary_matmul_desc *)op, &none);
}
