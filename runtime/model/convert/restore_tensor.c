// One tensor of a folder: copied, packed again, or its scale.
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/files/archive.h"
#include "runtime/model/tensors/ggml_decode.h"
#include "runtime/model/tensors/ggml_encode.h"
#include "runtime/model/convert/restore.h"
#include "runtime/model/files/sink.h"
#include "runtime/status.h"
#include "shaders/common/divide.h"
#include "shaders/common/float.h"

enum { COPY_BYTES = 1 << 18, FIELDS = 4 };

// What is wanted, and where it comes from.
typedef struct piece {
    tern__restore *r;
    const tern__tensor *tensor; // of the folder
    tern_tensor_info info;      // of the archive
    uint64_t first, rows;       // of |info|'s matrix
} piece;

static tern_status write_out(const piece *p, const void *data, size_t size) {
    tern__conversion *c = &p->r->c;
    TERN_TRY(tern__sink_write(c->context, c->sink, data, size));
    return tern__conversion_advance(c, size);
}

static tern_status lost(const piece *p, const char *what) {
    if (p->r->c.desc->flags & TERN_CONVERT_LOSSY) {
        return TERN_STATUS_OK;
    }
    return tern__fail(
        p->r->c.context, TERN_STATUS_INVALID_ARGUMENT,
        "tensor '%s': %s as %s would change; --lossy (TERN_CONVERT_LOSSY) allows that",
        p->tensor->name, what, p->tensor->type->name);
}

// Where row |row| of the folder is in the file: in a folder the two of a rotary pair are half a
// head apart, in the file they lie side by side.
static uint64_t source_row(const piece *p, uint64_t row) {
    const tern__hyper *hyper = &p->r->made->hyper;
    uint32_t dims = hyper->rotary_dims, within = (uint32_t)(row % hyper->head_dim);
    uint64_t head = row - within;
    return within >= dims      ? row
           : within < dims / 2 ? head + 2 * within
                               : head + 2 * (within - dims / 2) + 1;
}

static bool is_turned(const piece *p) {
    const char *name = p->info.name;
    return p->r->made && p->r->made->turned &&
           (strstr(name, ".attn_q.weight") || strstr(name, ".attn_k.weight"));
}

static uint64_t row_of(const piece *p, uint64_t row) {
    return is_turned(p) ? source_row(p, row) : row;
}

static bool is_norm(const char *name) {
    size_t length = strlen(name), suffix = strlen("norm.weight");
    return length > suffix && strcmp(name + length - suffix, "norm.weight") == 0;
}

// What norms of the folder are less than those of the file.
static float shift_of(const piece *p) {
    return p->r->made && is_norm(p->info.name) ? p->r->made->norm_offset : 0.0f;
}

static tern_status copy(const piece *p, uint64_t from, uint8_t *room) {
    for (uint64_t n, done = 0; done < p->tensor->size; done += n) {
        n = p->tensor->size - done < COPY_BYTES ? p->tensor->size - done : COPY_BYTES;
        TERN_TRY(tern__archive_read(p->r->c.archive, &p->info, from + done, room, (size_t)n));
        TERN_TRY(write_out(p, room, (size_t)n));
    }
    return TERN_STATUS_OK;
}

static tern_status write_copy(const piece *p) {
    uint64_t row = p->info.size / (p->info.shape[1] * p->info.shape[2] * p->info.shape[3]);
    uint8_t *room = tern__alloc(p->r->c.context, COPY_BYTES);
    tern_status status = room ? copy(p, p->first * row, room)
                              : tern__fail_memory(p->r->c.context, COPY_BYTES, p->tensor->name);
    tern__free(p->r->c.context, room);
    return status;
}

static tern_status pack_rows(const piece *p, tern__rowsource *sources, uint8_t *bytes) {
    uint64_t quarter = (p->rows + 3) / 4;
    uint32_t cols = sources[0].cols;
    for (uint64_t r = 0; r < quarter; r++) {
        memset(bytes, 0, cols);
        for (uint32_t f = 0; f < FIELDS && f * quarter + r < p->rows; f++) {
            bool ternary;
            uint64_t row = p->first + row_of(p, f * quarter + r);
            TERN_TRY(tern__rowsource_ternary(&sources[f], row, &ternary));
            if (!ternary) {
                return lost(p, "weights that are not ternary");
            }
            for (uint32_t k = 0; k < cols; k++) {
                uint32_t code = sources[f].codes[k / 4] >> 2 * (k % 4) & 3u;
                bytes[k] = (uint8_t)(bytes[k] | code << 2 * f);
            }
        }
        TERN_TRY(write_out(p, bytes, cols));
    }
    return TERN_STATUS_OK;
}

