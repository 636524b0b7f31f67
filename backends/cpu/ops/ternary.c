#include "backends/cpu/ops/ternary.h"

#include "backends/common/sizes.h"

#include <string.h>

// Up to TERN_CPU_GEMV_ROWS rows meet each tile as it comes from memory. Of more rows, panels of at
// most TERN_CPU_GEMM_ROWS meet a few tiles unpacked once for all of them, as long as what is
// unpacked stays in a cache.
enum { MOST_UNPACKED_COLS = 32768 };

// The scratch, each part at a multiple of 64 bytes:
//
//     row sums [R][groups]   panels [R][padded K]   per task: sums of a panel, unpacked codes
struct room {
    uint64_t panels;
    uint64_t tasks;
    uint64_t task_codes; // within a task's part
    uint64_t task_bytes;
};

static bool unpacks(const tern_backend_weights *weights, uint32_t rows) {
    return rows > TERN_CPU_GEMV_ROWS && weights->layout.padded_cols <= MOST_UNPACKED_COLS;
}

static uint64_t sums_bytes(const tern_backend_weights *weights, uint64_t rows) {
    return tern_round_up(rows * weights->groups * sizeof(int32_t), 64);
}

static struct room room_of(const tern_backend_weights *weights, uint32_t rows) {
    const struct tern_cpu_layout *layout = &weights->layout;
    uint64_t padded = layout->padded_cols;
    uint64_t gemm_tile = (uint64_t)TERN_CPU_GEMM_TILES * layout->tile_rows;
    struct room room = {.panels = sums_bytes(weights, rows)};
    room.tasks = room.panels + tern_round_up(rows * padded, 64);
    room.task_codes = sums_bytes(weights, TERN_CPU_GEMV_ROWS * layout->tile_rows);
    room.task_bytes = room.task_codes;
    if (unpacks(weights, rows)) {
        uint64_t gemm_sums = sums_bytes(weights, TERN_CPU_GEMM_ROWS * gemm_tile);
        room.task_codes = gemm_sums > room.task_codes ? gemm_sums : room.task_codes;
        room.task_bytes = room.task_codes + tern_round_up(gemm_tile * padded, 64);
    }
    return room;
}

uint64_t tern_cpu_ternary_bytes(const struct tern_cpu_pool *pool,
                                const tern_backend_weights *weights, uint32_t rows) {
    struct room room = room_of(weights, rows);
    return room.tasks + room.task_bytes * tern_cpu_max_tasks(pool);
}

// Columns that share a scale.
static uint32_t group_cols(const tern_backend_weights *weights) {
    return weights->info.scale_kind == TERN_SCALE_GROUP ? weights->info.group_size
                                                        : weights->info.cols;
}

static int32_t *row_sums(const struct tern_cpu_ternary *job, uint32_t row) {
    return (int32_t *)(void *)job->room + (size_t)row * job->weights->groups;
}

void tern_cpu_ternary_sum_row(const struct tern_cpu_ternary *job, uint32_t row) {
    const tern_backend_weights *weights = job->weights;
    const int8_t *q = job->q + row * job->q_stride;
    int32_t *sums = row_sums(job, row);
    uint32_t size = group_cols(weights);
    for (uint32_t g = 0; g < weights->groups; g++) {
        uint32_t left = weights->info.cols - g * size;
        sums[g] = job->run->kernels->sum_i8.fn(q + (size_t)g * size, left < size ? left : size);
    }
}

// The live rows in panels of nearly the same size.
struct plan {
    const struct tern_cpu_ternary *job;
    const int8_t *panels; // one after the other
    uint32_t count;
    uint32_t blocks;
    uint32_t group_blocks;
    struct room room;
};

static uint32_t first_row(const struct plan *plan, uint32_t panel) {
    return (uint32_t)((uint64_t)plan->job->run->rows * panel / plan->count);
}

static const int8_t *panel_at(const struct plan *plan, uint32_t panel) {
    return plan->panels + (size_t)first_row(plan, panel) * plan->blocks * TERN_CPU_T2_BLOCK;
}

