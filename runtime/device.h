#ifndef TERN_RUNTIME_DEVICE_H_
#define TERN_RUNTIME_DEVICE_H_

#include <tern/device.h>

#include "runtime/platform/platform.h"
#include "runtime/profile.h"
#include "runtime/registry.h"

struct tern_device {
    tern_context *context;
    tern__entry *entry;
    tern_backend_device *handle;
    tern_device_info info;
    tern__mutex lock;           // around every call into the backend but wait
    uint64_t ticket;            // of the latest submit
    tern__profile profile;      // under the lock, but for |on|
    bool lost;                  // set once, under the lock
    tern__mutex reference_lock; // of opening the companion
    tern_device *reference;     // runs fallback segments; opened when first needed
};

// Opens device |index| of |entry| (or the host's, |native|), runs the numerics probe, applies
// TERN_NUMERICS.
tern_status tern__device_open(tern__entry *entry, uint32_t index, const tern_native *native,
                              tern_device **out_device);
// The same without the probe.
tern_status tern__device_open_raw(tern__entry *entry, uint32_t index, const tern_native *native,
                                  tern_device **out_device);

// The companion on the reference backend, opened at the first call; a device of that backend is its
// own. UNAVAILABLE if it is not built in. Its backend is called under the lock of the device that
// it accompanies, not under its own.
tern_status tern__device_reference(tern_device *device, tern_device **out_reference);

// DEVICE_LOST, reported, once the device has stopped. Called under the lock before a call.
tern_status tern__device_alive(tern_device *device);
// Passes |status| on, remembering a lost device and saying what a backend did not say. Once, under
// the lock, with what a backend returned.
tern_status tern__device_check(tern_device *device, tern_status status);

#endif
