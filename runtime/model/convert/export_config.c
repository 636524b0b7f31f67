// config.json and the like: what hyper.h holds, under the names of a folder.
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/convert/export.h"
#include "runtime/model/files/archive.h"
#include "runtime/model/files/json_number.h"
#include "runtime/status.h"

enum { PIECE = 512 };

void tern__put_format(tern__writer *w, const char *format, ...) {
    char piece[PIECE];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(piece, sizeof piece, format, arguments);
    va_end(arguments);
    tern__put(w, piece, length < PIECE ? (size_t)length : PIECE - 1);
}

void tern__put_string(tern__writer *w, const char *text, size_t size) {
    tern__put(w, "\"", 1);
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7f) {
            tern__put_format(w, "\\u%04x", c);
        } else {
            tern__put(w, "\\", c == '"' || c == '\\');
            tern__put(w, &text[i], 1);
        }
    }
    tern__put(w, "\"", 1);
}

// Numbers by hand, as printf would write a host's decimal comma.
static void put_number(tern__writer *w, const char *lead, double value) {
    char text[TERN__JSON_NUMBER_SIZE];
    tern__json_write_number(value, text);
    tern__put_format(w, "%s%s", lead, text);
}

// What is a float where it is read.
static void put_single(tern__writer *w, const char *lead, double value) {
    char text[TERN__JSON_NUMBER_SIZE];
    tern__json_write_single((float)value, text);
    tern__put_format(w, "%s%s", lead, text);
}

// What stands for an architecture in a folder.
typedef struct form {
    const char *architecture, *class_name, *type;
} form;

static const form forms[] = {
    {"bitnet", "BitNetForCausalLM", "bitnet"},
    {"bitnet-b1.58", "BitNetForCausalLM", "bitnet"},
    {"bitnet-25", "BitNetForCausalLM", "bitnet"},
    {"llama", "LlamaForCausalLM", "llama"},
    {"qwen2", "Qwen2ForCausalLM", "qwen2"},
    {"qwen3", "Qwen3ForCausalLM", "qwen3"},
    {"qwen3moe", "Qwen3MoeForCausalLM", "qwen3_moe"},
    {"gemma3", "Gemma3ForCausalLM", "gemma3_text"},
    {"maple", "MapleForCausalLM", "maple"},
    {"hgrn-bit", "HGRNBitForCausalLM", "hgrn_bit"},
};

static const form *find_form(const char *architecture) {
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (strcmp(forms[i].architecture, architecture) == 0) {
            return &forms[i];
        }
    }
    return NULL;
}

static bool is(const tern__export *e, const char *architecture) {
    return strcmp(e->hyper.architecture->name, architecture) == 0;
}

static const char *activation_name(const tern__hyper *h) {
    switch (h->gate) {
    case TERN_ACTIVATION_RELU2:
        return "relu2";
    case TERN_ACTIVATION_RELU:
        return "relu";
    case TERN_ACTIVATION_GELU:
        return "gelu";
    case TERN_ACTIVATION_GELU_TANH:
        return "gelu_pytorch_tanh";
    case TERN_ACTIVATION_LINEAR:
        return "linear";
    default:
        return "silu";
    }
}

static bool has_tensor(const tern__export *e, const char *name) {
    tern_tensor_info info = {sizeof info};
    return tern__archive_find_tensor(e->c->archive, name, &info) == TERN_STATUS_OK;
}

static void put_scaling(tern__writer *w, const tern_rotary_table_desc *r) {
    const char *types[] = {"default", "linear", "yarn", "llama3"};
    const char *type = r->scaling == TERN_ROTARY_LINEAR   ? types[1]
                       : r->scaling == TERN_ROTARY_YARN   ? types[2]
                       : r->scaling == TERN_ROTARY_LLAMA3 ? types[3]
                                                          : types[0];
    if (type == types[0]) {
        return;
    }
    tern__put_format(w, ",\n  \"rope_scaling\": {\"rope_type\": \"%s\"", type);
    put_single(w, ", \"factor\": ", r->factor);
    if (type == types[2]) {
        double usual = r->factor > 1.0 ? 0.1 * log(r->factor) + 1.0 : 1.0;
        put_single(w, ", \"beta_slow\": ", r->low);
        put_single(w, ", \"beta_fast\": ", r->high);
        if (r->magnitude != 1.0) {
            put_number(w, ", \"attention_factor\": ", r->magnitude * usual);
        }
    } else if (type == types[3]) {
        put_single(w, ", \"low_freq_factor\": ", r->low);
        put_single(w, ", \"high_freq_factor\": ", r->high);
    }
    if (type != types[1]) {
        tern__put_format(w, ", \"original_max_position_embeddings\": %u", r->context);
    }
    tern__put_format(w, "}");
}

