// What the weights of a folder are: quantization_config, or what its family does without one.
#include <string.h>

#include "runtime/model/files/hf.h"
#include "runtime/model/files/hf_values.h"
#include "runtime/status.h"

typedef struct reader {
    tern__builder *builder;
    tern__hf_values config;
    tern__hf_values values; // of quantization_config
    tern__hf_model *model;
} reader;

static tern_status put_weights(const reader *r, const char *weights, const char *scale) {
    TERN_TRY(tern__build_string(r->builder, "tern.weights", weights));
    return scale ? tern__build_string(r->builder, "tern.scale", scale) : TERN_STATUS_OK;
}

static tern_status put_linear_norm(const reader *r, double epsilon) {
    TERN_TRY(tern__build_bool(r->builder, "tern.linear_norm", true));
    return tern__build_f32(r->builder, "tern.linear_norm_epsilon", (float)epsilon);
}

static bool is_one_of(const char *name, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static tern_status check_keys(const reader *r) {
    static const char *const known[] = {"quant_method", "linear_class",
                                        "use_rms_norm", "quantization_mode",
                                        "rms_norm_eps", "modules_to_not_convert"};
    const tern__json *object = r->values.object;
    for (const tern__json *c = tern__json_first(object); c; c = tern__json_next(object, c)) {
        if (c->type != TERN__JSON_NULL && !is_one_of(c->key, known, sizeof known / sizeof *known)) {
            return tern__fail(r->values.context, TERN_STATUS_UNSUPPORTED,
                              "%s: key '%.100s' of quantization_config is not known",
                              r->values.file, c->key);
        }
    }
    return TERN_STATUS_OK;
}

// Only what is never converted anyway: another one would be ternary here and float there.
static tern_status check_left_out(const reader *r) {
    static const char *const ends[] = {"lm_head", "embed_tokens", "model.embed_tokens"};
    const tern__json *list = tern__hf_get(&r->values, "modules_to_not_convert");
    for (const tern__json *c = list ? tern__json_first(list) : NULL; c;
         c = tern__json_next(list, c)) {
        bool text = c->type == TERN__JSON_STRING;
        if (!text || !is_one_of(c->as.string, ends, sizeof ends / sizeof ends[0])) {
            return tern__fail(r->values.context, TERN_STATUS_UNSUPPORTED,
                              "%s: modules_to_not_convert has '%.60s', expected lm_head and "
                              "embeddings alone",
                              r->values.file, text ? c->as.string : "another value");
        }
    }
    return TERN_STATUS_OK;
}

static tern_status read_mode(const reader *r) {
    const char *mode = NULL;
    const char *linear = NULL;
    TERN_TRY(tern__hf_string(&r->values, "quantization_mode", "offline", &mode));
    TERN_TRY(tern__hf_string(&r->values, "linear_class", "bitlinear", &linear));
    bool direct = strcmp(linear, "autobitlinear") == 0;
    if (!direct && strcmp(linear, "bitlinear") != 0) {
        return tern__hf_refuse(&r->values, "linear_class", "bitlinear or autobitlinear");
    }
    if (strcmp(mode, "online") == 0) {
        if (!direct) { // whose layers have packed weights alone
            return tern__hf_refuse(&r->values, "quantization_mode", "offline beside bitlinear");
        }
        r->model->absmean = true;
        TERN_TRY(check_left_out(r));
        return put_weights(r, "absmean", NULL);
    }
    if (strcmp(mode, "offline") != 0) {
        return tern__hf_refuse(&r->values, "quantization_mode", "online or offline");
    }
    r->model->packed = true;
    r->model->scaled_bias = direct;
    return put_weights(r, "packed", direct ? "direct" : "inverse");
}

static tern_status read_config(const reader *r) {
    const char *method = NULL;
    bool norm = false;
    double epsilon = 0.0;
    TERN_TRY(tern__hf_string(&r->values, "quant_method", "", &method));
    if (strcmp(method, "bitnet") != 0) {
        return tern__hf_refuse(&r->values, "quant_method", "bitnet");
    }
    TERN_TRY(check_keys(r));
    TERN_TRY(read_mode(r));
    TERN_TRY(tern__hf_bool(&r->values, "use_rms_norm", false, &norm));
    TERN_TRY(tern__hf_f32(&r->values, "rms_norm_eps", 1e-6, &epsilon));
    return norm ? put_linear_norm(r, epsilon) : TERN_STATUS_OK;
}

static tern_status check_bits(const reader *r) {
    uint32_t weight_bits = 0, input_bits = 0;
    TERN_TRY(tern__hf_u32(&r->config, "weight_bits", 1, &weight_bits));
    TERN_TRY(tern__hf_u32(&r->config, "input_bits", 8, &input_bits));
    if (weight_bits != 1) {
        return tern__hf_refuse(&r->config, "weight_bits", "1");
    }
    return input_bits == 8 ? TERN_STATUS_OK : tern__hf_refuse(&r->config, "input_bits", "8");
}

// The layers' own epsilons are those of the published code.
static tern_status read_family(const reader *r) {
    uint32_t traits = r->model->family->traits;
    if (traits & TERN__HF_BITMAT) {
        r->model->packed = true;
        TERN_TRY(tern__build_bool(r->builder, "tern.block_norms", false));
        TERN_TRY(put_linear_norm(r, 1e-5));
        return put_weights(r, "packed", "inverse");
    }
    if (traits & TERN__HF_MASTER) {
        r->model->absmean = true;
        TERN_TRY(check_bits(r));
        // The layer has 1e-8, but the fused function that its program calls takes its own default.
        TERN_TRY(traits & TERN__HF_HGRN ? put_linear_norm(r, 1e-6) : TERN_STATUS_OK);
        return put_weights(r, "absmean", NULL);
    }
    return TERN_STATUS_OK;
}

tern_status tern__hf_quantization(tern__builder *builder, const char *file,
                                  const tern__json *config, tern__hf_model *model) {
    tern_context *context = builder->archive->context;
    reader r = {builder, {context, file, config}, {context, file, NULL}, model};
    r.values.object = tern__hf_get(&r.config, "quantization_config");
    if (!r.values.object) {
        return read_family(&r);
    }
    if (r.values.object->type != TERN__JSON_OBJECT) {
        return tern__fail(context, TERN_STATUS_CORRUPT_DATA,
                          "%s: key 'quantization_config' is %s, expected an object", file,
                          tern__json_type_name(r.values.object));
    }
    return read_config(&r);
}
