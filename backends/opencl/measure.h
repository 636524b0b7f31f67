// What a device can do at most, by measure.cl.
#ifndef TERN_OPENCL_MEASURE_H_
#define TERN_OPENCL_MEASURE_H_

#include "backends/opencl/device.h"

tern_status tern_cl_measure(tern_backend_device *device, tern_measure_kind kind,
                            tern_measurement *out_measurement);

#endif
