// What the keys say of experts and of the router that picks among them.
#include "runtime/model/files/archive.h"
#include "runtime/model/network/hyper.h"
#include "runtime/status.h"

enum { MAX_EXPERTS = 1024, MAX_USED = 32 }; // of op route

// Keys count from 1.
static tern_status read_score(const tern_archive *archive, tern__hyper *hyper) {
    tern__key name = tern__hyper_key(hyper, "expert_gating_func");
    uint32_t number = 0;
    TERN_TRY(tern__archive_u32(archive, name.name, 1, &number));
    if (number != 1 && number != 2) {
        return tern__fail(tern__archive_context(archive), TERN_STATUS_UNSUPPORTED,
                          "key '%s' is %u, expected 1 (softmax) or 2 (sigmoid)", name.name, number);
    }
    hyper->route_score = number == 1 ? TERN_ROUTE_SOFTMAX : TERN_ROUTE_SIGMOID;
    return TERN_STATUS_OK;
}

static tern_status read_route(const tern_archive *archive, tern__hyper *hyper) {
    tern__key normalised = tern__hyper_key(hyper, "expert_weights_norm");
    tern__key name = tern__hyper_key(hyper, "expert_weights_scale");
    float scale = 0.0f;
    TERN_TRY(read_score(archive, hyper));
    TERN_TRY(tern__archive_bool(archive, normalised.name, true, &hyper->route_normalised));
    TERN_TRY(tern__archive_f32(archive, name.name, 0.0f, &scale));
    hyper->route_scale = scale == 0.0f ? 1.0f : scale; // 0 is how files say that there is none
    if (!(hyper->route_scale >= 0x1p-50f && hyper->route_scale <= 0x1p50f)) {
        return tern__fail(tern__archive_context(archive), TERN_STATUS_CORRUPT_DATA,
                          "key '%s' is %g, expected 0, or 2^-50 to 2^50", name.name, (double)scale);
    }
    return TERN_STATUS_OK;
}

// A limit for each layer, which must be one for all.
static tern_status read_limit(const tern_archive *archive, tern__hyper *hyper) {
    tern__key name = tern__hyper_key(hyper, "swiglu_clamp_exp");
    tern__array limits;
    hyper->gate_limit = hyper->architecture->gate_limit;
    tern_status found = tern__archive_array(archive, name.name, TERN_VALUE_F32, &limits);
    if (found == TERN_STATUS_NOT_FOUND) {
        return TERN_STATUS_OK;
    }
    TERN_TRY(found);
    if (limits.count < hyper->layers) {
        return tern__fail(tern__archive_context(archive), TERN_STATUS_CORRUPT_DATA,
                          "key '%s' has %llu elements, expected one for each of %u layers",
                          name.name, (unsigned long long)limits.count, hyper->layers);
    }
    hyper->gate_limit = tern__array_f32(&limits, 0);
    for (uint32_t i = 0; i < hyper->layers; i++) {
        float limit = tern__array_f32(&limits, i);
        if (limit != hyper->gate_limit || !(limit >= 0x1p-50f && limit <= 0x1p40f)) {
            return tern__fail(tern__archive_context(archive), TERN_STATUS_UNSUPPORTED,
                              "key '%s': element %u is %g, expected 2^-50 to 2^40 and %g as the "
                              "first one is",
                              name.name, i, (double)limit, (double)hyper->gate_limit);
        }
    }
    return TERN_STATUS_OK;
}

tern_status tern__hyper_read_experts(const tern_archive *archive, tern__hyper *hyper) {
    if (!tern__hyper_has(hyper, TERN__EXPERTS)) {
        return TERN_STATUS_OK;
    }
    uint32_t widest = hyper->width > hyper->ffn_width ? hyper->width : hyper->ffn_width;
    TERN_TRY(tern__hyper_need_count(archive, hyper, "expert_count", MAX_EXPERTS, &hyper->experts));
    TERN_TRY(tern__hyper_need_count(archive, hyper, "expert_used_count",
                                    hyper->experts < MAX_USED ? hyper->experts : MAX_USED,
                                    &hyper->experts_used));
    if ((uint64_t)hyper->experts * widest > INT32_MAX) {
        return tern__fail(tern__archive_context(archive), TERN_STATUS_UNSUPPORTED,
                          "%u experts of %u rows: more than 2^31 - 1 in one tensor", hyper->experts,
                          widest);
    }
    TERN_TRY(read_limit(archive, hyper));
    return read_route(archive, hyper);
}
