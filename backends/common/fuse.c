#include "backends/common/fuse.h"

#include <stddef.h>

bool tern_same_view(const tern_tensor *a, const tern_tensor *b) {
    bool same = a->buffer == b->buffer && a->offset == b->offset && a->dtype == b->dtype &&
                a->rank == b->rank;
    for (uint32_t i = 0; same && i < a->rank; i++) {
        same = a->shape[i] == b->shape[i] && a->strides[i] == b->strides[i];
    }
    return same;
}

// One past the last byte; an element is taken to have four.
static uint64_t end_of(const tern_tensor *tensor) {
    uint64_t last = 0;
    for (uint32_t i = 0; i < tensor->rank; i++) {
        last += (uint64_t)(tensor->shape[i] - 1) * tensor->strides[i];
    }
    return tensor->offset + (last + 1) * 4;
}

bool tern_tensors_overlap(const tern_tensor *a, const tern_tensor *b) {
    return a->buffer && a->buffer == b->buffer && a->offset < end_of(b) && b->offset < end_of(a);
}

static bool overlaps_any(const tern_tensor *tensor, const tern_tensor *const *others,
                         size_t count) {
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        any = any || tern_tensors_overlap(tensor, others[i]);
    }
    return any;
}

static const void *op_of(const tern_op_header *const *ops, uint32_t count, uint32_t index,
                         tern_op_kind kind) {
    return index < count && ops[index]->kind == kind ? ops[index] : NULL;
}

static bool same_input(const tern_bitlinear_desc *a, const tern_bitlinear_desc *b) {
    return a->head.live == b->head.live && tern_same_view(&a->x, &b->x) && a->norm == b->norm &&
           a->norm_eps == b->norm_eps && tern_same_view(&a->norm_weight, &b->norm_weight);
}

// Whether what |writer| writes is nothing that |other| reads or writes.
static bool apart(const tern_bitlinear_desc *writer, const tern_bitlinear_desc *other) {
    const tern_tensor *others[] = {&other->x, &other->norm_weight, &other->bias, &other->residual,
                                   &other->out};
    return !overlaps_any(&writer->out, others, sizeof others / sizeof others[0]);
}

static uint32_t count_projections(const tern_op_header *const *ops, uint32_t count,
                                  uint32_t first) {
    const tern_bitlinear_desc *members[TERN_FUSE_PROJECTIONS];
    uint32_t found = 0;
    while (found < TERN_FUSE_PROJECTIONS) {
        const tern_bitlinear_desc *next = op_of(ops, count, first + found, TERN_OP_BITLINEAR);
        bool joins = next && (found == 0 || same_input(members[0], next));
        for (uint32_t i = 0; joins && i < found; i++) {
            joins = apart(next, members[i]) && apart(members[i], next);
        }
        if (!joins) {
            break;
        }
        members[found++] = next;
    }
    return found;
}

static bool is_gated(const tern_op_header *const *ops, uint32_t count, uint32_t first) {
    const tern_gated_desc *gated = op_of(ops, count, first + 2, TERN_OP_GATED);
    if (!gated || count_projections(ops, count, first) < 2) {
        return false;
    }
    const tern_bitlinear_desc *gate = op_of(ops, count, first, TERN_OP_BITLINEAR);
    const tern_bitlinear_desc *up = op_of(ops, count, first + 1, TERN_OP_BITLINEAR);
    const tern_tensor *out = &gated->out;
    bool in_place = tern_same_view(out, &gate->out) || tern_same_view(out, &up->out);
    const tern_tensor *read[] = {&gate->x, &gate->norm_weight, &gate->bias, &up->bias};
    const tern_tensor *written[] = {&gate->out, &up->out};
    return gated->limit == 0.0f && gated->head.live == gate->head.live &&
           tern_same_view(&gated->gate, &gate->out) && tern_same_view(&gated->up, &up->out) &&
           !gate->residual.buffer && !up->residual.buffer && !overlaps_any(out, read, 4) &&
           (in_place || !overlaps_any(out, written, 2));
}

static bool same_rotation(const tern_rotary_desc *a, const tern_rotary_desc *b) {
    return a->head.live == b->head.live && tern_same_view(&a->table, &b->table) &&
           tern_same_view(&a->positions, &b->positions) && a->head_dim == b->head_dim &&
           a->pairs == b->pairs;
}

// Nothing that one of the three writes is read or written by another, but k by its append.
static bool rotations_apart(const tern_rotary_desc *q, const tern_rotary_desc *k,
                            const tern_kv_append_desc *append) {
    const tern_tensor *of_k[] = {
        &k->x,          &k->out,          &k->table,        &k->positions,     &append->v,
        &append->table, &append->k_cache, &append->v_cache, &append->sequences};
    const tern_tensor *of_q[] = {
        &q->x, &append->v, &append->table, &append->k_cache, &append->v_cache, &append->sequences};
    const tern_tensor *read[] = {&q->x, &k->x, &append->v, &k->table, &k->positions};
    return !overlaps_any(&q->out, of_k, sizeof of_k / sizeof of_k[0]) &&
           !overlaps_any(&k->out, of_q, sizeof of_q / sizeof of_q[0]) &&
           !overlaps_any(&append->k_cache, read, sizeof read / sizeof read[0]) &&
           !overlaps_any(&append->v_cache, read, sizeof read / sizeof read[0]);
}

static bool is_rotary_append(const tern_op_header *const *ops, uint32_t count, uint32_t first) {
    const tern_rotary_desc *q = op_of(ops, count, first, TERN_OP_ROTARY);
    const tern_rotary_desc *k = op_of(ops, count, first + 1, TERN_OP_ROTARY);
    const tern_kv_append_desc *append = op_of(ops, count, first + 2, TERN_OP_KV_APPEND);
    return q && k && append && append->k_cache.dtype != TERN_DTYPE_I8 && same_rotation(q, k) &&
           append->head.live == k->head.live && tern_same_view(&append->k, &k->out) &&
           tern_same_view(&append->positions, &k->positions) &&
           append->k_cache.shape[3] == k->head_dim && rotations_apart(q, k, append);
}

tern_group tern_fuse_at(const tern_op_header *const *ops, uint32_t count, uint32_t first) {
    if (is_gated(ops, count, first)) {
        return (tern_group){TERN_GROUP_GATED, 3};
    }
    if (is_rotary_append(ops, count, first)) {
        return (tern_group){TERN_GROUP_ROTARY_APPEND, 3};
    }
    uint32_t projections = count_projections(ops, count, first);
    return projections > 1 ? (tern_group){TERN_GROUP_PROJECTIONS, projections}
                           : (tern_group){TERN_GROUP_SINGLE, 1};
}
