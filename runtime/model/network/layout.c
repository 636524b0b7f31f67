#include "runtime/model/network/layout.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/model/files/archive.h"
#include "runtime/model/tensors/look.h"
#include "runtime/status.h"

typedef enum dimension { ONE, WIDTH, FFN, HEADS, KV_HEADS, HEAD, EXPERTS, TWO_FFN } dimension;

// Of a matrix.
typedef enum matrix_kind {
    PROJECTION,
    ROUTER, // stays dense
    BUNDLE  // one for each expert
} matrix_kind;

// A tensor of every layer, and its place in tern__layer.
typedef struct layer_tensor {
    const char *stem;
    dimension rows; // ONE: a vector
    dimension cols;
    size_t offset;
    uint32_t trait;  // of the architectures that have it; 0: all,
    uint32_t unless; // but for these
    matrix_kind kind;
} layer_tensor;

#define PLACE(member) offsetof(tern__layer, member)

static const layer_tensor layer_tensors[] = {
    {"attn_norm", ONE, WIDTH, PLACE(attn_norm), 0, TERN__BARE, PROJECTION},
    {"attn_i", HEADS, WIDTH, PLACE(i), TERN__RECURRENT, 0, PROJECTION},
    {"attn_f", HEADS, WIDTH, PLACE(f), TERN__RECURRENT, 0, PROJECTION},
    {"attn_g", HEADS, WIDTH, PLACE(g), TERN__RECURRENT, 0, PROJECTION},
    {"attn_g_norm", ONE, HEADS, PLACE(g_norm), TERN__RECURRENT, 0, PROJECTION},
    {"attn_q", HEADS, WIDTH, PLACE(q), 0, TERN__RECURRENT, PROJECTION},
    {"attn_k", KV_HEADS, WIDTH, PLACE(k), 0, TERN__RECURRENT, PROJECTION},
    {"attn_v", KV_HEADS, WIDTH, PLACE(v), 0, TERN__RECURRENT, PROJECTION},
    {"attn_q_norm", ONE, HEAD, PLACE(q_norm), TERN__HEAD_NORMS, 0, PROJECTION},
    {"attn_k_norm", ONE, HEAD, PLACE(k_norm), TERN__HEAD_NORMS, 0, PROJECTION},
    {"attn_sub_norm", ONE, HEADS, PLACE(attn_sub_norm), TERN__SUB_NORMS, 0, PROJECTION},
    {"attn_output", WIDTH, HEADS, PLACE(output), 0, 0, PROJECTION},
    {"post_attention_norm", ONE, WIDTH, PLACE(attn_post_norm), TERN__POST_NORMS, 0, PROJECTION},
    {"ffn_norm", ONE, WIDTH, PLACE(ffn_norm), 0, TERN__BARE, PROJECTION},
    {"ffn_gate_inp", EXPERTS, WIDTH, PLACE(router), TERN__EXPERTS, 0, ROUTER},
    {"ffn_gate_exps", FFN, WIDTH, PLACE(gate), TERN__EXPERTS, 0, BUNDLE},
    {"ffn_up_exps", FFN, WIDTH, PLACE(up), TERN__EXPERTS, 0, BUNDLE},
    {"ffn_down_exps", WIDTH, FFN, PLACE(down), TERN__EXPERTS, 0, BUNDLE},
    {"ffn_gate_up", TWO_FFN, WIDTH, PLACE(gate), TERN__JOINT_GATE, 0, PROJECTION},
    {"ffn_gate", FFN, WIDTH, PLACE(gate), 0, TERN__EXPERTS | TERN__JOINT_GATE, PROJECTION},
    {"ffn_up", FFN, WIDTH, PLACE(up), 0, TERN__EXPERTS | TERN__JOINT_GATE, PROJECTION},
    {"ffn_sub_norm", ONE, FFN, PLACE(ffn_sub_norm), TERN__SUB_NORMS, 0, PROJECTION},
    {"ffn_down", WIDTH, FFN, PLACE(down), 0, TERN__EXPERTS, PROJECTION},
    {"post_ffw_norm", ONE, WIDTH, PLACE(ffn_post_norm), TERN__POST_NORMS, 0, PROJECTION},
};

