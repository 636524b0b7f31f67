#include "backends/cpu/ops/ternary.h"

#include "backends/common/sizes.h"
#include "backends/cpu/ops/ternary_way.h"

#include <string.h>

// The scratch, each part at a multiple of 64 bytes:
//
//     row sums [R][groups]   panels [R][panel_cols]   per task: sums of a panel, unpacked codes
struct room {
    uint64_t panels;
    uint64_t tasks;
    uint64_t task_codes; // within a task's part
    uint64_t task_bytes;
};

static uint64_t sums_bytes(const tern_backend_weights *weights, uint64_t rows) {
    return tern_round_up(rows * weights->groups * sizeof(int32_t), 64);
}

// From a row of a panel to the next.
static uint64_t panel_cols(const tern_backend_weights *weights) {
    return tern_round_up(weights->layout.padded_cols, TERN_CPU_MATRIX_COLS);
}

static struct room room_of(const struct tern_cpu_kernels *kernels,
                           const tern_backend_weights *weights, uint32_t rows) {
    struct room room = {.panels = sums_bytes(weights, rows)};
    room.tasks = room.panels + tern_round_up(rows * panel_cols(weights), 64);
    room.task_codes = tern_round_up(tern_cpu_way_sums(kernels, weights) * sizeof(int32_t), 64);
    room.task_bytes = room.task_codes;
    if (tern_cpu_way_of(kernels, weights, rows) == TERN_CPU_WAY_GEMM) {
        uint64_t tile = (uint64_t)TERN_CPU_GEMM_TILES * weights->layout.tile_rows;
        room.task_bytes += tern_round_up(tile * weights->layout.padded_cols, 64);
    }
    return room;
}

uint64_t tern_cpu_ternary_bytes(const tern_backend_device *device,
                                const tern_backend_weights *weights, uint32_t rows) {
    struct room room = room_of(&device->kernels, weights, rows);
    return room.tasks + room.task_bytes * tern_cpu_max_tasks(device->pool);
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

// What the threads share.
struct plan {
    const struct tern_cpu_ternary *job;
    const struct tern_cpu_batch *batches;
    struct tern_cpu_batch whole; // the only one where the job has none
    uint32_t batch_count;
    const int8_t *panels; // of all batches, one after the other
    uint32_t blocks;
    uint32_t group_blocks;
    uint32_t tiles_each; // tiles of an item
    uint32_t items_each; // items of a batch, the last perhaps past its end
    struct room room;
};

// The products of a batch, in panels of nearly the same size.
struct panels {
    uint32_t count;
    uint32_t products;
};

static enum tern_cpu_way way_of(const struct plan *plan, const struct tern_cpu_batch *batch) {
    return tern_cpu_way_of(plan->job->run->kernels, plan->job->weights, batch->count);
}

static struct tern_cpu_way_shape shape_of(const struct plan *plan,
                                          const struct tern_cpu_batch *batch) {
    return tern_cpu_way_shape(plan->job->weights, way_of(plan, batch), batch->count);
}

static struct panels panels_of(const struct plan *plan, const struct tern_cpu_batch *batch) {
    uint32_t most = shape_of(plan, batch).rows;
    return (struct panels){(batch->count + most - 1) / most, batch->count};
}

static uint32_t first_of(const struct panels *panels, uint32_t panel) {
    return (uint32_t)((uint64_t)panels->products * panel / panels->count);
}

static uint32_t product_at(const struct plan *plan, const struct tern_cpu_batch *batch,
                           uint32_t index) {
    const uint32_t *order = plan->job->order;
    return order ? order[batch->first + index] : batch->first + index;
}

static uint32_t row_of_q(const struct tern_cpu_ternary *job, uint32_t product) {
    return job->order ? product / job->shared : product;
}

// Product |index| and those after it, packed. One alone needs no packing.
static const int8_t *panel_at(const struct plan *plan, const struct tern_cpu_batch *batch,
                              uint32_t index) {
    const struct tern_cpu_ternary *job = plan->job;
    if (batch->count == 1) {
        return job->q + row_of_q(job, product_at(plan, batch, 0)) * job->q_stride;
    }
    return plan->panels + (size_t)(batch->first + index) * panel_cols(job->weights);
}

static void pack_batch(const struct plan *plan, const struct tern_cpu_batch *batch, uint32_t first,
                       uint32_t end) {
    const struct tern_cpu_ternary *job = plan->job;
    struct panels panels = panels_of(plan, batch);
    size_t cols = shape_of(plan, batch).cols;
    for (uint32_t panel = 0; panel < panels.count; panel++) {
        uint32_t product = first_of(&panels, panel);
        uint32_t count = first_of(&panels, panel + 1) - product;
        int8_t *to = (int8_t *)panel_at(plan, batch, product);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t row = row_of_q(job, product_at(plan, batch, product + i));
            const int8_t *q = job->q + row * job->q_stride;
            for (uint32_t block = first; block < end; block++) {
                size_t k = (size_t)block * TERN_CPU_T2_BLOCK;
                memcpy(to + (k / cols * count + i) * cols + k % cols, q + k, TERN_CPU_T2_BLOCK);
            }
        }
    }
}

