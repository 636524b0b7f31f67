#include "runtime/rows.h"

#include <inttypes.h>
#include <string.h>

#include "runtime/weights.h"
#include "shaders/common/float.h"

// A place in the matrix, and what is wrong there.
typedef struct problem {
    const char *what; // NULL: nothing
    uint32_t column;
} problem;

static const problem nothing = {NULL, 0};

static problem found(const char *what, uint32_t column) {
    return (problem){what, column};
}

#define ZERO_CODE 1u
#define ZERO_CODES 0x55u

static uint32_t code_at(const uint8_t *codes, uint32_t column) {
    return (codes[column / 4] >> (2 * (column % 4))) & 3u;
}

// Byte of the first code 3, or |bytes|. Eight bytes at a time, because every weight passes here.
static size_t find_code_3(const uint8_t *codes, size_t bytes) {
    size_t i = 0;
    for (; i + 8 <= bytes; i += 8) {
        uint64_t word;
        memcpy(&word, codes + i, sizeof word);
        if (word & (word >> 1) & 0x5555555555555555u) {
            break;
        }
    }
    while (i < bytes && !(codes[i] & (codes[i] >> 1) & 0x55u)) {
        i++;
    }
    return i;
}

static problem clean_t2(uint8_t *codes, uint32_t cols) {
    size_t bytes = ((size_t)cols + 3) / 4;
    if (cols % 4) { // the pad is not looked at
        uint32_t mask = (1u << (2 * (cols % 4))) - 1u;
        codes[bytes - 1] = (uint8_t)((codes[bytes - 1] & mask) | (ZERO_CODES & ~mask));
    }
    size_t bad = find_code_3(codes, bytes);
    if (bad == bytes) {
        return nothing;
    }
    uint32_t column = (uint32_t)(4 * bad);
    while (code_at(codes, column) != 3) {
        column++;
    }
    return found("code 3 is no weight", column);
}

// First column in [from, to) whose weight is not 0, or |to|.
static uint32_t find_weight(const uint8_t *codes, uint32_t from, uint32_t to) {
    while (from < to && code_at(codes, from) == ZERO_CODE) {
        from++;
    }
    return from;
}

static const char zero_scale[] = "the scale is 0 but the weight is not";

// One scale and the columns under it.
static problem clean_scale(const uint8_t *codes, float *scale, uint32_t from, uint32_t to) {
    if ((T_BITS(*scale) & 0x7f800000u) == 0x7f800000u) {
        return found("the scale is NaN or infinite", from);
    }
    if (t_flush(*scale) != 0.0f) {
        return nothing;
    }
    uint32_t column = find_weight(codes, from, to);
    if (column < to) {
        return found(zero_scale, column);
    }
    *scale = 1.0f; // no matter which: every weight under it is 0
    return nothing;
}

static problem clean_scales(const tern__rows *rows, const uint8_t *codes, float *scales) {
    uint32_t cols = rows->info.cols;
    if (rows->info.scale_kind == TERN_SCALE_TENSOR) {
        uint32_t column = rows->zero_scale ? find_weight(codes, 0, cols) : cols;
        return column < cols ? found(zero_scale, column) : nothing;
    }
    uint32_t width = rows->info.scale_kind == TERN_SCALE_GROUP ? rows->info.group_size : cols;
    uint32_t count = tern__weights_scales_per_row(&rows->info);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t from = i * width;
        uint32_t to = cols - from < width ? cols : from + width;
        problem finding = clean_scale(codes, &scales[i], from, to);
        if (finding.what) {
            return finding;
        }
    }
    return nothing;
}

static const char not_finite[] = "the value is NaN or infinite";

static problem clean_f32(void *row, uint32_t cols) {
    unsigned char *bytes = row;
    for (uint32_t i = 0; i < cols; i++, bytes += 4) {
        uint32_t bits;
        memcpy(&bits, bytes, sizeof bits);
        if ((bits & 0x7f800000u) == 0x7f800000u) {
            return found(not_finite, i);
        }
        if (bits != 0 && (bits & 0x7fffffffu) < 0x26800000u) {
            memset(bytes, 0, sizeof bits);
        }
    }
    return nothing;
}

// 16 bits each: |exponent| masks the exponent, and magnitudes below |least| become +0.
static problem clean_16(void *row, uint32_t cols, uint32_t exponent, uint32_t least) {
    unsigned char *bytes = row;
    for (uint32_t i = 0; i < cols; i++, bytes += 2) {
        uint16_t bits;
        memcpy(&bits, bytes, sizeof bits);
        if ((bits & exponent) == exponent) {
            return found(not_finite, i);
        }
        if ((bits & 0x7fffu) < least) {
            memset(bytes, 0, sizeof bits);
        }
    }
    memset(bytes, 0, cols % 2 * sizeof(uint16_t));
    return nothing;
}

static problem clean_q8_0(void *row, uint32_t cols) {
    unsigned char *block = row;
    for (uint32_t from = 0; from < cols; from += 32, block += 34) {
        uint16_t d;
        memcpy(&d, block, sizeof d);
        if ((d & 0x7c00u) == 0x7c00u) {
            return found("the block's scale is NaN or infinite", from);
        }
        if (d == 0x8000u) {
            memset(block, 0, sizeof d);
        }
        if (cols - from < 32) {
            memset(block + 2 + (cols - from), 0, 32 - (cols - from));
        }
    }
    return nothing;
}

static problem clean_row(const tern__rows *rows, void *codes, float *scales) {
    uint32_t cols = rows->info.cols;
    switch (rows->info.dtype) {
    case TERN_DTYPE_F32:
        return clean_f32(codes, cols);
    case TERN_DTYPE_F16:
        return clean_16(codes, cols, 0x7c00u, 0x0001u);
    case TERN_DTYPE_BF16:
        return clean_16(codes, cols, 0x7f80u, 0x2680u);
    case TERN_DTYPE_Q8_0:
        return clean_q8_0(codes, cols);
    default:
        break;
    }
    problem finding = clean_t2(codes, cols);
    return finding.what ? finding : clean_scales(rows, codes, scales);
}

tern_status tern__rows_clean(const tern__rows *rows, uint32_t first, uint32_t count, void *codes,
                             float *scales) {
    size_t row_bytes = (size_t)tern_dtype_row_bytes(rows->info.dtype, rows->info.cols);
    size_t row_scales = tern__weights_scales_per_row(&rows->info);
    for (uint32_t i = 0; i < count; i++) {
        problem finding = clean_row(rows, (char *)codes + i * row_bytes,
                                    row_scales ? scales + i * row_scales : NULL);
        if (finding.what) {
            return tern__fail(rows->context, TERN_STATUS_CORRUPT_DATA,
                              "weights '%s': row %" PRIu32 ", column %" PRIu32 ": %s", rows->name,
                              first + i, finding.column, finding.what);
        }
    }
    return TERN_STATUS_OK;
}
