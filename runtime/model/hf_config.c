// config.json: which network it is, and its hyper-parameters under the names of GGUF.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/hf.h"
#include "runtime/model/hf_values.h"
#include "runtime/status.h"

enum { QWEN = TERN__HF_QWEN, MOE = TERN__HF_QWEN | TERN__HF_EXPERTS };

static const tern__hf_family families[] = {
    {"BitNetForCausalLM", "bitnet-b1.58", TERN__HF_PLAIN},
    {"BitnetForCausalLM", "bitnet", TERN__HF_PLAIN | TERN__HF_MASTER},
    {"LlamaForCausalLM", "llama", TERN__HF_PLAIN},
    {"MistralForCausalLM", "llama", TERN__HF_PLAIN},
    {"Qwen3ForCausalLM", "qwen3", QWEN},
    {"Qwen3Model", "qwen3", QWEN},
    {"Qwen3MoeForCausalLM", "qwen3moe", MOE},
    {"Gemma3ForCausalLM", "gemma3", TERN__HF_GEMMA},
    {"Gemma3TextModel", "gemma3", TERN__HF_GEMMA},
    {"HGRNBitForCausalLM", "hgrn-bit", TERN__HF_HGRN | TERN__HF_MASTER},
    {"MapleForCausalLM", "maple", MOE | TERN__HF_MAPLE},
    {"Llama158ForCausalLM", "llama", TERN__HF_PLAIN | TERN__HF_BITMAT},
    {"Mistral158ForCausalLM", "llama", TERN__HF_PLAIN | TERN__HF_BITMAT},
};

typedef enum rule_kind {
    COUNT,  // an integer, as it is
    REAL,   // a float, as it is
    TEXT,   // a string, as it is
    OTHER,  // read elsewhere
    FALSE,  // must be false or 0: true changes the arithmetic
    TRUE,   // must be true
    ONE,    // must be 1
    SWIGLU, // must be "swiglu", which is what all of them compute
    NOTHING // harmless
} rule_kind;

// A key of config.json and what becomes of it, in the families that know it (0: in all).
typedef struct rule {
    const char *config;
    rule_kind kind;
    const char *gguf; // behind the name of the architecture
    uint32_t families;
} rule;

enum { MAX_LAYERS = 4096 }; // beyond, the network is refused anyway

#define GATED (TERN__HF_QWEN | TERN__HF_PLAIN)

static const rule rules[] = {
    {"num_hidden_layers", COUNT, "block_count", 0},
    {"hidden_size", COUNT, "embedding_length", 0},
    {"intermediate_size", OTHER, NULL, 0},
    {"max_position_embeddings", COUNT, "context_length", 0},
    {"vocab_size", COUNT, "vocab_size", 0},
    {"rms_norm_eps", REAL, "attention.layer_norm_rms_epsilon", 0},
    {"hidden_act", TEXT, "hidden_activation", GATED | TERN__HF_HGRN},
    {"activation", SWIGLU, NULL, TERN__HF_PLAIN},
    {"hidden_activation", TEXT, "hidden_activation", TERN__HF_GEMMA},
    {"num_attention_heads", COUNT, "attention.head_count", 0},
    {"num_key_value_heads", COUNT, "attention.head_count_kv", 0},
    {"head_dim", OTHER, NULL, 0},
    {"partial_rotary_factor", OTHER, NULL, 0},
    {"rope_theta", OTHER, NULL, 0},
    {"rope_scaling", OTHER, NULL, 0},
    {"rope_parameters", OTHER, NULL, 0},
    {"rope_local_base_freq", REAL, "rope.freq_base_swa", TERN__HF_GEMMA},
    {"query_pre_attn_scalar", OTHER, NULL, TERN__HF_GEMMA},
    {"attn_logit_softcapping", FALSE, NULL, TERN__HF_GEMMA},
    {"final_logit_softcapping", FALSE, NULL, TERN__HF_GEMMA},
    {"use_bidirectional_attention", FALSE, NULL, TERN__HF_GEMMA},
    {"sliding_window", OTHER, NULL, 0},
    {"sliding_window_pattern", OTHER, NULL, TERN__HF_GEMMA},
    {"_sliding_window_pattern", OTHER, NULL, TERN__HF_GEMMA},
    {"use_sliding_window", OTHER, NULL, TERN__HF_QWEN},
    {"max_window_layers", OTHER, NULL, TERN__HF_QWEN},
    {"layer_types", OTHER, NULL, 0},
    {"tie_word_embeddings", OTHER, NULL, 0},
    {"quantization_config", OTHER, NULL, 0},
    {"weight_bits", OTHER, NULL, TERN__HF_MASTER},
    {"input_bits", OTHER, NULL, TERN__HF_MASTER},

    {"num_experts", COUNT, "expert_count", TERN__HF_EXPERTS},
    {"num_experts_per_tok", COUNT, "expert_used_count", TERN__HF_EXPERTS},
    {"moe_intermediate_size", COUNT, "expert_feed_forward_length", TERN__HF_EXPERTS},
    {"norm_topk_prob", OTHER, NULL, TERN__HF_EXPERTS},
    {"decoder_sparse_step", ONE, NULL, TERN__HF_EXPERTS},
    {"mlp_only_layers", FALSE, NULL, TERN__HF_EXPERTS},
    {"nope_on_global_attention", TRUE, NULL, TERN__HF_MAPLE},
    {"router_dtype", NOTHING, NULL, TERN__HF_MAPLE},
    {"swiglu_limit", OTHER, NULL, TERN__HF_MAPLE},

    {"attn_mode", NOTHING, NULL, TERN__HF_HGRN},
    {"num_heads", NOTHING, NULL, TERN__HF_HGRN}, // of a state that is elementwise
    {"expand_ratio", ONE, NULL, TERN__HF_HGRN},
    {"hidden_ratio", OTHER, NULL, TERN__HF_HGRN},
    {"use_short_conv", FALSE, NULL, TERN__HF_HGRN},
    {"conv_size", NOTHING, NULL, TERN__HF_HGRN},
    {"share_conv_kernel", NOTHING, NULL, TERN__HF_HGRN},
    {"use_lower_bound", TRUE, NULL, TERN__HF_HGRN},

    // Their tensors show whether there are biases.
    {"attention_bias", NOTHING, NULL, 0},
    {"mlp_bias", NOTHING, NULL, 0},
    {"architectures", OTHER, NULL, 0},
};