// Blocks |first| to |end| of all panels, from rows.
static void pack_part(const void *user, uint32_t first, uint32_t end, uint32_t task) {
    const struct plan *plan = user;
    (void)task;
    for (uint32_t b = 0; b < plan->batch_count; b++) {
        if (plan->batches[b].count > 1) {
            pack_batch(plan, &plan->batches[b], first, end);
        }
    }
}

// Then the outputs of up to TERN_CPU_GEMV_ROWS tiles are made together: their sums take the room of
// as many rows.
static bool is_one_row(const struct plan *plan, const struct tern_cpu_batch *batch) {
    return batch->count == 1 && plan->job->weights->groups == 1;
}

// Sums of one product with |width| rows of weights from row |n|: a tile, or with one group several,
// as neither sums nor scales of other groups lie between them then.
struct sums {
    const int32_t *at;
    uint32_t stride;
    uint32_t n;
    uint32_t width;
};

static float *out_of(const struct tern_cpu_ternary *job, const struct tern_cpu_batch *batch,
                     uint32_t product) {
    return job->order ? tern_cpu_f32(job->out, product / job->slots) +
                            (size_t)(product % job->slots) * batch->outputs
                      : tern_cpu_f32(job->out, product);
}

// Makes outputs of the sums: those that are the batch's own.
static void finish(const struct plan *plan, const struct tern_cpu_batch *batch, uint32_t product,
                   const struct sums *sums) {
    const struct tern_cpu_ternary *job = plan->job;
    const tern_backend_weights *weights = job->weights;
    const float *bias = tern_cpu_f32_optional(job->bias);
    uint32_t n = sums->n;
    uint32_t row = row_of_q(job, product);
    uint32_t left = batch->begin + batch->outputs - n;
    struct tern_cpu_scale_t2 scale = {
        .sums = sums->at,
        .sums_stride = sums->stride,
        .weight_scale = weights->scales + tern_cpu_scale_index(weights, n, 0),
        .tile = sums->width,
        .groups = weights->groups,
        .grouped = weights->info.scale_kind == TERN_SCALE_GROUP,
        .row_sums = row_sums(job, row),
        .act_scale = job->scale[row],
        .bias = bias ? bias + n : NULL,
        .residual = job->residual->buffer ? tern_cpu_f32(job->residual, row) + n : NULL,
        .count = left < sums->width ? left : sums->width};
    float *out = out_of(job, batch, product);
    if (n >= batch->begin) {
        job->run->kernels->scale_t2.fn(&scale, out + (n - batch->begin));
    } else { // a tile that begins with the last rows of the expert before
        float tile[TERN_CPU_SCALED_ROWS];
        uint32_t others = batch->begin - n;
        job->run->kernels->scale_t2.fn(&scale, tile);
        memcpy(out, tile + others, (scale.count - others) * sizeof *out);
    }
}

