#include "backends/vulkan/plan.h"

#include <string.h>

#include "backends/common/report.h"
#include "backends/common/sizes.h"
#include "backends/vulkan/device.h"

uint64_t tern_vk_tensor_span(const tern_tensor *tensor) {
    uint64_t elements = 1;
    for (uint32_t i = 0; i < tensor->rank; i++) {
        elements += (uint64_t)(tensor->shape[i] - 1) * tensor->strides[i];
    }
    return (elements * tern_element_bytes(tensor->dtype) + 3) & ~(uint64_t)3;
}

bool tern_vk_plan_fits(tern_backend_device *device, const tern_op_header *op) {
    const tern_op_info *info = device->host->op_info(device->host, op->kind);
    for (uint32_t i = 0; info && i < info->operand_count; i++) {
        tern_tensor tensor;
        if (info->operands[i].role == TERN_OPERAND_WEIGHTS) {
            continue;
        }
        memcpy(&tensor, (const unsigned char *)op + info->operands[i].offset, sizeof tensor);
        if (tensor.buffer &&
            tern_vk_tensor_span(&tensor) + device->limits.alignment > device->limits.range) {
            return false;
        }
    }
    return info != NULL;
}

static tern_status reserve(tern_vk_plan *plan) {
    if (plan->count < plan->capacity) {
        return TERN_STATUS_OK;
    }
    const tern_host *host = plan->device->host;
    size_t capacity = plan->capacity ? 2 * plan->capacity : 64;
    tern_vk_step *steps = tern_report_calloc(host, capacity, sizeof *steps);
    if (!steps) {
        return tern_report_no_memory(host, capacity * sizeof *steps, "the steps of a program");
    }
    if (plan->count) {
        memcpy(steps, plan->steps, plan->count * sizeof *steps);
    }
    host->release(host, plan->steps);
    plan->steps = steps;
    plan->capacity = capacity;
    return TERN_STATUS_OK;
}

static void bind(tern_vk_step *step, tern_vk_binding binding) {
    step->bindings[step->binding_count++] = binding;
}

tern_status tern_vk_plan_step(tern_vk_plan *plan, const tern_op_header *head, uint32_t rows,
                              tern_vk_step **out_step, tern_vk_rows *out_rows) {
    TERN_TRY(reserve(plan));
    tern_vk_step *step = &plan->steps[plan->count];
    memset(step, 0, sizeof *step);
    step->op = plan->op;
    step->op_count = plan->op_count;
    tern_tensor params = plan->params;
    if (!head->live) {
        params.buffer = NULL;
    }
    tern_vk_view view = tern_vk_step_tensor(plan, step, &params, TERN_OPERAND_IN);
    *out_rows = (tern_vk_rows){rows, head->live ? head->live + view.offset : 0};
    *out_step = step;
    return TERN_STATUS_OK;
}

tern_vk_view tern_vk_step_tensor(tern_vk_plan *plan, tern_vk_step *step, const tern_tensor *tensor,
                                 tern_operand_role role) {
    if (!tensor->buffer) {
        const tern_vk_block *null_block = &plan->device->null_block;
        bind(step, (tern_vk_binding){null_block, 0, null_block->size, 0});
        return (tern_vk_view){0, 0};
    }
    uint32_t bytes = tern_element_bytes(tensor->dtype);
    uint64_t rest = tensor->offset & (plan->device->limits.alignment - 1);
    bind(step, (tern_vk_binding){&tern_op_buffer(tensor)->block, tensor->offset - rest,
                                 rest + tern_vk_tensor_span(tensor), role});
    // A row of one dimension is the same for every row of an op.
    uint32_t stride = tensor->rank > 1 ? tensor->strides[0] : 0;
    return (tern_vk_view){(uint32_t)(rest / 4), (uint32_t)((uint64_t)stride * bytes / 4)};
}

void tern_vk_step_block(tern_vk_step *step, const tern_vk_block *block, uint64_t offset,
                        uint64_t size) {
    bind(step, (tern_vk_binding){block, offset, size, TERN_OPERAND_IN});
}

static uint32_t cut(uint64_t groups, uint32_t limit) {
    return groups < limit ? (uint32_t)groups : limit;
}

tern_status tern_vk_plan_dispatch(tern_vk_plan *plan, tern_vk_step *step,
                                  const tern_vk_dispatch *dispatch) {
    tern_backend_device *device = plan->device;
    step->shader = dispatch->shader;
    step->groups[0] = cut(dispatch->groups_x, device->limits.groups[0]);
    step->groups[1] = cut(dispatch->groups_y, device->limits.groups[1]);
    step->push_size = dispatch->push_size;
    memcpy(step->push, dispatch->push, dispatch->push_size);
    tern_vk_pipeline_key key = {.shader = dispatch->shader};
    memcpy(key.spec, dispatch->spec, sizeof key.spec);
    TERN_TRY(
        tern_vk_pipeline_get(device, &key, step->binding_count, step->push_size, &step->pipeline));
    plan->count++;
    return TERN_STATUS_OK;
}

tern_tensor tern_vk_plan_scratch(tern_vk_plan *plan, tern_dtype dtype, uint32_t rows,
                                 uint32_t cols) {
    uint32_t per_word = 4 / tern_element_bytes(dtype);
    uint32_t stride = (cols + per_word - 1) / per_word * per_word;
    tern_tensor tensor = {.buffer = (tern_buffer *)(void *)plan->scratch,
                          .offset = plan->scratch_used,
                          .dtype = dtype,
                          .rank = 2,
                          .shape = {rows, cols},
                          .strides = {stride, 1}};
    uint64_t align = plan->device->limits.alignment;
    plan->scratch_used += (tern_vk_tensor_span(&tensor) + align - 1) / align * align;
    if (plan->scratch_size < plan->scratch_used) {
        plan->scratch_size = plan->scratch_used;
    }
    return tensor;
}
