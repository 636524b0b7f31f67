// What this processor can do at most, on all threads of a device.
#ifndef TERN_BACKENDS_CPU_MEASURE_H_
#define TERN_BACKENDS_CPU_MEASURE_H_

#include "backends/cpu/device.h"

tern_status tern_cpu_measure(tern_backend_device *device, tern_measure_kind kind,
                             tern_measurement *out_measurement);

#endif
