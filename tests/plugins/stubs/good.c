// Everything is right.
#include "tests/plugins/stubs/export.h"

static const stub_config config = {
    .device_count = 1,
    .devices = {{.type = TERN_DEVICE_OTHER, .name = "good device"}},
};

STUB_BACKEND(good, "good", 0, config)

const tern_backend *tern_backend_query(uint32_t min_abi, uint32_t max_abi) {
    return good_query(min_abi, max_abi);
}
