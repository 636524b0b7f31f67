#include <string.h>

#include "backends/common/sizes.h"
#include "backends/cpu/kernels/ahead.h"
#include "backends/cpu/kernels/kernels.h"
#include "backends/cpu/ops/cache.h"
#include "shaders/common/float.h"

// The work comes in groups: the query heads of one row that share a key head, so that a block of
// the cache is read and widened once for all of them. Of each block keys are turned into
// probabilities, against the block's own maximum, and these weigh its values; what all blocks gave
// is joined at the end, against the largest maximum. With groups enough for all threads each does
// the groups it takes. With few, threads share groups by blocks, and then by heads.
enum { MOST = TERN_CPU_ATTEND_QUERIES, SHARED_PER_THREAD = 4, ASKS = 16 };

// Scratch, in floats; each part begins at a multiple of 16. A group's state is a place.
struct room {
    uint64_t blocks; // of maxima, sums and weights
    uint64_t dim;    // of queries
    uint64_t place;  // queries, maxima, sums, sums of values of MOST heads
    uint64_t task;   // scores of a block of MOST heads, weights of one
};

// The kernels for a type of cache. One of int8 has scales to weigh probabilities with; the others
// have none, and one of f16 rounds them.
struct kind {
    tern_cpu_attend_keys_f16_fn *keys;
    tern_cpu_attend_values_f16_fn *values;
    tern_cpu_attend_weights_i8_fn *weights;
    tern_cpu_round_f16_fn *round;
};

struct job {
    const struct tern_cpu_run *run;
    const tern_attention_desc *desc;
    struct room room;
    struct kind kind;
    uint32_t groups; // of a key head
    uint32_t count;  // of all groups
    uint32_t blocks; // of the row with most
    float *tasks;
};

struct group {
    uint32_t index;
    uint32_t row;
    uint32_t kv_head;
    uint32_t head; // the first query head
    uint32_t heads;
    uint32_t first, end; // positions to attend to
    uint32_t blocks;     // that have any of them; counted from the first such block
    float *queries;      // [heads][room.dim]
    float *most;         // [heads][room.blocks]
    float *sums;         // [heads][room.blocks]
    float *values;       // [heads][room.blocks][dim]
};

static uint32_t dim_of(const tern_attention_desc *d) {
    return tern_cpu_cache_dim(&d->k_cache);
}

static struct kind kind_of(const struct tern_cpu_kernels *k, tern_dtype dtype) {
    switch (dtype) {
    case TERN_DTYPE_F16:
        return (struct kind){.keys = k->attend_keys_f16.fn,
                             .values = k->attend_values_f16.fn,
                             .round = k->round_f16.fn};
    case TERN_DTYPE_I8:
        return (struct kind){.keys = k->attend_keys_i8.fn,
                             .values = k->attend_values_i8.fn,
                             .weights = k->attend_weights_i8.fn};
    default:
        return (struct kind){.keys = k->attend_keys_f32.fn, .values = k->attend_values_f32.fn};
    }
}

// Query heads of a key head.
static uint32_t sharing(const tern_attention_desc *d) {
    return d->q.shape[1] / dim_of(d) / d->k_cache.shape[1];
}

static uint32_t groups_of(const tern_attention_desc *d) {
    return (sharing(d) + MOST - 1) / MOST;
}

static struct room room_of(const tern_attention_desc *d) {
    struct room room = {.blocks = tern_round_up(d->table.shape[1], 16),
                        .dim = tern_round_up(dim_of(d), 16)};
    room.place = MOST * (room.dim + (2 + dim_of(d)) * room.blocks);
    room.task = MOST * TERN_KV_BLOCK + room.blocks;
    return room;
}

// Places for |count| groups: one each, or one for each task.
static uint64_t places_of(uint32_t tasks, uint64_t count) {
    uint64_t most = (uint64_t)SHARED_PER_THREAD * tasks;
    return count < most ? count < tasks ? tasks : count : most;
}

