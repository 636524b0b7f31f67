#include "backends/vulkan/weights.h"

#include <string.h>

#include "backends/common/report.h"
#include "backends/common/sizes.h"
#include "backends/vulkan/device.h"

// About as many bytes of canonical rows are read, packed and sent at a time, in whole tiles.
#define CHUNK_BYTES ((uint64_t)1 << 20)

// Rows on their way, in both forms; one allocation.
typedef struct weights_chunk {
    uint32_t rows; // at most
    unsigned char *codes;
    float *scales;
    uint32_t *words;
    float *packed_scales;
} weights_chunk;

static uint64_t code_bytes(const tern_vk_layout *layout, uint32_t rows) {
    return 4 * tern_round_up(rows, TERN_VK_TILE) * layout->row_words;
}

static uint64_t scale_bytes(const tern_vk_layout *layout, uint32_t rows) {
    return 4 * tern_round_up(rows, TERN_VK_TILE) * layout->row_scales;
}

static tern_status chunk_init(const tern_host *host, const tern_vk_layout *layout, uint32_t rows,
                              weights_chunk *out_chunk) {
    uint64_t wanted = tern_round_up(CHUNK_BYTES / layout->row_bytes + 1, TERN_VK_TILE);
    uint64_t most = tern_round_up(rows, TERN_VK_TILE);
    out_chunk->rows = (uint32_t)(wanted < most ? wanted : most);
    uint64_t sizes[] = {tern_round_up(out_chunk->rows * layout->row_bytes, 64),
                        tern_round_up(scale_bytes(layout, out_chunk->rows), 64),
                        tern_round_up(code_bytes(layout, out_chunk->rows), 64),
                        tern_round_up(scale_bytes(layout, out_chunk->rows), 64)};
    uint64_t total = sizes[0] + sizes[1] + sizes[2] + sizes[3];
    unsigned char *memory = total <= SIZE_MAX ? tern_report_calloc(host, 1, (size_t)total) : NULL;
    if (!memory) {
        return tern_report_no_memory(host, total, "weights on their way to the device");
    }
    out_chunk->codes = memory;
    out_chunk->scales = (float *)(void *)(memory + sizes[0]);
    out_chunk->words = (uint32_t *)(void *)(memory + sizes[0] + sizes[1]);
    out_chunk->packed_scales = (float *)(void *)(memory + sizes[0] + sizes[1] + sizes[2]);
    return TERN_STATUS_OK;
}

static void chunk_finish(const tern_host *host, weights_chunk *chunk) {
    host->release(host, chunk->codes);
}

// Rows of the largest segment, 0 if not even one tile fits.
static uint32_t segment_rows(const tern_backend_device *device, const tern_vk_layout *layout) {
    const tern_vk_limits *limits = &device->limits;
    uint64_t bytes = limits->range < limits->buffer / 2 ? limits->range : limits->buffer / 2;
    uint64_t rows = bytes / (4 * (uint64_t)layout->row_words);
    // Tiles are workgroups of x by one row and of y by several; no shader strides over them.
    uint32_t groups = limits->groups[0] < limits->groups[1] ? limits->groups[0] : limits->groups[1];
    uint64_t most = (uint64_t)groups * TERN_VK_TILE;
    return (uint32_t)((rows < most ? rows : most) / TERN_VK_TILE * TERN_VK_TILE);
}

static tern_status make_segment(tern_backend_device *device, const tern_vk_layout *layout,
                                tern_vk_segment *segment) {
    segment->code_bytes = code_bytes(layout, segment->count);
    segment->scale_bytes = scale_bytes(layout, segment->count);
    segment->scale_offset = tern_round_up(segment->code_bytes, device->limits.alignment);
    uint64_t bytes =
        segment->scale_bytes ? segment->scale_offset + segment->scale_bytes : segment->code_bytes;
    return tern_vk_block_create(device, bytes, TERN_VK_MEMORY_DEVICE, &segment->block);
}