static void put_windows(const tern__export *e, tern__writer *w) {
    const tern__hyper *h = &e->hyper;
    if (!h->architecture->window_period) {
        return;
    }
    // Maple counts the positions before the row's own alone.
    uint32_t window = (h->window ? h->window : h->context) - (is(e, "maple") ? 1 : 0);
    tern__put_format(w, ",\n  \"sliding_window\": %u,\n  \"layer_types\": [", window);
    for (uint32_t i = 0; i < h->layers; i++) {
        tern__put_format(w, "%s\"%s_attention\"", i ? ", " : "",
                         tern__hyper_kind(h, i) == TERN__WINDOWED ? "sliding" : "full");
    }
    tern__put_format(w, "]");
}

static void put_attention(const tern__export *e, tern__writer *w) {
    const tern__hyper *h = &e->hyper;
    const tern_rotary_table_desc *r = &h->rotary[TERN__GLOBAL];
    if (tern__hyper_has(h, TERN__RECURRENT)) {
        return;
    }
    tern__put_format(w,
                     ",\n  \"num_attention_heads\": %u,\n  \"num_key_value_heads\": %u,\n  "
                     "\"head_dim\": %u,\n  \"attention_bias\": %s",
                     h->heads, h->kv_heads, h->head_dim,
                     has_tensor(e, "blk.0.attn_output.bias") ? "true" : "false");
    put_single(w, ",\n  \"rope_theta\": ", r->base);
    if (has_tensor(e, "blk.0.ffn_up.bias")) {
        tern__put_format(w, ",\n  \"mlp_bias\": true");
    }
    if (h->rotary_dims != h->head_dim) {
        put_number(w, ",\n  \"partial_rotary_factor\": ", (double)h->rotary_dims / h->head_dim);
    }
    put_scaling(w, r);
    put_windows(e, w);
    if (is(e, "gemma3")) {
        double scale = (double)h->attention_scale;
        put_number(w, ",\n  \"query_pre_attn_scalar\": ", 1.0 / (scale * scale));
        put_single(w, ",\n  \"rope_local_base_freq\": ", h->rotary[TERN__WINDOWED].base);
    }
}

static void put_experts(const tern__export *e, tern__writer *w) {
    const tern__hyper *h = &e->hyper;
    if (!tern__hyper_has(h, TERN__EXPERTS)) {
        return;
    }
    tern__put_format(w,
                     ",\n  \"num_experts\": %u,\n  \"num_experts_per_tok\": %u,\n  "
                     "\"moe_intermediate_size\": %u,\n  \"norm_topk_prob\": %s",
                     h->experts, h->experts_used, h->ffn_width,
                     h->route_normalised ? "true" : "false");
    if (is(e, "maple")) {
        put_single(w, ",\n  \"swiglu_limit\": ", h->gate_limit);
        tern__put_format(w, ",\n  \"nope_on_global_attention\": true");
    }
}

static void put_quantization(const tern__export *e, tern__writer *w) {
    if (!e->packed && !e->linear_norms) {
        return;
    }
    tern__put_format(w, ",\n  \"quantization_config\": {\"quant_method\": \"bitnet\", "
                        "\"linear_class\": \"autobitlinear\", \"quantization_mode\": \"offline\"");
    if (e->linear_norms) {
        tern__put_format(w, ", \"use_rms_norm\": true");
        put_single(w, ", \"rms_norm_eps\": ", e->hyper.linear_norm_eps);
    }
    tern__put_format(w, ", \"modules_to_not_convert\": [\"lm_head\"]}");
}

static tern_status put_token_ids(const tern__export *e, tern__writer *w, bool all) {
    static const struct {
        const char *key, *name;
    } ids[] = {{"tokenizer.ggml.bos_token_id", "bos_token_id"},
               {"tokenizer.ggml.padding_token_id", "pad_token_id"}};
    static const char *const ends[] = {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                                       "tokenizer.ggml.eom_token_id"};
    uint32_t id, count = 0;
    for (size_t i = 0; i < 2; i++) {
        TERN_TRY(tern__archive_u32(e->c->archive, ids[i].key, UINT32_MAX, &id));
        if (id != UINT32_MAX) {
            tern__put_format(w, ",\n  \"%s\": %u", ids[i].name, id);
        }
    }
    for (size_t i = 0; i < (all ? 3 : 1); i++) {
        TERN_TRY(tern__archive_u32(e->c->archive, ends[i], UINT32_MAX, &id));
        if (id != UINT32_MAX) {
            tern__put_format(w, "%s%u", count++ ? ", " : ",\n  \"eos_token_id\": [", id);
        }
    }
    tern__put_format(w, "%s\n}\n", count ? "]" : "");
    return TERN_STATUS_OK;
}

