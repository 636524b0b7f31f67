// config.json: which network it is, and its hyper-parameters under the names of GGUF.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/files/hf_rules.h"
#include "runtime/model/files/hf_values.h"
#include "runtime/status.h"

enum { MAX_LAYERS = 4096 }; // beyond, the network is refused anyway

typedef struct reader {
    tern__builder *builder;
    tern__hf_values values;
    tern__hf_model *model;
} reader;

typedef struct key {
    char name[96];
} key;

static key key_of(const reader *r, const char *suffix) {
    key result;
    snprintf(result.name, sizeof result.name, "%s.%s", r->model->family->architecture, suffix);
    return result;
}

static bool has(const reader *r, uint32_t trait) {
    return (r->model->family->traits & trait) != 0;
}

static bool is_zero(const tern__json *value) {
    switch (value->type) {
    case TERN__JSON_BOOL:
        return !value->flag;
    case TERN__JSON_NUMBER:
        return tern__json_number_of(value) == 0;
    default:
        return value->type != TERN__JSON_STRING && value->size == 0;
    }
}

static tern_status put_count(const reader *r, const char *config, const char *gguf) {
    uint32_t value = 0;
    TERN_TRY(tern__hf_u32(&r->values, config, 0, &value));
    return tern__build_u32(r->builder, key_of(r, gguf).name, value);
}

static tern_status put_real(const reader *r, const char *config, const char *gguf) {
    double value = 0.0;
    TERN_TRY(tern__hf_f32(&r->values, config, 0.0, &value));
    return tern__build_f32(r->builder, key_of(r, gguf).name, (float)value);
}

static tern_status put_text(const reader *r, const char *config, const char *gguf) {
    const char *value = NULL;
    TERN_TRY(tern__hf_string(&r->values, config, "", &value));
    return tern__build_string(r->builder, key_of(r, gguf).name, value);
}

static tern_status apply(const reader *r, const tern__hf_rule *known, const tern__json *value) {
    switch (known->kind) {
    case TERN__HF_COUNT:
        return put_count(r, known->config, known->gguf);
    case TERN__HF_REAL:
        return put_real(r, known->config, known->gguf);
    case TERN__HF_TEXT:
        return put_text(r, known->config, known->gguf);
    case TERN__HF_FALSE:
        return is_zero(value) ? TERN_STATUS_OK
                              : tern__hf_refuse(&r->values, known->config, "false or nothing");
    case TERN__HF_TRUE:
        return value->type == TERN__JSON_BOOL && value->flag
                   ? TERN_STATUS_OK
                   : tern__hf_refuse(&r->values, known->config, "true");
    case TERN__HF_ONE:
        return value->type == TERN__JSON_NUMBER && tern__json_number_of(value) == 1
                   ? TERN_STATUS_OK
                   : tern__hf_refuse(&r->values, known->config, "1");
    case TERN__HF_SWIGLU:
        return tern__json_is(value, "swiglu")
                   ? TERN_STATUS_OK
                   : tern__hf_refuse(&r->values, known->config, "swiglu");
    default:
        return TERN_STATUS_OK;
    }
}

static tern_status apply_rules(const reader *r) {
    const tern__json *config = r->values.object;
    for (const tern__json *c = tern__json_first(config); c; c = tern__json_next(config, c)) {
        const tern__hf_rule *known = tern__hf_rule_of(c->key, r->model->family->traits);
        if (c->type == TERN__JSON_NULL || (!known && tern__hf_is_harmless(c->key))) {
            continue;
        }
        if (!known) {
            return tern__fail(r->values.context, TERN_STATUS_UNSUPPORTED,
                              "%s: key '%.100s' is not known for %s and may change the arithmetic",
                              r->values.file, c->key, r->model->family->class_name);
        }
        TERN_TRY(apply(r, known, c));
    }
    return TERN_STATUS_OK;
}

