// Matrices that are float32 in the file and 16-bit floats by their values.
#include <string.h>

#include "runtime/model/tensors/ggml_encode.h"
#include "runtime/model/tensors/look.h"
#include "runtime/model/tensors/transfer.h"
#include "runtime/status.h"

// A chunk at a time, up to the first value that neither type holds; then all is read again.
tern_status tern__transfer_find_half(tern__transfer *t, tern_dtype *out) {
    const tern__part *part = t->part;
    uint32_t types = TERN__HOLDS_F16 | TERN__HOLDS_BF16;
    uint64_t before = t->loader->done;
    for (uint32_t n, done = 0; done < part->rows && types; done += n) {
        n = tern__transfer_rows(t, done, part->rows);
        TERN_TRY(tern__transfer_read(t, done, n, t->raw));
        types = tern__look_at_values((const float *)(const void *)t->raw, n * part->cols, types);
    }
    t->loader->done = before;
    *out = types & TERN__HOLDS_F16    ? TERN_DTYPE_F16
           : types & TERN__HOLDS_BF16 ? TERN_DTYPE_BF16
                                      : TERN_DTYPE_F32;
    return TERN_STATUS_OK;
}

// tern_rows_fn.
static tern_status deliver_halves(void *user, uint32_t first, uint32_t count, void *codes,
                                  float *scales) {
    tern__transfer *t = user;
    uint32_t cols = t->part->cols;
    uint8_t *to = codes;
    (void)scales;
    for (uint32_t n, done = 0; done < count; done += n) {
        n = tern__transfer_rows(t, done, count);
        TERN_TRY(tern__transfer_read(t, first + done, n, t->raw));
        for (uint32_t r = 0; r < n; r++, to += t->row_bytes) {
            const void *row = t->raw + r * t->raw_row_bytes;
            memset(to + t->row_bytes - 4, 0, 4); // the last may be padding
            tern__ggml_encode_values(t->half, cols, row, to);
        }
    }
    return TERN_STATUS_OK;
}

tern_status tern__transfer_halves(tern__transfer *t, tern_dtype dtype, tern__matrix *out,
                                  uint64_t *out_bytes) {
    tern_weights_desc desc = {.read = deliver_halves, .user = t};
    desc.info.dtype = dtype;
    t->half = tern__ggml_type_named(dtype == TERN_DTYPE_F16 ? "F16" : "BF16");
    t->row_bytes = (size_t)tern_dtype_row_bytes(dtype, t->part->cols);
    return tern__transfer_create(t, &desc, out, out_bytes);
}
