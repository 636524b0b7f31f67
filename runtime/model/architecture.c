#include "runtime/model/architecture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "runtime/model/archive.h"
#include "runtime/status.h"

static const tern__architecture architectures[] = {
    {"bitnet", TERN_ACTIVATION_SILU, true, true, TERN_ROTARY_HALF_SPLIT},
    // The published 2B-4T files have no key for their gate (formats: relu squared all the same).
    {"bitnet-b1.58", TERN_ACTIVATION_RELU2, true, true, TERN_ROTARY_HALF_SPLIT},
    {"bitnet-25", TERN_ACTIVATION_RELU2, true, true, TERN_ROTARY_HALF_SPLIT},
    {"llama", TERN_ACTIVATION_SILU, false, false, TERN_ROTARY_INTERLEAVED},
};

enum { MAX_LAYERS = 4096, MAX_WIDTH = 1 << 24, MAX_CONTEXT = 1 << 28 };

const tern__architecture *tern__architecture_find(const char *name) {
    for (size_t i = 0; i < sizeof architectures / sizeof architectures[0]; i++) {
        if (strcmp(architectures[i].name, name) == 0) {
            return &architectures[i];
        }
    }
    return NULL;
}

static tern_status find_architecture(const tern_archive *archive, const tern__architecture **out) {
    const char *name = NULL;
    TERN_TRY(tern__archive_need_string(archive, "general.architecture", &name));
    *out = tern__architecture_find(name);
    if (!*out) {
        char known[128] = "";
        size_t length = 0;
        for (size_t i = 0; i < sizeof architectures / sizeof architectures[0]; i++) {
            length += (size_t)snprintf(known + length, sizeof known - length, "%s%s", i ? ", " : "",
                                       architectures[i].name);
        }
        return tern__fail(tern__archive_context(archive), TERN_STATUS_UNSUPPORTED,
                          "architecture '%s' is not known, expected one of %s", name, known);
    }
    return TERN_STATUS_OK;
}

typedef struct key {
    char name[96];
} key;

static key key_of(const tern__hyper *hyper, const char *suffix) {
    key result;
    snprintf(result.name, sizeof result.name, "%s.%s", hyper->architecture->name, suffix);
    return result;
}

static tern_status check_range(const tern_archive *archive, key name, uint32_t value,
                               uint32_t limit) {
    if (value == 0 || value > limit) {
        return tern__fail(tern__archive_context(archive), TERN_STATUS_CORRUPT_DATA,
                          "key '%s' is %u, expected 1 to %u", name.name, value, limit);
    }
    return TERN_STATUS_OK;
}

static tern_status need_count(const tern_archive *archive, const tern__hyper *hyper,
                              const char *suffix, uint32_t limit, uint32_t *out) {
    key name = key_of(hyper, suffix);
    TERN_TRY(tern__archive_need_u32(archive, name.name, out));
    return check_range(archive, name, *out, limit);
}

static tern_status want_count(const tern_archive *archive, const tern__hyper *hyper,
                              const char *suffix, uint32_t fallback, uint32_t *out) {
    key name = key_of(hyper, suffix);
    TERN_TRY(tern__archive_u32(archive, name.name, fallback, out));
    return check_range(archive, name, *out, MAX_WIDTH);
}

static tern_status read_gate(const tern_archive *archive, tern__hyper *hyper) {
    static const struct {
        const char *name;
        tern_activation activation;
    } names[] = {{"silu", TERN_ACTIVATION_SILU},     {"swish", TERN_ACTIVATION_SILU},
                 {"relu2", TERN_ACTIVATION_RELU2},   {"relu_sqr", TERN_ACTIVATION_RELU2},
                 {"relu", TERN_ACTIVATION_RELU},     {"gelu", TERN_ACTIVATION_GELU},
                 {"linear", TERN_ACTIVATION_LINEAR}, {"gelu_tanh", TERN_ACTIVATION_GELU_TANH}};
    key name = key_of(hyper, "hidden_activation");
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
                      "key '%s': activation '%s' is not known, expected silu or relu2", name.name,
                      value);
}

