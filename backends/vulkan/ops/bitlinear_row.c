#include "backends/vulkan/ops/bitlinear_row.h"

#include <stdio.h>

#include "backends/common/fuse.h"
#include "backends/common/report.h"
#include "backends/vulkan/choice.h"
#include "backends/vulkan/device.h"
#include "backends/vulkan/ops/ops.h"
#include "backends/vulkan/weights.h"

enum { MATRICES = 3 };

// INPUT of bitlinear.comp.
typedef enum row_input { INPUT_QUANTIZED, INPUT_PLAIN, INPUT_NORMED } row_input;

typedef enum row_form { FORM_PLAIN, FORM_THREE, FORM_GATED } row_form;

static const struct {
    tern_vk_shader pairs;
    tern_vk_shader int_dot;
    uint32_t matrices;
    uint32_t bindings;
} forms[] = {
    [FORM_PLAIN] = {TERN_VK_SHADER_bitlinear, TERN_VK_SHADER_bitlinear_int_dot, 1, 8},
    [FORM_THREE] = {TERN_VK_SHADER_bitlinear_three, TERN_VK_SHADER_bitlinear_three_int_dot, 3, 15},
    [FORM_GATED] = {TERN_VK_SHADER_bitlinear_gated, TERN_VK_SHADER_bitlinear_gated_int_dot, 2, 12},
};

// What one dispatch is to do.
typedef struct row_job {
    tern_vk_row_kernel kernel;
    row_form form;
    row_input input;
    tern_op_header head;
    tern_tensor x;       // or q
    tern_tensor factors; // of the norm, or the scale of q
    float eps;
    uint32_t count;
    struct {
        const tern_backend_weights *weights;
        tern_tensor bias;
        tern_tensor out;
    } matrices[MATRICES];
    tern_tensor residual;
    const tern_gated_desc *gated;
} row_job;

static uint32_t slices_of(const tern_backend_device *device, const row_job *job) {
    uint32_t most = device->limits.invocations / 64;
    return job->kernel.slices < most ? job->kernel.slices : most;
}

// The gated form has sums of two matrices in each invocation.
static uint32_t tiles_of(const row_job *job) {
    uint32_t tiles = job->kernel.tiles;
    return job->form == FORM_GATED && tiles > 1 ? tiles / 2 : tiles;
}

static uint64_t groups_of(const row_job *job) {
    uint64_t groups = 0;
    uint32_t outputs = 64 * tiles_of(job);
    for (uint32_t i = 0; i < (job->form == FORM_GATED ? 1 : job->count); i++) {
        groups += (job->matrices[i].weights->info.rows + outputs - 1) / outputs;
    }
    return groups;
}

static uint64_t shared_bytes(const tern_backend_device *device, const row_job *job) {
    uint64_t words = job->matrices[0].weights->layout.row_words;
    uint64_t sums = 2 * job->kernel.tiles;
    return 16 * words + 4 * (64 * slices_of(device, job) + words / 64 + 64 * sums + 16);
}

static bool same_scales(const tern_backend_weights *a, const tern_backend_weights *b) {
    return a->info.scale_kind == b->info.scale_kind;
}

static bool can_do(const tern_backend_device *device, const row_job *job) {
    bool fits = job->x.shape[0] == 1 && device->limits.bindings >= forms[job->form].bindings &&
                groups_of(job) <= device->limits.groups[0] &&
                shared_bytes(device, job) <= device->limits.shared;
    for (uint32_t i = 0; i < job->count; i++) {
        const tern_backend_weights *weights = job->matrices[i].weights;
        fits = fits && weights->segment_count == 1 &&
               weights->info.scale_kind != TERN_SCALE_GROUP &&
               same_scales(weights, job->matrices[0].weights);
    }
    return fits;
}