static uint32_t end_of(const tern_attention_desc *d, uint32_t row) {
    return tern_cpu_clamp(tern_cpu_i32(&d->positions)[row], tern_cpu_cache_positions(&d->table)) +
           1;
}

static uint32_t first_of(const tern_attention_desc *d, uint32_t end) {
    return d->window && d->window < end ? end - d->window : 0;
}

static uint32_t blocks_of(uint32_t first, uint32_t end) {
    return (end + TERN_KV_BLOCK - 1) / TERN_KV_BLOCK - first / TERN_KV_BLOCK;
}

// Group |index|: rows follow one another, so that they find their key head in the caches.
static struct group group_at(const struct job *job, uint32_t index, uint32_t place) {
    const tern_attention_desc *d = job->desc;
    const struct room *room = &job->room;
    uint32_t row = index % job->run->rows;
    uint32_t kv_head = index / job->run->rows / job->groups;
    uint32_t part = index / job->run->rows % job->groups;
    uint32_t first = sharing(d) * part / job->groups;
    uint32_t end = sharing(d) * (part + 1) / job->groups;
    struct group g = {index, row, kv_head, kv_head * sharing(d) + first, end - first};
    g.end = end_of(d, row);
    g.first = first_of(d, g.end);
    g.blocks = blocks_of(g.first, g.end);
    g.queries = (float *)(void *)job->run->scratch + place * room->place;
    g.most = g.queries + MOST * room->dim;
    g.sums = g.most + MOST * room->blocks;
    g.values = g.sums + MOST * room->blocks;
    return g;
}

// The place of |position|.
static const uint8_t *row_at(const struct job *job, const tern_tensor *cache, const struct group *g,
                             uint32_t position) {
    const tern_attention_desc *d = job->desc;
    uint32_t block =
        tern_cpu_cache_block(&d->table, &d->sequences, cache, g->row, position / TERN_KV_BLOCK);
    return tern_cpu_cache_at(cache, block, g->kv_head, position % TERN_KV_BLOCK);
}

// The first position of block |index|.
static uint32_t position_of(const struct group *g, uint32_t index) {
    return index ? (g->first / TERN_KV_BLOCK + index) * TERN_KV_BLOCK : g->first;
}

// The first row of the block that comes after block |index|, in this group or in the next.
static const uint8_t *row_after(const struct job *job, const tern_tensor *cache,
                                const struct group *g, uint32_t index) {
    struct group next = *g;
    if (index + 1 < g->blocks) {
        return row_at(job, cache, g, position_of(g, index + 1));
    }
    if (g->index + 1 < job->count) {
        next = group_at(job, g->index + 1, 0);
    }
    return row_at(job, cache, &next, next.first);
}

// What the kernels need to know of block |index|.
static struct tern_cpu_attend attend_block(const struct job *job, const tern_tensor *cache,
                                           const struct group *g, uint32_t index) {
    uint32_t first = position_of(g, index);
    uint32_t end = index + 1 < g->blocks ? position_of(g, index + 1) : g->end;
    return (struct tern_cpu_attend){.rows = row_at(job, cache, g, first),
                                    .ahead = row_after(job, cache, g, index),
                                    .stride = cache->strides[2],
                                    .count = end - first,
                                    .dim = dim_of(job->desc),
                                    .queries = g->heads};
}

static void round_query(const struct kind *kind, const float *q, uint32_t dim, float *to) {
    if (kind->round) {
        kind->round(q, dim, to);
        return;
    }
    for (uint32_t i = 0; i < dim; i++) {
        to[i] = kind->weights ? t_round_16(q[i]) : q[i];
    }
}

// The queries, rounded as the cache wants.
static void prepare(const struct job *job, const struct group *g) {
    uint32_t dim = dim_of(job->desc);
    const float *q = tern_cpu_f32(&job->desc->q, g->row) + (size_t)g->head * dim;
    for (uint32_t i = 0; i < g->heads; i++) {
        round_query(&job->kind, q + (size_t)i * dim, dim, g->queries + i * job->room.dim);
    }
}