static tern_status find_family(reader *r) {
    const tern__json *classes = tern__hf_get(&r->values, "architectures");
    const tern__json *name = classes && classes->type == TERN__JSON_ARRAY && classes->size == 1
                                 ? tern__json_first(classes)
                                 : NULL;
    const tern__hf_family *family;
    for (size_t i = 0; (family = tern__hf_family_at(i)) != NULL; i++) {
        if (tern__json_is(name, family->class_name)) {
            r->model->family = family;
            return TERN_STATUS_OK;
        }
    }
    return tern__fail(r->values.context, TERN_STATUS_UNSUPPORTED,
                      "%s: architecture '%.60s' is not known; tern inspect --architectures "
                      "(tern_architecture_name) lists those that are",
                      r->values.file,
                      name && name->type == TERN__JSON_STRING ? name->as.string : "");
}

static tern_status need_u32(const reader *r, const char *name, uint32_t *out) {
    if (!tern__hf_get(&r->values, name)) {
        return tern__fail(r->values.context, TERN_STATUS_NOT_FOUND, "%s: key '%s' is missing",
                          r->values.file, name);
    }
    TERN_TRY(tern__hf_u32(&r->values, name, 0, out));
    return *out > 0 ? TERN_STATUS_OK : tern__hf_refuse(&r->values, name, "1 or more");
}

// 2/3 of the width times the ratio, rounded up to 256, where nothing is said.
static tern_status read_ffn_width(const reader *r) {
    tern__hf_model *m = r->model;
    uint32_t ratio = 4;
    if (has(r, TERN__HF_HGRN) && !tern__hf_get(&r->values, "intermediate_size")) {
        TERN_TRY(tern__hf_u32(&r->values, "hidden_ratio", 4, &ratio));
        uint64_t width = ((uint64_t)m->width * ratio * 2 / 3 + 255) / 256 * 256;
        m->ffn_width = width <= UINT32_MAX ? (uint32_t)width : 0;
    } else if (has(r, TERN__HF_EXPERTS)) { // all layers have experts: the other width is of none
        TERN_TRY(need_u32(r, "moe_intermediate_size", &m->expert_width));
        m->ffn_width = m->expert_width;
    } else {
        TERN_TRY(need_u32(r, "intermediate_size", &m->ffn_width));
    }
    return tern__build_u32(r->builder, key_of(r, "feed_forward_length").name, m->ffn_width);
}

// Newer files have it beside the other numbers of the rotation.
static tern_status read_rotary_part(const reader *r) {
    static const char name[] = "partial_rotary_factor";
    tern__hf_model *m = r->model;
    tern__hf_values newer = r->values;
    newer.object = tern__hf_get(&r->values, "rope_parameters");
    const tern__hf_values *values = tern__hf_get(&newer, name) ? &newer : &r->values;
    TERN_TRY(tern__hf_f32(values, name, 1.0, &m->rotary_part));
    double dims = (double)m->head_dim * m->rotary_part;
    return m->rotary_part > 0.0 && m->rotary_part <= 1.0 && dims == floor(dims)
               ? TERN_STATUS_OK
               : tern__hf_refuse(values, name, "a part of the head's size");
}

static tern_status read_heads(const reader *r) {
    tern__hf_model *m = r->model;
    if (has(r, TERN__HF_HGRN)) {
        return TERN_STATUS_OK;
    }
    TERN_TRY(need_u32(r, "num_attention_heads", &m->heads));
    TERN_TRY(tern__hf_u32(&r->values, "num_key_value_heads", m->heads, &m->kv_heads));
    TERN_TRY(tern__hf_u32(&r->values, "head_dim", m->width / m->heads, &m->head_dim));
    TERN_TRY(read_rotary_part(r));
    double dims = (double)m->head_dim * m->rotary_part;
    TERN_TRY(tern__build_u32(r->builder, key_of(r, "attention.key_length").name, m->head_dim));
    TERN_TRY(tern__build_u32(r->builder, key_of(r, "attention.value_length").name, m->head_dim));
    TERN_TRY(tern__build_u32(r->builder, key_of(r, "rope.dimension_count").name, (uint32_t)dims));
    return tern__build_string(r->builder, "tern.rotary_pairs", "half_split");
}