static tern_status put_config(tern__export *e, const form *f) {
    const tern__hyper *h = &e->hyper;
    tern__writer *w = &e->config;
    bool experts = tern__hyper_has(h, TERN__EXPERTS);
    tern__put_format(w, "{\n  \"architectures\": [\"%s\"],\n  \"model_type\": \"%s\",\n",
                     f->class_name, f->type);
    tern__put_format(w,
                     "  \"num_hidden_layers\": %u,\n  \"hidden_size\": %u,\n  "
                     "\"intermediate_size\": %u,\n",
                     h->layers, h->width, experts ? h->ffn_width * h->experts_used : h->ffn_width);
    tern__put_format(w, "  \"vocab_size\": %u,\n  \"max_position_embeddings\": %u", h->vocabulary,
                     h->context);
    put_single(w, ",\n  \"rms_norm_eps\": ", h->norm_eps);
    tern__put_format(w, ",\n  \"%s\": \"%s\",\n  \"tie_word_embeddings\": %s",
                     is(e, "gemma3") ? "hidden_activation" : "hidden_act", activation_name(h),
                     has_tensor(e, "output.weight") ? "false" : "true");
    put_attention(e, w);
    put_experts(e, w);
    put_quantization(e, w);
    TERN_TRY(put_token_ids(e, w, false));
    tern__put_format(&e->generation, "{\n  \"_from_model_config\": true");
    TERN_TRY(put_token_ids(e, &e->generation, true));
    return w->full || e->generation.full ? tern__fail_memory(e->c->context, w->size, "config.json")
                                         : TERN_STATUS_OK;
}

static tern_status refuse(const tern__export *e, const char *what) {
    return tern__fail(e->c->context, TERN_STATUS_UNSUPPORTED,
                      "%s: %s has no place in a folder of safetensors",
                      tern__archive_name(e->c->archive), what);
}

static tern_status need_lossy(const tern__export *e, const char *what) {
    return e->c->desc->flags & TERN_CONVERT_LOSSY
               ? TERN_STATUS_OK
               : tern__fail(e->c->context, TERN_STATUS_INVALID_ARGUMENT,
                            "%s: %s; --lossy (TERN_CONVERT_LOSSY) allows that",
                            tern__archive_name(e->c->archive), what);
}

// As sentence-transformers has it; the numbers are those of GGUF.
static tern_status put_pooling(tern__export *e) {
    enum { MEAN = 1, CLS, LAST };
    tern__key key = tern__hyper_key(&e->hyper, "pooling_type");
    uint32_t mode = UINT32_MAX;
    TERN_TRY(tern__archive_u32(e->c->archive, key.name, UINT32_MAX, &mode));
    if (mode == UINT32_MAX) {
        return TERN_STATUS_OK;
    }
    if (mode < MEAN || mode > LAST) {
        return need_lossy(e, "its pooling_type has no place in a folder of safetensors");
    }
    tern__put_format(&e->pooling, "{\n  \"word_embedding_dimension\": %u,\n", e->hyper.width);
    tern__put_format(&e->pooling, "  \"pooling_mode_cls_token\": %s,\n",
                     mode == CLS ? "true" : "false");
    tern__put_format(&e->pooling, "  \"pooling_mode_mean_tokens\": %s,\n",
                     mode == MEAN ? "true" : "false");
    tern__put_format(&e->pooling, "  \"pooling_mode_lasttoken\": %s\n}\n",
                     mode == LAST ? "true" : "false");
    return e->pooling.full ? tern__fail_memory(e->c->context, e->pooling.size, TERN__HF_POOLING)
                           : TERN_STATUS_OK;
}

