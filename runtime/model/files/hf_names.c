// Names of tensors: those of Hugging Face's classes and those of GGUF.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/model/files/hf.h"

typedef enum extent { NONE, WIDTH, HEADS, KV_HEADS, FFN, EXPERT } extent;

typedef struct renaming {
    const char *from; // of a layer: behind its number; without ".weight"
    const char *to;
    extent rows;       // of a projection; NONE: no projection
    uint32_t families; // that have it; 0: all
    uint32_t others;   // that name something else so
} renaming;

static const renaming ends[] = {
    {"embed_tokens", "token_embd", NONE, 0, 0},
    {"embeddings", "token_embd", NONE, TERN__HF_HGRN, 0},
    {"word_embeddings", "token_embd", NONE, TERN__HF_MAPLE, 0},
    {"lower_bounds", "lower_bounds", NONE, TERN__HF_HGRN, 0},
    {"norm", "output_norm", NONE, 0, 0},
    {"lm_head", "output", NONE, 0, 0},
};

static const renaming layers[] = {
    {"input_layernorm", "attn_norm", NONE, 0, 0},
    {"self_attn.q_proj", "attn_q", HEADS, 0, 0},
    {"self_attn.k_proj", "attn_k", KV_HEADS, 0, 0},
    {"self_attn.v_proj", "attn_v", KV_HEADS, 0, 0},
    {"self_attn.o_proj", "attn_output", WIDTH, 0, 0},
    {"self_attn.q_norm", "attn_q_norm", NONE, 0, 0},
    {"self_attn.k_norm", "attn_k_norm", NONE, 0, 0},
    {"self_attn.attn_sub_norm", "attn_sub_norm", NONE, 0, 0},
    {"self_attn.inner_attn_ln", "attn_sub_norm", NONE, 0, 0},
    {"post_attention_layernorm", "post_attention_norm", NONE, TERN__HF_GEMMA, 0},
    {"post_attention_layernorm", "ffn_norm", NONE, 0, TERN__HF_GEMMA},
    {"pre_feedforward_layernorm", "ffn_norm", NONE, TERN__HF_GEMMA, 0},
    {"post_feedforward_layernorm", "post_ffw_norm", NONE, TERN__HF_GEMMA, 0},
    {"mlp.gate_proj", "ffn_gate", FFN, 0, TERN__HF_HGRN},
    {"mlp.up_proj", "ffn_up", FFN, 0, 0},
    {"mlp.down_proj", "ffn_down", WIDTH, 0, 0},
    {"mlp.ffn_sub_norm", "ffn_sub_norm", NONE, 0, 0},
    {"mlp.ffn_layernorm", "ffn_sub_norm", NONE, 0, 0},
    {"mlp.gate", "ffn_gate_inp", NONE, TERN__HF_EXPERTS, 0},
    {"mlp.experts.gate_proj", "ffn_gate_exps", EXPERT, TERN__HF_EXPERTS, 0},
    {"mlp.experts.up_proj", "ffn_up_exps", EXPERT, TERN__HF_EXPERTS, 0},
    {"mlp.experts.down_proj", "ffn_down_exps", WIDTH, TERN__HF_EXPERTS, 0},

    {"attn_norm", "attn_norm", NONE, TERN__HF_HGRN, 0},
    {"attn.i_proj", "attn_i", WIDTH, TERN__HF_HGRN, 0},
    {"attn.f_proj", "attn_f", WIDTH, TERN__HF_HGRN, 0},
    {"attn.g_proj", "attn_g", WIDTH, TERN__HF_HGRN, 0},
    {"attn.o_proj", "attn_output", WIDTH, TERN__HF_HGRN, 0},
    {"attn.g_norm", "attn_g_norm", NONE, TERN__HF_HGRN, 0},
    {"mlp_norm", "ffn_norm", NONE, TERN__HF_HGRN, 0},
    {"mlp.gate_proj", "ffn_gate_up", NONE, TERN__HF_HGRN, 0}, // both halves have one scale
};

// What may follow, and what becomes of it.
static const struct {
    const char *from;
    const char *to;
} suffixes[] = {{".weight_scale", ".scale"},
                {".scale_w", ".scale"},
                {".rms_norm.weight", "_norm_in.weight"},
                {".norm.weight", "_norm_in.weight"},
                {".weight", ".weight"},
                {".bias", ".bias"},
                {"", ".weight"}}; // a parameter without a module

// Buffers that are made again from the configuration.
static bool is_buffer(const char *name) {
    static const char *const endings[] = {"rotary_emb.inv_freq", "rotary_emb.cos_cached",
                                          "rotary_emb.sin_cached"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t length = strlen(name), ending = strlen(endings[i]);
        if (length >= ending && strcmp(name + length - ending, endings[i]) == 0) {
            return true;
        }
    }
    return false;
}

static const char *after(const char *text, const char *prefix) {
    size_t length = strlen(prefix);
    return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

static const char *find_suffix(const char *rest) {
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        if (strcmp(rest, suffixes[i].from) == 0) {
            return suffixes[i].to;
        }
    }
    return NULL;
}

static uint32_t rows_of(const tern__hf_model *m, extent rows) {
    uint64_t values[] = {0,
                         m->width,
                         (uint64_t)m->heads * m->head_dim,
                         (uint64_t)m->kv_heads * m->head_dim,
                         m->ffn_width,
                         m->expert_width};
    return values[rows] <= UINT32_MAX ? (uint32_t)values[rows] : 0;
}