static tern_status read_shape(const reader *r) {
    tern__hf_model *m = r->model;
    uint32_t layers = 0;
    TERN_TRY(need_u32(r, "num_hidden_layers", &layers));
    TERN_TRY(need_u32(r, "hidden_size", &m->width));
    TERN_TRY(read_ffn_width(r));
    if (has(r, TERN__HF_EXPERTS)) {
        TERN_TRY(need_u32(r, "num_experts", &m->experts));
    }
    return read_heads(r);
}

// Which layers see a window, one by one.
static tern_status put_layer_types(const reader *r, const tern__json *types, bool *out_windows) {
    uint8_t *windowed = tern__alloc(r->values.context, types->size + 1);
    size_t count = 0;
    tern_status status =
        windowed ? TERN_STATUS_OK
                 : tern__fail_memory(r->values.context, types->size + 1, r->values.file);
    *out_windows = false;
    for (const tern__json *c = tern__json_first(types); c && status == TERN_STATUS_OK;
         c = tern__json_next(types, c)) {
        bool is_window = tern__json_is(c, "sliding_attention");
        if (!is_window && !tern__json_is(c, "full_attention")) {
            status = tern__fail(r->values.context, TERN_STATUS_UNSUPPORTED,
                                "%s: key 'layer_types' has '%.60s', expected full_attention or "
                                "sliding_attention",
                                r->values.file,
                                c->type == TERN__JSON_STRING ? c->as.string : "another value");
            break;
        }
        *out_windows |= is_window;
        windowed[count++] = is_window;
    }
    if (status == TERN_STATUS_OK && *out_windows) {
        key name = key_of(r, "attention.sliding_window_pattern");
        status = tern__build_bools(r->builder, name.name, windowed, count);
    }
    tern__free(r->values.context, windowed);
    return status;
}

// Without a type for each layer: Gemma has a period, Mistral a window for all, Qwen none unless
// asked for.
static tern_status read_window_of_old(const reader *r, uint32_t window, bool *out_windows) {
    const char *period = tern__hf_get(&r->values, "sliding_window_pattern")
                             ? "sliding_window_pattern"
                             : "_sliding_window_pattern";
    bool wanted = true;
    TERN_TRY(tern__hf_bool(&r->values, "use_sliding_window", !has(r, TERN__HF_QWEN), &wanted));
    *out_windows = window != 0 && wanted;
    if (*out_windows && has(r, TERN__HF_QWEN)) {
        return tern__hf_refuse(&r->values, "use_sliding_window", "false, or layer_types beside it");
    }
    return has(r, TERN__HF_GEMMA) && tern__hf_get(&r->values, period)
               ? put_count(r, period, "attention.sliding_window_pattern")
               : TERN_STATUS_OK;
}

static tern_status read_windows(const reader *r) {
    const tern__json *types = tern__hf_get(&r->values, "layer_types");
    uint32_t window = 0;
    bool windows = false;
    TERN_TRY(tern__hf_u32(&r->values, "sliding_window", 0, &window));
    if (types && types->type == TERN__JSON_ARRAY) {
        TERN_TRY(put_layer_types(r, types, &windows));
    } else {
        TERN_TRY(read_window_of_old(r, window, &windows));
    }
    if (!windows) {
        return TERN_STATUS_OK;
    }
    // Maple counts the positions before the row's own, the others that one too.
    window += has(r, TERN__HF_MAPLE);
    return tern__build_u32(r->builder, key_of(r, "attention.sliding_window").name, window);
}

