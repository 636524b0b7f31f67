#include "tools/tern/bench/case.h"

#include <stdlib.h>
#include <string.h>

#include "tools/tern/bench/matrix.h"

enum { ALIGNMENT = 256 };

typedef union any_desc {
    tern_op_header head;
#define X(name, number, stem) tern_##stem##_desc stem;
    TERN_OP_LIST(X)
#undef X
} any_desc;

static tern_tensor cache_view(tern_dtype dtype, uint32_t length, uint32_t width, uint32_t head) {
    uint32_t blocks = (length + TERN_KV_BLOCK - 1) / TERN_KV_BLOCK;
    return tern_tensor_make(
        NULL, 0, dtype, 4,
        (const uint32_t[]){blocks, width / head, TERN_KV_BLOCK, bench_cache_columns(dtype, head)});
}

static tern_tensor view_of(const bench_case *self, const bench_operand *operand) {
    const bench_shape *s = &self->shape;
    tern_dtype dtype = operand->dtype ? operand->dtype : self->type;
    switch (operand->extent) {
    case EXTENT_R:
        return tern_tensor_make(NULL, 0, dtype, 1, &s->rows);
    case EXTENT_R_K:
        return tern_tensor_make(NULL, 0, dtype, 2, (const uint32_t[]){s->rows, s->k});
    case EXTENT_R_N:
        return tern_tensor_make(NULL, 0, dtype, 2, (const uint32_t[]){s->rows, s->n});
    case EXTENT_R_S:
        return tern_tensor_make(NULL, 0, dtype, 2, (const uint32_t[]){s->rows, BENCH_SLOTS});
    case EXTENT_R_SK:
        return tern_tensor_make(NULL, 0, dtype, 2, (const uint32_t[]){s->rows, BENCH_SLOTS * s->k});
    case EXTENT_R_SN:
        return tern_tensor_make(NULL, 0, dtype, 2, (const uint32_t[]){s->rows, BENCH_SLOTS * s->n});
    case EXTENT_K:
        return tern_tensor_make(NULL, 0, dtype, 1, &s->k);
    case EXTENT_STATE:
        return tern_tensor_make(NULL, 0, dtype, 2, (const uint32_t[]){1, s->k});
    case EXTENT_CACHE_READ:
        return cache_view(dtype, self->length, s->n, bench_head_dim(s->k, s->n));
    case EXTENT_CACHE_WRITTEN:
        return cache_view(dtype, self->length, s->k, bench_head_dim(s->k, s->k));
    case EXTENT_BLOCKS:
        return tern_tensor_make(
            NULL, 0, dtype, 2,
            (const uint32_t[]){1, (self->length + TERN_KV_BLOCK - 1) / TERN_KV_BLOCK});
    default:
        return tern_tensor_make(NULL, 0, dtype, 2,
                                (const uint32_t[]){self->length, bench_head_dim(s->k, s->k)});
    }
}

static uint64_t view_bytes(const tern_tensor *view) {
    return tern_tensor_packed_bytes(view->dtype, view->rank, view->shape);
}

