// Has a device, but cannot say which.
#include "tests/plugins/stubs/export.h"

static const stub_config config = {
    .device_count = 1,
    .devices = {{.describe_status = TERN_STATUS_INTERNAL}},
};

STUB_BACKEND(nameless, "nameless", 0, config)

const tern_backend *tern_backend_query(uint32_t min_abi, uint32_t max_abi) {
    return nameless_query(min_abi, max_abi);
}
