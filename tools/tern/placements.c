#include "tools/tern/placements.h"

#include <stdio.h>
#include <string.h>

enum { ROWS = 2, WIDTH = 64, HEADS = 2, HEAD_DIM = 32, BYTES = 1 << 16 };

// What the sample ops are made of: everything lies at its own place in one buffer.
typedef struct sample {
    tern_buffer *buffer;
    tern_weights *ternary, *dense;
    uint64_t used;
} sample;

static tern_tensor tensor(sample *s, tern_dtype dtype, uint32_t rank, const uint32_t *shape) {
    tern_tensor view = tern_tensor_make(s->buffer, s->used, dtype, rank, shape);
    s->used += tern_tensor_packed_bytes(dtype, rank, shape);
    return view;
}

static tern_tensor matrix(sample *s, tern_dtype dtype) {
    return tensor(s, dtype, 2, (const uint32_t[]){ROWS, WIDTH});
}

static tern_tensor vector(sample *s, tern_dtype dtype, uint32_t count) {
    return tensor(s, dtype, 1, &count);
}

static tern_tensor cache(sample *s) {
    return tensor(s, TERN_DTYPE_F16, 4, (const uint32_t[]){1, HEADS, TERN_KV_BLOCK, HEAD_DIM});
}

static tern_status append_products(sample *s, tern_commands *list, tern_op_kind kind) {
    tern_tensor x = matrix(s, TERN_DTYPE_F32);
    tern_tensor out = matrix(s, TERN_DTYPE_F32);
    tern_tensor q = matrix(s, TERN_DTYPE_I8);
    tern_tensor scale = vector(s, TERN_DTYPE_F32, ROWS);
    tern_tensor ids = vector(s, TERN_DTYPE_I32, ROWS);
    switch (kind) {
    case TERN_OP_QUANTIZE_ACT:
        return tern_cmd_quantize_act(list,
                                     &(tern_quantize_act_desc){.x = x, .q = q, .scale = scale});
    case TERN_OP_TERNARY_MATMUL:
        return tern_cmd_ternary_matmul(
            list,
            &(tern_ternary_matmul_desc){.q = q, .scale = scale, .weights = s->ternary, .out = out});
    case TERN_OP_BITLINEAR:
        return tern_cmd_bitlinear(list, &(tern_bitlinear_desc){.x = x,
                                                               .norm = TERN_NORM_RMS,
                                                               .norm_eps = 1e-5f,
                                                               .weights = s->ternary,
                                                               .out = out});
    case TERN_OP_LINEAR:
        return tern_cmd_linear(list, &(tern_linear_desc){.x = x, .weights = s->dense, .out = out});
    default:
        return tern_cmd_embedding(
            list, &(tern_embedding_desc){.ids = ids, .weights = s->dense, .out = out});
    }
}

static tern_status append_attention(sample *s, tern_commands *list, tern_op_kind kind) {
    tern_tensor q = matrix(s, TERN_DTYPE_F32);
    tern_tensor out = matrix(s, TERN_DTYPE_F32);
    tern_tensor keys = cache(s);
    tern_tensor values = cache(s);
    tern_tensor positions = vector(s, TERN_DTYPE_I32, ROWS);
    tern_tensor sequences = vector(s, TERN_DTYPE_I32, ROWS);
    tern_tensor table = tensor(s, TERN_DTYPE_I32, 2, (const uint32_t[]){1, 1});
    tern_tensor angles = tensor(s, TERN_DTYPE_F32, 2, (const uint32_t[]){ROWS, HEAD_DIM});
    switch (kind) {
    case TERN_OP_ROTARY:
        return tern_cmd_rotary(
            list,
            &(tern_rotary_desc){
                .x = q, .table = angles, .positions = positions, .head_dim = HEAD_DIM, .out = out});
    case TERN_OP_KV_APPEND:
        return tern_cmd_kv_append(list, &(tern_kv_append_desc){.k = q,
                                                               .v = out,
                                                               .k_cache = keys,
                                                               .v_cache = values,
                                                               .positions = positions,
                                                               .sequences = sequences,
                                                               .table = table});
    default:
        return tern_cmd_attention(list, &(tern_attention_desc){.q = q,
                                                               .k_cache = keys,
                                                               .v_cache = values,
                                                               .positions = positions,
                                                               .sequences = sequences,
                                                               .table = table,
                                                               .scale = 0.25f,
                                                               .out = out});
    }
}

