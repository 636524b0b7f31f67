// Nothing is wrong but that its name is taken.
#include "tests/plugins/stubs/export.h"

static const stub_config config = {.device_count = 1};

STUB_BACKEND(again, "good", 0, config)

const tern_backend *tern_backend_query(uint32_t min_abi, uint32_t max_abi) {
    return again_query(min_abi, max_abi);
}