static tern_status check(tern__export *e) {
    const tern_archive *archive = e->c->archive;
    const char *weights = NULL;
    TERN_TRY(tern__archive_string(archive, "tern.weights", "packed", &weights));
    TERN_TRY(strcmp(weights, "packed") == 0 ? TERN_STATUS_OK : refuse(e, "key 'tern.weights'"));
    if (tern__hyper_has(&e->hyper, TERN__BARE)) {
        return refuse(e, "a network without norms of its blocks");
    }
    if (has_tensor(e, "rope_freqs.weight")) {
        return refuse(e, "tensor 'rope_freqs.weight'");
    }
    bool plain = is(e, "qwen2") ? !has_tensor(e, "blk.0.attn_output.bias")
                                : has_tensor(e, "blk.0.attn_q.bias") ==
                                      has_tensor(e, "blk.0.attn_output.bias");
    TERN_TRY(plain ? TERN_STATUS_OK : refuse(e, "a bias of some matrices of attention alone"));
    e->turned = !tern__hyper_has(&e->hyper, TERN__RECURRENT) &&
                e->hyper.rotary_pairs == TERN_ROTARY_INTERLEAVED;
    if (e->turned && has_tensor(e, "blk.0.attn_q.bias")) {
        return refuse(e, "a bias of heads whose rotary pairs lie side by side");
    }
    return !e->turned
               ? TERN_STATUS_OK
               : need_lossy(e, "a folder's rotary pairs are half a head apart, these lie side "
                               "by side: with rows of heads in another order sums have other "
                               "last bits");
}

tern_status tern__export_config(tern__export *e, const tern__conversion *c) {
    *e = (tern__export){.c = c};
    tern__writer *writers[] = {&e->config, &e->generation,     &e->pooling,
                               &e->tokens, &e->token_settings, &e->header};
    for (size_t i = 0; i < sizeof writers / sizeof writers[0]; i++) {
        writers[i]->context = c->context;
    }
    TERN_TRY(tern__hyper_read(c->archive, &e->hyper));
    const form *f = find_form(e->hyper.architecture->name);
    if (!f) {
        return refuse(e, e->hyper.architecture->name);
    }
    TERN_TRY(check(e));
    TERN_TRY(tern__export_look(e));
    TERN_TRY(put_pooling(e));
    return put_config(e, f);
}

void tern__export_finish(tern__export *e) {
    if (e->c) {
        tern__free(e->c->context, e->forms);
        tern__free(e->c->context, e->config.data);
        tern__free(e->c->context, e->generation.data);
        tern__free(e->c->context, e->pooling.data);
        tern__free(e->c->context, e->tokens.data);
        tern__free(e->c->context, e->token_settings.data);
        tern__free(e->c->context, e->header.data);
    }
}

// Whatever a configuration cannot say, or says in other words than were meant here.
tern_status tern__export_compare(tern__export *e, const tern__hyper *h) {
    const tern__hyper *own = &e->hyper;
    bool recurrent = tern__hyper_has(own, TERN__RECURRENT);
    const tern_rotary_table_desc *a = own->rotary, *b = h->rotary;
    bool turns = true;
    for (int i = 0; i < TERN__LAYER_KINDS && !recurrent; i++) {
        turns &= !own->has_kind[i] ||
                 (a[i].base == b[i].base && a[i].scaling == b[i].scaling &&
                  (a[i].scaling == TERN_ROTARY_PLAIN ||
                   (a[i].factor == b[i].factor && a[i].low == b[i].low && a[i].high == b[i].high &&
                    a[i].magnitude == b[i].magnitude &&
                    (a[i].scaling == TERN_ROTARY_LINEAR || a[i].context == b[i].context))));
    }
    const struct {
        bool same;
        const char *what;
    } all[] = {
        {own->traits == h->traits && own->gate == h->gate, "its kind of network"},
        {turns && own->rotary_dims == h->rotary_dims, "the scaling of its rotary positions"},
        {own->attention_scale == h->attention_scale || recurrent, "its scale of attention"},
        {own->window == h->window && memcmp(own->windowed, h->windowed, sizeof h->windowed) == 0,
         "its windows"},
        {own->route_score == h->route_score && own->route_scale == h->route_scale &&
             own->route_normalised == h->route_normalised && own->gate_limit == h->gate_limit,
         "its way to choose experts"},
        {own->norm_eps == h->norm_eps &&
             (!e->linear_norms || own->linear_norm_eps == h->linear_norm_eps),
         "the epsilon of its norms"},
        {own->heads == h->heads && own->kv_heads == h->kv_heads && own->head_dim == h->head_dim &&
             own->context == h->context && own->layers == h->layers && own->width == h->width &&
             own->ffn_width == h->ffn_width,
         "its shape"},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        TERN_TRY(all[i].same ? TERN_STATUS_OK : refuse(e, all[i].what));
    }
    e->norm_offset = h->norm_offset - own->norm_offset;
    return TERN_STATUS_OK;
}
