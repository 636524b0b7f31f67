// Claims more devices than there can be.
#include "tests/plugins/stubs/export.h"

static const stub_config config = {.device_count = UINT32_MAX};

STUB_BACKEND(many, "too-many", 0, config)

const tern_backend *tern_backend_query(uint32_t min_abi, uint32_t max_abi) {
    return many_query(min_abi, max_abi);
}
