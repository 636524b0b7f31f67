#include "runtime/model/model.h"

#include <stdio.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/files/archive.h"
#include "runtime/model/network/fingerprint.h"
#include "runtime/model/tensors/i2s_probe.h"
#include "runtime/model/network/layout.h"
#include "runtime/model/tensors/matrix.h"
#include "runtime/model/files/source.h"
#include "runtime/status.h"

const uint32_t tern__buckets[TERN__BUCKET_COUNT] = {TERN__BUCKET_LIST};

enum { ROTARY_CHUNK = 1024 };

static void drop_steps(tern_model *model, tern_kv_type kv) {
    for (uint32_t i = 0; i < TERN__BUCKET_COUNT; i++) {
        tern__step_destroy(model->steps[kv][i]);
        model->steps[kv][i] = NULL;
    }
}

static tern_status fill_rotary(tern_model *model, uint32_t kind, tern_buffer *buffer,
                               uint32_t positions) {
    const tern__hyper *hyper = &model->network.hyper;
    tern_rotary_table_desc desc = hyper->rotary[kind];
    desc.factors = model->network.rotary_factors;
    size_t row_bytes = hyper->rotary_dims * sizeof(float);
    float *rows = tern__alloc(model->context, ROTARY_CHUNK * row_bytes);
    tern_status status =
        rows ? TERN_STATUS_OK
             : tern__fail_memory(model->context, ROTARY_CHUNK * row_bytes, "rotary table");
    for (uint32_t done = 0; status == TERN_STATUS_OK && done < positions; done += ROTARY_CHUNK) {
        uint32_t count = positions - done < ROTARY_CHUNK ? positions - done : ROTARY_CHUNK;
        status = tern_rotary_table(&desc, done, count, rows);
        if (status == TERN_STATUS_OK) {
            status =
                tern_buffer_upload(buffer, done * (uint64_t)row_bytes, rows, count * row_bytes);
        }
    }
    tern__free(model->context, rows);
    return status;
}

static tern_status make_rotary(tern_model *model, uint32_t kind, uint32_t positions,
                               tern_buffer **out_buffer) {
    uint64_t row_bytes = model->network.hyper.rotary_dims * sizeof(float);
    TERN_TRY(tern_buffer_create(model->device, positions * row_bytes, out_buffer));
    return fill_rotary(model, kind, *out_buffer, positions);
}

// One table is enough for both kinds of layers unless they turn heads differently.
static tern_status make_rotaries(tern_model *model, uint32_t positions,
                                 tern_buffer *out_buffers[TERN__LAYER_KINDS]) {
    const tern__hyper *hyper = &model->network.hyper;
    bool two = tern__hyper_has_two_tables(hyper);
    for (uint32_t kind = 0; kind < TERN__LAYER_KINDS; kind++) {
        if (two || (tern__hyper_turns(hyper, kind) && !out_buffers[TERN__GLOBAL])) {
            TERN_TRY(make_rotary(model, kind, positions, &out_buffers[kind]));
        }
    }
    return TERN_STATUS_OK;
}

static void drop_rotaries(tern_buffer *buffers[TERN__LAYER_KINDS]) {
    for (uint32_t kind = 0; kind < TERN__LAYER_KINDS; kind++) {
        tern_buffer_destroy(buffers[kind]);
    }
}

static tern_status grow_rotary(tern_model *model, uint32_t positions) {
    uint32_t shape[2] = {positions, model->network.hyper.rotary_dims};
    tern_buffer *buffers[TERN__LAYER_KINDS] = {NULL};
    if (positions <= model->rotary[0].shape[0]) {
        return TERN_STATUS_OK;
    }
    tern_status status = make_rotaries(model, positions, buffers);
    if (status != TERN_STATUS_OK) {
        drop_rotaries(buffers);
        return status;
    }
    for (uint32_t kv = 0; kv < TERN__KV_TYPES; kv++) {
        drop_steps(model, kv);
    }
    drop_rotaries(model->rotary_buffers);
    for (uint32_t kind = 0; kind < TERN__LAYER_KINDS; kind++) {
        tern_buffer *buffer = buffers[kind] ? buffers[kind] : buffers[1 - kind];
        model->rotary_buffers[kind] = buffers[kind];
        model->rotary[kind] = tern_tensor_make(buffer, 0, TERN_DTYPE_F32, 2, shape);
    }
    return TERN_STATUS_OK;
}

tern_status tern__model_lease(tern_model *model, tern_kv_type kv, uint32_t positions,
                              const tern__lease *from, uint32_t shared, tern__lease **out_lease) {
    uint64_t bytes = tern__cache_bytes(&model->network.hyper, kv, positions);
    TERN_TRY(tern__check_memory(model->device, "kv cache", bytes ? bytes : UINT64_MAX));
    TERN_TRY(grow_rotary(model, positions));
    if (tern__cache_must_grow(&model->caches[kv], positions, shared)) {
        drop_steps(model, kv);
    }
    return tern__cache_lease(&model->caches[kv], positions, from, shared, out_lease);
}

