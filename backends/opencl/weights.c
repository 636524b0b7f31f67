#include "backends/opencl/weights.h"

#include <string.h>

#include "backends/common/report.h"
#include "backends/common/sizes.h"
#include "backends/opencl/ternary.h"

#define CHUNK_BYTES (1u << 20)

// Host memory for one chunk of rows on their way up or down.
typedef struct staging {
    uint32_t rows;  // of a chunk
    uint8_t *codes; // canonical rows, or rows at their pitch
    float *scales;  // canonical
    uint32_t *words;
    float *tile_scales;
    int32_t *tile_sums;
} staging;

static bool is_ternary(const tern_backend_weights *weights) {
    return weights->info.dtype == TERN_DTYPE_T2;
}

// As tern_dtype_row_bytes, which a plugin cannot call.
static uint64_t canonical_row_bytes(tern_dtype dtype, uint32_t cols) {
    switch (dtype) {
    case TERN_DTYPE_T2:
        return ((uint64_t)cols + 3) / 4;
    case TERN_DTYPE_F32:
        return (uint64_t)cols * 4;
    case TERN_DTYPE_F16:
    case TERN_DTYPE_BF16:
        return ((uint64_t)cols + 1) / 2 * 4;
    case TERN_DTYPE_Q8_0:
        return ((uint64_t)cols + 31) / 32 * 34;
    default:
        return 0;
    }
}

// Scales of a row that come in and go out.
static uint32_t canonical_scales(const tern_weights_info *info) {
    if (info->scale_kind == TERN_SCALE_GROUP) {
        return (info->cols + info->group_size - 1) / info->group_size;
    }
    return info->scale_kind == TERN_SCALE_ROW ? 1 : 0;
}

// Bytes of a part's largest piece per tile (ternary) or per row (dense).
static uint64_t unit_bytes(const tern_backend_weights *weights) {
    if (!is_ternary(weights)) {
        return weights->pitch;
    }
    uint32_t most = weights->words > weights->groups ? weights->words : weights->groups;
    return (uint64_t)most * TERN_CL_TILE * 4;
}

static void staging_finish(tern_backend_device *device, staging *stage) {
    device->host->release(device->host, stage->codes);
    device->host->release(device->host, stage->scales);
    device->host->release(device->host, stage->words);
    device->host->release(device->host, stage->tile_scales);
    device->host->release(device->host, stage->tile_sums);
}

static tern_status staging_init(tern_backend_device *device, const tern_backend_weights *weights,
                                staging *stage) {
    const tern_host *host = device->host;
    memset(stage, 0, sizeof *stage);
    uint64_t bytes = is_ternary(weights) ? weights->row_bytes : weights->pitch;
    uint64_t rows = CHUNK_BYTES / bytes;
    rows = is_ternary(weights) ? (rows / TERN_CL_TILE + 1) * TERN_CL_TILE : rows + 1;
    stage->rows = (uint32_t)rows;
    stage->codes = tern_report_calloc(host, stage->rows, (size_t)bytes);
    bool enough = stage->codes != NULL;
    if (is_ternary(weights)) {
        size_t scales = (size_t)stage->rows * weights->groups;
        stage->scales = tern_report_calloc(host, scales, sizeof(float));
        stage->words = tern_report_calloc(host, stage->rows, (size_t)weights->words * 4);
        stage->tile_scales = tern_report_calloc(host, scales, sizeof(float));
        stage->tile_sums = tern_report_calloc(host, scales, sizeof(int32_t));
        enough = enough && stage->scales && stage->words && stage->tile_scales && stage->tile_sums;
    }
    if (!enough) {
        staging_finish(device, stage);
        return tern_report_fail(host, TERN_STATUS_OUT_OF_MEMORY,
                                "opencl: no host memory to stage %u rows of %llu bytes",
                                stage->rows, (unsigned long long)bytes);
    }
    return TERN_STATUS_OK;
}