// Sets the views; false if memory is out.
static bool lay_out(bench_case *self) {
    for (uint32_t i = 0; i < BENCH_OPERANDS && self->op->operands[i].name; i++) {
        self->views[i] = view_of(self, &self->op->operands[i]);
        self->views[i].offset = self->bytes;
        uint64_t bytes = view_bytes(&self->views[i]);
        self->bytes += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
    self->image = self->bytes <= SIZE_MAX ? calloc(1, (size_t)self->bytes) : NULL;
    return self->image != NULL;
}

// -4 to 4 in steps of 2^-20: no rounding mode, no subnormal.
static float some_float(uint64_t *state) {
    return (float)((int32_t)(bench_random(state) >> 41) - (1 << 22)) * 0x1p-20f;
}

// A half or bfloat16 of about 2^-8 to 2^-1, either sign.
static uint16_t some_half(uint64_t *state, tern_dtype dtype) {
    uint32_t random = (uint32_t)bench_random(state);
    uint32_t exponent = 7 + (random >> 16 & 7);
    return (uint16_t)(dtype == TERN_DTYPE_F16 ? (random & 0x83ff) | exponent << 10
                                              : (random & 0x807f) | (exponent + 112) << 7);
}

static void fill_floats(const tern_tensor *view, bool positive, uint8_t *out) {
    uint64_t state = view->offset + 1;
    bool wide = view->dtype == TERN_DTYPE_F32;
    uint64_t count = view_bytes(view) / (wide ? 4 : 2);
    for (uint64_t i = 0; i < count; i++) {
        if (wide) {
            float value = some_float(&state);
            value = positive ? value * 0x1p-10f + 0x1p-7f : value; // as scales of activations are
            memcpy(out + i * 4, &value, 4);
        } else {
            uint16_t half = some_half(&state, view->dtype);
            memcpy(out + i * 2, &half, 2);
        }
    }
}

static void fill_bytes(const tern_tensor *view, uint8_t *out) {
    uint64_t state = 11;
    for (uint64_t i = 0; i < view_bytes(view); i++) {
        out[i] = (uint8_t)bench_random(&state);
    }
}

// Rows of int8 end with their scale.
static void fill_cache(const tern_tensor *view, uint8_t *out) {
    const float scale = 0x1p-6f;
    if (view->dtype != TERN_DTYPE_I8) {
        fill_floats(view, false, out);
        return;
    }
    fill_bytes(view, out);
    for (uint64_t end = view->strides[2]; end <= view_bytes(view); end += view->strides[2]) {
        memcpy(out + end - sizeof scale, &scale, sizeof scale);
    }
}

static void fill_numbers(const bench_case *self, bench_fill fill, uint64_t count, uint8_t *out) {
    uint64_t state = 7;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t value = fill == FILL_IDS         ? bench_random(&state) % self->shape.n
                         : fill == FILL_EXPERTS   ? i * 37 % BENCH_EXPERTS
                         : fill == FILL_POSITIONS ? self->shape.context + i
                         : fill == FILL_ASCENDING ? i
                                                  : 0;
        int32_t word = (int32_t)value;
        memcpy(out + i * 4, &word, 4);
    }
}

static void fill_view(const bench_case *self, uint32_t index) {
    const tern_tensor *view = &self->views[index];
    uint8_t *out = self->image + view->offset;
    bench_fill fill = self->op->operands[index].fill;
    switch (fill) {
    case FILL_RESULT:
        return;
    case FILL_FLOATS:
    case FILL_POSITIVE:
        fill_floats(view, fill == FILL_POSITIVE, out);
        return;
    case FILL_I8:
        fill_bytes(view, out);
        return;
    case FILL_CACHE:
        fill_cache(view, out);
        return;
    default:
        fill_numbers(self, fill, view->shape[0] * (uint64_t)(view->rank == 2 ? view->shape[1] : 1),
                     out);
        return;
    }
}

bool bench_case_make(bench_case *self, const bench_op *op, tern_dtype type, bench_shape shape) {
    *self =
        (bench_case){.op = op, .type = type, .shape = shape, .length = shape.context + shape.rows};
    if (!lay_out(self)) {
        return false;
    }
    for (uint32_t i = 0; i < BENCH_OPERANDS && op->operands[i].name; i++) {
        fill_view(self, i);
    }
    return true;
}

void bench_case_free(bench_case *self) {
    free(self->image);
    self->image = NULL;
}

uint64_t bench_view_row_bytes(const tern_tensor *view) {
    return tern_dtype_row_bytes(view->dtype, view->rank == 1 ? 1 : view->shape[view->rank - 1]);
}

static bool is_by_rows(bench_extent extent) {
    return extent >= EXTENT_R && extent <= EXTENT_R_SN;
}

