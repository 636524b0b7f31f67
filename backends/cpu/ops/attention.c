#include <string.h>

#include "backends/cpu/kernels/sum.h"
#include "backends/cpu/ops/cache.h"
#include "shaders/common/float.h"

// Two passes over a head's positions. The first finds every score and the largest, so that the
// second can weigh each block as soon as it is summed and nothing per block is kept.
struct job {
    const struct tern_cpu_run *run;
    const tern_attention_desc *desc;
};

// A task's part of the scratch, in floats; each begins at a multiple of 16.
struct room {
    uint64_t scores; // one per position
    uint64_t dim;    // query, block, out
    uint64_t total;
};

static struct room room_of(const tern_attention_desc *d) {
    struct room room = {.scores = tern_cpu_cache_positions(&d->table),
                        .dim = tern_cpu_round_up(d->k_cache.shape[3], 16)};
    room.total = room.scores + 3 * room.dim;
    return room;
}

// One query head of one row.
struct head {
    uint32_t row;
    uint32_t kv_head;
    uint32_t count; // of positions
    bool half;
    const float *query;
    float *scores;
};

static struct tern_cpu_attend block_of(const tern_attention_desc *d, const tern_tensor *cache,
                                       const struct head *head, uint32_t base) {
    uint32_t block =
        tern_cpu_cache_block(&d->table, &d->sequences, cache, head->row, base / TERN_KV_BLOCK);
    uint32_t left = head->count - base;
    return (struct tern_cpu_attend){.rows = tern_cpu_cache_at(cache, block, head->kv_head, 0),
                                    .stride = cache->strides[2],
                                    .count = left < TERN_KV_BLOCK ? left : TERN_KV_BLOCK,
                                    .dim = cache->shape[3]};
}

// Every score of the head; returns the largest.
static float score(const struct job *job, const struct head *head) {
    const struct tern_cpu_kernels *kernels = job->run->kernels;
    const tern_attention_desc *d = job->desc;
    for (uint32_t base = 0; base < head->count; base += TERN_KV_BLOCK) {
        struct tern_cpu_attend keys = block_of(d, &d->k_cache, head, base);
        float *scores = head->scores + base;
        if (head->half) {
            kernels->attend_keys_f16.fn(&keys, head->query, scores);
        } else {
            kernels->attend_keys_f32.fn(&keys, head->query, scores);
        }
        for (uint32_t j = 0; j < keys.count; j++) {
            scores[j] = scores[j] * d->scale;
        }
    }
    return tern_cpu_largest(head->scores, head->count);
}

// Turns the scores of a block into probabilities against |m|, their largest; returns their sum.
static float weigh(const struct tern_cpu_kernels *kernels, const struct head *head, float *scores,
                   uint32_t count, float m) {
    kernels->exp_shift.fn(scores, count, m);
    if (head->half) {
        kernels->round_f16.fn(scores, count, scores);
    }
    float sum = 0.0f;
    for (uint32_t j = 0; j < count; j++) {
        sum += scores[j];
    }
    return sum;
}

static void join(const struct job *job, const struct head *head, float most, float *block,
                 float *total) {
    const struct tern_cpu_kernels *kernels = job->run->kernels;
    const tern_attention_desc *d = job->desc;
    uint32_t dim = d->k_cache.shape[3];
    float weight = 0.0f;
    memset(total, 0, dim * sizeof *total);
    for (uint32_t base = 0; base < head->count; base += TERN_KV_BLOCK) {
        struct tern_cpu_attend values = block_of(d, &d->v_cache, head, base);
        float *scores = head->scores + base;
        float m = tern_cpu_largest(scores, values.count);
        float sum = weigh(kernels, head, scores, values.count, m);
        if (head->half) {
            kernels->attend_values_f16.fn(&values, scores, block);
        } else {
            kernels->attend_values_f32.fn(&values, scores, block);
        }
        float c = m - most;
        kernels->exp_shift.fn(&c, 1, 0.0f);
        weight += sum * c;
        for (uint32_t i = 0; i < dim; i++) {
            total[i] += t_flush(block[i]) * c;
        }
    }
    float inverse = 1.0f / weight;
    for (uint32_t i = 0; i < dim; i++) {
        total[i] = t_flush(total[i] * inverse);
    }
}

static void part(const void *user, uint32_t first, uint32_t end, uint32_t task) {
    const struct job *job = user;
    const tern_attention_desc *d = job->desc;
    uint32_t dim = d->k_cache.shape[3];
    uint32_t heads = d->q.shape[1] / dim;
    struct room room = room_of(d);
    float *scores = (float *)(void *)job->run->scratch + task * room.total;
    float *query = scores + room.scores;
    for (uint32_t i = first; i < end; i++) {
        struct head head = {.row = i / heads, .half = d->k_cache.dtype == TERN_DTYPE_F16};
        uint32_t column = i % heads;
        int32_t position = tern_cpu_i32(&d->positions)[head.row];
        head.kv_head = (uint32_t)((uint64_t)column * d->k_cache.shape[1] / heads);
        head.count = tern_cpu_clamp(position, room.scores) + 1;
        head.scores = scores;
        head.query = tern_cpu_f32(&d->q, head.row) + (size_t)column * dim;
        if (head.half) {
            job->run->kernels->round_f16.fn(head.query, dim, query);
            head.query = query;
        }
        float most = score(job, &head);
        float *total = query + 2 * room.dim;
        join(job, &head, most, query + room.dim, total);
        memcpy(tern_cpu_f32(&d->out, head.row) + (size_t)column * dim, total, dim * sizeof *total);
    }
}

// The last row's position says how much there is to do.
static void run(const struct tern_cpu_run *run, const tern_op_header *desc) {
    struct job job = {run, (const tern_attention_desc *)desc};
    uint32_t heads = job.desc->q.shape[1] / job.desc->k_cache.shape[3];
    int32_t position = tern_cpu_i32(&job.desc->positions)[run->rows - 1];
    uint64_t count = tern_cpu_clamp(position, tern_cpu_cache_positions(&job.desc->table)) + 1;
    struct tern_cpu_work work = {run->rows * heads, count * (4 + job.desc->k_cache.shape[3] / 8)};
    tern_cpu_split(run, work, part, &job);
}

static uint64_t scratch(const tern_backend_device *device, const tern_op_header *desc) {
    return room_of((const tern_attention_desc *)desc).total * sizeof(float) *
           tern_cpu_max_tasks(device->pool);
}

static struct tern_cpu_pick kernel(const struct tern_cpu_kernels *kernels,
                                   const tern_op_header *desc) {
    const tern_attention_desc *d = (const tern_attention_desc *)desc;
    return d->k_cache.dtype == TERN_DTYPE_F16 ? TERN_CPU_PICK(kernels, attend_keys_f16)
                                              : TERN_CPU_PICK(kernels, attend_keys_f32);
}

const struct tern_cpu_op tern_cpu_op_attention = {
    .desc_size = sizeof(tern_attention_desc),
    .rows = offsetof(tern_attention_desc, q),
    .scratch = scratch,
    .run = run,
    .kernel = kernel,
};
