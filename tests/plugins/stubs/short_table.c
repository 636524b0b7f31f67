// Its table ends before a required slot, whatever lies in memory after it.
#include <stddef.h>

#include "tests/plugins/stubs/export.h"

static const stub_config config = {.device_count = 1};

static tern_status create(const tern_host *host, tern_backend_instance **out_instance) {
    return stub_instance_create(host, &config, out_instance);
}

static const tern_backend_ops ops =
    STUB_OPS(offsetof(tern_backend_ops, submit), create, stub_compile);

static const tern_backend backend = {
    .struct_size = sizeof(tern_backend),
    .abi = TERN_ABI_VERSION,
    .name = "short-table",
    .ops = &ops,
};

const tern_backend *tern_backend_query(uint32_t min_abi, uint32_t max_abi) {
    (void)min_abi;
    (void)max_abi;
    return &backend;
}
