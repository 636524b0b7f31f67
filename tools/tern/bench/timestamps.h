// Times that a device's own clock took, where it has one.
#ifndef TERN_TOOLS_TERN_BENCH_TIMESTAMPS_H_
#define TERN_TOOLS_TERN_BENCH_TIMESTAMPS_H_

#include <stdbool.h>

#include <tern/tern.h>

// Nanoseconds that all ops of |device| have taken so far, by timestamps that it wrote itself; false
// if there are none. The device was opened while TERN_PROFILE was 1.
bool timestamps_read(tern_device *device, uint64_t *out_ns);

#endif