// Where row |n| of a segment, the first of a tile, lies.
static uint64_t codes_at(const tern_vk_layout *layout, uint32_t n) {
    return 4 * (uint64_t)n * layout->row_words;
}

static uint64_t scales_at(const tern_vk_layout *layout, const tern_vk_segment *segment,
                          uint32_t n) {
    return segment->scale_offset + 4 * (uint64_t)n * layout->row_scales;
}

static tern_status fill_segment(tern_backend_device *device, const tern_backend_weights_desc *desc,
                                const tern_vk_layout *layout, weights_chunk *chunk,
                                const tern_vk_segment *segment) {
    for (uint32_t n = 0; n < segment->count; n += chunk->rows) {
        uint32_t left = segment->count - n;
        uint32_t rows = left < chunk->rows ? left : chunk->rows;
        TERN_TRY(desc->read(desc->user, segment->first + n, rows, chunk->codes,
                            layout->row_scales ? chunk->scales : NULL));
        tern_vk_pack_codes(layout, rows, chunk->codes, chunk->words);
        TERN_TRY(tern_vk_upload(device, &segment->block, codes_at(layout, n), chunk->words,
                                code_bytes(layout, rows)));
        if (layout->row_scales) {
            tern_vk_pack_scales(layout, rows, chunk->scales, chunk->packed_scales);
            TERN_TRY(tern_vk_upload(device, &segment->block, scales_at(layout, segment, n),
                                    chunk->packed_scales, scale_bytes(layout, rows)));
        }
    }
    return TERN_STATUS_OK;
}

static tern_status fill(tern_backend_device *device, const tern_backend_weights_desc *desc,
                        tern_backend_weights *weights, uint32_t rows_each) {
    weights_chunk chunk;
    TERN_TRY(chunk_init(device->host, &weights->layout, weights->info.rows, &chunk));
    tern_status status = TERN_STATUS_OK;
    for (uint32_t i = 0; i < weights->segment_count && status == TERN_STATUS_OK; i++) {
        tern_vk_segment *segment = &weights->segments[i];
        uint32_t left = weights->info.rows - i * rows_each;
        segment->first = i * rows_each;
        segment->count = left < rows_each ? left : rows_each;
        status = make_segment(device, &weights->layout, segment);
        if (status == TERN_STATUS_OK) {
            status = fill_segment(device, desc, &weights->layout, &chunk, segment);
        }
    }
    chunk_finish(device->host, &chunk);
    return status;
}

static bool known_dtype(tern_dtype dtype) {
    return dtype == TERN_DTYPE_T2 || dtype == TERN_DTYPE_F32 || dtype == TERN_DTYPE_F16 ||
           dtype == TERN_DTYPE_BF16 || dtype == TERN_DTYPE_Q8_0;
}

tern_status tern_vk_weights_create(tern_backend_device *device,
                                   const tern_backend_weights_desc *desc,
                                   tern_backend_weights **out_weights) {
    const tern_host *host = device->host;
    if (!known_dtype(desc->info.dtype)) {
        return tern_report_fail(host, TERN_STATUS_UNSUPPORTED, "%s: weights of dtype %u",
                                desc->name, desc->info.dtype);
    }
    tern_vk_layout layout = tern_vk_layout_of(&desc->info);
    uint32_t rows_each = segment_rows(device, &layout);
    if (!rows_each) {
        return tern_report_fail(host, TERN_STATUS_UNSUPPORTED,
                                "%s: rows of %u columns exceed a binding of %llu bytes", desc->name,
                                desc->info.cols, (unsigned long long)device->limits.range);
    }
    uint32_t count = (desc->info.rows - 1) / rows_each + 1;
    size_t bytes = sizeof(tern_backend_weights) + count * sizeof(tern_vk_segment);
    tern_backend_weights *weights = tern_report_calloc(host, 1, bytes);
    if (!weights) {
        return tern_report_no_memory(host, bytes, desc->name);
    }
    weights->info = desc->info;
    weights->layout = layout;
    weights->segment_count = count;
    tern_status status = fill(device, desc, weights, rows_each);
    if (status != TERN_STATUS_OK) {
        tern_vk_weights_destroy(device, weights);
        return status;
    }
    *out_weights = weights;
    return TERN_STATUS_OK;
}

