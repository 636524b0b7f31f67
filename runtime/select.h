// Which device: TERN_BACKEND, the application's list, or automatically. design: tern/device.h.
#ifndef TERN_RUNTIME_SELECT_H_
#define TERN_RUNTIME_SELECT_H_

#include "runtime/registry.h"

// Tries the entries of the list in force in order and opens the first device that works.
tern_status tern__select(tern_context *context, const tern_device_desc *desc,
                         tern_device **out_device);

#endif
