#include "backends/cpu/weights.h"

#include <string.h>

#include "backends/common/report.h"
#include "backends/common/sizes.h"
#include "backends/cpu/choice.h"
#include "shaders/common/float.h"

// Rows are read in chunks of about this many bytes. Matrices below MEASURED_BYTES are no model's
// that anybody waits for.
enum { CHUNK_BYTES = 256 * 1024, MEASURED_BYTES = 256 * 1024 };

static uint32_t tile_rows(const struct tern_cpu_kernels *kernels, tern_dtype dtype) {
    switch (dtype) {
    case TERN_DTYPE_T2:
        return kernels->gemv_t2.tile_rows;
    case TERN_DTYPE_F32:
        return kernels->linear_f32.tile_rows;
    case TERN_DTYPE_F16:
        return kernels->linear_f16.tile_rows;
    case TERN_DTYPE_BF16:
        return kernels->linear_bf16.tile_rows;
    case TERN_DTYPE_Q8_0:
        return kernels->linear_q8_0.tile_rows;
    default:
        return 0;
    }
}

// Whether five weights a byte pay: the padding to 80 columns may eat them up, and decoding may take
// longer than reading.
static bool prefers_fives(tern_backend_device *device, const tern_weights_info *info) {
    const struct tern_cpu_kernels *kernels = &device->kernels;
    struct tern_cpu_layout fives = tern_cpu_layout_make(info, kernels->gemv_t5.tile_rows, true);
    struct tern_cpu_layout fours = tern_cpu_layout_make(info, kernels->gemv_t2.tile_rows, false);
    if (kernels->gemv_t5.level == TERN_CPU_scalar || 10 * fives.tile_bytes > 9 * fours.tile_bytes) {
        return false;
    }
    return fours.tile_bytes * fours.tiles < MEASURED_BYTES ||
           tern_cpu_choose_fives(device, info->cols);
}

// A group would not end with a byte of five.
static bool packs_fives(tern_backend_device *device, const tern_weights_info *info) {
    const struct tern_cpu_kernels *kernels = &device->kernels;
    if (info->dtype != TERN_DTYPE_T2 || info->scale_kind == TERN_SCALE_GROUP ||
        kernels->gemv_t5.tile_rows != kernels->gemv_t2.tile_rows) {
        return false;
    }
    return device->ternary == TERN_CPU_TERNARY_T5 ||
           (device->ternary == TERN_CPU_TERNARY_AUTO && prefers_fives(device, info));
}

static uint32_t count_groups(const tern_weights_info *info) {
    switch (info->scale_kind) {
    case TERN_SCALE_NONE:
        return 0;
    case TERN_SCALE_GROUP:
        return (info->cols + info->group_size - 1) / info->group_size;
    default:
        return 1;
    }
}

// Scales per row as the host gives them.
static uint32_t scales_per_row(const tern_backend_weights *weights) {
    return weights->info.scale_kind == TERN_SCALE_TENSOR ? 0 : weights->groups;
}

static tern_status out_of_memory(const tern_host *host, const tern_backend_weights_desc *desc,
                                 uint64_t bytes) {
    return tern_report_fail(host, TERN_STATUS_OUT_OF_MEMORY,
                            "cpu: out of memory: %llu bytes for %s", (unsigned long long)bytes,
                            desc->name ? desc->name : "weights");
}

static tern_status allocate(tern_backend_device *device, const tern_backend_weights_desc *desc,
                            tern_backend_weights *weights) {
    size_t size;
    bool shared = weights->info.scale_kind == TERN_SCALE_TENSOR;
    size_t scales =
        shared ? TERN_CPU_SCALED_ROWS
               : (size_t)weights->layout.tiles * weights->groups * weights->layout.tile_rows;
    bool fits = tern_cpu_layout_size(&weights->layout, &size) && scales < SIZE_MAX / 8;
    size = tern_round_up(size, 64);
    weights->tiles =
        fits ? tern_cpu_arena_take(&device->arena, device->host, size + scales * sizeof(float))
             : NULL;
    if (!weights->tiles) {
        return out_of_memory(device->host, desc,
                             weights->layout.tile_bytes * weights->layout.tiles +
                                 scales * sizeof(float));
    }
    weights->scales = scales ? (float *)(void *)(weights->tiles + size) : NULL;
    for (size_t i = 0; shared && i < scales; i++) {
        weights->scales[i] = weights->info.scale;
    }
    return TERN_STATUS_OK;
}

// A chunk of rows on its way in: codes, then scales.
struct chunk {
    uint32_t rows;
    uint8_t *codes;
    float *scales;
};

static void pack_chunk(tern_backend_weights *weights, uint32_t first, uint32_t count,
                       const struct chunk *chunk) {
    uint32_t per_row = scales_per_row(weights);
    for (uint32_t i = 0; i < count; i++) {
        tern_cpu_pack_row(&weights->layout, weights->tiles, first + i,
                          chunk->codes + i * weights->layout.canonical_bytes);
        for (uint32_t g = 0; g < per_row; g++) {
            weights->scales[tern_cpu_scale_index(weights, first + i, g)] =
                chunk->scales[(size_t)i * per_row + g];
        }
    }
}

static tern_status read_rows(const tern_backend_weights_desc *desc, tern_backend_weights *weights,
                             const struct chunk *chunk) {
    for (uint32_t first = 0; first < weights->info.rows; first += chunk->rows) {
        uint32_t left = weights->info.rows - first;
        uint32_t count = left < chunk->rows ? left : chunk->rows;
        TERN_TRY(desc->read(desc->user, first, count, chunk->codes, chunk->scales));
        pack_chunk(weights, first, count, chunk);
        if (left == count) {
            break;
        }
    }
    return TERN_STATUS_OK;
}