tern_status tern__model_own(tern_model *model, tern_kv_type kv, tern__lease *lease,
                            uint32_t position) {
    tern__cache *cache = &model->caches[kv];
    if (tern__cache_shared(cache, lease, position) > cache->free_count) {
        drop_steps(model, kv);
    }
    return tern__cache_own(cache, lease, position);
}

tern_status tern__model_step(tern_model *model, tern_kv_type kv, uint32_t index,
                             tern__step **out_step) {
    tern__step **step = &model->steps[kv][index];
    if (!*step) {
        TERN_TRY(tern__step_create(&model->network, &model->caches[kv], model->rotary,
                                   tern__buckets[index], step));
    }
    *out_step = *step;
    return TERN_STATUS_OK;
}

tern_status tern__model_read_head(const tern_archive *archive, const tern_model_desc *desc,
                                  tern__hyper *hyper, tern_tokenizer **out_tokenizer) {
    tern_context *context = tern__archive_context(archive);
    tern_tokenizer_desc how = TERN_TOKENIZER_DESC_INIT;
    how.pretokenizer = desc->pretokenizer;
    tern_tokenizer_info info = {.struct_size = sizeof info};
    TERN_TRY(tern__hyper_read(archive, hyper));
    TERN_TRY(tern_tokenizer_create(context, archive, &how, out_tokenizer));
    TERN_TRY(tern_tokenizer_describe(*out_tokenizer, &info));
    if (info.size > hyper->vocabulary) {
        return tern__fail(context, TERN_STATUS_CORRUPT_DATA,
                          "tokenizer has %u tokens, tensor 'token_embd.weight' %u rows", info.size,
                          hyper->vocabulary);
    }
    return TERN_STATUS_OK;
}

// 0 if the file does not say.
static tern_status read_pooling(const tern_archive *archive, const tern__hyper *hyper,
                                tern_pooling *out) {
    char key[96];
    snprintf(key, sizeof key, "%s.pooling_type", hyper->architecture->name);
    TERN_TRY(tern__archive_u32(archive, key, UINT32_MAX, out));
    *out += 1;
    return TERN_STATUS_OK;
}

static tern_status fill_info(tern_model *model, const tern_archive *archive) {
    const tern__hyper *hyper = &model->network.hyper;
    tern_weights_info head = {.struct_size = sizeof head};
    const char *name = NULL;
    tern_pooling pooling = TERN_POOLING_MODEL;
    TERN_TRY(read_pooling(archive, hyper, &pooling));
    TERN_TRY(tern_weights_describe(model->network.head.weights, &head));
    TERN_TRY(tern__archive_string(archive, "general.name", "", &name));
    model->info = (tern_model_info){.struct_size = sizeof(tern_model_info),
                                    .layers = hyper->layers,
                                    .width = hyper->width,
                                    .ffn_width = hyper->ffn_width,
                                    .heads = hyper->heads,
                                    .kv_heads = hyper->kv_heads,
                                    .head_dim = hyper->head_dim,
                                    .vocabulary = hyper->vocabulary,
                                    .context = hyper->context,
                                    .head = head.dtype,
                                    .parameters = model->network.parameters,
                                    .weight_bytes = model->network.weight_bytes,
                                    .fingerprint = model->fingerprint,
                                    .pooling = pooling};
    snprintf(model->info.architecture, sizeof model->info.architecture, "%s",
             hyper->architecture->name);
    snprintf(model->info.name, sizeof model->info.name, "%s", name);
    return TERN_STATUS_OK;
}

static tern_status read_chat_template(tern_model *model, const tern_archive *archive) {
    const char *text = NULL;
    TERN_TRY(tern__archive_string(archive, "tokenizer.chat_template", NULL, &text));
    model->chat_template = text ? tern__strdup(model->context, text) : NULL;
    return text && !model->chat_template
               ? tern__fail_memory(model->context, strlen(text), "a chat template")
               : TERN_STATUS_OK;
}

static tern_status load(tern_model *model, const tern_archive *archive,
                        const tern_model_desc *desc) {
    tern__network *network = &model->network;
    TERN_TRY(tern__model_read_head(archive, desc, &network->hyper, &model->tokenizer));
    TERN_TRY(read_chat_template(model, archive));
    TERN_TRY(tern__network_load(network, archive, desc));
    for (uint32_t kv = 0; kv < TERN__KV_TYPES; kv++) {
        tern__cache_init(&model->caches[kv], model->device, &network->hyper, kv);
    }
    TERN_TRY(tern__fingerprint(archive, desc->flags, &model->fingerprint));
    return fill_info(model, archive);
}

tern_status tern__model_report(const tern_archive *archive, tern_status status,
                               const char *message) {
    const char *name = tern__archive_name(archive);
    bool named = strncmp(message, name, strlen(name)) == 0;
    return status == TERN_STATUS_OK ? status
                                    : tern__fail(tern__archive_context(archive), status, "%s%s%s",
                                                 named ? "" : name, named ? "" : ": ", message);
}