static tern_cpu_gemv_t2_fn *fn_of(const struct plan *plan, const struct tern_cpu_batch *batch) {
    return tern_cpu_way_fn(plan->job->run->kernels, plan->job->weights, way_of(plan, batch));
}

static int32_t *task_sums(const struct plan *plan, uint32_t task) {
    uint8_t *room = plan->job->room + plan->room.tasks + task * plan->room.task_bytes;
    return (int32_t *)(void *)room;
}

// Scales that the next tile's outputs need: a cache line for every 16 KiB of 4096 columns, which no
// processor foresees.
static void ask_for_scales(const tern_backend_weights *weights, uint32_t tile) {
    if (tile < weights->layout.tiles && weights->info.scale_kind != TERN_SCALE_TENSOR) {
        const float *scales =
            weights->scales + tern_cpu_scale_index(weights, tile * weights->layout.tile_rows, 0);
        size_t count = (size_t)weights->groups * weights->layout.tile_rows;
        for (size_t i = 0; i < count; i += 64 / sizeof *scales) {
            TERN_CPU_PREFETCH(scales + i);
        }
    }
}

// One row of activations by |count| tiles from |tile| in one group; outputs are made together.
// With eleven instructions for each 64 bytes of weights a tile's epilogue is a part of its time.
static void multiply_row(const struct plan *plan, const struct tern_cpu_batch *batch, uint32_t tile,
                         uint32_t count, int32_t *sums) {
    const tern_backend_weights *weights = plan->job->weights;
    const struct tern_cpu_layout *layout = &weights->layout;
    struct tern_cpu_gemv_t2 gemv = {.blocks = plan->blocks,
                                    .group_blocks = plan->group_blocks,
                                    .q = panel_at(plan, batch, 0),
                                    .rows = 1,
                                    .tiles = 1};
    for (uint32_t i = 0; i < count; i++) {
        ask_for_scales(weights, tile + i + 1);
        gemv.tile = weights->tiles + (tile + i) * layout->tile_bytes;
        fn_of(plan, batch)(&gemv, sums + (size_t)i * layout->tile_rows);
    }
    uint32_t width = count * layout->tile_rows;
    finish(plan, batch, product_at(plan, batch, 0),
           &(struct sums){sums, width, tile * layout->tile_rows, width});
}

// Sums of a panel of products, |first| and those after it, with neighbouring tiles: [rows][groups]
// and then |stride| rows of weights, those of |tiles| tiles first.
struct panel_sums {
    const int32_t *at;
    uint32_t first, rows;
    uint32_t tile, tiles;
    uint32_t stride;
};

static void finish_panel(const struct plan *plan, const struct tern_cpu_batch *batch,
                         const struct panel_sums *sums) {
    const tern_backend_weights *weights = plan->job->weights;
    uint32_t tile_rows = weights->layout.tile_rows;
    uint32_t all = sums->tiles * tile_rows;
    uint32_t width = weights->groups == 1 ? all : tile_rows;
    for (uint32_t r = 0; r < sums->rows; r++) {
        const int32_t *at = sums->at + (size_t)r * weights->groups * sums->stride;
        for (uint32_t i = 0; i < all; i += width) {
            finish(plan, batch, product_at(plan, batch, sums->first + r),
                   &(struct sums){at + i, sums->stride, sums->tile * tile_rows + i, width});
        }
    }
}

// The outputs of |tiles| tiles, as many as one call takes.
static void multiply_few(const struct plan *plan, const struct tern_cpu_batch *batch, uint32_t tile,
                         uint32_t tiles, int32_t *sums) {
    const struct tern_cpu_layout *layout = &plan->job->weights->layout;
    struct tern_cpu_gemv_t2 gemv = {.tile = plan->job->weights->tiles + tile * layout->tile_bytes,
                                    .blocks = plan->blocks,
                                    .group_blocks = plan->group_blocks,
                                    .tiles = tiles};
    struct panels panels = panels_of(plan, batch);
    for (uint32_t panel = 0; panel < panels.count; panel++) {
        uint32_t first = first_of(&panels, panel);
        gemv.q = panel_at(plan, batch, first);
        gemv.rows = first_of(&panels, panel + 1) - first;
        fn_of(plan, batch)(&gemv, sums);
        finish_panel(
            plan, batch,
            &(struct panel_sums){sums, first, gemv.rows, tile, tiles, tiles * layout->tile_rows});
    }
}

