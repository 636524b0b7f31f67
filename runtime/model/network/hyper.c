#include "runtime/model/network/hyper.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "runtime/model/files/archive.h"
#include "runtime/status.h"
#include "shaders/common/divide.h"

enum { MAX_WIDTH = 1 << 24, MAX_CONTEXT = 1 << 28 };

static tern_status find_architecture(const tern_archive *archive, const tern__architecture **out) {
    const char *name = NULL;
    TERN_TRY(tern__archive_need_string(archive, "general.architecture", &name));
    *out = tern__architecture_find(name);
    if (!*out) {
        return tern__fail(tern__archive_context(archive), TERN_STATUS_UNSUPPORTED,
                          "architecture '%.60s' is not known; tern inspect --architectures "
                          "(tern_architecture_name) lists those that are",
                          name);
    }
    return TERN_STATUS_OK;
}

tern__key tern__hyper_key(const tern__hyper *hyper, const char *suffix) {
    tern__key result;
    snprintf(result.name, sizeof result.name, "%s.%s", hyper->architecture->name, suffix);
    return result;
}

static tern_status check_range(const tern_archive *archive, tern__key name, uint32_t value,
                               uint32_t limit) {
    if (value == 0 || value > limit) {
        return tern__fail(tern__archive_context(archive), TERN_STATUS_CORRUPT_DATA,
                          "key '%s' is %u, expected 1 to %u", name.name, value, limit);
    }
    return TERN_STATUS_OK;
}

tern_status tern__hyper_need_count(const tern_archive *archive, const tern__hyper *hyper,
                                   const char *suffix, uint32_t limit, uint32_t *out) {
    tern__key name = tern__hyper_key(hyper, suffix);
    TERN_TRY(tern__archive_need_u32(archive, name.name, out));
    return check_range(archive, name, *out, limit);
}

static tern_status want_count(const tern_archive *archive, const tern__hyper *hyper,
                              const char *suffix, uint32_t fallback, uint32_t *out) {
    tern__key name = tern__hyper_key(hyper, suffix);
    TERN_TRY(tern__archive_u32(archive, name.name, fallback, out));
    return check_range(archive, name, *out, MAX_WIDTH);
}

static tern_status read_gate(const tern_archive *archive, tern__hyper *hyper) {
    static const struct {
        const char *name;
        tern_activation activation;
    } names[] = {{"silu", TERN_ACTIVATION_SILU},
                 {"swish", TERN_ACTIVATION_SILU},
                 {"relu2", TERN_ACTIVATION_RELU2},
                 {"relu_sqr", TERN_ACTIVATION_RELU2},
                 {"relu", TERN_ACTIVATION_RELU},
                 {"gelu", TERN_ACTIVATION_GELU},
                 {"linear", TERN_ACTIVATION_LINEAR},
                 {"gelu_tanh", TERN_ACTIVATION_GELU_TANH},
                 {"gelu_pytorch_tanh", TERN_ACTIVATION_GELU_TANH}};
    tern__key name = tern__hyper_key(hyper, "hidden_activation");
    const char *value = NULL;
    TERN_TRY(tern__archive_string(archive, name.name, NULL, &value));
    hyper->gate = hyper->architecture->gate;
    if (!value) {
        return TERN_STATUS_OK;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i].name, value) == 0) {
            hyper->gate = names[i].activation;
            return TERN_STATUS_OK;
        }
    }
    return tern__fail(tern__archive_context(archive), TERN_STATUS_UNSUPPORTED,
                      "key '%s': activation '%s' is not known, expected silu, relu, relu2, gelu, "
                      "gelu_tanh or linear",
                      name.name, value);
}

