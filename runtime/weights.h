#ifndef TERN_RUNTIME_WEIGHTS_H_
#define TERN_RUNTIME_WEIGHTS_H_

#include <tern/weights.h>

#include "runtime/device.h"

struct tern_weights {
    tern_device *device;
    tern_weights_info info;       // as devices see it
    tern_backend_weights *handle; // NULL: the backend has no use for them
    tern_backend_weights
        *reference; // on device->reference; NULL until a fallback segment needs them
};

// Handle for the reference companion, made from the device's rows at the first call. Called with
// neither device locked.
tern_status tern__weights_reference(tern_weights *weights, tern_backend_weights **out_handle);

// Number of scales per row: 0, 1 or the number of groups.
uint32_t tern__weights_scales_per_row(const tern_weights_info *info);

#endif
