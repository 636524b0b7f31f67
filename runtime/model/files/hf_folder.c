// The files of a Hugging Face folder: configuration, index and tensors.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/files/hf.h"
#include "runtime/model/files/hf_index.h"
#include "runtime/model/files/hf_stack.h"
#include "runtime/model/files/safetensors.h"
#include "runtime/model/files/source.h"
#include "runtime/status.h"

#define CONFIG "config.json"
#define SINGLE "model.safetensors"
#define INDEX "model.safetensors.index.json"

typedef struct folder {
    tern_archive *archive;
    tern__builder builder;
    tern__hf_model model; // without a family: tensors keep their names
    tern__hf_stacks stacks;
    tern__hf_index index;
} folder;

// Packed bytes show the shape of what they hold.
static void unpack_shape(const tern__hf_model *model, const tern__hf_place *place,
                         tern__tensor *tensor) {
    bool bitmat = (model->family->traits & TERN__HF_BITMAT) != 0;
    const char *wanted = bitmat ? "I8" : "U8";
    if (!model->packed || !place->is_matrix || tensor->rank != 2 ||
        strcmp(tensor->type->name, wanted) != 0) {
        return;
    }
    if (bitmat) {
        tensor->shape[0] *= 4;
    } else {
        bool suits = place->rows / 4 + (place->rows % 4 != 0) == tensor->shape[1];
        tensor->shape[1] = suits ? place->rows : tensor->shape[1] * 4;
    }
    tensor->type = tern__ggml_type_named(bitmat ? "BITMAT" : "HF_T2");
    tensor->id = tensor->type->id;
}

// Networks add a bias as it is.
static tern_status check_bias(const folder *f, const tern__hf_place *place,
                              const tern__tensor *tensor) {
    const char *ending = strrchr(place->name, '.');
    bool is_bias = strncmp(place->name, "blk.", 4) == 0 && strcmp(ending, ".bias") == 0;
    if (!is_bias || !f->model.scaled_bias) {
        return TERN_STATUS_OK;
    }
    return tern__fail(
        f->archive->context, TERN_STATUS_UNSUPPORTED,
        "%s: tensor '%.100s': a bias of autobitlinear, which its scale multiplies, is "
        "not supported",
        tern__source_name(tensor->source), tensor->name);
}

// Matrices that some write as one, and whose parts have names of their own here.
typedef struct fused {
    const char *name;
    const char *parts[3];
} fused;

static const fused fused_names[] = {
    {"self_attn.qkv_proj.", {"self_attn.q_proj.", "self_attn.k_proj.", "self_attn.v_proj."}},
    {"mlp.gate_up_proj.", {"mlp.gate_proj.", "mlp.up_proj.", NULL}},
};

static const fused *find_fused(const char *name, const char **out_at) {
    for (size_t i = 0; i < sizeof fused_names / sizeof fused_names[0]; i++) {
        *out_at = strstr(name, fused_names[i].name);
        if (*out_at) {
            return &fused_names[i];
        }
    }
    return NULL;
}

static tern_status add_tensor(folder *f, const tern__tensor *found);

// Rows lie one after the other, so that a part is a tensor like any other. Packed bytes have rows
// of all parts in one, and a mean of all is none of each.
static tern_status add_parts(folder *f, const tern__tensor *whole, const fused *what,
                             const char *at) {
    const tern__hf_model *m = &f->model;
    uint64_t heads = (uint64_t)m->heads * m->head_dim, kv = (uint64_t)m->kv_heads * m->head_dim;
    bool attention = what == &fused_names[0];
    const uint64_t rows[3] = {attention ? heads : m->ffn_width, attention ? kv : m->ffn_width,
                              attention ? kv : 0};
    uint32_t axis = whole->rank - 1;
    uint64_t all = rows[0] + rows[1] + rows[2], from = 0;
    if (m->absmean || !tern__ggml_is_float(whole->type) || whole->rank > 2 ||
        whole->shape[axis] != all) {
        return tern__fail(f->archive->context, TERN_STATUS_UNSUPPORTED,
                          "%s: tensor '%.100s': matrices in one, expected one tensor each",
                          tern__source_name(whole->source), whole->name);
    }
    for (int i = 0; i < 3 && what->parts[i]; i++) {
        char name[192];
        tern__tensor part = *whole;
        snprintf(name, sizeof name, "%.*s%s%s", (int)(at - whole->name), whole->name,
                 what->parts[i], at + strlen(what->name));
        part.name = name;
        part.shape[axis] = rows[i];
        part.offset = whole->offset + from * (whole->size / all);
        part.size = rows[i] * (whole->size / all);
        from += rows[i];
        TERN_TRY(add_tensor(f, &part));
    }
    return TERN_STATUS_OK;
}

static tern_status add_tensor(folder *f, const tern__tensor *found) {
    const char *at = NULL;
    const fused *together = f->model.family ? find_fused(found->name, &at) : NULL;
    if (together) {
        return add_parts(f, found, together, at);
    }
    tern__tensor tensor = *found;
    tern__hf_place place;
    if (!f->model.family) {
        return tern__build_tensor(&f->builder, &tensor);
    }
    tern__hf_name(&f->model, found->name, &place);
    if (place.skip) {
        return TERN_STATUS_OK;
    }
    TERN_TRY(check_bias(f, &place, found));
    tensor.name = place.name;
    unpack_shape(&f->model, &place, &tensor);
    return place.is_expert ? tern__hf_stacks_add(&f->stacks, f->archive, &f->model, &place, &tensor)
                           : tern__build_tensor(&f->builder, &tensor);
}

