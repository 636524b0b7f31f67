#include <string.h>

#include "backends/common/sizes.h"
#include "backends/cpu/kernels/kernels.h"
#include "backends/cpu/ops/cache.h"
#include "shaders/common/float.h"

// The work comes in groups: the query heads of one row that share a key head, so that a block of
// the cache is read and widened once for all of them. A group's first pass turns scores into
// probabilities, block by block against the block's own maximum; the second weighs every block
// against the largest maximum. With groups enough for all threads each does both passes for the
// groups it takes. With few, threads share a group: in the first pass by blocks, in the second by
// columns.
enum { MOST = TERN_CPU_ATTEND_QUERIES, SHARED_PER_THREAD = 4, SLICE = 64 };

// Scratch, in floats; each part begins at a multiple of 16. A group's state is a place.
struct room {
    uint64_t positions; // of scores
    uint64_t blocks;    // of maxima, sums and weights
    uint64_t dim;
    uint64_t place; // scores, queries, maxima, sums of MOST heads
    uint64_t task;  // weights of MOST heads
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
    uint32_t slices; // of a head's columns
    float *weights;  // of the tasks
};

struct group {
    uint32_t row;
    uint32_t kv_head;
    uint32_t head; // the first query head
    uint32_t heads;
    uint32_t first, end; // positions to attend to
    uint32_t blocks;     // that have any of them; counted from the first such block
    float *scores;       // [heads][room.positions], and so on
    float *queries;
    float *most;
    float *sums;
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
    struct room room = {.positions = tern_cpu_cache_positions(&d->table),
                        .blocks = tern_round_up(d->table.shape[1], 16),
                        .dim = tern_round_up(dim_of(d), 16)};
    room.place = MOST * (room.positions + room.dim + 2 * room.blocks);
    room.task = MOST * room.blocks;
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
    float *scores = (float *)(void *)job->run->scratch + place * room->place;
    struct group g = {row, kv_head, kv_head * sharing(d) + first, end - first, .scores = scores};
    g.end = end_of(d, row);
    g.first = first_of(d, g.end);
    g.blocks = blocks_of(g.first, g.end);
    g.queries = scores + MOST * room->positions;
    g.most = g.queries + MOST * room->dim;
    g.sums = g.most + MOST * room->blocks;
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

// What the kernels need to know of the group's block |index|.
static struct tern_cpu_attend attend_block(const struct job *job, const tern_tensor *cache,
                                           const struct group *g, uint32_t index) {
    uint32_t start = (g->first / TERN_KV_BLOCK + index) * TERN_KV_BLOCK;
    uint32_t first = index ? start : g->first;
    uint32_t end = index + 1 < g->blocks ? start + TERN_KV_BLOCK : g->end;
    return (struct tern_cpu_attend){.rows = row_at(job, cache, g, first),
                                    .ahead = row_at(job, cache, g, end < g->end ? end : first),
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
// one another.
static void add_up(const struct job *job, const struct group *g, const float *p, uint32_t count,
                   float *sums) {
    float total[MOST] = {0};
    const float *of[MOST];
    for (uint32_t i = 0; i < MOST; i++) {
        of[i] = p + (i < g->heads ? i : 0) * job->room.positions;
    }
    for (uint32_t j = 0; j < count; j++) {
        for (uint32_t i = 0; i < MOST; i++) {
            total[i] += of[i][j];
        }
    }
    for (uint32_t i = 0; i < g->heads; i++) {
        sums[i * job->room.blocks] = total[i];
    }
}

// First pass over block |index|.
static void score(const struct job *job, const struct group *g, uint32_t index) {
    const struct tern_cpu_kernels *kernels = job->run->kernels;
    const struct room *room = &job->room;
    struct tern_cpu_attend keys = attend_block(job, &job->desc->k_cache, g, index);
    float *scores = g->scores + (size_t)index * TERN_KV_BLOCK;
    keys.x_stride = room->dim;
    keys.out_stride = room->positions;
    job->kind.keys(&keys, g->queries, scores);
    for (uint32_t i = 0; i < g->heads; i++) {
        float *p = scores + i * room->positions;
        g->most[i * room->blocks + index] = kernels->exp_scaled.fn(p, keys.count, job->desc->scale);
        if (job->kind.round) {
            job->kind.round(p, keys.count, p);
        }
    }
    add_up(job, g, scores, keys.count, g->sums + index);
    if (job->kind.weights) {
        struct tern_cpu_attend values = attend_block(job, &job->desc->v_cache, g, index);
        values.x_stride = room->positions;
        values.out_stride = room->positions;
        job->kind.weights(&values, scores, scores);
    }
}

// The weights of the blocks of head |i|; returns what all its weighed sums are to be divided by.
static float weigh(const struct job *job, const struct group *g, uint32_t i, float *weights) {
    const float *sums = g->sums + i * job->room.blocks;
    memcpy(weights, g->most + i * job->room.blocks, g->blocks * sizeof *weights);
    job->run->kernels->exp_scaled.fn(weights, g->blocks, 1.0f);
    float total = 0.0f;
    for (uint32_t b = 0; b < g->blocks; b++) {
        total += sums[b] * weights[b];
    }
    return total;
}

// Second pass over |columns| from |first|.
static void join(const struct job *job, const struct group *g, uint32_t first, uint32_t columns,
                 uint32_t task) {
    const struct tern_cpu_kernels *kernels = job->run->kernels;
    const tern_attention_desc *d = job->desc;
    const struct room *room = &job->room;
    float *weights = job->weights + task * room->task;
    float *out = tern_cpu_f32(&d->out, g->row) + (size_t)g->head * dim_of(d) + first;
    float inverse[MOST];
    for (uint32_t i = 0; i < g->heads; i++) {
        inverse[i] = 1.0f / weigh(job, g, i, weights + i * room->blocks);
        memset(out + (size_t)i * dim_of(d), 0, columns * sizeof *out);
    }
    for (uint32_t b = 0; b < g->blocks; b++) {
        struct tern_cpu_attend values = attend_block(job, &d->v_cache, g, b);
        size_t offset = (size_t)first * tern_element_bytes(d->v_cache.dtype);
        values.rows = (const uint8_t *)values.rows + offset;
        values.ahead = (const uint8_t *)values.ahead + offset;
        values.dim = columns;
        values.x_stride = room->positions;
        values.out_stride = dim_of(d);
        values.weights = weights + b;
        values.weights_stride = room->blocks;
        job->kind.values(&values, g->scores + (size_t)b * TERN_KV_BLOCK, out);
    }
    for (uint32_t i = 0; i < g->heads; i++, out += dim_of(d)) {
        kernels->scale.fn(out, inverse[i], columns, out);
    }
}

static void whole_part(const void *user, uint32_t first, uint32_t end, uint32_t task) {
    const struct job *job = user;
    for (uint32_t i = first; i < end; i++) {
        struct group g = group_at(job, i, task);
        prepare(job, &g);
        for (uint32_t b = 0; b < g.blocks; b++) {
            score(job, &g, b);
        }
        join(job, &g, 0, dim_of(job->desc), task);
    }
}

static void score_part(const void *user, uint32_t first, uint32_t end, uint32_t task) {
    (void)task;
    const struct job *job = user;
    for (uint32_t i = first; i < end; i++) {
        uint32_t index = i / job->blocks;
        struct group g = group_at(job, index, index);
        if (i % job->blocks < g.blocks) {
            score(job, &g, i % job->blocks);
        }
    }
}

static void join_part(const void *user, uint32_t first, uint32_t end, uint32_t task) {
    const struct job *job = user;
    uint32_t dim = dim_of(job->desc);
    for (uint32_t i = first; i < end; i++) {
        uint32_t index = i / job->slices;
        uint32_t column = i % job->slices * SLICE;
        struct group g = group_at(job, index, index);
        join(job, &g, column, dim - column < SLICE ? dim - column : SLICE, task);
    }
}

// Nanoseconds of one pass of a group over |blocks| blocks of |columns| columns.
static uint64_t cost(uint64_t blocks, uint64_t columns) {
    return blocks * (100 + 8 * columns);
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
    job.slices = (dim_of(d) + SLICE - 1) / SLICE;
    job.weights = (float *)(void *)run->scratch + places_of(tasks, job.count) * job.room.place;
    return job;
}

static void run(const struct tern_cpu_run *run, const tern_op_header *desc) {
    struct job job = job_of(run, (const tern_attention_desc *)desc);
    uint32_t dim = dim_of(job.desc);
    if (job.count >= SHARED_PER_THREAD * tern_cpu_max_tasks(run->pool)) {
        struct tern_cpu_work all = {job.count, 2 * cost(job.blocks, dim)};
        tern_cpu_split(run, all, whole_part, &job);
        return;
    }
    for (uint32_t i = 0; i < job.count; i++) {
        struct group g = group_at(&job, i, i);
        prepare(&job, &g);
    }
    struct tern_cpu_work scores = {job.count * job.blocks, cost(1, dim)};
    tern_cpu_split(run, scores, score_part, &job);
    struct tern_cpu_work slices = {job.count * job.slices, cost(job.blocks, SLICE)};
    tern_cpu_split(run, slices, join_part, &job);
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
