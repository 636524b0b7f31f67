#include "backends/opencl/ops/ops.h"

// Scratch that one op may take for what blocks leave to be joined; a single row always fits.
#define CHUNK_BYTES ((uint64_t)16 << 20)

// Floats of all blocks of a row: maximum, sum and weighted values of each block of each head.
static uint64_t row_floats(const tern_attention_desc *d) {
    uint64_t heads = d->q.shape[1] / tern_cl_cache_dim(&d->k_cache);
    return heads * d->table.shape[1] * ((uint64_t)tern_cl_cache_dim(&d->k_cache) + 2);
}

// Of a head of q, in local memory; the rest of it is for what work-items exchange.
static uint64_t query_bytes(const tern_attention_desc *d) {
    return (uint64_t)tern_cl_cache_dim(&d->k_cache) * sizeof(float);
}

static bool supports(const tern_backend_device *device, const void *desc) {
    const tern_attention_desc *d = desc;
    return tern_cl_is(&d->q, TERN_DTYPE_F32) && tern_cl_cache_known(&d->k_cache) &&
           d->v_cache.dtype == d->k_cache.dtype && tern_cl_is(&d->positions, TERN_DTYPE_I32) &&
           tern_cl_is(&d->sequences, TERN_DTYPE_I32) && tern_cl_is(&d->table, TERN_DTYPE_I32) &&
           tern_cl_is(&d->out, TERN_DTYPE_F32) && row_floats(d) <= UINT32_MAX &&
           row_floats(d) * 8 <= device->max_buffer_bytes &&
           query_bytes(d) <= device->candidate->local_bytes / 2;
}

// Work-groups along a row's blocks; further blocks are taken in turns, so that a long context of
// which little is used costs little.
#define BLOCK_GROUPS 64

// Of a row: all, or those that a window can touch.
static uint32_t most_blocks(const tern_attention_desc *d) {
    uint32_t all = d->table.shape[1];
    uint32_t touched = d->window / TERN_KV_BLOCK + 2;
    return d->window && touched < all ? touched : all;
}

typedef struct chunk {
    uint32_t first; // row
    uint32_t rows;
    tern_tensor parts;
} chunk;

static void emit_blocks(tern_cl_builder *builder, const tern_attention_desc *d, const chunk *c) {
    uint32_t dims = tern_cl_cache_dim(&d->k_cache);
    uint32_t heads = d->q.shape[1] / dims;
    tern_cl_begin(builder, "attention", tern_cl_cache_options(&d->k_cache), "attention_blocks");
    tern_cl_rows(builder, &d->head, d->q.shape[0]);
    tern_cl_uint(builder, c->first);
    tern_cl_matrix(builder, &d->q);
    tern_cl_cache(builder, &d->k_cache);
    tern_cl_cache(builder, &d->v_cache);
    tern_cl_uint(builder, d->k_cache.shape[0]);
    tern_cl_vector(builder, &d->positions);
    tern_cl_vector(builder, &d->sequences);
    tern_cl_matrix(builder, &d->table);
    tern_cl_uint(builder, d->table.shape[0]);
    tern_cl_uint(builder, d->table.shape[1]);
    tern_cl_uint(builder, heads / d->k_cache.shape[1]);
    tern_cl_uint(builder, dims);
    tern_cl_float(builder, d->scale);
    tern_cl_uint(builder, d->window);
    tern_cl_matrix(builder, &c->parts);
    tern_cl_local(builder, (size_t)query_bytes(d));
    uint32_t blocks = most_blocks(d);
    tern_cl_launch(builder, TERN_CL_GROUP, blocks < BLOCK_GROUPS ? blocks : BLOCK_GROUPS, heads,
                   c->rows);
}

static void emit_join(tern_cl_builder *builder, const tern_attention_desc *d, const chunk *c) {
    uint32_t dims = tern_cl_cache_dim(&d->k_cache);
    tern_cl_begin(builder, "attention", tern_cl_cache_options(&d->k_cache), "attention_join");
    tern_cl_rows(builder, &d->head, d->q.shape[0]);
    tern_cl_uint(builder, c->first);
    tern_cl_vector(builder, &d->positions);
    tern_cl_uint(builder, d->table.shape[1]);
    tern_cl_uint(builder, dims);
    tern_cl_uint(builder, d->window);
    tern_cl_matrix(builder, &c->parts);
    tern_cl_matrix(builder, &d->out);
    tern_cl_launch(builder, TERN_CL_GROUP, 1, d->q.shape[1] / dims, c->rows);
}

// Rows are taken in chunks whose blocks fit the scratch: first every block for itself, then each
// row's blocks are joined.
static void emit(tern_cl_builder *builder, const void *desc) {
    const tern_attention_desc *d = desc;
    uint32_t rows = d->q.shape[0];
    uint64_t fit = CHUNK_BYTES / (row_floats(d) * 4);
    uint32_t step = fit < 1 ? 1 : fit < rows ? (uint32_t)fit : rows;
    tern_tensor parts = tern_cl_scratch(builder, TERN_DTYPE_F32, step, (uint32_t)row_floats(d));
    for (uint32_t first = 0; first < rows; first += step) {
        chunk c = {first, rows - first < step ? rows - first : step, parts};
        emit_blocks(builder, d, &c);
        emit_join(builder, d, &c);
    }
}

const tern_cl_op tern_cl_op_attention = {supports, emit};