// All outputs of |count| tiles from |tile|.
static void multiply_tiles(const struct plan *plan, const struct tern_cpu_batch *batch,
                           uint32_t tile, uint32_t count, int32_t *sums) {
    uint32_t most = shape_of(plan, batch).tiles;
    uint32_t tiles;
    for (uint32_t end = tile + count; tile < end; tile += tiles) {
        tiles = end - tile < most ? end - tile : most;
        for (uint32_t i = 1; i <= tiles; i++) {
            ask_for_scales(plan->job->weights, tile + tiles - 1 + i);
        }
        multiply_few(plan, batch, tile, tiles, sums);
    }
}

static void multiply_packed(const struct plan *plan, const struct tern_cpu_batch *batch,
                            uint32_t tile, uint32_t count, int32_t *sums) {
    (is_one_row(plan, batch) ? multiply_row : multiply_tiles)(plan, batch, tile, count, sums);
}

// As multiply_packed; the tiles are unpacked for all panels.
static void multiply_unpacked(const struct plan *plan, const struct tern_cpu_batch *batch,
                              uint32_t tile, uint32_t count, int32_t *sums) {
    const struct tern_cpu_ternary *job = plan->job;
    const struct tern_cpu_layout *layout = &job->weights->layout;
    const struct tern_cpu_kernels *kernels = job->run->kernels;
    tern_cpu_unpack_t2_fn *unpack_fn =
        layout->fives ? kernels->unpack_t5.fn : kernels->unpack_t2.fn;
    uint8_t *codes = (uint8_t *)sums + plan->room.task_codes;
    struct tern_cpu_gemm_t2 gemm = {
        .codes = codes, .blocks = plan->blocks, .group_blocks = plan->group_blocks};
    struct panels panels = panels_of(plan, batch);
    unpack_fn(job->weights->tiles + tile * layout->tile_bytes, (size_t)layout->tile_bytes, count,
              plan->blocks, codes);
    for (uint32_t panel = 0; panel < panels.count; panel++) {
        uint32_t first = first_of(&panels, panel);
        uint32_t next = tile + TERN_CPU_GEMM_TILES + panel % TERN_CPU_GEMM_TILES;
        next = next < layout->tiles ? next : 0;
        gemm.ahead = job->weights->tiles + next * layout->tile_bytes;
        gemm.q = panel_at(plan, batch, first);
        gemm.rows = first_of(&panels, panel + 1) - first;
        kernels->gemm_t2.fn(&gemm, sums);
        finish_panel(plan, batch,
                     &(struct panel_sums){sums, first, gemm.rows, tile, count,
                                          TERN_CPU_GEMM_TILES * layout->tile_rows});
    }
}

static uint32_t first_tile(const struct plan *plan, const struct tern_cpu_batch *batch) {
    return batch->begin / plan->job->weights->layout.tile_rows;
}

// Past the last.
static uint32_t end_tile(const struct plan *plan, const struct tern_cpu_batch *batch) {
    return (batch->begin + batch->outputs - 1) / plan->job->weights->layout.tile_rows + 1;
}

// How many items from |item| on, of a part that ends with |end|, are multiplied at once.
static uint32_t items_at_once(const struct plan *plan, const struct tern_cpu_batch *batch,
                              uint32_t item, uint32_t end) {
    uint32_t tiles = is_one_row(plan, batch) ? TERN_CPU_GEMV_ROWS : shape_of(plan, batch).tiles;
    uint32_t most = plan->tiles_each < tiles ? tiles / plan->tiles_each : 1;
    uint32_t of_batch = plan->items_each - item % plan->items_each;
    most = most < of_batch ? most : of_batch;
    return most < end - item ? most : end - item;
}