static tern_status write_part(tern_backend_device *device, const tern_cl_memory *memory,
                              uint64_t offset, const void *data, uint64_t size) {
    cl_int code = device->cl->clEnqueueWriteBuffer(
        device->queue, memory->mem, CL_TRUE, (size_t)offset, (size_t)size, data, 0, NULL, NULL);
    return tern_cl_check(device, code, "clEnqueueWriteBuffer of weights");
}

static tern_status read_part(tern_backend_device *device, const tern_cl_memory *memory,
                             uint64_t offset, void *data, uint64_t size) {
    cl_int code = device->cl->clEnqueueReadBuffer(
        device->queue, memory->mem, CL_TRUE, (size_t)offset, (size_t)size, data, 0, NULL, NULL);
    return tern_cl_check(device, code, "clEnqueueReadBuffer of weights");
}

// Codes, scales and sums of row |row| of a chunk go to their places in the chunk's tiles.
static void pack_row(const tern_backend_weights *weights, staging *stage, uint32_t row) {
    const tern_weights_info *info = &weights->info;
    size_t tile = row / TERN_CL_TILE;
    uint32_t lane = row % TERN_CL_TILE;
    uint32_t *words = stage->words + tile * weights->words * TERN_CL_TILE + lane;
    uint32_t group_words = info->group_size ? info->group_size / 16 : weights->words;
    tern_cl_ternary_pack(stage->codes + row * weights->row_bytes, info->cols, words);
    for (uint32_t g = 0; g < weights->groups; g++) {
        uint32_t first = g * group_words;
        uint32_t left = weights->words - first;
        size_t at = (tile * weights->groups + g) * TERN_CL_TILE + lane;
        stage->tile_sums[at] = tern_cl_ternary_sum(words + (size_t)first * TERN_CL_TILE,
                                                   left < group_words ? left : group_words);
        stage->tile_scales[at] = info->scale_kind == TERN_SCALE_TENSOR
                                     ? info->scale
                                     : stage->scales[(size_t)row * weights->groups + g];
    }
}

static tern_status upload_ternary(tern_backend_device *device, const tern_backend_weights *weights,
                                  const tern_cl_part *part, staging *stage, uint32_t first,
                                  uint32_t count) {
    uint32_t padded = (uint32_t)tern_round_up(count, TERN_CL_TILE);
    uint64_t tile = first / TERN_CL_TILE;
    uint64_t word_bytes = (uint64_t)weights->words * TERN_CL_TILE * 4;
    uint64_t scale_bytes = (uint64_t)weights->groups * TERN_CL_TILE * 4;
    // Rows past the last are weights of 0.
    memset(stage->words, 0x55, (size_t)(padded / TERN_CL_TILE * word_bytes));
    memset(stage->tile_scales, 0, (size_t)(padded / TERN_CL_TILE * scale_bytes));
    memset(stage->tile_sums, 0, (size_t)(padded / TERN_CL_TILE * scale_bytes));
    for (uint32_t row = 0; row < count; row++) {
        pack_row(weights, stage, row);
    }
    padded /= TERN_CL_TILE;
    TERN_TRY(
        write_part(device, &part->codes, tile * word_bytes, stage->words, padded * word_bytes));
    TERN_TRY(write_part(device, &part->scales, tile * scale_bytes, stage->tile_scales,
                        padded * scale_bytes));
    return write_part(device, &part->sums, tile * scale_bytes, stage->tile_sums,
                      padded * scale_bytes);
}

// Canonical rows at |codes|, tightly packed, move apart to their pitch.
static void spread_rows(uint8_t *codes, uint64_t row_bytes, uint64_t pitch, uint32_t count) {
    for (uint32_t row = count; row-- > 0 && pitch != row_bytes;) {
        memmove(codes + row * pitch, codes + row * row_bytes, (size_t)row_bytes);
        memset(codes + row * pitch + row_bytes, 0, (size_t)(pitch - row_bytes));
    }
}