static tern_status add_all(folder *f, const tern__safetensors *file, const char *name) {
    f->stacks.tensors = f->index.count ? f->index.count : file->count;
    for (size_t i = 0; i < file->count; i++) {
        TERN_TRY(f->index.count ? tern__hf_index_take(&f->index, &file->tensors[i], name)
                                : TERN_STATUS_OK);
        TERN_TRY(add_tensor(f, &file->tensors[i]));
    }
    return TERN_STATUS_OK;
}

static tern_status add_file(folder *f, const char *name, const char *why) {
    const tern_source *source = NULL;
    tern__safetensors file;
    TERN_TRY(tern__archive_open_part(f->archive, name, why, &source));
    TERN_TRY(tern__safetensors_read(f->archive->context, source, &file));
    if (!f->archive->name) {
        f->archive->name = tern__source_name(source);
    }
    tern_status status = add_all(f, &file, name);
    tern__safetensors_finish(f->archive->context, &file);
    return status;
}

static tern_status add_shards(folder *f) {
    for (size_t i = 0; i < f->index.shard_count; i++) {
        TERN_TRY(add_file(f, f->index.shards[i], "a shard of the model by " INDEX));
    }
    return tern__hf_index_check(&f->index);
}

// The index rules, unless the folder's one file is there or is asked for.
static tern_status add_weights(folder *f, const char *weights) {
    bool has_single = false;
    TERN_TRY(tern__archive_has(f->archive, SINGLE, &has_single));
    bool single = weights ? strcmp(weights, SINGLE) == 0 : has_single;
    if (!single) {
        tern_status status = tern__hf_index_read(f->archive, INDEX, &f->index);
        if (status == TERN_STATUS_OK) {
            bool is_index = !weights || strcmp(weights, INDEX) == 0;
            TERN_TRY(is_index ? TERN_STATUS_OK : tern__hf_index_need(&f->index, weights));
            return add_shards(f);
        }
        if (status != TERN_STATUS_NOT_FOUND) {
            return status;
        }
    }
    if (!single && !weights) {
        return tern__fail(f->archive->context, TERN_STATUS_NOT_FOUND,
                          "%s: neither " SINGLE " nor " INDEX " is there", f->archive->name);
    }
    return add_file(f, weights ? weights : SINGLE, "the model");
}

// The last part of the folder's path.
static tern_status put_name(folder *f) {
    const char *path = f->archive->files.name ? f->archive->files.name : "";
    size_t end = strlen(path);
    char name[128];
    while (end > 0 && (path[end - 1] == '/' || path[end - 1] == '\\')) {
        end--;
    }
    size_t start = end;
    while (start > 0 && path[start - 1] != '/' && path[start - 1] != '\\') {
        start--;
    }
    snprintf(name, sizeof name, "%.*s", (int)(end - start), path + start);
    return tern__build_string(&f->builder, "general.name", name);
}

static tern_status use_config(folder *f, char *text, size_t size) {
    tern__json_document document;
    char name[256];
    tern__archive_path(f->archive, CONFIG, name, sizeof name);
    TERN_TRY(tern__json_parse(f->archive->context, name, text, size, &document));
    tern_status status = tern__hf_config(&f->builder, name, document.nodes, &f->model);
    tern__json_finish(f->archive->context, &document);
    return status;
}

static tern_status read_config(folder *f, const char *weights) {
    char *text = NULL;
    size_t size = 0;
    tern_status status = tern__archive_file(f->archive, CONFIG, &text, &size);
    if (status == TERN_STATUS_NOT_FOUND && !weights) {
        return tern__fail(f->archive->context, status,
                          "%s: no " CONFIG ", which a folder that is a model has",
                          f->archive->name);
    }
    if (status == TERN_STATUS_NOT_FOUND) {
        f->archive->name = NULL; // for the file of tensors to give
        return TERN_STATUS_OK;
    }
    TERN_TRY(status);
    status = use_config(f, text, size);
    tern__free(f->archive->context, text);
    TERN_TRY(status);
    TERN_TRY(tern__hf_template(&f->builder));
    TERN_TRY(tern__hf_pooling(&f->builder, &f->model));
    return put_name(f);
}

static tern_status read_all(folder *f, const char *weights) {
    TERN_TRY(read_config(f, weights));
    TERN_TRY(add_weights(f, weights));
    TERN_TRY(tern__hf_stacks_build(&f->stacks, &f->model, &f->builder));
    return tern__build_finish(&f->builder);
}

tern_status tern__hf_open(tern_archive *archive, const char *weights) {
    folder f = {.archive = archive, .builder = {.archive = archive}};
    archive->name = archive->files.name && archive->files.name[0] ? archive->files.name : ".";
    tern_status status = read_all(&f, weights);
    tern__hf_stacks_finish(&f.stacks, archive->context);
    tern__hf_index_finish(&f.index);
    return status;
}