static tern_status make_model(tern_device *device, tern_model **out_model) {
    tern_context *context = tern_device_context(device);
    tern_model *model = tern__calloc(context, 1, sizeof *model);
    if (!model) {
        return tern__fail_memory(context, sizeof *model, "model");
    }
    model->context = context;
    model->device = device;
    model->network.context = context;
    model->network.device = device;
    model->has_lock = tern__mutex_init(&model->lock);
    if (!model->has_lock) {
        tern_model_destroy(model);
        return tern__fail(context, TERN_STATUS_OUT_OF_MEMORY, "model: no mutex could be made");
    }
    *out_model = model;
    return TERN_STATUS_OK;
}

tern_status tern__model_check_desc(tern_context *context, const tern_model_desc *desc) {
    TERN_TRY(tern__check_size(context, "tern_model_desc", desc->struct_size, sizeof *desc));
    if (desc->flags & ~(uint32_t)TERN_MODEL_HEAD_Q8) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT,
                          "tern_model_desc: flags 0x%x, expected TERN_MODEL_*",
                          (unsigned)desc->flags);
    }
    TERN_TRY(tern__check_reserved(context, "tern_model_desc", desc->reserved));
    return tern__i2s_check(context, "tern_model_desc", desc->i2s_block);
}

static tern_status null_argument(tern_device *device, const void *input, const char *input_name) {
    return tern__fail(device ? tern_device_context(device) : NULL, TERN_STATUS_INVALID_ARGUMENT,
                      "model load: %s is NULL",
                      !device  ? "device"
                      : !input ? input_name
                               : "out_model");
}

static tern_status load_checked(tern_device *device, const tern_archive *archive,
                                const tern_model_desc *desc, tern_model **out_model) {
    tern_model *model = NULL;
    TERN_TRY(make_model(device, &model));
    char message[TERN__MESSAGE_CAPACITY];
    tern__quiet quiet;
    tern__quiet_begin(&quiet);
    tern_status status = load(model, archive, desc);
    tern__quiet_end_with(&quiet, status, message);
    status = tern__model_report(archive, status, message);
    if (status != TERN_STATUS_OK) {
        tern_model_destroy(model);
        return status;
    }
    *out_model = model;
    return TERN_STATUS_OK;
}

tern_status tern_model_load_archive(tern_device *device, const tern_archive *archive,
                                    const tern_model_desc *desc, tern_model **out_model) {
    if (!device || !archive || !out_model) {
        return null_argument(device, archive, "archive");
    }
    *out_model = NULL;
    tern_model_desc defaults = TERN_MODEL_DESC_INIT;
    desc = desc ? desc : &defaults;
    TERN_TRY(tern__model_check_desc(tern_device_context(device), desc));
    return load_checked(device, archive, desc, out_model);
}

tern_status tern_model_load(tern_device *device, const tern_source *source,
                            const tern_model_desc *desc, tern_model **out_model) {
    if (!device || !source || !out_model) {
        return null_argument(device, source, "source");
    }
    *out_model = NULL;
    tern_model_desc defaults = TERN_MODEL_DESC_INIT;
    desc = desc ? desc : &defaults;
    tern_context *context = tern_device_context(device);
    TERN_TRY(tern__model_check_desc(context, desc));
    tern_archive *archive = NULL;
    TERN_TRY(tern_archive_open(context, source, &archive));
    tern_status status = load_checked(device, archive, desc, out_model);
    tern_archive_destroy(archive);
    return status;
}

void tern_model_destroy(tern_model *model) {
    if (!model) {
        return;
    }
    for (uint32_t kv = 0; kv < TERN__KV_TYPES; kv++) {
        drop_steps(model, kv);
        if (model->caches[kv].device) {
            tern__cache_finish(&model->caches[kv]);
        }
    }
    drop_rotaries(model->rotary_buffers);
    tern__network_unload(&model->network);
    tern_tokenizer_destroy(model->tokenizer);
    tern__free(model->context, model->chat_template);
    if (model->has_lock) {
        tern__mutex_finish(&model->lock);
    }
    tern__free(model->context, model);
}

tern_status tern_model_describe(const tern_model *model, tern_model_info *out_info) {
    if (!model || !out_info) {
        return tern__fail(model ? model->context : NULL, TERN_STATUS_INVALID_ARGUMENT,
                          "model describe: %s is NULL", model ? "out_info" : "model");
    }
    TERN_TRY(tern__check_size(model->context, "tern_model_info", out_info->struct_size,
                              sizeof *out_info));
    uint32_t size = out_info->struct_size;
    *out_info = model->info;
    out_info->struct_size = size;
    return TERN_STATUS_OK;
}

const tern_tokenizer *tern_model_tokenizer(const tern_model *model) {
    return model ? model->tokenizer : NULL;
}

const char *tern_model_chat_template(const tern_model *model) {
    return model ? model->chat_template : NULL;
}

tern_device *tern_model_device(const tern_model *model) {
    return model ? model->device : NULL;
}
