#include "runtime/cancel.h"

#include "runtime/allocator.h"
#include "runtime/platform/platform.h"
#include "runtime/status.h"

struct tern_cancel {
    tern_context *context;
    int32_t requested; // by tern__atomic_load
};

tern_status tern_cancel_create(tern_context *context, tern_cancel **out_cancel) {
    if (!context || !out_cancel) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT, "cancel: %s is NULL",
                          context ? "out_cancel" : "context");
    }
    *out_cancel = tern__calloc(context, 1, sizeof **out_cancel);
    if (!*out_cancel) {
        return tern__fail_memory(context, sizeof **out_cancel, "a cancel");
    }
    (*out_cancel)->context = context;
    return TERN_STATUS_OK;
}

void tern_cancel_destroy(tern_cancel *cancel) {
    if (cancel) {
        tern__free(cancel->context, cancel);
    }
}

void tern_cancel_request(tern_cancel *cancel) {
    if (cancel) {
        tern__atomic_store(&cancel->requested, 1);
    }
}

void tern_cancel_reset(tern_cancel *cancel) {
    if (cancel) {
        tern__atomic_store(&cancel->requested, 0);
    }
}

int32_t tern_cancel_requested(const tern_cancel *cancel) {
    return cancel ? tern__atomic_load(&cancel->requested) : 0;
}

int32_t tern__cancel_stop(void *user) {
    return tern_cancel_requested(user);
}