static tern_status read_gemma(const reader *r) {
    double scalar = 0.0;
    if (!has(r, TERN__HF_GEMMA)) {
        return TERN_STATUS_OK;
    }
    TERN_TRY(tern__hf_f32(&r->values, "query_pre_attn_scalar", 256.0, &scalar));
    if (!(scalar > 0.0)) {
        return tern__hf_refuse(&r->values, "query_pre_attn_scalar", "more than 0");
    }
    TERN_TRY(tern__build_f32(r->builder, key_of(r, "attention.scale").name,
                             (float)(1.0 / sqrt(scalar))));
    return tern__build_f32(r->builder, "tern.norm_offset", 1.0f);
}

static tern_status read_experts(const reader *r) {
    static const char limit_name[] = "swiglu_limit";
    bool normalised = has(r, TERN__HF_MAPLE);
    uint32_t layers = 0;
    double limit = 0.0;
    if (!has(r, TERN__HF_EXPERTS)) {
        return TERN_STATUS_OK;
    }
    TERN_TRY(tern__hf_f32(&r->values, limit_name, 0.0, &limit));
    TERN_TRY(need_u32(r, "num_hidden_layers", &layers));
    if (limit != 0.0 && layers <= MAX_LAYERS) {
        key name = key_of(r, "swiglu_clamp_exp");
        TERN_TRY(tern__build_f32s(r->builder, name.name, (float)limit, layers));
    }
    TERN_TRY(tern__hf_bool(&r->values, "norm_topk_prob", normalised, &normalised));
    return tern__build_bool(r->builder, key_of(r, "expert_weights_norm").name, normalised);
}

static tern_status read_tied(const reader *r) {
    const char *class_name = r->model->family->class_name;
    TERN_TRY(
        tern__hf_bool(&r->values, "tie_word_embeddings", has(r, TERN__HF_GEMMA), &r->model->tied));
    // A class without an output matrix has nothing to tie.
    return r->model->tied || !strstr(class_name, "ForCausalLM")
               ? TERN_STATUS_OK
               : tern__build_bool(r->builder, "tern.tied", false);
}

// Qwen2 has biases in three of four projections, whatever it says; of others' own code nothing is
// known.
static tern_status read_biases(const reader *r) {
    bool attention = false, mlp = false;
    if (has(r, TERN__HF_MASTER | TERN__HF_BITMAT | TERN__HF_MAPLE | TERN__HF_HGRN) ||
        strcmp(r->model->family->architecture, "qwen2") == 0) {
        return TERN_STATUS_OK;
    }
    TERN_TRY(tern__hf_bool(&r->values, "attention_bias", false, &attention));
    TERN_TRY(tern__hf_bool(&r->values, "mlp_bias", false, &mlp));
    TERN_TRY(tern__build_bool(r->builder, "tern.attention_bias", attention));
    return tern__build_bool(r->builder, "tern.mlp_bias", mlp);
}

tern_status tern__hf_config(tern__builder *builder, const char *file, const tern__json *config,
                            tern__hf_model *out) {
    reader r = {builder, {builder->archive->context, file, config}, out};
    *out = (tern__hf_model){0};
    if (config->type != TERN__JSON_OBJECT) {
        return tern__fail(r.values.context, TERN_STATUS_CORRUPT_DATA, "%s: %s, expected an object",
                          file, tern__json_type_name(config));
    }
    TERN_TRY(tern__json_check_unique(r.values.context, file, config));
    TERN_TRY(find_family(&r));
    TERN_TRY(tern__build_string(builder, "general.architecture", out->family->architecture));
    TERN_TRY(apply_rules(&r));
    TERN_TRY(read_shape(&r));
    TERN_TRY(read_windows(&r));
    TERN_TRY(read_gemma(&r));
    TERN_TRY(read_experts(&r));
    TERN_TRY(read_tied(&r));
    TERN_TRY(read_biases(&r));
    TERN_TRY(tern__hf_rope(builder, file, config, out));
    return tern__hf_quantization(builder, file, config, out);
}