// Blocks |first| to |end| of all panels, from rows.
static void pack_part(const void *user, uint32_t first, uint32_t end, uint32_t task) {
    const struct plan *plan = user;
    const struct tern_cpu_ternary *job = plan->job;
    (void)task;
    for (uint32_t panel = 0; panel < plan->count; panel++) {
        uint32_t row = first_row(plan, panel);
        uint32_t rows = first_row(plan, panel + 1) - row;
        int8_t *to = (int8_t *)panel_at(plan, panel) + (size_t)first * rows * TERN_CPU_T2_BLOCK;
        for (uint32_t block = first; block < end; block++) {
            const int8_t *q = job->q + row * job->q_stride + (size_t)block * TERN_CPU_T2_BLOCK;
            for (uint32_t r = 0; r < rows; r++, to += TERN_CPU_T2_BLOCK) {
                memcpy(to, q + r * job->q_stride, TERN_CPU_T2_BLOCK);
            }
        }
    }
}

// One row's outputs of |width| rows of weights from row |n|: a tile, or with one group several, as
// neither sums nor scales of other groups lie between them then.
static void finish(const struct tern_cpu_ternary *job, uint32_t n, uint32_t width, uint32_t row,
                   const int32_t *sums, uint32_t sums_stride) {
    const tern_backend_weights *weights = job->weights;
    const float *bias = tern_cpu_f32_optional(job->bias);
    uint32_t left = weights->info.rows - n;
    struct tern_cpu_scale_t2 scale = {
        .sums = sums,
        .sums_stride = sums_stride,
        .weight_scale = weights->scales + tern_cpu_scale_index(weights, n, 0),
        .tile = width,
        .groups = weights->groups,
        .grouped = weights->info.scale_kind == TERN_SCALE_GROUP,
        .row_sums = row_sums(job, row),
        .act_scale = job->scale[row],
        .bias = bias ? bias + n : NULL,
        .residual = job->residual->buffer ? tern_cpu_f32(job->residual, row) + n : NULL,
        .count = left < width ? left : width};
    job->run->kernels->scale_t2.fn(&scale, tern_cpu_f32(job->out, row) + n);
}

static int32_t *task_sums(const struct plan *plan, uint32_t task) {
    uint8_t *room = plan->job->room + plan->room.tasks + task * plan->room.task_bytes;
    return (int32_t *)(void *)room;
}

static void gemv_part(const void *user, uint32_t first, uint32_t end, uint32_t task) {
    const struct plan *plan = user;
    const struct tern_cpu_ternary *job = plan->job;
    const struct tern_cpu_layout *layout = &job->weights->layout;
    int32_t *sums = task_sums(plan, task);
    size_t per_row = (size_t)job->weights->groups * layout->tile_rows;
    const struct tern_cpu_kernels *kernels = job->run->kernels;
    tern_cpu_gemv_t2_fn *gemv_fn = layout->fives ? kernels->gemv_t5.fn : kernels->gemv_t2.fn;
    struct tern_cpu_gemv_t2 gemv = {.blocks = plan->blocks, .group_blocks = plan->group_blocks};
    for (uint32_t tile = first; tile < end; tile++) {
        gemv.tile = job->weights->tiles + tile * layout->tile_bytes;
        for (uint32_t panel = 0; panel < plan->count; panel++) {
            uint32_t row = first_row(plan, panel);
            gemv.q = panel_at(plan, panel);
            gemv.rows = first_row(plan, panel + 1) - row;
            gemv_fn(&gemv, sums);
            for (uint32_t r = 0; r < gemv.rows; r++) {
                finish(job, tile * layout->tile_rows, layout->tile_rows, row + r,
                       sums + r * per_row, layout->tile_rows);
            }
        }
    }
}

// All outputs of |count| tiles from |tile|, unpacked in |gemm|.
static void multiply_unpacked(const struct plan *plan, struct tern_cpu_gemm_t2 *gemm, uint32_t tile,
                              uint32_t count, int32_t *sums) {
    const struct tern_cpu_ternary *job = plan->job;
    const struct tern_cpu_layout *layout = &job->weights->layout;
    uint32_t all = TERN_CPU_GEMM_TILES * layout->tile_rows;
    uint32_t width = job->weights->groups == 1 ? count * layout->tile_rows : layout->tile_rows;
    for (uint32_t panel = 0; panel < plan->count; panel++) {
        uint32_t row = first_row(plan, panel);
        uint32_t next = tile + TERN_CPU_GEMM_TILES + panel % TERN_CPU_GEMM_TILES;
        next = next < layout->tiles ? next : 0;
        gemm->ahead = job->weights->tiles + next * layout->tile_bytes;
        gemm->q = panel_at(plan, panel);
        gemm->rows = first_row(plan, panel + 1) - row;
        job->run->kernels->gemm_t2.fn(gemm, sums);
        for (uint32_t r = 0; r < gemm->rows; r++) {
            const int32_t *at = sums + (size_t)r * job->weights->groups * all;
            for (uint32_t i = 0; i < count * layout->tile_rows; i += width) {
                finish(job, tile * layout->tile_rows + i, width, row + r, at + i, all);
            }
        }
    }
}