enum { LAYER_TENSORS = sizeof layer_tensors / sizeof layer_tensors[0] };

static bool is_there(const tern__hyper *hyper, const layer_tensor *tensor) {
    return (tensor->trait == 0 || tern__hyper_has(hyper, tensor->trait)) &&
           !tern__hyper_has(hyper, tensor->unless);
}

static uint32_t extent(const tern__hyper *hyper, dimension dim) {
    switch (dim) {
    case WIDTH:
        return hyper->width;
    case FFN:
        return hyper->ffn_width;
    case HEADS:
        return hyper->heads * hyper->head_dim;
    case KV_HEADS:
        return hyper->kv_heads * hyper->head_dim;
    case EXPERTS:
        return hyper->experts;
    case TWO_FFN:
        return 2 * hyper->ffn_width;
    case HEAD:
        return hyper->head_dim;
    default:
        return 1;
    }
}

typedef struct walk {
    tern__network *network;
    const tern_archive *archive;
    tern_context *context;
    tern__part_fn visit;
    void *user;
    bool absmean; // projections become ternary
} walk;

static tern_status read_absmean(walk *w) {
    const char *said = NULL;
    TERN_TRY(tern__archive_string(w->archive, "tern.weights", "packed", &said));
    w->absmean = strcmp(said, "absmean") == 0;
    if (!w->absmean && strcmp(said, "packed") != 0) {
        return tern__fail(w->context, TERN_STATUS_UNSUPPORTED,
                          "key 'tern.weights' is '%s', expected packed or absmean", said);
    }
    return TERN_STATUS_OK;
}

static tern_status check_type(const walk *w, const tern__part *part) {
    const tern__ggml_type *type = part->type;
    bool is_dense = type->dtype != TERN_DTYPE_NONE && type->scale_kind == TERN_SCALE_NONE;
    if (type->dtype == TERN_DTYPE_NONE || (!part->usage && !is_dense)) {
        return tern__fail(w->context, TERN_STATUS_UNSUPPORTED,
                          "tensor '%s' is of type %s (%" PRIu32 "), expected %s", part->info.name,
                          part->info.type_name, part->info.type,
                          part->usage ? "a ternary type, F32, F16, BF16, Q8_0, Q4_0 or Q4_K to Q6_K"
                                      : "F32, F16, BF16 or another dense type");
    }
    return TERN_STATUS_OK;
}

// "[384, 512]", as far as it fits.
static void format_shape(uint32_t rank, const uint64_t *shape, char *out, size_t capacity) {
    size_t used = 0;
    for (uint32_t d = 0; d < rank && used < capacity; d++) {
        used +=
            (size_t)snprintf(out + used, capacity - used, "%s%" PRIu64, d ? ", " : "[", shape[d]);
    }
    if (used < capacity) {
        snprintf(out + used, capacity - used, "]");
    }
}

static tern_status check_shape(const walk *w, const tern__part *part) {
    const tern_tensor_info *info = &part->info;
    uint32_t rank = part->experts ? 3 : part->usage || part->bounds ? 2 : 1;
    uint32_t experts = part->experts ? part->experts : 1;
    const uint64_t expected[] = {part->cols, part->rows / experts, experts};
    bool same = info->rank == rank;
    for (uint32_t d = 0; d < 3; d++) {
        same &= info->shape[d] == expected[d];
    }
    if (!same) {
        char came[96], wanted[96];
        format_shape(info->rank, info->shape, came, sizeof came);
        format_shape(rank, expected, wanted, sizeof wanted);
        return tern__fail(w->context, TERN_STATUS_CORRUPT_DATA,
                          "tensor '%s' has the shape %s, expected %s", info->name, came, wanted);
    }
    return TERN_STATUS_OK;
}

// Whatever the type of a dense matrix, it is its values that decide how it runs, so that a file and
// what it was converted from answer alike.
static tern_status look_at(const walk *w, tern__part *part) {
    tern__look seen = {0};
    if (part->usage && !part->absmean && part->type->scale_kind == TERN_SCALE_NONE) {
        TERN_TRY(tern__look_at_first(w->archive, &part->info, &seen));
    }
    part->may_be_ternary = seen.ternary;
    part->may_be_half = seen.half && !part->as_q8;
    return TERN_STATUS_OK;
}