void tern_vk_weights_destroy(tern_backend_device *device, tern_backend_weights *weights) {
    if (!weights) {
        return;
    }
    tern_vk_drain(device); // uploads may still be under way
    for (uint32_t i = 0; i < weights->segment_count; i++) {
        tern_vk_block_destroy(device, &weights->segments[i].block);
    }
    device->host->release(device->host, weights);
}

// Rows [n, n + rows) of a segment, |n| the first of a tile, in canonical form in |chunk|.
static tern_status fetch(tern_backend_device *device, const tern_vk_layout *layout,
                         const tern_vk_segment *segment, uint32_t n, uint32_t rows,
                         weights_chunk *chunk) {
    TERN_TRY(tern_vk_download(device, &segment->block, codes_at(layout, n), chunk->words,
                              code_bytes(layout, rows)));
    tern_vk_unpack_codes(layout, rows, chunk->words, chunk->codes);
    if (layout->row_scales) {
        TERN_TRY(tern_vk_download(device, &segment->block, scales_at(layout, segment, n),
                                  chunk->packed_scales, scale_bytes(layout, rows)));
        tern_vk_unpack_scales(layout, rows, chunk->packed_scales, chunk->scales);
    }
    return TERN_STATUS_OK;
}

// Where rows that are exported go.
typedef struct export_target {
    uint32_t first;
    uint32_t count;
    unsigned char *codes;
    float *scales;
} export_target;

static tern_status export_segment(tern_backend_device *device, const tern_vk_layout *layout,
                                  const tern_vk_segment *segment, weights_chunk *chunk,
                                  const export_target *target) {
    uint32_t end = target->first + target->count - segment->first;
    end = end < segment->count ? end : segment->count;
    uint32_t begin = target->first > segment->first ? target->first - segment->first : 0;
    while (begin < end) {
        uint32_t n = begin / TERN_VK_TILE * TERN_VK_TILE;
        uint32_t rows = end - n < chunk->rows ? end - n : chunk->rows;
        TERN_TRY(fetch(device, layout, segment, n, rows, chunk));
        uint32_t skip = begin - n;
        size_t to = segment->first + begin - target->first;
        memcpy(target->codes + to * layout->row_bytes, chunk->codes + skip * layout->row_bytes,
               (size_t)((rows - skip) * layout->row_bytes));
        if (layout->row_scales && target->scales) {
            memcpy(target->scales + to * layout->row_scales,
                   chunk->scales + (size_t)skip * layout->row_scales,
                   (size_t)(rows - skip) * layout->row_scales * sizeof(float));
        }
        begin = n + rows;
    }
    return TERN_STATUS_OK;
}

tern_status tern_vk_weights_export(tern_backend_device *device, tern_backend_weights *weights,
                                   uint32_t first, uint32_t count, void *codes, float *scales) {
    weights_chunk chunk;
    export_target target = {first, count, codes, scales};
    TERN_TRY(chunk_init(device->host, &weights->layout, weights->info.rows, &chunk));
    tern_status status = TERN_STATUS_OK;
    for (uint32_t i = 0; i < weights->segment_count && status == TERN_STATUS_OK; i++) {
        const tern_vk_segment *segment = &weights->segments[i];
        if (segment->first < (uint64_t)first + count &&
            first < (uint64_t)segment->first + segment->count) {
            status = export_segment(device, &weights->layout, segment, &chunk, &target);
        }
    }
    chunk_finish(device->host, &chunk);
    return status;
}
