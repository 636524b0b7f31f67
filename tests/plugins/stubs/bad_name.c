// Its name could not stand in TERN_BACKEND.
#include "tests/plugins/stubs/export.h"

static const stub_config config = {.device_count = 1};

STUB_BACKEND(named, "Bad, Name", 0, config)

const tern_backend *tern_backend_query(uint32_t min_abi, uint32_t max_abi) {
    return named_query(min_abi, max_abi);
}