static tern_status upload_part(tern_backend_device *device, const tern_backend_weights *weights,
                               const tern_backend_weights_desc *desc, const tern_cl_part *part,
                               staging *stage) {
    for (uint32_t first = 0; first < part->rows; first += stage->rows) {
        uint32_t left = part->rows - first;
        uint32_t count = left < stage->rows ? left : stage->rows;
        bool scaled = canonical_scales(&weights->info) != 0;
        TERN_TRY(desc->read(desc->user, part->first + first, count, stage->codes,
                            scaled ? stage->scales : NULL));
        if (is_ternary(weights)) {
            TERN_TRY(upload_ternary(device, weights, part, stage, first, count));
            continue;
        }
        spread_rows(stage->codes, weights->row_bytes, weights->pitch, count);
        TERN_TRY(write_part(device, &part->codes, first * weights->pitch, stage->codes,
                            count * weights->pitch));
    }
    return TERN_STATUS_OK;
}

static tern_status create_part(tern_backend_device *device, const tern_backend_weights *weights,
                               tern_cl_part *part) {
    if (!is_ternary(weights)) {
        return tern_cl_memory_create(device, part->rows * weights->pitch, "a weights matrix",
                                     &part->codes);
    }
    uint64_t padded = tern_round_up(part->rows, TERN_CL_TILE);
    TERN_TRY(tern_cl_memory_create(device, padded * weights->words * 4, "a weights matrix",
                                   &part->codes));
    TERN_TRY(tern_cl_memory_create(device, padded * weights->groups * 4, "scales of weights",
                                   &part->scales));
    return tern_cl_memory_create(device, padded * weights->groups * 4, "sums of weights",
                                 &part->sums);
}

static tern_status fill(tern_backend_device *device, tern_backend_weights *weights,
                        const tern_backend_weights_desc *desc) {
    staging stage;
    TERN_TRY(staging_init(device, weights, &stage));
    tern_status status = TERN_STATUS_OK;
    for (uint32_t i = 0; i < weights->part_count && status == TERN_STATUS_OK; i++) {
        tern_cl_part *part = &weights->parts[i];
        part->first = i * weights->part_rows;
        uint32_t left = weights->info.rows - part->first;
        part->rows = left < weights->part_rows ? left : weights->part_rows;
        status = create_part(device, weights, part);
        if (status == TERN_STATUS_OK) {
            status = upload_part(device, weights, desc, part, &stage);
        }
    }
    staging_finish(device, &stage);
    return status;
}

// Shape of the matrix in memory; |parts| is not touched.
static void lay_out(const tern_backend_device *device, const tern_weights_info *info,
                    tern_backend_weights *weights) {
    uint32_t scales = canonical_scales(info);
    weights->info = *info;
    weights->row_bytes = canonical_row_bytes(info->dtype, info->cols);
    weights->words = (info->cols + 15) / 16;
    weights->groups = scales ? scales : 1;
    weights->pitch = (weights->row_bytes + 3) & ~(uint64_t)3;
    uint64_t units = device->max_buffer_bytes / unit_bytes(weights);
    uint64_t rows = is_ternary(weights) ? units * TERN_CL_TILE : units;
    weights->part_rows = rows < info->rows ? (uint32_t)rows : info->rows;
}

