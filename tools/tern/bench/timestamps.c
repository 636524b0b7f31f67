#include "tools/tern/bench/timestamps.h"

bool timestamps_read(tern_device *device, uint64_t *out_ns) {
    tern_profile_row row = {.struct_size = sizeof row};
    bool found = false;
    *out_ns = 0;
    for (uint32_t i = 0; tern_device_profile(device, i, &row) == TERN_STATUS_OK; i++) {
        if (row.clock == TERN_CLOCK_HOST) {
            return false;
        }
        found = found || row.clock == TERN_CLOCK_DEVICE;
        *out_ns += row.ns;
    }
    return found;
}