bool bench_case_sample(bench_case *self, const bench_case *whole, const uint32_t *rows,
                       uint32_t count, uint32_t n) {
    *self = (bench_case){
        .op = whole->op, .type = whole->type, .shape = whole->shape, .length = whole->length};
    self->shape.rows = count;
    self->shape.n = whole->op->usage ? n : whole->shape.n;
    if (!lay_out(self)) {
        return false;
    }
    for (uint32_t i = 0; i < BENCH_OPERANDS && whole->op->operands[i].name; i++) {
        bench_extent extent = whole->op->operands[i].extent;
        const uint8_t *from = whole->image + whole->views[i].offset;
        uint8_t *to = self->image + self->views[i].offset;
        if (!is_by_rows(extent)) {
            memcpy(to, from, (size_t)view_bytes(&whole->views[i]));
        } else if (whole->op->operands[i].fill != FILL_RESULT) {
            size_t size = (size_t)bench_view_row_bytes(&self->views[i]);
            for (uint32_t r = 0; r < count; r++) {
                memcpy(to + r * size, from + rows[r] * size, size);
            }
        }
    }
    return true;
}

// What a descriptor has besides operands.
static void set_plain(const bench_case *self, any_desc *desc) {
    const bench_shape *s = &self->shape;
    switch (self->op->kind) {
    case TERN_OP_BITLINEAR:
        desc->bitlinear.norm = TERN_NORM_RMS;
        desc->bitlinear.norm_eps = 1e-5f;
        return;
    case TERN_OP_RMS_NORM:
        desc->rms_norm.eps = 1e-5f;
        return;
    case TERN_OP_LAYER_NORM:
        desc->layer_norm.eps = 1e-5f;
        return;
    case TERN_OP_ROTARY:
        desc->rotary.head_dim = bench_head_dim(s->k, s->k);
        return;
    case TERN_OP_ATTENTION:
        desc->attention.scale = 0.0883883461f; // 1 / sqrt(128)
        desc->attention.window = s->window;
        return;
    case TERN_OP_GATED:
        desc->gated.activation = TERN_ACTIVATION_RELU2;
        return;
    case TERN_OP_ACTIVATION:
        desc->activation.activation = TERN_ACTIVATION_SILU;
        return;
    case TERN_OP_ROUTE:
        desc->route.normalise = 1;
        desc->route.scale = 1.0f;
        return;
    case TERN_OP_EXPERT_BITLINEAR:
        desc->expert_bitlinear.experts = BENCH_EXPERTS;
        return;
    case TERN_OP_SCALE:
        desc->scale.factor = 0.7f;
        return;
    default:
        return;
    }
}

static const tern_tensor *find_view(const bench_case *self, const char *name) {
    for (uint32_t i = 0; i < BENCH_OPERANDS && self->op->operands[i].name; i++) {
        if (strcmp(self->op->operands[i].name, name) == 0) {
            return &self->views[i];
        }
    }
    return NULL;
}

tern_status bench_case_append(const bench_case *self, tern_buffer *in, tern_buffer *out,
                              tern_weights *weights, tern_commands *list) {
    const tern_op_info *info = tern_op_describe(self->op->kind);
    any_desc desc = {0};
    set_plain(self, &desc);
    for (uint32_t i = 0; i < info->operand_count; i++) {
        void *member = (char *)&desc + info->operands[i].offset;
        const tern_tensor *view = find_view(self, info->operands[i].name);
        if (info->operands[i].role == TERN_OPERAND_WEIGHTS) {
            memcpy(member, &weights, sizeof weights);
        } else if (view) {
            tern_tensor bound = *view;
            bound.buffer = info->operands[i].role == TERN_OPERAND_OUT ? out : in;
            memcpy(member, &bound, sizeof bound);
        }
    }
    switch (self->op->kind) {
#define X(name, number, stem)                                                                      \
    case TERN_OP_##name:                                                                           \
        return tern_cmd_##stem(list, &desc.stem);
        TERN_OP_LIST(X)
#undef X
    default:
        return TERN_STATUS_INTERNAL;
    }
}
