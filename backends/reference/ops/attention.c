#include <string.h>

#include "backends/reference/ops/kv.h"
#include "shaders/common/exp.h"

// One query head, its key and value head, and room to work in.
typedef struct head {
    const tern_attention_desc *d;
    const int32_t *blocks; // of the sequence
    uint32_t kv_head;
    uint32_t first, end; // positions to attend to
    uint32_t dim;
    float *q;      // [dim], rounded as the cache wants
    float *row;    // [dim], a key or a value, without its scale
    float *block;  // [dim], sums within a block
    float *scores; // by position
} head;

static uint64_t scratch(const void *desc) {
    const tern_attention_desc *d = desc;
    uint64_t places = (uint64_t)d->table.shape[1] * TERN_KV_BLOCK;
    return (3 * (uint64_t)tern_ref_kv_head_dim(&d->k_cache) + places) * sizeof(float);
}

static tern_dtype type_of(const head *h) {
    return h->d->k_cache.dtype;
}

static float rounded_query(const head *h, float x) {
    return type_of(h) == TERN_DTYPE_F16  ? t_round_f16(x)
           : type_of(h) == TERN_DTYPE_I8 ? t_round_16(x)
                                         : x;
}

static float rounded_probability(const head *h, float p) {
    return type_of(h) == TERN_DTYPE_F16 ? t_round_f16(p) : p;
}

static const float *load(const head *h, const tern_tensor *cache, uint32_t position) {
    const void *place = tern_ref_kv_row(cache, h->blocks, h->kv_head, position);
    const uint16_t *halves = place;
    const int8_t *bytes = place;
    if (type_of(h) == TERN_DTYPE_F32) {
        return place;
    }
    for (uint32_t i = 0; i < h->dim; i++) {
        h->row[i] = type_of(h) == TERN_DTYPE_F16 ? t_f16_to_f32(halves[i]) : (float)bytes[i];
    }
    return h->row;
}

// Of an int8 row.
static float scale_of(const head *h, const tern_tensor *cache, uint32_t position) {
    const int8_t *row = tern_ref_kv_row(cache, h->blocks, h->kv_head, position);
    float scale;
    memcpy(&scale, row + h->dim, sizeof scale);
    return scale;
}

static float score(const head *h, uint32_t position) {
    const tern_tensor *keys = &h->d->k_cache;
    float dot = tern_ref_dot(h->q, load(h, keys, position), h->dim);
    dot = type_of(h) == TERN_DTYPE_I8 ? dot * scale_of(h, keys, position) : dot;
    return dot * h->d->scale;
}

// What a value counts for whose probability is |p|.
static float weight_of(const head *h, float p, uint32_t position) {
    return type_of(h) == TERN_DTYPE_I8 ? t_round_16(p * scale_of(h, &h->d->v_cache, position)) : p;
}

static float largest(const float *x, uint32_t count) {
    float most = x[0];
    for (uint32_t i = 1; i < count; i++) {
        most = x[i] > most ? x[i] : most;
    }
    return most;
}

// Adds w_j * v_j for the positions of one block to h->block; returns the sum of p_j.
static float add_block(const head *h, uint32_t first, uint32_t count, float most) {
    float total = 0.0f;
    memset(h->block, 0, h->dim * sizeof *h->block);
    for (uint32_t j = first; j < first + count; j++) {
        float p = rounded_probability(h, t_exp(h->scores[j] - most));
        float w = weight_of(h, p, j);
        const float *v = load(h, &h->d->v_cache, j);
        total += p;
        for (uint32_t i = 0; i < h->dim; i++) {
            h->block[i] += w * v[i];
        }
    }
    return total;
}

static void attend(const head *h, const float *q, float *out) {
    for (uint32_t i = 0; i < h->dim; i++) {
        h->q[i] = rounded_query(h, q[i]);
        out[i] = 0.0f;
    }
    for (uint32_t j = h->first; j < h->end; j++) {
        h->scores[j] = score(h, j);
    }
    float most = largest(h->scores + h->first, h->end - h->first);
    float total = 0.0f;
    for (uint32_t first = h->first, count; first < h->end; first += count) {
        uint32_t left = h->end - first;
        uint32_t block_left = TERN_KV_BLOCK - first % TERN_KV_BLOCK;
        count = left < block_left ? left : block_left;
        float block_most = largest(h->scores + first, count);
        float weight = t_exp(block_most - most);
        total += add_block(h, first, count, block_most) * weight;
        for (uint32_t i = 0; i < h->dim; i++) {
            out[i] += t_flush(h->block[i]) * weight;
        }
    }
    float inverse = t_divide(1.0f, total);
    for (uint32_t i = 0; i < h->dim; i++) {
        out[i] = t_flush(out[i] * inverse);
    }
}

static void run(const tern_ref_run *r, const void *desc) {
    const tern_attention_desc *d = desc;
    uint32_t rows = tern_ref_live(r, &d->head, d->q.shape[0]);
    uint32_t dim = tern_ref_kv_head_dim(&d->k_cache);
    uint32_t heads = d->q.shape[1] / dim;
    head h = {.d = d, .dim = dim, .q = r->scratch};
    h.row = h.q + dim;
    h.block = h.row + dim;
    h.scores = h.block + dim;
    for (uint32_t row = 0; row < rows; row++) {
        h.end = tern_ref_kv_position(&d->table, tern_ref_i32(&d->positions)[row]) + 1;
        h.first = d->window && d->window < h.end ? h.end - d->window : 0;
        h.blocks = tern_ref_kv_blocks(&d->table, tern_ref_i32(&d->sequences)[row]);
        for (uint32_t i = 0; i < heads; i++) {
            h.kv_head = (uint32_t)((uint64_t)i * d->k_cache.shape[1] / heads);
            size_t at = (size_t)i * dim;
            attend(&h, tern_ref_f32_row(&d->q, row) + at, tern_ref_f32_row(&d->out, row) + at);
        }
    }
}

const tern_ref_op tern_ref_op_attention = {
    .desc_size = sizeof(tern_attention_desc), .scratch = scratch, .run = run};
