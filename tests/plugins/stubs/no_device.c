// Starts, but finds no device.
#include "tests/plugins/stubs/export.h"

static const stub_config config = {.device_count = 0};

STUB_BACKEND(none, "no-device", 0, config)

const tern_backend *tern_backend_query(uint32_t min_abi, uint32_t max_abi) {
    return none_query(min_abi, max_abi);
}
