#ifndef TERN_RUNTIME_COMMANDS_H_
#define TERN_RUNTIME_COMMANDS_H_

#include <tern/commands.h>

#include "runtime/device.h"

// A growing array of copied descriptors. Also what compose writes to.
typedef struct tern__list {
    tern_device *device;
    tern_op_header **ops;
    size_t count;
    size_t capacity;
    uint64_t scratch_bytes; // handed out by tern__list_scratch so far
    tern_buffer *scratch;   // where they lie; NULL while only measuring
} tern__list;

// Appends a copy of |desc|, whose header is set for |kind|.
tern_status tern__list_append(tern__list *list, tern_op_kind kind, const void *desc);
// Drops the ops and hands out scratch from the start again.
void tern__list_clear(tern__list *list);
void tern__list_finish(tern__list *list);

// A packed tensor in the list's scratch memory.
tern_tensor tern__list_scratch(tern__list *list, tern_dtype dtype, uint32_t rank,
                               const uint32_t *shape);

struct tern_commands {
    tern_device *device;
    tern__list list;
    tern_tensor params; // buffer NULL: none
};

#endif
