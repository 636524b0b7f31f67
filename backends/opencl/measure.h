// What a device can do at most, by measure.cl.
#ifndef TERN_OPENCL_MEASURE_H_
#define TERN_OPENCL_MEASURE_H_

#include "backends/opencl/device.h"

void tern_cl_counters(tern_backend_device *device, tern_counters *out_counters);

tern_status tern_cl_measure(tern_backend_device *device, tern_measure_kind kind,
                            tern_measurement *out_measurement);

#endif
