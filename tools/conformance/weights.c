// Weights given back: canonical rows, bit for bit, in any ranges.
#include <stdlib.h>
#include <string.h>

#include "tools/conformance/ops.h"
#include "tools/conformance/ternary.h"

typedef struct rows {
    uint8_t *codes;
    float *scales;
    uint64_t row_bytes;
    uint32_t scales_each;
} rows;

static uint32_t scales_each(const tern_weights_info *info) {
    return info->scale_kind == TERN_SCALE_ROW ? 1
           : info->scale_kind == TERN_SCALE_GROUP
               ? (info->cols + info->group_size - 1) / info->group_size
               : 0;
}

// All rows of |weights|, asked for in ranges of |step|.
static tern_status export_all(tern_weights *weights, const tern_weights_info *info, uint32_t step,
                              rows *out) {
    out->row_bytes = tern_dtype_row_bytes(info->dtype, info->cols);
    out->scales_each = scales_each(info);
    out->codes = calloc(info->rows, out->row_bytes);
    out->scales = calloc((size_t)info->rows * out->scales_each + 1, sizeof *out->scales);
    if (!out->codes || !out->scales) {
        return TERN_STATUS_OUT_OF_MEMORY;
    }
    for (uint32_t first = 0; first < info->rows; first += step) {
        uint32_t count = info->rows - first < step ? info->rows - first : step;
        tern_status status = tern_weights_export(
            weights, first, count, out->codes + first * out->row_bytes,
            out->scales_each ? out->scales + (size_t)first * out->scales_each : NULL);
        if (status != TERN_STATUS_OK) {
            return status;
        }
    }
    return TERN_STATUS_OK;
}

static void compare(suite_test *test, const tern_weights_info *info, const rows *got,
                    const rows *want) {
    for (uint64_t i = 0; i < info->rows * want->row_bytes; i++) {
        if (got->codes[i] != want->codes[i]) {
            suite_decide(test, VERDICT_FAILED, "row %u byte %u is %02x, expected %02x",
                         (unsigned)(i / want->row_bytes), (unsigned)(i % want->row_bytes),
                         got->codes[i], want->codes[i]);
            return;
        }
    }
    for (size_t i = 0; i < (size_t)info->rows * want->scales_each; i++) {
        if (fill_bits(got->scales[i]) != fill_bits(want->scales[i])) {
            suite_decide(test, VERDICT_FAILED, "scale %u is %.9g (%08x), expected %.9g (%08x)",
                         (unsigned)i, (double)got->scales[i], (unsigned)fill_bits(got->scales[i]),
                         (double)want->scales[i], (unsigned)fill_bits(want->scales[i]));
            return;
        }
    }
}

static void run(suite_test *test) {
    rows all[SIDES] = {{0}};
    tern_weights_info info[SIDES];
    for (int side = 0; side < SIDES && test->verdict == VERDICT_PASSED; side++) {
        info[side] = (tern_weights_info){.struct_size = sizeof info[side]};
        tern_status status = suite_matrices_create(test, side);
        tern_weights *weights = test->matrices[0].on[side];
        if (status == TERN_STATUS_OK) {
            status = tern_weights_describe(weights, &info[side]);
        }
        if (status == TERN_STATUS_OK) {
            status = export_all(weights, &info[side], side == SIDE_TESTED ? 3 : UINT32_MAX / 2,
                                &all[side]);
        }
        if (status != TERN_STATUS_OK) {
            suite_decide_status(test, side, status, "weights");
        }
    }
    if (test->verdict == VERDICT_PASSED) {
        if (memcmp(&info[SIDE_TESTED], &info[SIDE_REFERENCE], sizeof info[0]) != 0) {
            suite_decide(test, VERDICT_FAILED, "the matrix is described as %s, expected %s",
                         tern_dtype_name(info[SIDE_TESTED].dtype),
                         tern_dtype_name(info[SIDE_REFERENCE].dtype));
        }
        compare(test, &info[SIDE_TESTED], &all[SIDE_TESTED], &all[SIDE_REFERENCE]);
    }
    for (int side = 0; side < SIDES; side++) {
        free(all[side].codes);
        free(all[side].scales);
    }
}

static void test_matrix(suite *self, const tern_weights_info *info, suite_codes codes) {
    suite_test *test =
        suite_begin(self, "N=%u K=%u %s", info->rows, info->cols, ternary_name(info));
    suite_matrix(test, info, codes);
    if (suite_wanted(test)) {
        run(test);
    }
    suite_end(test);
}

void suite_weights(suite *self) {
    static const tern_dtype dense[] = {TERN_DTYPE_F32, TERN_DTYPE_F16, TERN_DTYPE_BF16,
                                       TERN_DTYPE_Q8_0};
    static const uint32_t cols[] = {1, 100, 3, 63, 172, 640, 3200};
    static const uint32_t outputs[] = {5, 1, 130, 1027};
    static const uint32_t usages[] = {TERN_WEIGHTS_MATMUL, TERN_WEIGHTS_GATHER,
                                      TERN_WEIGHTS_MATMUL | TERN_WEIGHTS_GATHER};
    uint32_t index = 0;
    for (uint32_t k = 0; k < suite_pick(self, 2, 7, 7); k++) {
        for (uint32_t n = 0; n < suite_pick(self, 1, 3, 4); n++) {
            for (uint32_t i = 0; i < TERNARY_SCALES * TERNARY_DTYPES + 4; i++, index++) {
                tern_weights_info info = ternary_info(outputs[n], cols[k], i);
                if (i >= TERNARY_SCALES * TERNARY_DTYPES) {
                    info.dtype = dense[i % 4];
                    info.scale_kind = TERN_SCALE_NONE;
                    info.group_size = 0;
                }
                info.usage = usages[index % 3];
                test_matrix(self, &info, i % 4 ? CODES_RANDOM : (suite_codes)(index % 4));
            }
        }
    }
}