static tern_vk_matrix bind_matrix(tern_vk_plan *plan, tern_vk_step *step, const row_job *job,
                                  uint32_t i) {
    const tern_backend_weights *weights = job->matrices[i].weights;
    const tern_vk_segment *segment = weights ? &weights->segments[0] : NULL;
    const tern_vk_block *null_block = &plan->device->null_block;
    if (segment) {
        tern_vk_step_block(step, &segment->block, 0, segment->code_bytes);
    } else {
        tern_vk_step_block(step, null_block, 0, null_block->size);
    }
    if (segment && segment->scale_bytes) {
        tern_vk_step_block(step, &segment->block, segment->scale_offset, segment->scale_bytes);
    } else {
        tern_vk_step_block(step, null_block, 0, null_block->size);
    }
    const tern_tensor *bias = &job->matrices[i].bias;
    uint32_t bias_at = tern_vk_step_tensor(plan, step, bias, TERN_OPERAND_IN).offset;
    const tern_tensor *out = &job->matrices[i].out;
    uint32_t result = tern_vk_step_tensor(plan, step, out, TERN_OPERAND_OUT).offset;
    return (tern_vk_matrix){.outputs = weights ? weights->info.rows : 0,
                            .scale = weights ? weights->info.scale : 0.0f,
                            .bias = bias->buffer ? 1 + bias_at : 0,
                            .result = result};
}

// What comes after the matrices.
static void bind_last(tern_vk_plan *plan, tern_vk_step *step, const row_job *job,
                      tern_vk_push_bitlinear *push) {
    if (job->form == FORM_PLAIN) {
        uint32_t at = tern_vk_step_tensor(plan, step, &job->residual, TERN_OPERAND_IN).offset;
        push->last = job->residual.buffer ? 1 + at : 0;
    } else if (job->form == FORM_GATED) {
        const tern_tensor *out = &job->gated->out;
        push->last = tern_vk_step_tensor(plan, step, out, TERN_OPERAND_OUT).offset;
        push->written = (tern_same_view(out, &job->matrices[0].out) ? 0u : 1u) |
                        (tern_same_view(out, &job->matrices[1].out) ? 0u : 2u);
    }
}

static tern_status plan_kernel(tern_vk_plan *plan, const row_job *job) {
    const tern_backend_device *device = plan->device;
    const tern_backend_weights *weights = job->matrices[0].weights;
    tern_vk_step *step;
    tern_vk_push_bitlinear push = {
        .cols = weights->info.cols, .has_factors = job->factors.buffer != NULL, .eps = job->eps};
    TERN_TRY(tern_vk_plan_step(plan, &job->head, 1, &step, &push.rows));
    push.x = tern_vk_step_tensor(plan, step, &job->x, TERN_OPERAND_IN).offset;
    push.factors = tern_vk_step_tensor(plan, step, &job->factors, TERN_OPERAND_IN).offset;
    uint32_t matrices = forms[job->form].matrices;
    for (uint32_t i = 0; i < matrices; i++) {
        push.matrices[i] = bind_matrix(plan, step, job, i);
    }
    bind_last(plan, step, job, &push);
    bool int_dot = job->kernel.int_dot && device->features.int_dot;
    return tern_vk_plan_dispatch(
        plan, step,
        &(tern_vk_dispatch){
            .shader = int_dot ? forms[job->form].int_dot : forms[job->form].pairs,
            .spec = {slices_of(device, job), tiles_of(job), weights->info.scale_kind, job->input,
                     weights->layout.row_words, job->gated ? job->gated->activation : 0},
            .push = &push,
            .push_size = (uint32_t)(offsetof(tern_vk_push_bitlinear, matrices) +
                                    matrices * sizeof push.matrices[0]),
            .groups_x = groups_of(job),
            .groups_y = 1});
}