// Keys of training, of generation and of the library that wrote the file.
static const char *const harmless[] = {
    "_attn_implementation_autoset",
    "_commit_hash",
    "_name_or_path",
    "attention_dropout",
    "attn_implementation",
    "auto_map",
    "bos_token_id",
    "cache_implementation",
    "dtype",
    "eos_token_id",
    "fuse_cross_entropy",
    "fuse_norm",
    "gradient_checkpointing",
    "hidden_dropout",
    "id2label",
    "initializer_range",
    "is_decoder",
    "label2id",
    "max_length",
    "model_type",
    "name_or_path",
    "output_attentions",
    "output_hidden_states",
    "output_router_logits",
    "pad_token_id",
    "pretraining_tp",
    "return_dict",
    "router_aux_loss_coef",
    "sep_token_id",
    "task_specific_params",
    "torch_dtype",
    "transformers_version",
    "unk_token_id",
    "unsloth_version",
    "use_cache",
};

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

static const rule *find_rule(const reader *r, const char *name) {
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        bool known = rules[i].families == 0 || has(r, rules[i].families);
        if (known && strcmp(rules[i].config, name) == 0) {
            return &rules[i];
        }
    }
    return NULL;
}

static bool is_harmless(const char *name) {
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++) {
        if (strcmp(harmless[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_zero(const tern__json *value) {
    switch (value->type) {
    case TERN__JSON_BOOL:
        return !value->flag;
    case TERN__JSON_NUMBER:
        return value->number == 0;
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

static tern_status apply(const reader *r, const rule *known, const tern__json *value) {
    switch (known->kind) {
    case COUNT:
        return put_count(r, known->config, known->gguf);
    case REAL:
        return put_real(r, known->config, known->gguf);
    case TEXT:
        return put_text(r, known->config, known->gguf);
    case FALSE:
        return is_zero(value) ? TERN_STATUS_OK
                              : tern__hf_refuse(&r->values, known->config, "false or nothing");
    case TRUE:
        return value->type == TERN__JSON_BOOL && value->flag
                   ? TERN_STATUS_OK
                   : tern__hf_refuse(&r->values, known->config, "true");
    case ONE:
        return value->type == TERN__JSON_NUMBER && value->number == 1
                   ? TERN_STATUS_OK
                   : tern__hf_refuse(&r->values, known->config, "1");
    case SWIGLU:
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
        const rule *known = find_rule(r, c->key);
        if (c->type == TERN__JSON_NULL || (!known && is_harmless(c->key))) {
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
    char known[400] = "";
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        if (tern__json_is(name, families[i].class_name)) {
            r->model->family = &families[i];
            return TERN_STATUS_OK;
        }
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", families[i].class_name);
    }
    return tern__fail(r->values.context, TERN_STATUS_UNSUPPORTED,
                      "%s: architecture '%.60s' is not known, expected one of %s", r->values.file,
                      name && name->type == TERN__JSON_STRING ? name->as.string : "", known);
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

static tern_status read_heads(const reader *r) {
    tern__hf_model *m = r->model;
    double factor = 1.0;
    if (has(r, TERN__HF_HGRN)) {
        return TERN_STATUS_OK;
    }
    TERN_TRY(need_u32(r, "num_attention_heads", &m->heads));
    TERN_TRY(tern__hf_u32(&r->values, "num_key_value_heads", m->heads, &m->kv_heads));
    TERN_TRY(tern__hf_u32(&r->values, "head_dim", m->width / m->heads, &m->head_dim));
    TERN_TRY(tern__hf_f32(&r->values, "partial_rotary_factor", 1.0, &factor));
    double dims = (double)m->head_dim * factor;
    if (!(factor > 0.0 && factor <= 1.0) || dims != floor(dims)) {
        return tern__hf_refuse(&r->values, "partial_rotary_factor", "a part of the head's size");
    }
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
    return tern__hf_bool(&r->values, "tie_word_embeddings", has(r, TERN__HF_GEMMA),
                         &r->model->tied);
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
    TERN_TRY(tern__hf_rope(builder, file, config, out));
    return tern__hf_quantization(builder, file, config, out);
}
