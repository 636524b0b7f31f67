#include "runtime/model/convert/convert.h"

#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/tensors/i2s_probe.h"
#include "runtime/model/files/sink.h"
#include "runtime/status.h"

static const char *const type_names[] = {"TQ1_0",  "TQ2_0", "I2_S", "Q2_0", "PQ2_0",
                                         "PTQ1_0", "F32",   "F16",  "BF16", "Q8_0"};

enum { TYPE_NAMES = sizeof type_names / sizeof type_names[0] };

static bool same_letters(const char *a, const char *b) {
    for (; *a && *b; a++, b++) {
        char upper = *a >= 'a' && *a <= 'z' ? (char)(*a - 'a' + 'A') : *a;
        if (upper != *b) {
            return false;
        }
    }
    return *a == *b;
}

static tern_status find_type(tern_context *context, const tern_convert_desc *desc,
                             const tern__ggml_type **out) {
    *out = NULL;
    for (int i = 0; desc->type && i < TYPE_NAMES; i++) {
        if (same_letters(desc->type, type_names[i])) {
            *out = tern__ggml_type_named(type_names[i]);
        }
    }
    if (desc->type && !*out) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT,
                          "convert: type '%.40s' cannot be written, expected tq1_0, tq2_0, i2_s, "
                          "q2_0, pq2_0, ptq1_0, f32, f16, bf16 or q8_0",
                          desc->type);
    }
    bool absmean = (desc->flags & TERN_CONVERT_ABSMEAN) != 0;
    if (absmean && !*out) {
        *out = tern__ggml_type_named("TQ2_0");
    }
    if (absmean && (*out)->scale_kind == TERN_SCALE_NONE) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT,
                          "convert: absmean makes ternary matrices, and %s is no ternary type",
                          (*out)->name);
    }
    if (absmean && (*out)->scale_kind == TERN_SCALE_TENSOR &&
        desc->scale == TERN_CONVERT_SCALE_GROUP) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT,
                          "convert: %s holds no scales of groups, expected tensor or row",
                          (*out)->name);
    }
    return TERN_STATUS_OK;
}

static tern_status check_desc(tern_context *context, const tern_convert_desc *desc) {
    uint32_t known = TERN_CONVERT_LOSSY | TERN_CONVERT_ABSMEAN;
    TERN_TRY(tern__check_size(context, "tern_convert_desc", desc->struct_size, sizeof *desc));
    TERN_TRY(tern__i2s_check(context, "tern_convert_desc", desc->i2s_block));
    if ((desc->flags & ~known) || desc->scale > TERN_CONVERT_SCALE_GROUP) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT,
                          "tern_convert_desc: flags 0x%x and scale %u, expected TERN_CONVERT_*",
                          (unsigned)desc->flags, (unsigned)desc->scale);
    }
    return TERN_STATUS_OK;
}

tern_status tern__conversion_advance(tern__conversion *c, uint64_t bytes) {
    const tern_convert_desc *desc = c->desc;
    c->done += bytes;
    if (tern_cancel_requested(desc->cancelled_by) ||
        (desc->progress && !desc->progress(desc->progress_user, c->done, c->total))) {
        return tern__fail(c->context, TERN_STATUS_CANCELLED,
                          "convert: cancelled after %llu of %llu bytes",
                          (unsigned long long)c->done, (unsigned long long)c->total);
    }
    return TERN_STATUS_OK;
}

static tern_status list_tensors(tern__conversion *c) {
    c->count = tern_archive_tensor_count(c->archive);
    c->plans = tern__calloc(c->context, (size_t)c->count, sizeof *c->plans);
    if (!c->plans) {
        return tern__fail_memory(c->context, c->count * sizeof *c->plans, "a conversion's plan");
    }
    for (uint64_t i = 0; i < c->count; i++) {
        tern_tensor_info *info = &c->plans[i].info;
        info->struct_size = sizeof *info;
        TERN_TRY(tern_archive_tensor(c->archive, i, info));
        c->total += 2 * info->size; // planned and written
    }
    return TERN_STATUS_OK;
}

// Whoever copies alone needs not know.
static tern_status find_block(tern__conversion *c) {
    bool has_i2_s = false;
    for (uint64_t i = 0; i < c->count; i++) {
        has_i2_s |= tern__ggml_type_of(&c->plans[i].info)->rule == TERN__SIZE_I2_S;
    }
    c->i2s_block = 128;
    return has_i2_s && c->type ? tern__i2s_block(c->archive, c->desc->i2s_block, &c->i2s_block)
                               : TERN_STATUS_OK;
}

static tern_status convert(tern__conversion *c) {
    TERN_TRY(list_tensors(c));
    TERN_TRY(find_block(c));
    TERN_TRY(tern__conversion_plan(c));
    TERN_TRY(tern__conversion_header(c));
    return tern__conversion_data(c);
}

tern_status tern_convert(tern_context *context, const tern_archive *archive,
                         const tern_convert_desc *desc, tern_sink *sink) {
    const tern_convert_desc defaults = TERN_CONVERT_DESC_INIT;
    if (!context || !archive) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT, "convert: %s is NULL",
                          context ? "archive" : "context");
    }
    tern__conversion c = {.context = context, .archive = archive, .sink = sink};
    c.desc = desc ? desc : &defaults;
    TERN_TRY(tern__sink_check(context, sink));
    TERN_TRY(check_desc(context, c.desc));
    TERN_TRY(find_type(context, c.desc, &c.type));
    tern_status status = convert(&c);
    tern__free(context, c.plans);
    return status;
}