// Renames |rest| by |table| and puts it behind |prefix|.
static bool rename_by(const tern__hf_model *m, const renaming *table, size_t count,
                      const char *prefix, const char *rest, tern__hf_place *out) {
    for (size_t i = 0; i < count; i++) {
        const renaming *r = &table[i];
        const char *tail = after(rest, r->from);
        const char *suffix = tail ? find_suffix(tail) : NULL;
        uint32_t traits = m->family->traits;
        if (!suffix || (r->families && !(r->families & traits)) || (r->others & traits)) {
            continue;
        }
        snprintf(out->name, sizeof out->name, "%s%s%s", prefix, r->to, suffix);
        out->is_matrix = r->rows != NONE && strcmp(tail, ".weight") == 0;
        out->rows = rows_of(m, r->rows);
        return true;
    }
    return false;
}

// A plain decimal number and the dot behind it.
static const char *take_number(const char *text, uint32_t *out) {
    char *end = NULL;
    if (*text < '0' || *text > '9' || (*text == '0' && text[1] != '.')) {
        return NULL;
    }
    unsigned long number = strtoul(text, &end, 10);
    *out = (uint32_t)number;
    return *end == '.' && number < UINT32_MAX ? end + 1 : NULL;
}

// Of experts the number is taken out: "mlp.experts.3.up_proj" is "mlp.experts.up_proj".
static bool rename_layer(const tern__hf_model *m, const char *rest, tern__hf_place *out) {
    uint32_t layer = 0;
    char prefix[24], plain[96];
    rest = take_number(rest, &layer);
    if (!rest) {
        return false;
    }
    snprintf(prefix, sizeof prefix, "blk.%u.", layer);
    const char *expert = after(rest, "mlp.experts.");
    const char *inner = expert ? take_number(expert, &out->expert) : NULL;
    if (inner) {
        out->is_expert = true;
        if (snprintf(plain, sizeof plain, "mlp.experts.%s", inner) >= (int)sizeof plain) {
            return false;
        }
        rest = plain;
    }
    return rename_by(m, layers, sizeof layers / sizeof layers[0], prefix, rest, out);
}

void tern__hf_name(const tern__hf_model *m, const char *name, tern__hf_place *out) {
    *out = (tern__hf_place){0};
    const char *rest = after(name, "model.");
    rest = rest ? rest : name;
    const char *layer = after(rest, "layers.");
    out->skip = is_buffer(rest) || (m->tied && strcmp(rest, "lm_head.weight") == 0);
    if (layer ? !rename_layer(m, layer, out)
              : !rename_by(m, ends, sizeof ends / sizeof ends[0], "", rest, out)) {
        *out = (tern__hf_place){.skip = out->skip};
        snprintf(out->name, sizeof out->name, "%s", name);
    }
}

// Of two that suit the one that fewer families have.
static const renaming *find_renaming(const tern__hf_model *m, const renaming *table, size_t count,
                                     const char *stem) {
    const renaming *found = NULL;
    uint32_t traits = m->family->traits;
    for (size_t i = 0; i < count; i++) {
        const renaming *r = &table[i];
        bool suits = !(r->families && !(r->families & traits)) && !(r->others & traits);
        if (suits && strcmp(r->to, stem) == 0 && (!found || (r->families && !found->families))) {
            found = r;
        }
    }
    return found;
}

// Takes the end of a name in GGUF off and says what the folder has for it.
static const char *take_suffix(char *name) {
    static const struct {
        const char *gguf;
        const char *folder;
    } ends_of_names[] = {{"_norm_in.weight", ".rms_norm.weight"},
                         {".scale", ".weight_scale"},
                         {".weight", ".weight"},
                         {".bias", ".bias"}};
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof ends_of_names / sizeof ends_of_names[0]; i++) {
        size_t suffix = strlen(ends_of_names[i].gguf);
        if (length > suffix && strcmp(name + length - suffix, ends_of_names[i].gguf) == 0) {
            name[length - suffix] = 0;
            return ends_of_names[i].folder;
        }
    }
    return NULL;
}

bool tern__hf_unname(const tern__hf_model *m, const char *name, uint32_t expert, char *out,
                     size_t capacity) {
    static const char bundle[] = "mlp.experts.";
    char stem[128];
    uint32_t layer = 0;
    int length = snprintf(stem, sizeof stem, "%s", name);
    const char *suffix = length < (int)sizeof stem ? take_suffix(stem) : NULL;
    const char *rest = after(stem, "blk.");
    if (!suffix) {
        return false;
    }
    if (!rest) {
        const renaming *r = find_renaming(m, ends, sizeof ends / sizeof ends[0], stem);
        bool head = r && strcmp(r->to, "output") == 0;
        bool parameter = r && strcmp(r->to, "lower_bounds") == 0;
        return r && snprintf(out, capacity, "%s%s%s", head ? "" : "model.", r->from,
                             parameter ? "" : suffix) < (int)capacity;
    }
    rest = take_number(rest, &layer);
    const renaming *r =
        rest ? find_renaming(m, layers, sizeof layers / sizeof layers[0], rest) : NULL;
    const char *part = r ? after(r->from, bundle) : NULL;
    if (part) {
        return snprintf(out, capacity, "model.layers.%u.%s%u.%s%s", layer, bundle, expert, part,
                        suffix) < (int)capacity;
    }
    return r &&
           snprintf(out, capacity, "model.layers.%u.%s%s", layer, r->from, suffix) < (int)capacity;
}
