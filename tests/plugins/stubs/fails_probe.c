// Accepted, but cannot start.
#include "tests/plugins/stubs/export.h"

static const stub_config config = {
    .instance_status = TERN_STATUS_UNAVAILABLE,
    .instance_message = "fails-probe: no driver in the slot",
};

STUB_BACKEND(fails, "fails-probe", 0, config)

const tern_backend *tern_backend_query(uint32_t min_abi, uint32_t max_abi) {
    return fails_query(min_abi, max_abi);
}
