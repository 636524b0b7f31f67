// A model loaded for a command.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tern/command.h"
#include "tools/tern/terminal.h"

static int32_t on_progress(void *user, uint64_t done, uint64_t total) {
    progress_bar_show(user, "loading", done, total);
    return !interrupt_seen();
}

static tern_status load(loaded *self, const model_options *options) {
    progress_bar bar = progress_bar_make();
    tern_model_desc desc = TERN_MODEL_DESC_INIT;
    desc.flags = options->flags;
    desc.i2s_block = options->i2s_block;
    desc.pretokenizer = options->pretokenizer;
    desc.progress = on_progress;
    desc.progress_user = &bar;
    tern_status status = tern_model_load_archive(self->device, self->archive, &desc, &self->model);
    progress_bar_clear(&bar);
    return status;
}

static bool open_device(loaded *self, const host *h) {
    self->device_info.struct_size = sizeof self->device_info;
    if (tern_device_open(h->context, NULL, &self->device) != TERN_STATUS_OK ||
        tern_device_describe(self->device, &self->device_info) != TERN_STATUS_OK) {
        host_failed(h);
        return false;
    }
    return true;
}

static tern_status open_model(loaded *self, const model_options *options) {
    self->model_info.struct_size = sizeof self->model_info;
    tern_status status = load(self, options);
    return status == TERN_STATUS_OK ? tern_model_describe(self->model, &self->model_info) : status;
}

bool loaded_open(loaded *self, const host *h, const char *path, const model_options *options) {
    *self = (loaded){0};
    double start = host_seconds();
    // The file goes first: a wrong name is told without starting a driver.
    if (tern_archive_open_path(h->context, path, &self->archive) != TERN_STATUS_OK) {
        host_failed_in(h, path);
        return false;
    }
    if (!open_device(self, h)) {
        return false;
    }
    if (tern_cancel_create(h->context, &self->cancel) != TERN_STATUS_OK) {
        host_failed(h);
        return false;
    }
    interrupt_cancels(self->cancel);
    if (open_model(self, options) != TERN_STATUS_OK) {
        host_failed_in(h, path);
        return false;
    }
    tern_archive_destroy(self->archive);
    self->archive = NULL;
    self->load_ms = (host_seconds() - start) * 1e3;
    return true;
}

bool loaded_start(loaded *self, const host *h, const char *path, const model_options *options,
                  uint64_t positions) {
    tern_session_desc desc = TERN_SESSION_DESC_INIT;
    double start = host_seconds();
    desc.kv = options->kv;
    desc.context = positions <= self->model_info.context ? (uint32_t)positions : 0;
    if (tern_session_create(self->model, &desc, &self->session) != TERN_STATUS_OK) {
        host_failed_in(h, path);
        return false;
    }
    self->load_ms += (host_seconds() - start) * 1e3;
    return true;
}

tern_status loaded_generate(const loaded *self, tern_generate_desc *desc,
                            tern_generate_result *out_result) {
    desc->cancelled_by = self->cancel;
    tern_status status = tern_session_generate(self->session, desc, out_result);
    if (status == TERN_STATUS_CANCELLED && interrupt_seen()) {
        out_result->stop = TERN_STOP_CALLBACK;
        return TERN_STATUS_OK;
    }
    return status;
}

void loaded_close(loaded *self) {
    interrupt_cancels(NULL);
    tern_cancel_destroy(self->cancel);
    tern_session_destroy(self->session);
    tern_model_destroy(self->model);
    tern_device_close(self->device);
    tern_archive_destroy(self->archive);
}

int loaded_run(const loaded_command *command) {
    host h;
    loaded self = {0};
    int status = EXIT_FAILED;
    interrupt_watch();
    if (host_open(&h, command->program, command->backend)) {
        if (loaded_open(&self, &h, command->model, command->options)) {
            status = command->run(&h, &self, command->user);
        }
        loaded_close(&self);
        host_close(&h);
    }
    return status;
}
