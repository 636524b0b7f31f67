// Constant matrices in device memory, cut by output rows into parts that each fit one cl_mem.
//
// Ternary: rows in tiles of 64 (the last padded with weights of 0), so that neighbouring
// work-items read neighbouring words. A row is |words| words of 16 codes c = w + 1; word w of row n
// of a part is codes[((n / 64) * words + w) * 64 + n % 64], and in a word
//
//     element 4 i + j is at bits 8 j + 2 i, i and j from 0 to 3
//
// so that (word >> 2 i) & 0x03030303 are the codes that four int8 activations in a word meet.
// Scales and sums of weights, one per row or per group: [((n / 64) * groups + g) * 64 + n % 64].
//
// Dense: canonical rows, each padded to 4 bytes.
#ifndef TERN_OPENCL_WEIGHTS_H_
#define TERN_OPENCL_WEIGHTS_H_

#include "backends/opencl/buffer.h"

#define TERN_CL_TILE 64

typedef struct tern_cl_part {
    uint32_t first; // row
    uint32_t rows;
    tern_cl_memory codes;
    tern_cl_memory scales; // ternary only
    tern_cl_memory sums;   // ternary only: int32
} tern_cl_part;

struct tern_backend_weights {
    tern_weights_info info;
    uint32_t words;     // ternary: of a row
    uint32_t groups;    // ternary: scales of a row, 1 for a scale per tensor
    uint64_t pitch;     // dense: bytes from row to row
    uint64_t row_bytes; // canonical
    uint32_t part_rows; // rows of every part but the last
    uint32_t part_count;
    tern_cl_part parts[]; // ascending
};

tern_status tern_cl_weights_create(tern_backend_device *device,
                                   const tern_backend_weights_desc *desc,
                                   tern_backend_weights **out_weights);
void tern_cl_weights_destroy(tern_backend_device *device, tern_backend_weights *weights);
tern_status tern_cl_weights_export(tern_backend_device *device, tern_backend_weights *weights,
                                   uint32_t first, uint32_t count, void *codes, float *scales);

#endif
