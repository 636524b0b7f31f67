#include "tools/common/host.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#ifdef _WIN32
#include <windows.h>
#endif

static void on_log(void *user, tern_log_level level, const char *message) {
    const host *self = user;
    if (level != TERN_LOG_ERROR || self->debug) {
        tern_log_stderr(NULL, level, message);
    }
}

bool host_open_with(host *self, const char *program, const char *backend, uint32_t flags) {
    *self = (host){.program = program};
    tern_context_desc desc = TERN_CONTEXT_DESC_INIT;
    desc.flags = flags;
    desc.log = on_log;
    desc.log_user = self;
    if (tern_context_create(&desc, &self->context) != TERN_STATUS_OK ||
        (backend &&
         tern_context_set_option(self->context, "TERN_BACKEND", backend) != TERN_STATUS_OK)) {
        host_failed(self);
        host_close(self);
        return false;
    }
    const char *level = tern_context_option(self->context, "TERN_LOG");
    self->debug = level && strcmp(level, "debug") == 0;
    return true;
}

bool host_open(host *self, const char *program, const char *backend) {
    return host_open_with(self, program, backend, TERN_CONTEXT_ALLOW_PLUGINS);
}

bool host_open_reference(host *self, const char *program, tern_device **out) {
    tern_context_desc desc = TERN_CONTEXT_DESC_INIT;
    desc.flags = TERN_CONTEXT_IGNORE_ENV;
    *self = (host){.program = program};
    tern_device_desc device = TERN_DEVICE_DESC_INIT;
    device.backends = "reference";
    if (tern_context_create(&desc, &self->context) != TERN_STATUS_OK ||
        tern_device_open(self->context, &device, out) != TERN_STATUS_OK) {
        host_failed(self);
        return false;
    }
    return true;
}

void host_close(host *self) {
    tern_context_destroy(self->context);
    self->context = NULL;
}

int host_failed(const host *self) {
    fprintf(stderr, "%s: %s\n", self->program, tern_last_error_message());
    return 1;
}

int host_failed_in(const host *self, const char *file) {
    const char *message = tern_last_error_message();
    bool named = strstr(message, file) != NULL;
    fprintf(stderr, "%s: %s%s%s\n", self->program, named ? "" : file, named ? "" : ": ", message);
    return 1;
}

#ifdef _WIN32
double host_seconds(void) {
    LARGE_INTEGER ticks, per_second;
    QueryPerformanceCounter(&ticks);
    QueryPerformanceFrequency(&per_second);
    return (double)ticks.QuadPart / (double)per_second.QuadPart;
}
#else
double host_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}
#endif