tern_status tern_cl_weights_create(tern_backend_device *device,
                                   const tern_backend_weights_desc *desc,
                                   tern_backend_weights **out_weights) {
    const tern_weights_info *info = &desc->info;
    tern_backend_weights shape;
    if (canonical_row_bytes(info->dtype, info->cols) == 0) {
        return tern_report_fail(device->host, TERN_STATUS_UNSUPPORTED,
                                "opencl: weights of dtype %u are not known", info->dtype);
    }
    memset(&shape, 0, sizeof shape);
    lay_out(device, info, &shape);
    if (shape.part_rows == 0) {
        return tern_report_fail(device->host, TERN_STATUS_UNSUPPORTED,
                                "opencl: rows of %u weights exceed the %llu bytes of a buffer",
                                info->cols, (unsigned long long)device->max_buffer_bytes);
    }
    shape.part_count = (info->rows - 1) / shape.part_rows + 1;
    size_t bytes = sizeof shape + shape.part_count * sizeof(tern_cl_part);
    tern_backend_weights *weights = tern_report_calloc(device->host, 1, bytes);
    if (!weights) {
        return tern_report_fail(device->host, TERN_STATUS_OUT_OF_MEMORY,
                                "opencl: no host memory for weights: %zu bytes", bytes);
    }
    memcpy(weights, &shape, sizeof shape);
    tern_status status = fill(device, weights, desc);
    if (status != TERN_STATUS_OK) {
        tern_cl_weights_destroy(device, weights);
        return status;
    }
    *out_weights = weights;
    return TERN_STATUS_OK;
}

void tern_cl_weights_destroy(tern_backend_device *device, tern_backend_weights *weights) {
    for (uint32_t i = 0; i < weights->part_count; i++) {
        tern_cl_memory_destroy(device, &weights->parts[i].codes);
        tern_cl_memory_destroy(device, &weights->parts[i].scales);
        tern_cl_memory_destroy(device, &weights->parts[i].sums);
    }
    device->host->release(device->host, weights);
}

// Up to 64 rows of one tile of a part.
static tern_status export_tile(tern_backend_device *device, const tern_backend_weights *weights,
                               const tern_cl_part *part, staging *stage, uint32_t tile) {
    uint64_t word_bytes = (uint64_t)weights->words * TERN_CL_TILE * 4;
    uint64_t scale_bytes = (uint64_t)weights->groups * TERN_CL_TILE * 4;
    TERN_TRY(read_part(device, &part->codes, tile * word_bytes, stage->words, word_bytes));
    return read_part(device, &part->scales, tile * scale_bytes, stage->tile_scales, scale_bytes);
}

static tern_status export_ternary(tern_backend_device *device, const tern_backend_weights *weights,
                                  uint32_t row, staging *stage, uint8_t *codes, float *scales) {
    const tern_cl_part *part = &weights->parts[row / weights->part_rows];
    uint32_t in_part = row - part->first;
    uint32_t lane = in_part % TERN_CL_TILE;
    if (stage->rows != row / TERN_CL_TILE) { // |rows| names the tile in memory
        TERN_TRY(export_tile(device, weights, part, stage, in_part / TERN_CL_TILE));
        stage->rows = row / TERN_CL_TILE;
    }
    tern_cl_ternary_unpack(stage->words + lane, weights->info.cols, codes);
    for (uint32_t g = 0; scales && g < weights->groups; g++) {
        scales[g] = stage->tile_scales[g * TERN_CL_TILE + lane];
    }
    return TERN_STATUS_OK;
}

static tern_status export_dense(tern_backend_device *device, const tern_backend_weights *weights,
                                uint32_t row, uint8_t *codes) {
    const tern_cl_part *part = &weights->parts[row / weights->part_rows];
    return read_part(device, &part->codes, (row - part->first) * weights->pitch, codes,
                     weights->row_bytes);
}

tern_status tern_cl_weights_export(tern_backend_device *device, tern_backend_weights *weights,
                                   uint32_t first, uint32_t count, void *codes, float *scales) {
    staging stage;
    TERN_TRY(staging_init(device, weights, &stage));
    uint32_t per_row = canonical_scales(&weights->info);
    tern_status status = TERN_STATUS_OK;
    stage.rows = UINT32_MAX;
    for (uint32_t i = 0; i < count && status == TERN_STATUS_OK; i++) {
        uint8_t *row = (uint8_t *)codes + i * weights->row_bytes;
        status = is_ternary(weights) ? export_ternary(device, weights, first + i, &stage, row,
                                                      per_row ? scales + (size_t)i * per_row : NULL)
                                     : export_dense(device, weights, first + i, row);
    }
    staging_finish(device, &stage);
    return status;
}