static tern_status fill(const tern_host *host, const tern_backend_weights_desc *desc,
                        tern_backend_weights *weights) {
    uint64_t scale_bytes = 4ull * scales_per_row(weights);
    uint64_t row_bytes = weights->layout.canonical_bytes + scale_bytes;
    uint64_t rows = row_bytes < CHUNK_BYTES ? CHUNK_BYTES / row_bytes : 1;
    struct chunk chunk = {.rows = rows < weights->info.rows ? (uint32_t)rows : weights->info.rows};
    uint64_t code_bytes = (chunk.rows * weights->layout.canonical_bytes + 63) / 64 * 64;
    uint64_t size = code_bytes + chunk.rows * scale_bytes;
    chunk.codes = tern_report_calloc(host, 1, (size_t)size);
    if (!chunk.codes) {
        return out_of_memory(host, desc, size);
    }
    chunk.scales = scale_bytes ? (float *)(void *)(chunk.codes + code_bytes) : NULL;
    tern_status status = read_rows(desc, weights, &chunk);
    host->release(host, chunk.codes);
    return status;
}

tern_status tern_cpu_weights_create(tern_backend_device *device,
                                    const tern_backend_weights_desc *desc,
                                    tern_backend_weights **out_weights) {
    const tern_host *host = device->host;
    uint32_t rows = tile_rows(&device->kernels, desc->info.dtype);
    if (!rows) {
        return tern_report_fail(host, TERN_STATUS_UNSUPPORTED,
                                "cpu: %s: dtype %u is none that the cpu knows",
                                desc->name ? desc->name : "weights", desc->info.dtype);
    }
    tern_backend_weights *weights = tern_report_calloc(host, 1, sizeof *weights);
    if (!weights) {
        return out_of_memory(host, desc, sizeof *weights);
    }
    weights->info = desc->info;
    weights->layout = tern_cpu_layout_make(&desc->info, rows, packs_fives(device, &desc->info));
    weights->groups = count_groups(&desc->info);
    tern_status status = allocate(device, desc, weights);
    if (status == TERN_STATUS_OK) {
        status = fill(host, desc, weights);
    }
    if (status != TERN_STATUS_OK) {
        tern_cpu_weights_destroy(device, weights);
        return status;
    }
    *out_weights = weights;
    return TERN_STATUS_OK;
}

void tern_cpu_weights_destroy(tern_backend_device *device, tern_backend_weights *weights) {
    tern_cpu_arena_give(&device->arena, device->host, weights->tiles);
    device->host->release(device->host, weights);
}

tern_status tern_cpu_weights_export(tern_backend_device *device, tern_backend_weights *weights,
                                    uint32_t first, uint32_t count, void *codes, float *scales) {
    (void)device;
    uint32_t per_row = scales_per_row(weights);
    for (uint32_t i = 0; i < count; i++) {
        tern_cpu_unpack_row(&weights->layout, weights->tiles, first + i,
                            (uint8_t *)codes + i * weights->layout.canonical_bytes);
        for (uint32_t g = 0; scales && g < per_row; g++) {
            scales[(size_t)i * per_row + g] =
                weights->scales[tern_cpu_scale_index(weights, first + i, g)];
        }
    }
    return TERN_STATUS_OK;
}

static void ternary_row(const tern_backend_weights *weights, uint32_t row, const uint8_t *codes,
                        float *out) {
    bool grouped = weights->info.scale_kind == TERN_SCALE_GROUP;
    uint32_t group_size = grouped ? weights->info.group_size : weights->info.cols;
    for (uint32_t i = 0; i < weights->info.cols; i++) {
        float scale = weights->scales[tern_cpu_scale_index(weights, row, i / group_size)];
        int code = (int)(codes[i / 4] >> 2 * (i % 4) & 3) - 1;
        out[i] = t_flush(scale * (float)code);
    }
}

static void q8_0_row(const uint8_t *blocks, uint32_t cols, float *out) {
    for (uint32_t i = 0; i < cols; i++) {
        const uint8_t *block = blocks + 34 * (size_t)(i / 32);
        float d = t_f16_to_f32((uint32_t)block[0] | (uint32_t)block[1] << 8);
        out[i] = t_flush(d * (float)(int8_t)block[2 + i % 32]);
    }
}

static void f32_row(const float *x, uint32_t cols, float *out) {
    for (uint32_t i = 0; i < cols; i++) {
        out[i] = t_flush(x[i]);
    }
}

void tern_cpu_weights_row(const struct tern_cpu_kernels *kernels,
                          const tern_backend_weights *weights, uint32_t row, uint8_t *scratch,
                          float *out) {
    uint32_t cols = weights->info.cols;
    const uint8_t *dense = weights->tiles + row * weights->layout.row_bytes;
    switch (weights->info.dtype) {
    case TERN_DTYPE_T2:
        tern_cpu_unpack_row(&weights->layout, weights->tiles, row, scratch);
        ternary_row(weights, row, scratch, out);
        break;
    case TERN_DTYPE_Q8_0:
        tern_cpu_unpack_row(&weights->layout, weights->tiles, row, scratch);
        q8_0_row(scratch, cols, out);
        break;
    case TERN_DTYPE_F16:
        kernels->f32_from_f16.fn((const uint16_t *)(const void *)dense, cols, out);
        break;
    case TERN_DTYPE_BF16:
        kernels->f32_from_bf16.fn((const uint16_t *)(const void *)dense, cols, out);
        break;
    default:
        f32_row((const float *)(const void *)dense, cols, out);
    }
}