// Packed bytes of Hugging Face: one row of each quarter in one byte.
static tern_status write_fields(const piece *p) {
    tern__rowsource sources[FIELDS];
    tern_context *context = p->r->c.context;
    tern_status status = TERN_STATUS_OK;
    for (int f = 0; f < FIELDS; f++) {
        sources[f] = (tern__rowsource){.archive = p->r->c.archive};
        if (status == TERN_STATUS_OK) {
            status =
                tern__rowsource_init(&sources[f], p->r->c.archive, &p->info, p->r->c.i2s_block);
        }
    }
    uint8_t *bytes = tern__alloc(context, (size_t)p->info.shape[0]);
    if (status == TERN_STATUS_OK) {
        status = bytes ? pack_rows(p, sources, bytes)
                       : tern__fail_memory(context, p->info.shape[0], p->tensor->name);
    }
    for (int f = 0; f < FIELDS; f++) {
        tern__rowsource_finish(&sources[f]);
    }
    tern__free(context, bytes);
    return status;
}

// Of BitMat: four columns a byte, 0 is 00, +1 is 01, -1 is 10.
static tern_status write_bitmat_row(const piece *p, tern__rowsource *source, uint64_t row) {
    bool ternary;
    TERN_TRY(tern__rowsource_ternary(source, row, &ternary));
    TERN_TRY(ternary ? TERN_STATUS_OK : lost(p, "weights that are not ternary"));
    for (uint32_t i = 0; i < source->cols / 4; i++) {
        uint32_t high = source->codes[i] >> 1 & 0x55u, low = source->codes[i] & 0x55u;
        source->codes[i] = (uint8_t)(high | (~(high | low) & 0x55u) << 1);
    }
    return write_out(p, source->codes, source->cols / 4);
}

// Whether what is read from |encoded| again is what the network has.
static bool encode_values(const piece *p, const tern__rowsource *source, uint8_t *encoded,
                          float *back) {
    float shift = shift_of(p);
    bool same = true;
    for (uint32_t k = 0; k < source->cols; k++) {
        back[k] = source->values[k] - shift;
    }
    tern__ggml_encode_values(p->tensor->type, source->cols, back, encoded);
    tern__ggml_values(p->tensor->type, 0, source->cols, encoded, back);
    for (uint32_t k = 0; k < source->cols; k++) {
        same &= back[k] + shift == source->values[k];
    }
    return same;
}

static tern_status write_value_row(const piece *p, tern__rowsource *source, uint64_t row) {
    size_t bytes = (size_t)tern__ggml_row_bytes(p->tensor->type, source->cols);
    TERN_TRY(tern__rowsource_values(source, row));
    uint8_t *room = tern__alloc(p->r->c.context, bytes + source->cols * sizeof(float));
    if (!room) {
        return tern__fail_memory(p->r->c.context, bytes, p->tensor->name);
    }
    float *back = (float *)(void *)room;
    uint8_t *encoded = room + source->cols * sizeof(float);
    bool same = encode_values(p, source, encoded, back);
    tern_status status = same ? TERN_STATUS_OK : lost(p, "a value");
    if (status == TERN_STATUS_OK) {
        status = write_out(p, encoded, bytes);
    }
    tern__free(p->r->c.context, room);
    return status;
}

static float row_scale(tern__rowsource *source, uint64_t row, bool *same, float known) {
    float factor = tern__factor_of(&source->factors, row);
    for (uint32_t k = 0; k < source->cols; k++) {
        if ((source->codes[k / 4] >> 2 * (k % 4) & 3u) != 1) {
            float scale = source->scales[k / source->group_size] * factor;
            *same &= known == 0.0f || known == scale;
            known = known == 0.0f ? scale : known;
        }
    }
    return known;
}

static tern_status write_scale(const piece *p, float scale) {
    uint8_t encoded[4];
    float back;
    float value = p->r->inverse ? t_divide(1.0f, scale) : scale;
    if (!tern__ggml_encode_values(p->tensor->type, 1, &value, encoded)) {
        return lost(p, "a scale");
    }
    tern__ggml_values(p->tensor->type, 0, 1, encoded, &back);
    back = p->r->inverse ? t_divide(1.0f, back) : back;
    TERN_TRY(back == scale ? TERN_STATUS_OK : lost(p, "a scale"));
    return write_out(p, encoded, p->tensor->type->block_bytes);
}