// Without a key for it, the width is shared out among the heads.
static tern_status read_head_dim(const tern_archive *archive, tern__hyper *hyper) {
    tern_context *context = tern__archive_context(archive);
    key name = key_of(hyper, "attention.key_length");
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

static tern_status read_heads(const tern_archive *archive, tern__hyper *hyper) {
    tern_context *context = tern__archive_context(archive);
    TERN_TRY(need_count(archive, hyper, "attention.head_count", 65536, &hyper->heads));
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

// Converters of bitnet write "linear" with a factor of 1, which is none. A factor without a type is
// a linear one.
static tern_status check_scaling(const tern_archive *archive, const tern__hyper *hyper) {
    key type_key = key_of(hyper, "rope.scaling.type");
    key factor_key = key_of(hyper, "rope.scaling.factor");
    const char *type = NULL;
    float factor = 0.0f;
    TERN_TRY(tern__archive_string(archive, type_key.name, "linear", &type));
    TERN_TRY(tern__archive_f32(archive, factor_key.name, 1.0f, &factor));
    if (strcmp(type, "none") == 0 || (strcmp(type, "linear") == 0 && factor == 1.0f)) {
        return TERN_STATUS_OK;
    }
    return tern__fail(tern__archive_context(archive), TERN_STATUS_UNSUPPORTED,
                      "key '%s' is '%s' with a factor of %g, expected none: factors come as "
                      "rope_freqs.weight",
                      type_key.name, type, (double)factor);
}

static tern_status read_rotary(const tern_archive *archive, tern__hyper *hyper) {
    tern_context *context = tern__archive_context(archive);
    key dims = key_of(hyper, "rope.dimension_count");
    TERN_TRY(tern__archive_u32(archive, dims.name, hyper->head_dim, &hyper->rotary_dims));
    if (hyper->rotary_dims == 0 || hyper->rotary_dims % 2 || hyper->rotary_dims > hyper->head_dim) {
        return tern__fail(context, TERN_STATUS_CORRUPT_DATA,
                          "key '%s' is %u, expected an even number up to %u", dims.name,
                          hyper->rotary_dims, hyper->head_dim);
    }
    key base_key = key_of(hyper, "rope.freq_base");
    float base = 0.0f;
    TERN_TRY(tern__archive_f32(archive, base_key.name, 10000.0f, &base));
    if (!(base >= 1.0f && base <= 1e30f)) {
        return tern__fail(context, TERN_STATUS_CORRUPT_DATA, "key '%s' is %g, expected 1 to 1e30",
                          base_key.name, (double)base);
    }
    hyper->rotary_base = base;
    return check_scaling(archive, hyper);
}

static tern_status read_eps(const tern_archive *archive, tern__hyper *hyper) {
    key name = key_of(hyper, "attention.layer_norm_rms_epsilon");
    TERN_TRY(tern__archive_need_f32(archive, name.name, &hyper->norm_eps));
    if (!(hyper->norm_eps >= 7.888609052210118e-31f && hyper->norm_eps <= 1.0f)) {
        return tern__fail(tern__archive_context(archive), TERN_STATUS_CORRUPT_DATA,
                          "key '%s' is %g, expected 2^-100 to 1", name.name,
                          (double)hyper->norm_eps);
    }
    return TERN_STATUS_OK;
}

// NaN for what is none, a large one for a negative integer.
static double number_of(const tern_value *value) {
    switch (value->type) {
    case TERN_VALUE_F32:
    case TERN_VALUE_F64:
        return value->f;
    case TERN_VALUE_STRING:
    case TERN_VALUE_ARRAY:
        return NAN;
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
    } keys[] = {{"attention.sliding_window", 0, hyper->context},
                {"attention.scale", 0, INFINITY},
                {"attention.clamp_kqv", 0, INFINITY},
                {"attention.max_alibi_bias", 0, INFINITY},
                {"attn_logit_softcapping", 0, INFINITY},
                {"final_logit_softcapping", 0, INFINITY},
                {"embedding_scale", 1, INFINITY},
                {"residual_scale", 1, INFINITY},
                {"logit_scale", 1, INFINITY},
                {"expert_count", 0, INFINITY}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        key name = key_of(hyper, keys[i].suffix);
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
    key name = key_of(hyper, "vocab_size");
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

tern_status tern__hyper_read(const tern_archive *archive, tern__hyper *out) {
    memset(out, 0, sizeof *out);
    TERN_TRY(find_architecture(archive, &out->architecture));
    TERN_TRY(need_count(archive, out, "block_count", MAX_LAYERS, &out->layers));
    TERN_TRY(need_count(archive, out, "embedding_length", MAX_WIDTH - 1, &out->width));
    TERN_TRY(need_count(archive, out, "feed_forward_length", MAX_WIDTH - 1, &out->ffn_width));
    TERN_TRY(need_count(archive, out, "context_length", MAX_CONTEXT, &out->context));
    TERN_TRY(check_other_networks(archive, out));
    TERN_TRY(check_rotated_weights(archive));
    TERN_TRY(read_heads(archive, out));
    TERN_TRY(read_rotary(archive, out));
    TERN_TRY(read_eps(archive, out));
    TERN_TRY(read_gate(archive, out));
    return read_vocabulary(archive, out);
}
