// What a device was asked for and how long its driver had the word, as tern_device_counters says.
// Submits and dispatches are counted by the thread that has the device; waits may come from any.
#ifndef TERN_BACKENDS_COMMON_METER_H_
#define TERN_BACKENDS_COMMON_METER_H_

#include <stdatomic.h>

#include <tern/device.h>

#include "backends/common/clock.h"

typedef struct tern_meter {
    _Atomic uint64_t submits;
    _Atomic uint64_t dispatches;
    _Atomic uint64_t driver_ns;
} tern_meter;

// The driver has had the word since |start|.
static inline void tern_meter_driver(tern_meter *meter, uint64_t start) {
    atomic_fetch_add_explicit(&meter->driver_ns, tern_clock_ns() - start, memory_order_relaxed);
}

static inline void tern_meter_submit(tern_meter *meter, uint64_t dispatches) {
    atomic_fetch_add_explicit(&meter->submits, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&meter->dispatches, dispatches, memory_order_relaxed);
}

static inline void tern_meter_read(tern_meter *meter, tern_counters *out_counters) {
    out_counters->submits = atomic_load_explicit(&meter->submits, memory_order_relaxed);
    out_counters->dispatches = atomic_load_explicit(&meter->dispatches, memory_order_relaxed);
    out_counters->driver_ns = atomic_load_explicit(&meter->driver_ns, memory_order_relaxed);
}

#endif