// One scale for all rows, or one for each.
static tern_status write_scales(const piece *p, tern__rowsource *source) {
    uint64_t count = p->tensor->size / p->tensor->type->block_bytes;
    float known = 0.0f;
    bool same = true, ternary;
    for (uint64_t r = 0; r < p->rows; r++) {
        TERN_TRY(tern__rowsource_ternary(source, p->first + r, &ternary));
        known = row_scale(source, p->first + r, &same, count == p->rows ? 0.0f : known);
        if (count == p->rows) {
            TERN_TRY(write_scale(p, known != 0.0f ? known : 1.0f));
        }
    }
    TERN_TRY(same ? TERN_STATUS_OK : lost(p, "scales of rows or groups"));
    return count == p->rows ? TERN_STATUS_OK : write_scale(p, known != 0.0f ? known : 1.0f);
}

static tern_status write_rows(const piece *p, tern__rowsource *source, bool is_scale) {
    if (is_scale) {
        return write_scales(p, source);
    }
    bool bitmat = strcmp(p->tensor->type->name, "I8") == 0;
    for (uint64_t r = p->first; r < p->first + p->rows; r++) {
        TERN_TRY(bitmat ? write_bitmat_row(p, source, r)
                        : write_value_row(p, source, row_of(p, r)));
    }
    return TERN_STATUS_OK;
}

static tern_status write_through(const piece *p, bool is_scale) {
    tern__rowsource source = {.archive = p->r->c.archive};
    tern_status status =
        tern__rowsource_init(&source, p->r->c.archive, &p->info, p->r->c.i2s_block);
    if (status == TERN_STATUS_OK) {
        status = write_rows(p, &source, is_scale);
    }
    tern__rowsource_finish(&source);
    return status;
}

// "blk.0.attn_q.scale" is made of "blk.0.attn_q.weight".
static bool take_scale(char *name) {
    size_t length = strlen(name), suffix = strlen(".scale");
    bool is_scale = length > suffix && strcmp(name + length - suffix, ".scale") == 0;
    if (is_scale) {
        memcpy(name + length - suffix, ".weight", sizeof ".weight");
    }
    return is_scale;
}

static tern_status find(piece *p, tern__hf_place *place) {
    if (place->skip && strstr(p->tensor->name, "lm_head.weight")) {
        snprintf(place->name, sizeof place->name, "token_embd.weight");
    }
    p->info.struct_size = sizeof p->info;
    tern_status status = tern__archive_find_tensor(p->r->c.archive, place->name, &p->info);
    if (status != TERN_STATUS_OK) {
        return tern__fail(p->r->c.context, TERN_STATUS_UNSUPPORTED,
                          "tensor '%s' of the folder is not in the file", p->tensor->name);
    }
    uint64_t rows = p->info.shape[1] * p->info.shape[2] * p->info.shape[3];
    p->rows = place->is_expert && p->info.shape[2] > 1 ? p->info.shape[1] : rows;
    p->first = place->is_expert ? place->expert * p->rows : 0;
    return p->first + p->rows <= rows
               ? TERN_STATUS_OK
               : tern__fail(p->r->c.context, TERN_STATUS_CORRUPT_DATA,
                            "tensor '%s' of the folder is not in the file", p->tensor->name);
}

static tern_status check_size(const piece *p, bool is_scale) {
    const char *type = p->tensor->type->name;
    uint64_t cols = p->info.shape[0], wanted = p->tensor->size;
    uint64_t quarter = (p->rows + 3) / 4;
    uint64_t count = wanted / (p->tensor->type->block_bytes ? p->tensor->type->block_bytes : 1);
    bool suits = is_scale                  ? count == 1 || count == p->rows
                 : strcmp(type, "U8") == 0 ? count == quarter * cols
                 : strcmp(type, "I8") == 0 ? count * 4 == p->rows * cols
                                           : count == p->rows * cols;
    return suits ? TERN_STATUS_OK
                 : tern__fail(p->r->c.context, TERN_STATUS_CORRUPT_DATA,
                              "tensor '%s': the folder has %" PRIu64
                              " bytes of it, which does not suit the %" PRIu64 " x %" PRIu64
                              " in the file",
                              p->tensor->name, wanted, cols, p->rows);
}

tern_status tern__restore_tensor(tern__restore *r, const tern__tensor *tensor) {
    piece p = {.r = r, .tensor = tensor};
    tern__hf_place place;
    tern__hf_name(&r->model, tensor->name, &place);
    bool is_scale = take_scale(place.name);
    TERN_TRY(find(&p, &place));
    TERN_TRY(check_size(&p, is_scale));
    const tern__ggml_type *own = tern__ggml_type_of(&p.info);
    if (!is_scale && own == tensor->type && !is_turned(&p) && shift_of(&p) == 0.0f) {
        return write_copy(&p);
    }
    if (!is_scale && strcmp(tensor->type->name, "U8") == 0) {
        return write_fields(&p);
    }
    return write_through(&p, is_scale);
}
