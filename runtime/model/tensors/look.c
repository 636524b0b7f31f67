#include "runtime/model/tensors/look.h"

#include <math.h>

#include "runtime/model/files/archive.h"
#include "runtime/model/tensors/ggml_decode.h"
#include "runtime/status.h"
#include "shaders/common/float.h"

enum { FIRST = TERN__VALUES_BLOCK, FIRST_BYTES = FIRST * sizeof(float) };

uint32_t tern__look_at_values(const float *values, uint32_t count, uint32_t types) {
    for (uint32_t i = 0; i < count && types; i++) {
        float value = t_flush(values[i]);
        bool f16 = t_round_f16(value) == value;
        bool bf16 = isfinite(value) && t_bf16_to_f32(t_bf16_from_f32(value)) == value;
        types &= (f16 ? TERN__HOLDS_F16 : 0u) | (bf16 ? TERN__HOLDS_BF16 : 0u);
    }
    return types;
}

tern_status tern__look_at_first(const tern_archive *archive, const tern_tensor_info *info,
                                tern__look *out) {
    const tern__ggml_type *type = tern__ggml_type_of(info);
    uint32_t count = info->shape[0] < FIRST ? (uint32_t)info->shape[0] : FIRST;
    uint8_t raw[FIRST_BYTES], codes[FIRST / 4];
    float values[FIRST], scales[FIRST / TERN__TERNARY_GROUP];
    size_t bytes = (size_t)tern__ggml_row_bytes(type, count);
    TERN_TRY(tern__archive_read(archive, info, 0, raw, bytes));
    tern__ggml_values(type, 0, count, raw, values);
    out->ternary = tern__ggml_ternary_row(type, count, raw, codes, scales);
    out->half = type->dtype == TERN_DTYPE_F32 &&
                tern__look_at_values(values, count, TERN__HOLDS_F16 | TERN__HOLDS_BF16) != 0;
    return TERN_STATUS_OK;
}