// Items are TERN_CPU_GEMM_TILES tiles; the last may have fewer.
static void gemm_part(const void *user, uint32_t first, uint32_t end, uint32_t task) {
    const struct plan *plan = user;
    const struct tern_cpu_ternary *job = plan->job;
    const struct tern_cpu_layout *layout = &job->weights->layout;
    int32_t *sums = task_sums(plan, task);
    uint8_t *codes = (uint8_t *)sums + plan->room.task_codes;
    const struct tern_cpu_kernels *kernels = job->run->kernels;
    tern_cpu_unpack_t2_fn *unpack_fn =
        layout->fives ? kernels->unpack_t5.fn : kernels->unpack_t2.fn;
    struct tern_cpu_gemm_t2 gemm = {
        .codes = codes, .blocks = plan->blocks, .group_blocks = plan->group_blocks};
    for (uint32_t i = first; i < end; i++) {
        uint32_t tile = i * TERN_CPU_GEMM_TILES;
        uint32_t left = layout->tiles - tile;
        uint32_t count = left < TERN_CPU_GEMM_TILES ? left : TERN_CPU_GEMM_TILES;
        unpack_fn(job->weights->tiles + tile * layout->tile_bytes, (size_t)layout->tile_bytes,
                  count, plan->blocks, codes);
        multiply_unpacked(plan, &gemm, tile, count, sums);
    }
}

static struct plan make_plan(const struct tern_cpu_ternary *job, uint32_t most) {
    const tern_backend_weights *weights = job->weights;
    struct plan plan = {.job = job,
                        .count = (job->run->rows + most - 1) / most,
                        .blocks = weights->layout.padded_cols / TERN_CPU_T2_BLOCK};
    plan.group_blocks = weights->info.scale_kind == TERN_SCALE_GROUP
                            ? weights->info.group_size / TERN_CPU_T2_BLOCK
                            : plan.blocks;
    plan.room = room_of(weights, job->out->shape[0]);
    plan.panels = job->run->rows > 1 ? (int8_t *)job->room + plan.room.panels : job->q;
    return plan;
}

void tern_cpu_ternary_run(const struct tern_cpu_ternary *job) {
    const struct tern_cpu_layout *layout = &job->weights->layout;
    uint32_t rows = job->run->rows;
    bool unpack = unpacks(job->weights, rows);
    struct plan plan = make_plan(job, unpack ? TERN_CPU_GEMM_ROWS : TERN_CPU_GEMV_ROWS);
    if (rows > 1) {
        tern_cpu_split(job->run, (struct tern_cpu_work){plan.blocks, rows}, pack_part, &plan);
    }
    // About 16 bytes of a tile in a nanosecond, and 10 ns to finish a tile's outputs.
    uint64_t tile_ns = (layout->tile_bytes / 16 + 10) * rows;
    struct tern_cpu_work work = {layout->tiles, tile_ns};
    if (unpack) {
        work.count = (layout->tiles + TERN_CPU_GEMM_TILES - 1) / TERN_CPU_GEMM_TILES;
        work.cost = tile_ns * TERN_CPU_GEMM_TILES;
    }
    tern_cpu_split(job->run, work, unpack ? gemm_part : gemv_part, &plan);
}

struct tern_cpu_pick tern_cpu_ternary_kernel(const struct tern_cpu_kernels *kernels,
                                             const tern_backend_weights *weights, uint32_t rows) {
    if (unpacks(weights, rows)) {
        return TERN_CPU_PICK(kernels, gemm_t2);
    }
    return weights->layout.fives ? TERN_CPU_PICK(kernels, gemv_t5)
                                 : TERN_CPU_PICK(kernels, gemv_t2);
}