// Candidate |index| for a job: its weights, but rows and results of no one.
static tern_status plan_trial(tern_vk_plan *plan, const void *user, uint32_t index) {
    row_job job = *(const row_job *)user;
    const tern_vk_row_kernel *kernel = &tern_vk_row_kernels[index];
    const tern_backend_device *device = plan->device;
    const tern_tensor none = {NULL};
    bool quantized = job.input == INPUT_QUANTIZED;
    job.kernel = *kernel;
    if ((kernel->int_dot && !device->features.int_dot) ||
        slices_of(device, &job) < kernel->slices || !can_do(device, &job)) {
        return TERN_STATUS_UNSUPPORTED;
    }
    job.head.live = 0;
    job.x =
        tern_vk_plan_scratch(plan, quantized ? TERN_DTYPE_I8 : TERN_DTYPE_F32, 1, job.x.shape[1]);
    job.factors = quantized ? tern_vk_plan_scratch(plan, TERN_DTYPE_F32, 1, 1) : none;
    job.residual = none;
    for (uint32_t i = 0; i < job.count; i++) {
        uint32_t outputs = job.matrices[i].weights->info.rows;
        job.matrices[i].bias = none;
        job.matrices[i].out = tern_vk_plan_scratch(plan, TERN_DTYPE_F32, 1, outputs);
    }
    tern_gated_desc gated = {.activation = job.gated ? job.gated->activation : 0};
    if (job.gated) {
        gated.out = job.matrices[0].out;
        job.gated = &gated;
    }
    return plan_kernel(plan, &job);
}

static tern_status plan_job(tern_vk_plan *plan, row_job *job, bool *out_done) {
    const tern_backend_weights *weights = job->matrices[0].weights;
    uint32_t outputs[MATRICES] = {0};
    uint32_t index = TERN_VK_ROW_KERNELS;
    char shape[96];
    job->kernel = plan->device->variant->row;
    *out_done = can_do(plan->device, job);
    if (!*out_done) {
        return TERN_STATUS_OK;
    }
    for (uint32_t i = 0; i < job->count; i++) {
        outputs[i] = job->matrices[i].weights->info.rows;
    }
    snprintf(shape, sizeof shape, "a row, form %u, input %u, scales %u, %ux%u+%u+%u",
             (unsigned)job->form, (unsigned)job->input, (unsigned)weights->info.scale_kind,
             weights->info.cols, outputs[0], outputs[1], outputs[2]);
    TERN_TRY(tern_vk_choose(plan->device,
                            &(tern_vk_trial){shape, TERN_VK_ROW_KERNELS, plan_trial, job}, &index));
    if (index < TERN_VK_ROW_KERNELS) {
        job->kernel = tern_vk_row_kernels[index];
    }
    return plan_kernel(plan, job);
}

tern_status tern_vk_plan_bitlinear_row(tern_vk_plan *plan,
                                       const tern_bitlinear_desc *const *members, uint32_t count,
                                       const tern_gated_desc *gated, bool *out_done) {
    const tern_bitlinear_desc *first = members[0];
    row_job job = {.form = gated       ? FORM_GATED
                           : count > 1 ? FORM_THREE
                                       : FORM_PLAIN,
                   .input = first->norm == TERN_NORM_RMS ? INPUT_NORMED : INPUT_PLAIN,
                   .head = first->head,
                   .x = first->x,
                   .factors = first->norm_weight,
                   .eps = first->norm_eps,
                   .count = count,
                   .residual = first->residual,
                   .gated = gated};
    for (uint32_t i = 0; i < count; i++) {
        job.matrices[i].weights = tern_op_weights(members[i]->weights);
        job.matrices[i].bias = members[i]->bias;
        job.matrices[i].out = members[i]->out;
        if (count > 1 && members[i]->residual.buffer) {
            *out_done = false;
            return TERN_STATUS_OK;
        }
    }
    return plan_job(plan, &job, out_done);
}

tern_status tern_vk_plan_ternary_row(tern_vk_plan *plan, const tern_ternary_matmul_desc *desc,
                                     bool *out_done) {
    row_job job = {.form = FORM_PLAIN,
                   .input = INPUT_QUANTIZED,
                   .head = desc->head,
                   .x = desc->q,
                   .factors = desc->scale,
                   .count = 1};
    job.matrices[0].weights = tern_op_weights(desc->weights);
    job.matrices[0].bias = desc->bias;
    job.matrices[0].out = desc->out;
    return plan_job(plan, &job, out_done);
}