// Without a key for it, the width is shared out among the heads.
static tern_status read_head_dim(const tern_archive *archive, tern__hyper *hyper) {
    tern_context *context = tern__archive_context(archive);
    tern__key name = tern__hyper_key(hyper, "attention.key_length");
    TERN_TRY(tern__archive_u32(archive, name.name, hyper->width / hyper->heads, &hyper->head_dim));
    tern_value value = {.struct_size = sizeof value};
    if (hyper->width % hyper->heads &&
        tern_archive_find(archive, name.name, &value) != TERN_STATUS_OK) {
        return tern__fail(context, TERN_STATUS_CORRUPT_DATA,
                          "an embedding_length of %u is no multiple of %u heads, and there is no "
                          "key '%s'",
                          hyper->width, hyper->heads, name.name);
    }
    TERN_TRY(check_range(archive, name, hyper->head_dim, MAX_WIDTH));
    uint32_t value_dim = 0;
    TERN_TRY(want_count(archive, hyper, "attention.value_length", hyper->head_dim, &value_dim));
    if (value_dim != hyper->head_dim) {
        return tern__fail(context, TERN_STATUS_UNSUPPORTED,
                          "keys of %u and values of %u dimensions, expected the same",
                          hyper->head_dim, value_dim);
    }
    return TERN_STATUS_OK;
}

// A recurrence has one head as wide as the network.
static tern_status read_heads(const tern_archive *archive, tern__hyper *hyper) {
    tern_context *context = tern__archive_context(archive);
    if (tern__hyper_has(hyper, TERN__RECURRENT)) {
        hyper->heads = hyper->kv_heads = 1;
        hyper->head_dim = hyper->width;
        return (uint64_t)hyper->layers * hyper->width <= INT32_MAX
                   ? TERN_STATUS_OK
                   : tern__fail(context, TERN_STATUS_UNSUPPORTED,
                                "%u states of %u columns: more than 2^31 - 1 in all", hyper->layers,
                                hyper->width);
    }
    TERN_TRY(tern__hyper_need_count(archive, hyper, "attention.head_count", 65536, &hyper->heads));
    TERN_TRY(want_count(archive, hyper, "attention.head_count_kv", hyper->heads, &hyper->kv_heads));
    if (hyper->heads % hyper->kv_heads) {
        return tern__fail(context, TERN_STATUS_CORRUPT_DATA,
                          "%u heads are no multiple of %u key-value heads", hyper->heads,
                          hyper->kv_heads);
    }
    TERN_TRY(read_head_dim(archive, hyper));
    if ((uint64_t)hyper->heads * hyper->head_dim > MAX_WIDTH) {
        return tern__fail(context, TERN_STATUS_CORRUPT_DATA,
                          "%u heads of %u dimensions pass %u in all", hyper->heads, hyper->head_dim,
                          (unsigned)MAX_WIDTH);
    }
    return TERN_STATUS_OK;
}

static tern_status check_eps(const tern_archive *archive, const char *name, float eps) {
    if (!(eps >= 7.888609052210118e-31f && eps <= 1.0f)) {
        return tern__fail(tern__archive_context(archive), TERN_STATUS_CORRUPT_DATA,
                          "key '%s' is %g, expected 2^-100 to 1", name, (double)eps);
    }
    return TERN_STATUS_OK;
}

static tern_status read_norms(const tern_archive *archive, tern__hyper *hyper) {
    static const char linear_eps[] = "tern.linear_norm_epsilon", offset[] = "tern.norm_offset";
    tern__key name = tern__hyper_key(hyper, "attention.layer_norm_rms_epsilon");
    TERN_TRY(tern__archive_need_f32(archive, name.name, &hyper->norm_eps));
    TERN_TRY(check_eps(archive, name.name, hyper->norm_eps));
    bool block_norms = true;
    TERN_TRY(tern__archive_bool(archive, "tern.block_norms", true, &block_norms));
    hyper->traits |= block_norms ? 0u : (uint32_t)TERN__BARE;
    TERN_TRY(tern__archive_bool(archive, "tern.linear_norm",
                                tern__hyper_has(hyper, TERN__RECURRENT), &hyper->linear_norm));
    TERN_TRY(tern__archive_f32(archive, linear_eps, hyper->norm_eps, &hyper->linear_norm_eps));
    TERN_TRY(check_eps(archive, linear_eps, hyper->linear_norm_eps));
    TERN_TRY(tern__archive_f32(archive, offset, 0.0f, &hyper->norm_offset));
    if (!(fabsf(hyper->norm_offset) <= 1.0f)) {
        return tern__fail(tern__archive_context(archive), TERN_STATUS_CORRUPT_DATA,
                          "key '%s' is %g, expected -1 to 1", offset, (double)hyper->norm_offset);
    }
    return TERN_STATUS_OK;
}