static tern_status append_recurrence(sample *s, tern_commands *list) {
    return tern_cmd_recurrence(list,
                               &(tern_recurrence_desc){.f = matrix(s, TERN_DTYPE_F32),
                                                       .i = matrix(s, TERN_DTYPE_F32),
                                                       .state = matrix(s, TERN_DTYPE_F32),
                                                       .positions = vector(s, TERN_DTYPE_I32, ROWS),
                                                       .sequences = vector(s, TERN_DTYPE_I32, ROWS),
                                                       .out = matrix(s, TERN_DTYPE_F32)});
}

static tern_status append_rows(sample *s, tern_commands *list, tern_op_kind kind) {
    tern_tensor a = matrix(s, TERN_DTYPE_F32);
    tern_tensor b = matrix(s, TERN_DTYPE_F32);
    tern_tensor out = matrix(s, TERN_DTYPE_F32);
    tern_tensor half = matrix(s, TERN_DTYPE_F16);
    tern_tensor ids = vector(s, TERN_DTYPE_I32, ROWS);
    tern_activation silu = TERN_ACTIVATION_SILU;
    switch (kind) {
    case TERN_OP_RMS_NORM:
        return tern_cmd_rms_norm(list, &(tern_rms_norm_desc){.x = a, .eps = 1e-5f, .out = out});
    case TERN_OP_LAYER_NORM:
        return tern_cmd_layer_norm(list, &(tern_layer_norm_desc){.x = a, .eps = 1e-5f, .out = out});
    case TERN_OP_GATED:
        return tern_cmd_gated(
            list, &(tern_gated_desc){.gate = a, .up = b, .activation = silu, .out = out});
    case TERN_OP_ADD:
        return tern_cmd_add(list, &(tern_add_desc){.a = a, .b = b, .out = out});
    case TERN_OP_MUL:
        return tern_cmd_mul(list, &(tern_mul_desc){.a = a, .b = b, .out = out});
    case TERN_OP_SCALE:
        return tern_cmd_scale(list, &(tern_scale_desc){.x = a, .factor = 2.0f, .out = out});
    case TERN_OP_ACTIVATION:
        return tern_cmd_activation(list,
                                   &(tern_activation_desc){.x = a, .activation = silu, .out = out});
    case TERN_OP_SOFTMAX:
        return tern_cmd_softmax(list, &(tern_softmax_desc){.x = a, .out = out});
    case TERN_OP_COPY:
        return tern_cmd_copy(list, &(tern_copy_desc){.x = a, .out = half});
    case TERN_OP_RECURRENCE:
        return append_recurrence(s, list);
    default:
        return tern_cmd_argmax(list, &(tern_argmax_desc){.x = a, .out = ids});
    }
}

static tern_status append_experts(sample *s, tern_commands *list, tern_op_kind kind) {
    enum { SLOTS = 2, EXPERTS = 4 };
    tern_tensor x = matrix(s, TERN_DTYPE_F32);
    tern_tensor ids = tensor(s, TERN_DTYPE_I32, 2, (const uint32_t[]){ROWS, SLOTS});
    tern_tensor weights = tensor(s, TERN_DTYPE_F32, 2, (const uint32_t[]){ROWS, SLOTS});
    tern_tensor out =
        tensor(s, TERN_DTYPE_F32, 2, (const uint32_t[]){ROWS, WIDTH / EXPERTS * SLOTS});
    tern_tensor half = tensor(s, TERN_DTYPE_F32, 2, (const uint32_t[]){ROWS, WIDTH / SLOTS});
    switch (kind) {
    case TERN_OP_ROUTE:
        return tern_cmd_route(
            list, &(tern_route_desc){.x = x, .scale = 1.0f, .ids = ids, .weights = weights});
    case TERN_OP_EXPERT_BITLINEAR:
        return tern_cmd_expert_bitlinear(
            list, &(tern_expert_bitlinear_desc){
                      .x = x, .ids = ids, .weights = s->ternary, .experts = EXPERTS, .out = out});
    default:
        return tern_cmd_combine(list,
                                &(tern_combine_desc){.x = x, .weights = weights, .out = half});
    }
}

