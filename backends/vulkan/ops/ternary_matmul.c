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

// Shared memory of ternary_gemm.comp: activations, their sums, and what slices join.
static uint32_t shared_bytes(const tern_vk_gemm_kernel *kernel) {
    uint32_t joined = kernel->slices > 1 ? 64 * kernel->rows * kernel->tiles : 1;
    return kernel->rows * (16 * CHUNK + 4) + 4 * joined;
}

// |kernel| as this device runs it for |rows| rows.
static tern_vk_gemm_kernel fit(const tern_backend_device *device, const tern_vk_gemm_kernel *kernel,
                               uint32_t rows) {
    tern_vk_gemm_kernel fits = *kernel;
    uint32_t most = device->limits.invocations / 64;
    fits.rows = fits.rows < rows ? fits.rows : rows;
    fits.slices = fits.slices < most ? fits.slices : most;
    fits.int_dot = fits.int_dot && device->features.int_dot;
    if (shared_bytes(&fits) > device->limits.shared) {
        fits.slices = 1;
    }
    return fits;
}

static void set_kernel(const tern_backend_device *device, const tern_vk_gemm_kernel *wanted,
                       const product *p, tern_vk_dispatch *dispatch) {
    tern_scale_kind scales = tern_op_weights(p->desc->weights)->info.scale_kind;
    uint32_t rows = p->desc->q.shape[0];
    uint64_t tiles = dispatch->groups_x;
    tern_vk_gemm_kernel kernel = fit(device, wanted, rows);
    dispatch->groups_y = rows;
    if (scales == TERN_SCALE_GROUP) {
        dispatch->shader =
            kernel.int_dot ? TERN_VK_SHADER_ternary_matmul_int_dot : TERN_VK_SHADER_ternary_matmul;
        return;
    }
    const uint32_t spec[] = {kernel.slices, kernel.rows, kernel.tiles, scales, CHUNK};
    dispatch->shader =
        kernel.int_dot ? TERN_VK_SHADER_ternary_gemm_int_dot : TERN_VK_SHADER_ternary_gemm;
    memcpy(dispatch->spec, spec, sizeof spec);
    dispatch->groups_x = ((uint64_t)rows + kernel.rows - 1) / kernel.rows;
    dispatch->groups_y = (tiles + kernel.tiles - 1) / kernel.tiles;
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
    const tern_tensor none = {NULL};
    uint32_t rows = wanted->q.shape[0];
    tern_vk_gemm_kernel fits = fit(plan->device, kernel, rows);
    if (fits.int_dot != kernel->int_dot || fits.slices != kernel->slices ||
        shared_bytes(&fits) > plan->device->limits.shared) {
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
