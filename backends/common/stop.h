// Whether a submit is to stop, for backends that run ops on the thread that submits.
#ifndef TERN_BACKENDS_COMMON_STOP_H_
#define TERN_BACKENDS_COMMON_STOP_H_

#include <stdbool.h>
#include <stddef.h>

#include <tern/backend.h>

// A host of an earlier version hands over a shorter struct.
static inline bool tern_stop_wanted(const tern_submit_desc *desc) {
    size_t needed = offsetof(tern_submit_desc, stop_user) + sizeof desc->stop_user;
    return desc && desc->struct_size >= needed && desc->stop && desc->stop(desc->stop_user);
}

#endif
