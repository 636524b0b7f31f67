// How much device memory a model would take, before it is loaded.
#include "runtime/allocator.h"
#include "runtime/model/files/archive.h"
#include "runtime/model/tensors/factors.h"
#include "runtime/model/tensors/ggml_decode.h"
#include "runtime/model/network/layout.h"
#include "runtime/model/tensors/look.h"
#include "runtime/model/tensors/matrix.h"
#include "runtime/model/tensors/scales.h"
#include "runtime/model/session/session.h"
#include "runtime/status.h"

enum { SAMPLE_ROWS = 32 };

typedef struct estimate {
    const tern_archive *archive;
    uint64_t weight_bytes;
    bool staged;
} estimate;

// Some rows of a matrix, spread over all of it, one at a time in |raw|.
typedef struct sample {
    const tern_archive *archive;
    const tern__part *part;
    uint32_t rows;
    uint32_t groups; // scales a row
    uint32_t group_size;
    bool ternary;   // as far as rows were taken
    uint32_t types; // TERN__HOLDS_*, of float32: likewise
    size_t raw_bytes;
    uint8_t *raw;
    uint8_t *codes;
    float *scales;
} sample;

static void sample_init(sample *s, const tern_archive *archive, const tern__part *part) {
    tern_context *context = tern__archive_context(archive);
    bool grouped = part->type->scale_kind == TERN_SCALE_GROUP;
    *s = (sample){.archive = archive, .part = part};
    s->ternary = grouped || part->may_be_ternary;
    s->types = part->may_be_half ? TERN__HOLDS_F16 | TERN__HOLDS_BF16 : 0u;
    s->rows = part->rows < SAMPLE_ROWS ? part->rows : SAMPLE_ROWS;
    s->group_size = grouped ? part->type->group_size : TERN__TERNARY_GROUP;
    s->groups = (part->cols + s->group_size - 1) / s->group_size;
    s->raw_bytes = (size_t)tern__ggml_row_bytes(part->type, part->cols);
    s->raw = tern__alloc(context, s->raw_bytes);
    s->codes = tern__alloc(context, (size_t)tern_dtype_row_bytes(TERN_DTYPE_T2, part->cols));
    s->scales = tern__alloc(context, (size_t)s->rows * s->groups * sizeof(float));
}

static void sample_finish(sample *s) {
    tern_context *context = tern__archive_context(s->archive);
    tern__free(context, s->raw);
    tern__free(context, s->codes);
    tern__free(context, s->scales);
}

// The scales of sampled row |index|; false if its values are not those of a ternary matrix.
static bool take_scales(sample *s, uint32_t index) {
    const tern__ggml_type *type = s->part->type;
    float *scales = s->scales + (size_t)index * s->groups;
    if (type->scale_kind != TERN_SCALE_GROUP) {
        return tern__ggml_ternary_row(type, s->part->cols, s->raw, s->codes, scales);
    }
    tern__ggml_decode_rows(type, s->part->cols, 1, s->raw, s->codes, scales);
    return !tern__ggml_may_be_wide(type) ||
           !tern__ggml_has_code_3(s->codes, (size_t)s->groups * s->group_size / 4);
}

static void take_row(sample *s, uint32_t index) {
    s->ternary = s->ternary && take_scales(s, index);
    s->types = s->types ? tern__look_at_values((const float *)(const void *)s->raw, s->part->cols,
                                               s->types)
                        : 0u;
}

static tern_status take_rows(sample *s) {
    if (!s->raw || !s->codes || !s->scales) {
        return tern__fail_memory(tern__archive_context(s->archive), s->raw_bytes,
                                 s->part->info.name);
    }
    for (uint32_t i = 0; i < s->rows && (s->ternary || s->types); i++) {
        uint64_t row = s->rows == 1 ? 0 : (uint64_t)i * (s->part->rows - 1) / (s->rows - 1);
        TERN_TRY(tern__archive_read(s->archive, &s->part->info, row * s->raw_bytes, s->raw,
                                    s->raw_bytes));
        take_row(s, i);
    }
    return TERN_STATUS_OK;
}

static bool has_row_factors(const tern_archive *archive, const tern__part *part) {
    tern_tensor_info info = {sizeof info};
    return part->rows > 1 && tern__factors_find(archive, part->info.name, &info) &&
           info.shape[0] > 1;
}

// Judged by a sample of its rows.
static tern_status foresee_values(const tern_archive *archive, const tern__part *part,
                                  tern_weights_info *out) {
    sample s;
    sample_init(&s, archive, part);
    tern_status status = take_rows(&s);
    if (status == TERN_STATUS_OK && s.ternary) {
        out->dtype = TERN_DTYPE_T2;
        out->scale_kind = tern__scales_kind(s.scales, s.rows, &s.groups, &s.group_size);
        out->group_size = s.group_size;
    } else if (tern__ggml_may_be_wide(part->type)) {
        out->dtype = TERN_DTYPE_Q8_0;
        out->scale_kind = TERN_SCALE_NONE;
    } else if (s.types) {
        out->dtype = s.types & TERN__HOLDS_F16 ? TERN_DTYPE_F16 : TERN_DTYPE_BF16;
    }
    sample_finish(&s);
    return status;
}

