#ifndef TERN_RUNTIME_BUFFER_H_
#define TERN_RUNTIME_BUFFER_H_

#include <tern/buffer.h>

#include "runtime/device.h"

struct tern_buffer {
    tern_device *device;
    tern_backend_buffer *handle;
    uint64_t size;
};

#endif