static tern_status append(sample *s, tern_commands *list, tern_op_kind kind) {
    s->used = 0;
    switch (kind) {
    case TERN_OP_QUANTIZE_ACT:
    case TERN_OP_TERNARY_MATMUL:
    case TERN_OP_BITLINEAR:
    case TERN_OP_LINEAR:
    case TERN_OP_EMBEDDING:
        return append_products(s, list, kind);
    case TERN_OP_ROTARY:
    case TERN_OP_KV_APPEND:
    case TERN_OP_ATTENTION:
        return append_attention(s, list, kind);
    case TERN_OP_ROUTE:
    case TERN_OP_EXPERT_BITLINEAR:
    case TERN_OP_COMBINE:
        return append_experts(s, list, kind);
    default:
        return append_rows(s, list, kind);
    }
}

const char *placement_name(tern_op_placement place) {
    static const char *const names[] = {"none", "native", "composed", "fallback"};
    return names[place <= TERN_PLACEMENT_FALLBACK ? place : 0];
}

static void find_one(tern_device *device, sample *s, tern_op_kind kind, placement *out) {
    tern_commands *list = NULL;
    tern_program *program = NULL;
    tern_op_report report = {.struct_size = sizeof report};
    out->name = tern_op_describe(kind)->name;
    tern_status status = tern_commands_create(device, NULL, &list);
    if (status == TERN_STATUS_OK) {
        status = append(s, list, kind);
    }
    if (status == TERN_STATUS_OK) {
        status = tern_commands_finish(list, &program);
    }
    if (status == TERN_STATUS_OK) {
        status = tern_program_report(program, 0, &report);
    }
    out->place = placement_name(status == TERN_STATUS_OK ? report.placement : 0);
    snprintf(out->detail, sizeof out->detail, "%s",
             status == TERN_STATUS_OK ? report.kernel : tern_last_error_message());
    tern_program_destroy(program);
    tern_commands_destroy(list);
}

static tern_status make_weights(tern_device *device, tern_dtype dtype, tern_weights **out) {
    static const uint8_t zeros[WIDTH * WIDTH * 2]; // as t2 every code is -1
    tern_weights_desc desc = {.struct_size = sizeof desc, .codes = zeros};
    desc.info = (tern_weights_info){.struct_size = sizeof desc.info,
                                    .dtype = dtype,
                                    .rows = WIDTH,
                                    .cols = WIDTH,
                                    .usage = TERN_WEIGHTS_MATMUL | TERN_WEIGHTS_GATHER};
    if (dtype == TERN_DTYPE_T2) {
        desc.info.scale_kind = TERN_SCALE_TENSOR;
        desc.info.scale = 1.0f;
    }
    return tern_weights_create(device, &desc, out);
}

void placements_find(tern_device *device, placements *out) {
    sample s = {0};
    if (tern_buffer_create(device, BYTES, &s.buffer) == TERN_STATUS_OK &&
        make_weights(device, TERN_DTYPE_T2, &s.ternary) == TERN_STATUS_OK &&
        make_weights(device, TERN_DTYPE_F16, &s.dense) == TERN_STATUS_OK) {
        for (tern_op_kind kind = 1; kind < TERN_OP_COUNT_; kind++) {
            find_one(device, &s, kind, &out->ops[out->count++]);
        }
    } else {
        snprintf(out->problem, sizeof out->problem, "%s", tern_last_error_message());
    }
    tern_weights_destroy(s.ternary);
    tern_weights_destroy(s.dense);
    tern_buffer_destroy(s.buffer);
}
