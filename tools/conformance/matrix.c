// Matrices: canonical codes of every dtype, with the padding that a source may fill as it likes.
#include "tools/conformance/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint32_t scales_per_row(const tern_weights_info *info) {
    switch (info->scale_kind) {
    case TERN_SCALE_ROW:
        return 1;
    case TERN_SCALE_GROUP:
        return (info->cols + info->group_size - 1) / info->group_size;
    default:
        return 0;
    }
}

static uint32_t next_code(rng *random, suite_codes codes) {
    switch (codes) {
    case CODES_MINUS:
        return 0;
    case CODES_ZERO:
        return 1;
    case CODES_PLUS:
        return 2;
    default:
        return rng_below(random, 3);
    }
}

static void make_t2(rng *random, uint8_t *row, uint32_t cols, suite_codes codes) {
    for (uint32_t j = 0; j < (cols + 3) / 4 * 4; j++) {
        uint32_t code = j < cols ? next_code(random, codes) : rng_below(random, 4);
        row[j / 4] = (uint8_t)((row[j / 4] & ~(3u << (2 * (j % 4)))) | (code << (2 * (j % 4))));
    }
}

static void make_t5(rng *random, uint8_t *row, uint32_t cols, suite_codes codes) {
    for (uint32_t j = 0; j < (cols + 4) / 5 * 5; j++) {
        uint32_t code = j < cols ? next_code(random, codes) : rng_below(random, 3);
        row[j / 5] = (uint8_t)((j % 5 ? row[j / 5] * 3u : 0u) + code);
    }
}

static void make_b1(rng *random, uint8_t *row, uint32_t cols, suite_codes codes) {
    for (uint32_t j = 0; j < (cols + 7) / 8; j++) {
        row[j] = codes == CODES_MINUS  ? 0
                 : codes == CODES_PLUS ? 255
                                       : (uint8_t)(rng_next(random) & 255);
    }
}

static void make_q8(rng *random, uint8_t *row, uint32_t cols, suite_codes codes) {
    for (uint32_t block = 0; block < (cols + 31) / 32; block++) {
        uint16_t d = fill_f16(random, rng_below(random, 8) ? FILL_NORMAL : FILL_HALVES);
        bool zero = codes == CODES_ZERO || (d & 0x7fff) == 0;
        d = zero ? 0 : d;
        memcpy(row + (size_t)block * 34, &d, sizeof d);
        for (uint32_t j = 0; j < 32; j++) {
            uint32_t q = codes == CODES_PLUS ? 127 : codes == CODES_MINUS ? 128 : rng_next(random);
            row[(size_t)block * 34 + 2 + j] = zero ? 0 : (uint8_t)(q & 255);
        }
    }
}

static void make_dense(rng *random, tern_dtype dtype, uint8_t *row, uint32_t cols,
                       suite_codes codes) {
    // Weights keep no -0 and nothing below 2^-50; a source may hold both.
    fill_kind fill = codes == CODES_ZERO   ? FILL_ZERO
                     : codes == CODES_PLUS ? FILL_HALVES
                                           : FILL_NORMAL;
    for (uint32_t j = 0; j < cols; j++) {
        uint16_t half = dtype == TERN_DTYPE_F16 ? fill_f16(random, fill) : fill_bf16(random, fill);
        float wide = rng_below(random, 32) ? 0.0f : -0x1p-51f;
        if (wide == 0.0f) {
            fill_row(random, fill, &wide, 1);
        }
        if (dtype == TERN_DTYPE_F32) {
            memcpy(row + (size_t)j * 4, &wide, sizeof wide);
        } else {
            half = rng_below(random, 32) ? half : 0x8000;
            memcpy(row + (size_t)j * 2, &half, sizeof half);
        }
    }
}

static void make_row(rng *random, tern_dtype dtype, uint8_t *row, uint32_t cols,
                     suite_codes codes) {
    switch (dtype) {
    case TERN_DTYPE_T2:
        make_t2(random, row, cols, codes);
        break;
    case TERN_DTYPE_T5:
        make_t5(random, row, cols, codes);
        break;
    case TERN_DTYPE_B1:
        make_b1(random, row, cols, codes);
        break;
    case TERN_DTYPE_Q8_0:
        make_q8(random, row, cols, codes);
        break;
    default:
        make_dense(random, dtype, row, cols, codes);
        break;
    }
}

static float make_scale(rng *random) {
    int exponent = rng_below(random, 16) ? -(int)rng_below(random, 6) : -(int)rng_below(random, 40);
    float scale = ldexpf(1.0f + fabsf(rng_unit(random)), exponent);
    return rng_below(random, 8) ? scale : -scale;
}

tern_weights *suite_matrix(suite_test *test, const tern_weights_info *info, suite_codes codes) {
    suite_matrix_data *data = &test->matrices[test->matrix_count];
    if (test->matrix_count == SUITE_MATRICES) {
        suite_decide(test, VERDICT_FAILED, "the test has too many matrices");
        return NULL;
    }
    data->info = *info;
    data->info.struct_size = sizeof data->info;
    if (info->scale_kind == TERN_SCALE_TENSOR) {
        data->info.scale = make_scale(&test->random);
    }
    uint64_t row_bytes = tern_dtype_row_bytes(info->dtype, info->cols);
    size_t scale_count = (size_t)info->rows * scales_per_row(info);
    data->codes = calloc(info->rows, row_bytes);
    data->scales = calloc(scale_count + 1, sizeof *data->scales);
    test->matrix_count++;
    if (!data->codes || !data->scales) {
        suite_decide(test, VERDICT_FAILED, "no memory for a matrix");
        return NULL;
    }
    for (uint32_t n = 0; n < info->rows; n++) {
        make_row(&test->random, info->dtype, data->codes + n * row_bytes, info->cols, codes);
    }
    for (size_t i = 0; i < scale_count; i++) {
        // A scale of 0 is allowed where every code is 0; b1 has no such code.
        bool zero = codes == CODES_ZERO && info->dtype != TERN_DTYPE_B1;
        data->scales[i] = zero && (i & 1) ? 0.0f : make_scale(&test->random);
    }
    return (tern_weights *)(void *)data;
}

// Delivers rows as a source would, to test the other way of making weights.
static tern_status read_rows(void *user, uint32_t first, uint32_t count, void *codes,
                             float *scales) {
    const suite_matrix_data *data = user;
    uint64_t row_bytes = tern_dtype_row_bytes(data->info.dtype, data->info.cols);
    uint32_t per_row = scales_per_row(&data->info);
    memcpy(codes, data->codes + first * row_bytes, count * row_bytes);
    if (scales) {
        memcpy(scales, data->scales + (size_t)first * per_row,
               (size_t)count * per_row * sizeof *scales);
    }
    return TERN_STATUS_OK;
}

tern_status suite_matrices_create(suite_test *test, int side) {
    for (uint32_t i = 0; i < test->matrix_count; i++) {
        suite_matrix_data *data = &test->matrices[i];
        tern_weights_desc desc = {.struct_size = sizeof desc, .info = data->info};
        if (test->number % 2) {
            desc.read = read_rows;
            desc.user = data;
        } else {
            desc.codes = data->codes;
            desc.scales = scales_per_row(&data->info) ? data->scales : NULL;
        }
        tern_status status = tern_weights_create(test->suite->device[side], &desc, &data->on[side]);
        if (status != TERN_STATUS_OK) {
            return status;
        }
    }
    return TERN_STATUS_OK;
}
