// Groups of ops that become one launch.
#include "backends/opencl/ops/products.h"

static void emit_rotary_append(tern_cl_builder *builder, const tern_op_header *const *ops) {
    const tern_rotary_desc *q = (const tern_rotary_desc *)(const void *)ops[0];
    const tern_rotary_desc *k = (const tern_rotary_desc *)(const void *)ops[1];
    const tern_kv_append_desc *append = (const tern_kv_append_desc *)(const void *)ops[2];
    uint32_t heads = q->x.shape[1] / q->head_dim;
    uint32_t kv_heads = append->k_cache.shape[1];
    uint32_t dims = q->table.shape[1];
    tern_cl_begin(builder, "rotary_append", tern_cl_cache_options(&append->k_cache),
                  "rotary_append");
    tern_cl_rows(builder, &q->head, q->x.shape[0]);
    tern_cl_matrix(builder, &q->x);
    tern_cl_matrix(builder, &q->out);
    tern_cl_matrix(builder, &k->x);
    tern_cl_matrix(builder, &k->out);
    tern_cl_matrix(builder, &append->v);
    tern_cl_cache(builder, &append->k_cache);
    tern_cl_cache(builder, &append->v_cache);
    tern_cl_uint(builder, append->k_cache.shape[0]);
    tern_cl_vector(builder, &append->positions);
    tern_cl_vector(builder, &append->sequences);
    tern_cl_matrix(builder, &append->table);
    tern_cl_uint(builder, append->table.shape[0]);
    tern_cl_uint(builder, append->table.shape[1]);
    tern_cl_matrix(builder, &q->table);
    tern_cl_uint(builder, q->table.shape[0]);
    tern_cl_uint(builder, heads);
    tern_cl_uint(builder, kv_heads);
    tern_cl_uint(builder, q->head_dim);
    tern_cl_uint(builder, dims);
    tern_cl_uint(builder, q->pairs == TERN_ROTARY_INTERLEAVED);
    tern_cl_launch(builder, TERN_CL_GROUP, tern_cl_groups(q->head_dim - dims / 2),
                   heads + 2 * kv_heads, q->x.shape[0]);
}

bool tern_cl_emit_group(tern_cl_builder *builder, const tern_group *group,
                        const tern_op_header *const *ops) {
    switch (group->kind) {
    case TERN_GROUP_PROJECTIONS:
        return tern_cl_emit_bitlinears(builder, ops, group->count, NULL);
    case TERN_GROUP_GATED:
        return tern_cl_emit_bitlinears(builder, ops, 2,
                                       (const tern_gated_desc *)(const void *)ops[2]);
    case TERN_GROUP_ROTARY_APPEND:
        emit_rotary_append(builder, ops);
        return true;
    default:
        return false;
    }
}
