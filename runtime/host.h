// The tern_host that a context hands to its backends.
#ifndef TERN_RUNTIME_HOST_H_
#define TERN_RUNTIME_HOST_H_

#include <tern/backend.h>

tern_host tern__host_make(tern_context *context);

#endif