// Finds |name| and visits it. An absent optional tensor is OK and sets |*out_found| to false.
static tern_status visit_part(const walk *w, const char *name, tern__part *part, bool *out_found) {
    part->info.struct_size = sizeof part->info;
    tern_status status = tern__archive_find_tensor(w->archive, name, &part->info);
    bool found = status == TERN_STATUS_OK;
    if (status == TERN_STATUS_NOT_FOUND) {
        if (out_found) {
            *out_found = false;
            return TERN_STATUS_OK;
        }
        return tern__fail(w->context, status, "tensor '%s' is missing", name);
    }
    TERN_TRY(status);
    part->type = tern__ggml_type_of(&part->info);
    TERN_TRY(check_type(w, part));
    TERN_TRY(check_shape(w, part));
    part->absmean = w->absmean && part->projection && part->type->scale_kind == TERN_SCALE_NONE;
    TERN_TRY(look_at(w, part));
    if (out_found) {
        *out_found = found;
    }
    return w->visit(w->user, part);
}

static tern_status visit_vector(const walk *w, const char *name, uint32_t size, tern_tensor *place,
                                bool *out_found) {
    tern__part part = {.rows = 1, .cols = size, .vector = place};
    return visit_part(w, name, &part, out_found);
}

static tern_status visit_norm(const walk *w, const char *name, uint32_t size, tern_tensor *place) {
    tern__part part = {
        .rows = 1, .cols = size, .added = w->network->hyper.norm_offset, .vector = place};
    return visit_part(w, name, &part, NULL);
}

static bool is_wide_float(const walk *w, const char *stem) {
    char name[96];
    tern_tensor_info info = {sizeof info};
    snprintf(name, sizeof name, "%s.weight", stem);
    if (tern__archive_find_tensor(w->archive, name, &info) != TERN_STATUS_OK) {
        return false;
    }
    return tern__ggml_is_float(tern__ggml_type_of(&info));
}

static uint8_t bias_of(const tern__hyper *hyper, const char *stem, const tern__part *part) {
    return !part->projection        ? TERN__BIAS_ANY
           : strstr(stem, ".attn_") ? hyper->attention_bias
           : strstr(stem, ".ffn_")  ? hyper->mlp_bias
                                    : TERN__BIAS_ANY;
}

static tern_status visit_bias(const walk *w, const char *stem, const tern__part *part) {
    char name[96];
    bool found = false;
    uint8_t said = bias_of(&w->network->hyper, stem, part);
    snprintf(name, sizeof name, "%s.bias", stem);
    TERN_TRY(visit_vector(w, name, part->rows, part->matrix ? &part->matrix->bias : NULL,
                          said == TERN__BIAS_ALL ? NULL : &found));
    return found && said == TERN__BIAS_NONE
               ? tern__fail(w->context, TERN_STATUS_UNSUPPORTED,
                            "tensor '%s' has no place: attention_bias or mlp_bias says that there "
                            "is none",
                            name)
               : TERN_STATUS_OK;
}

// A linear layer and, where the file has them, the norm in front of it, with which it is one of
// BitNet b1.58, and its bias.
static tern_status visit_linear(const walk *w, const char *stem, tern__part *part) {
    char name[96];
    bool has_norm = false;
    const tern__hyper *hyper = &w->network->hyper;
    bool required = hyper->linear_norm && part->projection;
    tern__matrix *matrix = part->matrix;
    snprintf(name, sizeof name, "%s_norm_in.weight", stem);
    TERN_TRY(visit_vector(w, name, part->cols, matrix ? &matrix->norm : NULL,
                          required ? NULL : &has_norm));
    part->normed = has_norm || required;
    TERN_TRY(visit_bias(w, stem, part));
    snprintf(name, sizeof name, "%s.weight", stem);
    return visit_part(w, name, part, NULL);
}

