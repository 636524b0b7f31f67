#include "runtime/host.h"

#include "runtime/allocator.h"
#include "runtime/context.h"
#include "runtime/diskcache.h"
#include "runtime/log.h"
#include "runtime/ops/ops.h"

static tern_context *context_of(const tern_host *host) {
    return host->state;
}

enum { ALIGNMENT_MAX = 4096 };

// The application's allocator was promised no other alignment.
static void *host_allocate(const tern_host *host, size_t size, size_t alignment) {
    const tern_allocator *allocator = &context_of(host)->allocator;
    if (alignment == 0 || alignment > ALIGNMENT_MAX || (alignment & (alignment - 1))) {
        tern__log(context_of(host), TERN_LOG_ERROR,
                  "a backend asks for %zu bytes at a multiple of %zu, must be a power of two up to "
                  "%d",
                  size, alignment, ALIGNMENT_MAX);
        return NULL;
    }
    return allocator->allocate(allocator->user, size ? size : 1, alignment);
}

static void host_release(const tern_host *host, void *pointer) {
    tern__free(context_of(host), pointer);
}

static void host_log(const tern_host *host, tern_log_level level, const char *message) {
    tern__log(context_of(host), level, "%s", message ? message : "");
}

static tern_status host_fail(const tern_host *host, tern_status status, const char *message) {
    return tern__fail(context_of(host), status, "%s", message ? message : tern_status_text(status));
}

static const char *host_option(const tern_host *host, const char *name) {
    return tern_context_option(context_of(host), name);
}

static uint32_t host_thread_count(const tern_host *host) {
    tern_context *context = context_of(host);
    uint32_t count = context->threads;
    if (tern__option_given(context, TERN__OPTION_THREADS)) {
        count = tern__option_count(context, TERN__OPTION_THREADS);
    }
    return count ? count : tern__cpu_count();
}

static void host_parallel_for(const tern_host *host, uint32_t tasks,
                              void (*fn)(void *user, uint32_t task), void *user) {
    tern_context *context = context_of(host);
    context->parallel_for(context->parallel_user, tasks, fn, user);
}

static const tern_op_info *host_op_info(const tern_host *host, tern_op_kind kind) {
    (void)host;
    const tern__op *op = tern__op_find(kind);
    return op ? &op->info : NULL;
}

static int32_t host_cache_read(const tern_host *host, const char *name, void **out_data,
                               size_t *out_size) {
    return tern__diskcache_read(context_of(host), name, out_data, out_size);
}

static void host_cache_write(const tern_host *host, const char *name, const void *data,
                             size_t size) {
    tern__diskcache_write(context_of(host), name, data, size);
}

tern_host tern__host_make(tern_context *context) {
    return (tern_host){
        .struct_size = sizeof(tern_host),
        .abi = TERN_ABI_VERSION,
        .state = context,
        .allocate = host_allocate,
        .release = host_release,
        .log = host_log,
        .fail = host_fail,
        .option = host_option,
        .thread_count = host_thread_count,
        .parallel_for = context->parallel_for ? host_parallel_for : NULL,
        .op_info = host_op_info,
        .cache_read = host_cache_read,
        .cache_write = host_cache_write,
    };
}
