#include "tools/conformance/ternary.h"

#include <stdio.h>

tern_weights_info ternary_info(uint32_t rows, uint32_t cols, uint32_t index) {
    static const tern_dtype dtypes[TERNARY_DTYPES] = {TERN_DTYPE_T2, TERN_DTYPE_T5, TERN_DTYPE_B1};
    static const uint32_t groups[TERNARY_SCALES] = {0, 0, 64, 128, 256};
    uint32_t scale = index % TERNARY_SCALES;
    return (tern_weights_info){.struct_size = sizeof(tern_weights_info),
                               .dtype = dtypes[index / TERNARY_SCALES % TERNARY_DTYPES],
                               .rows = rows,
                               .cols = cols,
                               .scale_kind = scale == 0   ? TERN_SCALE_TENSOR
                                             : scale == 1 ? TERN_SCALE_ROW
                                                          : TERN_SCALE_GROUP,
                               .group_size = groups[scale],
                               .usage = TERN_WEIGHTS_MATMUL};
}

const char *ternary_name(const tern_weights_info *info) {
    static char text[48];
    static const char *const kinds[] = {"none", "tensor", "row", "group"};
    snprintf(text, sizeof text, "%s scale %s", tern_dtype_name(info->dtype),
             kinds[info->scale_kind]);
    if (info->group_size) {
        snprintf(text, sizeof text, "%s scale group %u", tern_dtype_name(info->dtype),
                 info->group_size);
    }
    return text;
}

suite_codes ternary_codes(uint32_t index) {
    static const suite_codes codes[] = {CODES_RANDOM, CODES_RANDOM, CODES_MINUS, CODES_RANDOM,
                                        CODES_PLUS,   CODES_RANDOM, CODES_ZERO};
    return codes[index % (sizeof codes / sizeof codes[0])];
}