static tern_status visit_layer_tensor(const walk *w, uint32_t index, const layer_tensor *tensor) {
    const tern__hyper *hyper = &w->network->hyper;
    char stem[64], name[96];
    snprintf(stem, sizeof stem, "blk.%u.%s", index, tensor->stem);
    snprintf(name, sizeof name, "%s.weight", stem);
    char *layer = (char *)w->network->layers;
    void *place = layer ? layer + index * sizeof(tern__layer) + tensor->offset : NULL;
    uint32_t cols = extent(hyper, tensor->cols);
    if (tensor->rows == ONE) {
        return visit_norm(w, name, cols, place);
    }
    tern__part part = {.rows = extent(hyper, tensor->rows),
                       .cols = cols,
                       .usage = TERN_WEIGHTS_MATMUL,
                       .projection = tensor->kind != ROUTER,
                       .matrix = place};
    if (tensor->kind == BUNDLE) {
        part.experts = hyper->experts;
        part.rows *= hyper->experts;
        return visit_part(w, name, &part, NULL);
    }
    return visit_linear(w, stem, &part);
}

static tern_status visit_layer(const walk *w, uint32_t index) {
    for (size_t i = 0; i < LAYER_TENSORS; i++) {
        if (is_there(&w->network->hyper, &layer_tensors[i])) {
            TERN_TRY(visit_layer_tensor(w, index, &layer_tensors[i]));
        }
    }
    return TERN_STATUS_OK;
}

static const char factors_name[] = "rope_freqs.weight";
static const char last_norm_name[] = "output_norm.weight";
static const char bounds_name[] = "lower_bounds.weight";

// What belongs to no layer, or to all.
static tern_status visit_common(const walk *w) {
    tern__network *network = w->network;
    const tern__hyper *hyper = &network->hyper;
    bool found = false;
    if (tern__hyper_has(hyper, TERN__RECURRENT)) {
        tern__part bounds = {.rows = hyper->layers, .cols = hyper->width, .bounds = true};
        return visit_part(w, bounds_name, &bounds, NULL);
    }
    tern__part factors = {
        .rows = 1, .cols = hyper->rotary_dims / 2, .factors = &network->rotary_factors};
    return visit_part(w, factors_name, &factors, &found);
}

static bool is_tied(const walk *w) {
    tern_tensor_info info = {sizeof info};
    return tern__archive_find_tensor(w->archive, "output.weight", &info) == TERN_STATUS_NOT_FOUND;
}

// The embedding, and the output matrix, which is the same where the file has none.
static tern_status visit_ends(const walk *w, bool placed) {
    tern__network *network = w->network;
    const tern__hyper *hyper = &network->hyper;
    bool tied = is_tied(w);
    if (tied && hyper->untied) {
        return tern__fail(w->context, TERN_STATUS_NOT_FOUND,
                          "tensor 'output.weight' is missing (lm_head.weight of a folder), and "
                          "tie_word_embeddings says that it is not the embedding");
    }
    bool as_q8 = network->head_q8 && is_wide_float(w, tied ? "token_embd" : "output");
    tern__part embedding = {.rows = hyper->vocabulary,
                            .cols = hyper->width,
                            .usage =
                                TERN_WEIGHTS_GATHER | (tied && !as_q8 ? TERN_WEIGHTS_MATMUL : 0u),
                            .matrix = placed ? &network->embedding : NULL};
    TERN_TRY(visit_part(w, "token_embd.weight", &embedding, NULL));
    tern__part head = {.rows = hyper->vocabulary,
                       .cols = hyper->width,
                       .usage = TERN_WEIGHTS_MATMUL,
                       .projection = tern__hyper_has(hyper, TERN__RECURRENT),
                       .as_q8 = as_q8,
                       .is_copy = tied,
                       .matrix = placed ? &network->head : NULL};
    if (!tied) {
        TERN_TRY(visit_linear(w, "output", &head));
    } else if (as_q8) {
        TERN_TRY(visit_part(w, "token_embd.weight", &head, NULL));
    }
    tern_tensor *norm = placed ? &network->output_norm : NULL;
    return tern__hyper_has(hyper, TERN__BARE) ? TERN_STATUS_OK
                                              : visit_norm(w, last_norm_name, hyper->width, norm);
}