static void multiply_part(const void *user, uint32_t first, uint32_t end, uint32_t task) {
    const struct plan *plan = user;
    uint32_t items;
    for (uint32_t i = first; i < end; i += items) {
        const struct tern_cpu_batch *batch = &plan->batches[i / plan->items_each];
        uint32_t tile = first_tile(plan, batch) + i % plan->items_each * plan->tiles_each;
        uint32_t past = end_tile(plan, batch);
        items = items_at_once(plan, batch, i, end);
        if (tile < past) {
            uint32_t most = items * plan->tiles_each;
            uint32_t count = past - tile < most ? past - tile : most;
            bool unpack = way_of(plan, batch) == TERN_CPU_WAY_GEMM;
            (unpack ? multiply_unpacked : multiply_packed)(plan, batch, tile, count,
                                                           task_sums(plan, task));
        }
    }
}

static struct plan make_plan(const struct tern_cpu_ternary *job) {
    const tern_backend_weights *weights = job->weights;
    const struct tern_cpu_layout *layout = &weights->layout;
    struct plan plan = {.job = job,
                        .batches = job->batches,
                        .whole = {0, job->run->rows, 0, weights->info.rows},
                        .batch_count = job->order ? job->batch_count : 1,
                        .blocks = layout->padded_cols / TERN_CPU_T2_BLOCK};
    plan.group_blocks = weights->info.scale_kind == TERN_SCALE_GROUP
                            ? weights->info.group_size / TERN_CPU_T2_BLOCK
                            : plan.blocks;
    plan.room =
        room_of(job->run->kernels, weights, job->out->shape[0] * (job->order ? job->slots : 1));
    plan.panels = (int8_t *)job->room + plan.room.panels;
    return plan;
}

// Tiles that go together where rows are many.
static uint32_t tiles_of_item(enum tern_cpu_way way) {
    return way == TERN_CPU_WAY_GEMM     ? TERN_CPU_GEMM_TILES
           : way == TERN_CPU_WAY_MATRIX ? TERN_CPU_MATRIX_PAIR
                                        : 1;
}

// How the tiles of all batches are cut into items.
static void cut_tiles(struct plan *plan) {
    uint32_t most = 0;
    plan->tiles_each = 1;
    for (uint32_t b = 0; b < plan->batch_count; b++) {
        const struct tern_cpu_batch *batch = &plan->batches[b];
        uint32_t tiles = end_tile(plan, batch) - first_tile(plan, batch);
        uint32_t each = tiles_of_item(way_of(plan, batch));
        most = tiles > most ? tiles : most;
        plan->tiles_each = each > plan->tiles_each ? each : plan->tiles_each;
    }
    plan->items_each = (most + plan->tiles_each - 1) / plan->tiles_each;
}

void tern_cpu_ternary_run(const struct tern_cpu_ternary *job) {
    struct plan plan = make_plan(job);
    plan.batches = job->order ? job->batches : &plan.whole;
    uint32_t products = job->run->rows * (job->order ? job->slots : 1);
    cut_tiles(&plan);
    if (products > plan.batch_count) {
        tern_cpu_split(job->run, (struct tern_cpu_work){plan.blocks, products}, pack_part, &plan);
    }
    // About 16 bytes of a tile in a nanosecond, and 10 ns to finish a tile's outputs; matrix units
    // take as long again for 16 rows more.
    uint64_t tile_ns = job->weights->layout.tile_bytes / 16 + 10;
    uint32_t each = products / plan.batch_count;
    bool matrix = tern_cpu_way_of(job->run->kernels, job->weights, each) == TERN_CPU_WAY_MATRIX;
    tile_ns *= matrix ? 1 + each / TERN_CPU_MAX_TILE : each;
    struct tern_cpu_work work = {plan.batch_count * plan.items_each, tile_ns * plan.tiles_each};
    tern_cpu_split(job->run, work, multiply_part, &plan);
}
