// The tensors of a converted model, one after the other.
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/files/archive.h"
#include "runtime/model/convert/convert.h"
#include "runtime/model/tensors/ggml_encode.h"
#include "runtime/model/files/sink.h"
#include "runtime/status.h"

enum { COPY_BYTES = 1 << 18, SIDE_VALUES = 1024, I2_S_TAIL = 32 };

// One tensor on its way.
typedef struct stream {
    tern__conversion *c;
    const tern__plan *plan;
    tern__rowsource source;
    float *scales; // of a row
    uint8_t *row;  // as the file has it
    size_t row_bytes;
} stream;

static tern_status pad(tern__conversion *c, uint64_t size) {
    static const uint8_t zeros[64] = {0};
    uint64_t alignment = tern__conversion_alignment(c);
    uint64_t left = (alignment - size % alignment) % alignment;
    for (uint64_t n; left > 0; left -= n) {
        n = left < sizeof zeros ? left : sizeof zeros;
        TERN_TRY(tern__sink_write(c->context, c->sink, zeros, (size_t)n));
    }
    return TERN_STATUS_OK;
}

static tern_status copy(tern__conversion *c, const tern_tensor_info *info, uint8_t *room) {
    for (uint64_t n, done = 0; done < info->size; done += n) {
        n = info->size - done < COPY_BYTES ? info->size - done : COPY_BYTES;
        TERN_TRY(tern__archive_read(c->archive, info, done, room, (size_t)n));
        TERN_TRY(tern__sink_write(c->context, c->sink, room, (size_t)n));
        TERN_TRY(tern__conversion_advance(c, n));
    }
    return TERN_STATUS_OK;
}

static tern_status write_copy(tern__conversion *c, const tern_tensor_info *info) {
    uint8_t *room = tern__alloc(c->context, COPY_BYTES);
    tern_status status =
        room ? copy(c, info, room) : tern__fail_memory(c->context, COPY_BYTES, info->name);
    tern__free(c->context, room);
    return status;
}

// A row of |s->plan|'s type, in |s->row|.
static tern_status encode(stream *s, uint64_t row) {
    const tern__plan *plan = s->plan;
    float of_row;
    if (plan->mode == TERN__CONVERT_DENSE) {
        TERN_TRY(tern__rowsource_values(&s->source, row));
        tern__ggml_encode_values(plan->type, s->source.cols, s->source.values, s->row);
        return TERN_STATUS_OK;
    }
    TERN_TRY(tern__conversion_row(plan, &s->source, row, s->scales, &of_row));
    tern__ggml_encode_ternary(plan->type, s->source.cols, s->source.codes, s->scales, s->row);
    return TERN_STATUS_OK;
}

// The scale of I2_S; what follows means nothing.
static tern_status write_tail(const stream *s) {
    uint8_t tail[I2_S_TAIL] = {0};
    memcpy(tail, &s->plan->scale, sizeof s->plan->scale);
    return tern__sink_write(s->c->context, s->c->sink, tail, sizeof tail);
}

static tern_status write_rows(stream *s) {
    tern__conversion *c = s->c;
    uint64_t before = c->done;
    for (uint64_t r = 0; r < s->source.rows; r++) {
        TERN_TRY(encode(s, r));
        TERN_TRY(tern__sink_write(c->context, c->sink, s->row, s->row_bytes));
        TERN_TRY(
            tern__conversion_advance(c, r + 1 == s->source.rows ? 0 : s->source.raw_row_bytes));
    }
    c->done = before;
    TERN_TRY(tern__conversion_advance(c, s->plan->info.size));
    return s->plan->type->rule == TERN__SIZE_I2_S ? write_tail(s) : TERN_STATUS_OK;
}

static tern_status side_value(stream *s, uint64_t index, float *out) {
    const tern__plan *plan = s->plan;
    *out = plan->scale;
    if (plan->side == TERN__SIDE_ROWS) {
        return tern__conversion_row(plan, &s->source, index, s->scales, out);
    }
    if (plan->side == TERN__SIDE_FACTORS) {
        *out = tern__factor_of(&s->source.factors, index * s->source.factors.span);
    }
    return TERN_STATUS_OK;
}

static tern_status write_side(stream *s) {
    tern__conversion *c = s->c;
    float values[SIDE_VALUES];
    for (uint64_t n, done = 0; done < s->plan->side_count; done += n) {
        n = s->plan->side_count - done < SIDE_VALUES ? s->plan->side_count - done : SIDE_VALUES;
        for (uint64_t i = 0; i < n; i++) {
            TERN_TRY(side_value(s, done + i, &values[i]));
        }
        TERN_TRY(tern__sink_write(c->context, c->sink, values, (size_t)n * sizeof(float)));
    }
    return pad(c, s->plan->side_count * sizeof(float));
}

static tern_status open_stream(stream *s) {
    const tern__plan *plan = s->plan;
    tern_context *context = s->c->context;
    TERN_TRY(tern__rowsource_init(&s->source, s->c->archive, &plan->info, s->c->i2s_block));
    s->row_bytes = (size_t)tern__ggml_row_bytes(plan->type, s->source.cols);
    s->row = tern__alloc(context, s->row_bytes);
    uint32_t groups = plan->group ? (s->source.cols + plan->group - 1) / plan->group : 1;
    s->scales = tern__alloc(context, groups * sizeof(float));
    return s->row && s->scales ? TERN_STATUS_OK
                               : tern__fail_memory(context, s->row_bytes, plan->info.name);
}

static tern_status write_stream(stream *s) {
    TERN_TRY(open_stream(s));
    if (s->plan->mode == TERN__CONVERT_COPY) {
        TERN_TRY(write_copy(s->c, &s->plan->info));
    } else {
        TERN_TRY(write_rows(s));
    }
    TERN_TRY(pad(s->c, s->plan->bytes));
    return s->plan->side == TERN__SIDE_NONE ? TERN_STATUS_OK : write_side(s);
}

static tern_status write_tensor(tern__conversion *c, const tern__plan *plan) {
    if (plan->mode == TERN__CONVERT_COPY && plan->side == TERN__SIDE_NONE) {
        TERN_TRY(write_copy(c, &plan->info));
        return pad(c, plan->bytes);
    }
    stream s = {.c = c, .plan = plan};
    s.source.archive = c->archive;
    tern_status status = write_stream(&s);
    tern__rowsource_finish(&s.source);
    tern__free(c->context, s.row);
    tern__free(c->context, s.scales);
    return status;
}

tern_status tern__conversion_data(tern__conversion *c) {
    for (uint64_t i = 0; i < c->count; i++) {
        if (c->plans[i].mode == TERN__CONVERT_DROP) {
            TERN_TRY(tern__conversion_advance(c, c->plans[i].info.size));
        } else {
            TERN_TRY(write_tensor(c, &c->plans[i]));
        }
    }
    return TERN_STATUS_OK;
}
