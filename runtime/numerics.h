// The probe of the numbers contract: a short list of ops, run on a device and on the reference
// backend, bits compared.
#ifndef TERN_RUNTIME_NUMERICS_H_
#define TERN_RUNTIME_NUMERICS_H_

#include "runtime/device.h"

// EXACT or TOLERANT; cached in the context by backend, device and driver. Ops that the backend
// lacks are not probed.
tern_status tern__numerics_probe(tern_device *device, tern_numerics *out_numerics);
void tern__numerics_finish(tern_context *context);

#endif
