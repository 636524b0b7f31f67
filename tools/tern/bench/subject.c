#include "tools/tern/bench/subject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/host.h"

enum { CHUNK = 512 };

tern_status subject_open(subject *self, tern_context *context, const char *path,
                         const model_shape *shape) {
    *self = (subject){.label = path ? path : shape->name};
    if (path) {
        return tern_archive_open_path(context, path, &self->archive);
    }
    return random_model_open(&self->random, shape)
               ? tern_archive_open(context, &self->random.source, &self->archive)
               : TERN_STATUS_OUT_OF_MEMORY;
}

void subject_close(subject *self) {
    subject_unload(self);
    tern_archive_destroy(self->archive);
    random_model_close(&self->random);
}

static bool find_tensor(const tern_archive *archive, const char *name, tern_tensor_info *out) {
    for (uint64_t i = 0; i < tern_archive_tensor_count(archive); i++) {
        *out = (tern_tensor_info){.struct_size = sizeof *out};
        if (tern_archive_tensor(archive, i, out) == TERN_STATUS_OK &&
            strcmp(out->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static double count_key(const subject *self, const char *name) {
    char key[64];
    tern_value value = {.struct_size = sizeof value};
    snprintf(key, sizeof key, "%s.%s", self->info.architecture, name);
    tern_status status = tern_archive_find(self->archive, key, &value);
    return status == TERN_STATUS_OK && value.u ? (double)value.u : 1.0;
}

// Experts are the tensors of three dimensions; their weights are as large as those of other layers.
static void split_experts(subject *self) {
    self->experts = count_key(self, "expert_count");
    self->experts_used = count_key(self, "expert_used_count");
    for (uint64_t i = 0; i < tern_archive_tensor_count(self->archive); i++) {
        tern_tensor_info info = {.struct_size = sizeof info};
        if (tern_archive_tensor(self->archive, i, &info) == TERN_STATUS_OK && info.shape[2] > 1) {
            self->expert_macs += (double)info.shape[0] * (double)info.shape[1] * info.shape[2];
        }
    }
    self->expert_bytes = self->body_bytes * self->expert_macs / self->body_macs;
    self->body_bytes -= self->expert_bytes;
    self->body_macs -= self->expert_macs;
}

static void count_work(subject *self, const tern_archive *archive, tern_kv_type kv) {
    const tern_model_info *m = &self->info;
    tern_tensor_info embedding, head;
    find_tensor(archive, "token_embd.weight", &embedding);
    bool tied = !find_tensor(archive, "output.weight", &head);
    double cells = (double)m->vocabulary * m->width;
    self->head_macs = cells;
    self->body_macs = (double)m->parameters - cells * (tied ? 1 : 2);
    self->head_bytes = m->vocabulary * (double)tern_dtype_row_bytes(m->head, m->width);
    // The embedding is a lookup unless it is the output matrix too, as the file has it.
    bool shared = tied && embedding.size == (uint64_t)self->head_bytes;
    self->body_bytes = (double)m->weight_bytes - self->head_bytes;
    self->body_bytes -= shared ? 0.0 : (double)embedding.size;
    self->dense = self->body_bytes > self->body_macs; // more than a byte each
    split_experts(self);
    double row =
        kv == TERN_KV_I8 ? m->head_dim + 4.0 : m->head_dim * (kv == TERN_KV_F32 ? 4.0 : 2.0);
    self->position_bytes = (double)m->layers * m->kv_heads * row * 2;
    self->position_macs = (double)m->layers * m->heads * m->head_dim * 2;
}

static tern_status count(subject *self, tern_context *context, const tern_model_desc *model,
                         const tern_session_desc *session) {
    self->memory.struct_size = sizeof self->memory;
    tern_status status = tern_model_estimate(context, self->archive, model, session, &self->memory);
    if (status == TERN_STATUS_OK) {
        count_work(self, self->archive, session->kv);
    }
    return status;
}

tern_status subject_load(subject *self, tern_device *device, uint32_t context,
                         const model_options *options) {
    tern_model_desc model = TERN_MODEL_DESC_INIT;
    tern_session_desc session = TERN_SESSION_DESC_INIT;
    model.flags = options->flags;
    session.kv = options->kv;
    double start = host_seconds();
    tern_status status = tern_model_load_archive(device, self->archive, &model, &self->model);
    self->load_seconds = host_seconds() - start;
    self->info.struct_size = sizeof self->info;
    if (status == TERN_STATUS_OK) {
        status = tern_model_describe(self->model, &self->info);
    }
    session.context = self->info.context < context ? self->info.context : context;
    if (status == TERN_STATUS_OK) {
        status = tern_session_create(self->model, &session, &self->session);
    }
    return status == TERN_STATUS_OK ? count(self, tern_device_context(device), &model, &session)
                                    : status;
}

void subject_unload(subject *self) {
    tern_session_destroy(self->session);
    tern_model_destroy(self->model);
    self->session = NULL;
    self->model = NULL;
}

double subject_layer_bytes(const subject *self, uint32_t rows) {
    double asked = rows * self->experts_used;
    double read = asked < self->experts ? asked / self->experts : 1.0;
    return self->body_bytes + read * self->expert_bytes;
}

double subject_layer_macs(const subject *self) {
    return self->body_macs + self->expert_macs * self->experts_used / self->experts;
}

int32_t subject_token(const subject *self, uint32_t position) {
    return (int32_t)((3 + position * UINT64_C(7919)) % self->info.vocabulary);
}

static tern_status eval_chunk(subject *self, uint32_t count, float *logits) {
    tern_row rows[CHUNK];
    uint32_t first = tern_session_position(self->session);
    for (uint32_t i = 0; i < count; i++) {
        rows[i] = (tern_row){self->session, subject_token(self, first + i), 0};
    }
    rows[count - 1].flags = logits ? TERN_ROW_LOGITS : 0;
    tern_eval_desc desc = {
        .struct_size = sizeof desc, .row_count = count, .rows = rows, .logits = logits};
    return tern_model_eval(self->model, &desc);
}

tern_status subject_eval(subject *self, uint32_t count, float *logits) {
    tern_status status = TERN_STATUS_OK;
    while (count && status == TERN_STATUS_OK) {
        uint32_t step = count < CHUNK ? count : CHUNK;
        count -= step;
        status = eval_chunk(self, step, count ? NULL : logits);
    }
    return status;
}