static tern_status read_bias(const tern_archive *archive, const char *name, uint8_t *out) {
    tern_value value = {.struct_size = sizeof value};
    bool has = false;
    TERN_TRY(tern__archive_bool(archive, name, false, &has));
    bool said = tern_archive_find(archive, name, &value) == TERN_STATUS_OK;
    *out = !said ? TERN__BIAS_ANY : has ? TERN__BIAS_ALL : TERN__BIAS_NONE;
    return TERN_STATUS_OK;
}

// Which tensors must be there, and which must not.
static tern_status read_tensors(const tern_archive *archive, tern__hyper *hyper) {
    bool tied = true;
    TERN_TRY(tern__archive_bool(archive, "tern.tied", true, &tied));
    hyper->untied = !tied;
    TERN_TRY(read_bias(archive, "tern.attention_bias", &hyper->attention_bias));
    return read_bias(archive, "tern.mlp_bias", &hyper->mlp_bias);
}

// One over the square root of a head's size, unless a key says otherwise.
static tern_status read_attention_scale(const tern_archive *archive, tern__hyper *hyper) {
    tern__key name = tern__hyper_key(hyper, "attention.scale");
    float usual = t_divide(1.0f, t_sqrt((float)hyper->head_dim)), scale = 0.0f;
    TERN_TRY(tern__archive_f32(archive, name.name, 0.0f, &scale));
    hyper->attention_scale = scale == 0.0f ? usual : scale;
    if (!(hyper->attention_scale >= 0x1p-50f && hyper->attention_scale <= 0x1p50f)) {
        return tern__fail(tern__archive_context(archive), TERN_STATUS_CORRUPT_DATA,
                          "key '%s' is %g, expected 0, or 2^-50 to 2^50", name.name, (double)scale);
    }
    return TERN_STATUS_OK;
}

// NaN for what is none.
static double number_of(const tern_value *value) {
    switch (value->type) {
    case TERN_VALUE_F32:
    case TERN_VALUE_F64:
        return value->f;
    case TERN_VALUE_STRING:
    case TERN_VALUE_ARRAY:
        return NAN;
    case TERN_VALUE_I8:
    case TERN_VALUE_I16:
    case TERN_VALUE_I32:
    case TERN_VALUE_I64:
        return (double)value->i;
    default:
        return (double)value->u;
    }
}

// Keys of networks that differ from ours where no tensor shows it. Passed over, the model would
// load and talk nonsense.
static tern_status check_other_networks(const tern_archive *archive, const tern__hyper *hyper) {
    const struct {
        const char *suffix;
        double ours;      // what the key says of our networks, if it is there at all
        double ours_from; // and all from here on
    } keys[] = {{"attention.causal", 1, INFINITY},
                {"attention.clamp_kqv", 0, INFINITY},
                {"attention.max_alibi_bias", 0, INFINITY},
                {"attn_logit_softcapping", 0, INFINITY},
                {"final_logit_softcapping", 0, INFINITY},
                {"embedding_scale", 1, INFINITY},
                {"residual_scale", 1, INFINITY},
                {"logit_scale", 1, INFINITY},
                {"expert_shared_count", 0, INFINITY},
                {"expert_group_count", 0, INFINITY},
                {"leading_dense_block_count", 0, INFINITY},
                {"expert_count", 0, tern__hyper_has(hyper, TERN__EXPERTS) ? 1 : INFINITY}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        tern__key name = tern__hyper_key(hyper, keys[i].suffix);
        tern_value value = {.struct_size = sizeof value};
        if (tern_archive_find(archive, name.name, &value) != TERN_STATUS_OK) {
            continue;
        }
        double number = number_of(&value);
        if (!(number == keys[i].ours || number >= keys[i].ours_from)) {
            return tern__fail(tern__archive_context(archive), TERN_STATUS_UNSUPPORTED,
                              "key '%s' is not %g: networks that use it are not supported",
                              name.name, keys[i].ours);
        }
    }
    return TERN_STATUS_OK;
}

