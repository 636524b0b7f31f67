// Hands out the table of an ABI that the host did not ask for.
#include "tests/plugins/stubs/export.h"

const tern_backend *tern_backend_query(uint32_t min_abi, uint32_t max_abi) {
    static const tern_backend backend = {
        .struct_size = sizeof(tern_backend),
        .abi = TERN_ABI_VERSION + 1,
        .name = "new-abi",
    };
    (void)min_abi;
    (void)max_abi;
    return &backend;
}