// The sums of |count| probabilities of each head, ascending; the heads' additions do not wait for
// one another, nor do those of heads that the group lacks, which nobody looks at.
static void add_up(const struct job *job, const struct group *g, const float *p, uint32_t count,
                   float *sums) {
    float total[MOST] = {0};
    for (uint32_t j = 0; j < count; j++) {
        for (uint32_t i = 0; i < MOST; i++) {
            total[i] += p[i * TERN_KV_BLOCK + j];
        }
    }
    for (uint32_t i = 0; i < g->heads; i++) {
        sums[i * job->room.blocks] = total[i];
    }
}

// Probabilities of block |index| from its scores of each head, in place. Nothing reads the cache
// here, so some of the next |values| are asked for: a prototype of the op took 233 us, 252 without
// (two threads, Xeon beside other work, November 2026).
static void weigh(const struct job *job, const struct group *g, uint32_t index,
                  const struct tern_cpu_attend *values, float *scores) {
    size_t bytes = TERN_KV_BLOCK * values->stride * tern_element_bytes(job->desc->v_cache.dtype);
    struct tern_cpu_ahead ahead = tern_cpu_ahead_of(values->ahead, bytes, ASKS);
    for (uint32_t i = 0; i < g->heads; i++) {
        float *p = scores + i * TERN_KV_BLOCK;
        tern_cpu_ask(&ahead);
        g->most[i * job->room.blocks + index] =
            job->run->kernels->exp_scaled.fn(p, values->count, job->desc->scale);
        if (job->kind.round) {
            job->kind.round(p, values->count, p);
        }
    }
    add_up(job, g, scores, values->count, g->sums + index);
}

static void attend(const struct job *job, const struct group *g, uint32_t index, uint32_t task) {
    const struct room *room = &job->room;
    float *scores = job->tasks + task * room->task;
    struct tern_cpu_attend keys = attend_block(job, &job->desc->k_cache, g, index);
    struct tern_cpu_attend values = attend_block(job, &job->desc->v_cache, g, index);
    keys.x_stride = room->dim;
    keys.out_stride = TERN_KV_BLOCK;
    job->kind.keys(&keys, g->queries, scores);
    weigh(job, g, index, &values, scores);
    values.x_stride = TERN_KV_BLOCK;
    if (job->kind.weights) {
        values.out_stride = TERN_KV_BLOCK;
        job->kind.weights(&values, scores, scores);
    }
    values.out_stride = room->blocks * values.dim;
    job->kind.values(&values, scores, g->values + (size_t)index * values.dim);
}

// Head |i| of what all blocks gave. |total| is at least 1, the largest maximum's own: whatever
// combine flushes, scale would.
static void join(const struct job *job, const struct group *g, uint32_t i, uint32_t task) {
    const struct tern_cpu_kernels *kernels = job->run->kernels;
    const struct room *room = &job->room;
    uint32_t dim = dim_of(job->desc);
    float *weights = job->tasks + task * room->task + MOST * TERN_KV_BLOCK;
    memcpy(weights, g->most + i * room->blocks, g->blocks * sizeof *weights);
    kernels->exp_scaled.fn(weights, g->blocks, 1.0f);
    float total = 0.0f;
    for (uint32_t b = 0; b < g->blocks; b++) {
        total += g->sums[i * room->blocks + b] * weights[b];
    }
    const float *values = g->values + i * room->blocks * dim;
    struct tern_cpu_combine blocks = {values, weights, g->blocks, NULL};
    float *out = tern_cpu_f32(&job->desc->out, g->row) + (size_t)(g->head + i) * dim;
    kernels->combine.fn(&blocks, dim, out);
    kernels->scale.fn(out, 1.0f / total, dim, out);
}

static void whole_part(const void *user, uint32_t first, uint32_t end, uint32_t task) {
    const struct job *job = user;
    for (uint32_t i = first; i < end; i++) {
        struct group g = group_at(job, i, task);
        prepare(job, &g);
        for (uint32_t b = 0; b < g.blocks; b++) {
            attend(job, &g, b, task);
        }
        for (uint32_t head = 0; head < g.heads; head++) {
            join(job, &g, head, task);
        }
    }
}