// What a load would make of the matrix |part|.
static tern_status foresee(const tern_archive *archive, const tern__part *part,
                           tern_weights_info *out) {
    const tern__ggml_type *type = part->type;
    *out = (tern_weights_info){.dtype = part->as_q8 ? TERN_DTYPE_Q8_0 : type->dtype,
                               .rows = part->rows,
                               .cols = part->cols,
                               .scale_kind = type->scale_kind,
                               .group_size = type->group_size};
    if (part->absmean) {
        out->dtype = TERN_DTYPE_T2;
        out->scale_kind = part->experts > 1 ? TERN_SCALE_ROW : TERN_SCALE_TENSOR;
    } else if (type->scale_kind == TERN_SCALE_GROUP || part->may_be_ternary || part->may_be_half) {
        TERN_TRY(foresee_values(archive, part, out));
    }
    if (out->scale_kind == TERN_SCALE_TENSOR && has_row_factors(archive, part)) {
        out->scale_kind = TERN_SCALE_ROW;
    }
    return TERN_STATUS_OK;
}

static tern_status estimate_part(void *user, const tern__part *part) {
    estimate *e = user;
    if (!part->usage) {
        e->weight_bytes += part->factors ? 0 : tern__part_bytes(part, false); // those stay here
        return TERN_STATUS_OK;
    }
    tern_weights_info info;
    TERN_TRY(foresee(e->archive, part, &info));
    e->weight_bytes += tern__weights_bytes(&info);
    e->staged |= part->normed || (part->projection && info.dtype != TERN_DTYPE_T2);
    return TERN_STATUS_OK;
}

// The steps that a session uses, and its tables.
static uint64_t scratch_bytes(const tern__hyper *hyper, bool staged, uint32_t max_rows,
                              uint32_t positions) {
    uint64_t tables = tern__hyper_has_two_tables(hyper)         ? 2
                      : tern__hyper_has(hyper, TERN__RECURRENT) ? 0
                                                                : 1;
    uint64_t bytes = tables * positions * hyper->rotary_dims * sizeof(float);
    for (uint32_t i = 0; i < TERN__BUCKET_COUNT && tern__buckets[i] <= max_rows; i++) {
        bytes += tern__step_bytes(hyper, tern__buckets[i], staged);
    }
    return bytes + tern__cache_table_bytes(hyper, positions);
}

static tern_status estimate_all(const tern_archive *archive, const tern_model_desc *model,
                                const tern_session_desc *desc, tern_memory_estimate *out_estimate) {
    tern__network network = {.context = tern__archive_context(archive)};
    network.head_q8 = (model->flags & TERN_MODEL_HEAD_Q8) != 0;
    const tern__hyper *hyper = &network.hyper;
    tern_tokenizer *tokenizer = NULL;
    estimate e = {archive, 0, false};
    tern_status status = tern__model_read_head(archive, model, &network.hyper, &tokenizer);
    tern_tokenizer_destroy(tokenizer);
    TERN_TRY(status);
    TERN_TRY(tern__session_check_desc(network.context, hyper, desc));
    e.staged = tern__hyper_has(hyper, TERN__POST_NORMS | TERN__EXPERTS);
    TERN_TRY(tern__layout_visit(&network, archive, estimate_part, &e));
    uint32_t positions = desc->context ? desc->context : hyper->context;
    uint32_t max_rows = desc->max_rows ? desc->max_rows : TERN__DEFAULT_ROWS;
    out_estimate->weight_bytes = e.weight_bytes;
    out_estimate->cache_bytes = tern__cache_bytes(hyper, desc->kv, positions);
    out_estimate->scratch_bytes = scratch_bytes(hyper, e.staged, max_rows, positions);
    return TERN_STATUS_OK;
}

tern_status tern_model_estimate(tern_context *context, const tern_archive *archive,
                                const tern_model_desc *model, const tern_session_desc *session,
                                tern_memory_estimate *out_estimate) {
    const tern_model_desc model_defaults = TERN_MODEL_DESC_INIT;
    const tern_session_desc session_defaults = TERN_SESSION_DESC_INIT;
    if (!context || !archive || !out_estimate) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT, "model estimate: %s is NULL",
                          !context   ? "context"
                          : !archive ? "archive"
                                     : "out_estimate");
    }
    TERN_TRY(tern__check_size(context, "tern_memory_estimate", out_estimate->struct_size,
                              sizeof *out_estimate));
    model = model ? model : &model_defaults;
    TERN_TRY(tern__model_check_desc(context, model));
    char message[TERN__MESSAGE_CAPACITY];
    tern__quiet quiet;
    tern__quiet_begin(&quiet);
    session = session ? session : &session_defaults;
    tern_status status = estimate_all(archive, model, session, out_estimate);
    tern__quiet_end_with(&quiet, status, message);
    return tern__model_report(archive, status, message);
}