// Weights in another basis, which the activations would have to follow.
static tern_status check_rotated_weights(const tern_archive *archive) {
    static const char prefix[] = "prism.hadamard.";
    for (uint64_t i = 0; i < tern_archive_value_count(archive); i++) {
        tern_value value = {.struct_size = sizeof value};
        TERN_TRY(tern_archive_value(archive, i, &value));
        if (strncmp(value.key, prefix, sizeof prefix - 1) == 0) {
            return tern__fail(tern__archive_context(archive), TERN_STATUS_UNSUPPORTED,
                              "key '%s': weights in a rotated basis are not supported", value.key);
        }
    }
    return TERN_STATUS_OK;
}

// Files that pad the embedding give either number: the tokens' or the rows'.
static tern_status check_vocabulary_size(const tern_archive *archive, const tern__hyper *hyper) {
    tern__key name = tern__hyper_key(hyper, "vocab_size");
    uint32_t size = 0;
    TERN_TRY(tern__archive_u32(archive, name.name, hyper->vocabulary, &size));
    tern_value tokens = {.struct_size = sizeof tokens};
    tern_status found = tern_archive_find(archive, "tokenizer.ggml.tokens", &tokens);
    if (size == hyper->vocabulary || (found == TERN_STATUS_OK && size == tokens.count)) {
        return TERN_STATUS_OK;
    }
    return tern__fail(tern__archive_context(archive), TERN_STATUS_CORRUPT_DATA,
                      "key '%s' is %u, but tensor 'token_embd.weight' has %u rows", name.name, size,
                      hyper->vocabulary);
}

static tern_status read_vocabulary(const tern_archive *archive, tern__hyper *hyper) {
    tern_context *context = tern__archive_context(archive);
    tern_tensor_info embedding = {sizeof embedding};
    tern_status found = tern__archive_find_tensor(archive, "token_embd.weight", &embedding);
    if (found == TERN_STATUS_NOT_FOUND) {
        return tern__fail(context, found, "tensor 'token_embd.weight' is missing");
    }
    TERN_TRY(found);
    if (embedding.rank != 2 || embedding.shape[1] == 0 || embedding.shape[1] > INT32_MAX) {
        return tern__fail(
            context, TERN_STATUS_CORRUPT_DATA,
            "tensor 'token_embd.weight' has %u dimensions of %llu rows, expected 2 of "
            "1 to 2^31 - 1 rows",
            embedding.rank, (unsigned long long)embedding.shape[1]);
    }
    hyper->vocabulary = (uint32_t)embedding.shape[1];
    return check_vocabulary_size(archive, hyper);
}

static tern_status read_ffn_width(const tern_archive *archive, tern__hyper *hyper) {
    bool experts = tern__hyper_has(hyper, TERN__EXPERTS);
    const char *suffix = experts ? "expert_feed_forward_length" : "feed_forward_length";
    return tern__hyper_need_count(archive, hyper, suffix, MAX_WIDTH - 1, &hyper->ffn_width);
}

tern_status tern__hyper_read(const tern_archive *archive, tern__hyper *out) {
    memset(out, 0, sizeof *out);
    TERN_TRY(find_architecture(archive, &out->architecture));
    out->traits = out->architecture->traits;
    TERN_TRY(tern__hyper_need_count(archive, out, "block_count", TERN__MAX_LAYERS, &out->layers));
    TERN_TRY(tern__hyper_need_count(archive, out, "embedding_length", MAX_WIDTH - 1, &out->width));
    TERN_TRY(read_ffn_width(archive, out));
    TERN_TRY(tern__hyper_need_count(archive, out, "context_length", MAX_CONTEXT, &out->context));
    TERN_TRY(check_other_networks(archive, out));
    TERN_TRY(check_rotated_weights(archive));
    TERN_TRY(read_heads(archive, out));
    TERN_TRY(tern__hyper_read_windows(archive, out));
    TERN_TRY(tern__hyper_read_rotary(archive, out));
    TERN_TRY(read_attention_scale(archive, out));
    TERN_TRY(read_norms(archive, out));
    TERN_TRY(read_tensors(archive, out));
    TERN_TRY(read_gate(archive, out));
    TERN_TRY(tern__hyper_read_experts(archive, out));
    return read_vocabulary(archive, out);
}