static void blocks_part(const void *user, uint32_t first, uint32_t end, uint32_t task) {
    const struct job *job = user;
    for (uint32_t i = first; i < end; i++) {
        uint32_t index = i / job->blocks;
        struct group g = group_at(job, index, index);
        if (i % job->blocks < g.blocks) {
            attend(job, &g, i % job->blocks, task);
        }
    }
}

static void heads_part(const void *user, uint32_t first, uint32_t end, uint32_t task) {
    const struct job *job = user;
    for (uint32_t i = first; i < end; i++) {
        struct group g = group_at(job, i / MOST, i / MOST);
        if (i % MOST < g.heads) {
            join(job, &g, i % MOST, task);
        }
    }
}

// Nanoseconds of a block of a group, and of joining a block of a head.
static uint64_t block_cost(const tern_attention_desc *d) {
    return 200 + 16 * (uint64_t)dim_of(d);
}

static uint64_t join_cost(const tern_attention_desc *d) {
    return 2 + dim_of(d) / 16;
}

static struct job job_of(const struct tern_cpu_run *run, const tern_attention_desc *d) {
    uint32_t tasks = tern_cpu_max_tasks(run->pool);
    struct job job = {run, d, room_of(d), kind_of(run->kernels, d->k_cache.dtype), groups_of(d)};
    for (uint32_t row = 0; row < run->rows; row++) {
        uint32_t end = end_of(d, row);
        uint32_t blocks = blocks_of(first_of(d, end), end);
        job.blocks = blocks > job.blocks ? blocks : job.blocks;
    }
    job.count = run->rows * d->k_cache.shape[1] * job.groups;
    job.tasks = (float *)(void *)run->scratch + places_of(tasks, job.count) * job.room.place;
    return job;
}

static void run(const struct tern_cpu_run *run, const tern_op_header *desc) {
    const tern_attention_desc *d = (const tern_attention_desc *)desc;
    struct job job = job_of(run, d);
    if (job.count >= SHARED_PER_THREAD * tern_cpu_max_tasks(run->pool)) {
        struct tern_cpu_work all = {job.count, job.blocks * block_cost(d)};
        tern_cpu_split(run, all, whole_part, &job);
        return;
    }
    for (uint32_t i = 0; i < job.count; i++) {
        struct group g = group_at(&job, i, i);
        prepare(&job, &g);
    }
    struct tern_cpu_work blocks = {job.count * job.blocks, block_cost(d)};
    tern_cpu_split(run, blocks, blocks_part, &job);
    struct tern_cpu_work heads = {job.count * MOST, job.blocks * join_cost(d)};
    tern_cpu_split(run, heads, heads_part, &job);
}

static uint64_t scratch(const tern_backend_device *device, const tern_op_header *desc) {
    const tern_attention_desc *d = (const tern_attention_desc *)desc;
    struct room room = room_of(d);
    uint32_t tasks = tern_cpu_max_tasks(device->pool);
    uint64_t count = (uint64_t)d->q.shape[0] * d->k_cache.shape[1] * groups_of(d);
    return (places_of(tasks, count) * room.place + tasks * room.task) * sizeof(float);
}

static struct tern_cpu_pick kernel(const struct tern_cpu_kernels *kernels,
                                   const tern_op_header *desc) {
    switch (((const tern_attention_desc *)desc)->k_cache.dtype) {
    case TERN_DTYPE_F16:
        return TERN_CPU_PICK(kernels, attend_keys_f16);
    case TERN_DTYPE_I8:
        return TERN_CPU_PICK(kernels, attend_keys_i8);
    default:
        return TERN_CPU_PICK(kernels, attend_keys_f32);
    }
}

const struct tern_cpu_op tern_cpu_op_attention = {
    .desc_size = sizeof(tern_attention_desc),
    .rows = offsetof(tern_attention_desc, q),
    .scratch = scratch,
    .run = run,
    .kernel = kernel,
};
