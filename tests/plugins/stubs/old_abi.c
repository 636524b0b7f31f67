// Speaks only the ABI before the first, so it has no table for this host.
#include "tests/plugins/stubs/export.h"

static const stub_config config = {.device_count = 1};

STUB_BACKEND(old, "old-abi", 0, config)

const tern_backend *tern_backend_query(uint32_t min_abi, uint32_t max_abi) {
    return min_abi == 0 ? old_query(1, max_abi) : NULL;
}