static bool is_one_of(const char *name, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_end(const tern__hyper *hyper, const char *name, bool tied) {
    static const char *const names[] = {"token_embd.weight", "token_embd.scale",
                                        "output.weight",     "output.scale",
                                        "output.bias",       "output_norm_in.weight"};
    const char *own = tern__hyper_has(hyper, TERN__RECURRENT) ? bounds_name : factors_name;
    bool has_last_norm = !tern__hyper_has(hyper, TERN__BARE);
    return strcmp(name, own) == 0 || (has_last_norm && strcmp(name, last_norm_name) == 0) ||
           is_one_of(name, names, sizeof names / sizeof names[0] - (tied ? 4 : 0));
}

// What follows the number of a layer.
static bool is_in_layer(const tern__hyper *hyper, const char *name) {
    static const char *const suffixes[] = {".weight", ".scale", ".bias", "_norm_in.weight"};
    for (size_t i = 0; i < LAYER_TENSORS; i++) {
        const layer_tensor *tensor = &layer_tensors[i];
        size_t length = strlen(tensor->stem);
        size_t count = tensor->rows == ONE ? 1 : tensor->kind == BUNDLE ? 2 : 4;
        if (is_there(hyper, tensor) && strncmp(name, tensor->stem, length) == 0 &&
            is_one_of(name + length, suffixes, count)) {
            return true;
        }
    }
    return false;
}

static bool has_place(const tern__hyper *hyper, bool tied, const char *name) {
    char *rest = NULL;
    if (strncmp(name, "blk.", 4) != 0) {
        return is_end(hyper, name, tied);
    }
    const char *number = name + 4;
    unsigned long layer = strtoul(number, &rest, 10);
    bool is_plain = *number >= '0' && *number <= '9' && (*number != '0' || rest == number + 1);
    return is_plain && layer < hyper->layers && *rest == '.' && is_in_layer(hyper, rest + 1);
}

// A tensor that nothing reads belongs to a network that this is not: its results would be wrong.
static tern_status check_strays(const walk *w) {
    const tern__hyper *hyper = &w->network->hyper;
    uint64_t count = tern_archive_tensor_count(w->archive);
    for (uint64_t i = 0; i < count; i++) {
        tern_tensor_info info = {sizeof info};
        TERN_TRY(tern_archive_tensor(w->archive, i, &info));
        if (!has_place(hyper, is_tied(w), info.name)) {
            return tern__fail(
                w->context, TERN_STATUS_UNSUPPORTED,
                "tensor '%.100s' has no place in architecture %s of %" PRIu32 " layer%s", info.name,
                hyper->architecture->name, hyper->layers, hyper->layers == 1 ? "" : "s");
        }
    }
    return TERN_STATUS_OK;
}

tern_status tern__layout_visit(tern__network *network, const tern_archive *archive,
                               tern__part_fn visit, void *user) {
    walk w = {network, archive, tern__archive_context(archive), visit, user, false};
    bool placed = network->layers != NULL;
    TERN_TRY(read_absmean(&w));
    TERN_TRY(visit_ends(&w, placed));
    TERN_TRY(visit_common(&w));
    for (uint32_t i = 0; i < network->hyper.layers; i++) {
        TERN_TRY(visit_layer(&w, i));
    }
    return check_strays(&w);
}

tern_dtype tern__part_dtype(const tern__part *part, bool as_ternary) {
    return part->absmean || (part->may_be_ternary && as_ternary) ? TERN_DTYPE_T2
           : part->as_q8                                         ? TERN_DTYPE_Q8_0
           : part->may_be_half                                   ? TERN_DTYPE_F16
                                                                 : part->type->dtype;
}

uint64_t tern__part_bytes(const tern__part *part, bool as_ternary) {
    tern_dtype dtype = tern__part_dtype(part, as_ternary);
    uint64_t floats = part->cols * (part->bounds ? (uint64_t)part->rows + 1 : 1);
    return part->usage ? part->rows * tern_dtype_row_bytes(dtype, part->cols)
                       : floats * sizeof(float);
}
