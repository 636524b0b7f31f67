// Tickets of submits, and the events behind them.
#ifndef TERN_OPENCL_TIMELINE_H_
#define TERN_OPENCL_TIMELINE_H_

#include "backends/opencl/device.h"

// Waits until the next ticket has a place: at most TERN_CL_IN_FLIGHT are pending.
tern_status tern_cl_timeline_reserve(tern_backend_device *device);
// The event that ends a run becomes the next ticket.
uint64_t tern_cl_timeline_push(tern_backend_device *device, cl_event event);
tern_status tern_cl_wait(tern_backend_device *device, uint64_t ticket, uint64_t timeout_ns);

#endif
