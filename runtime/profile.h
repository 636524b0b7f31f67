// What the ops of a device took, summed over its programs by kind and kernel.
#ifndef TERN_RUNTIME_PROFILE_H_
#define TERN_RUNTIME_PROFILE_H_

#include <stdbool.h>

#include <tern/commands.h>

typedef struct tern__profile {
    bool on;    // set when the device is open, then constant
    bool asked; // the application has read it
    tern_profile_row *rows;
    size_t count;
    size_t capacity;
    tern_program *programs; // alive, linked by timing.next
} tern__profile;

// Finds rows for the ops of |program|, which is complete, and remembers it.
tern_status tern__profile_add(tern_program *program);
// Takes what a program's ops took, and forgets it. Accepts one that was not added; no run of it is
// pending.
void tern__profile_remove(tern_program *program);
// Logs what nobody asked for and frees the rows.
void tern__profile_finish(tern_device *device);

#endif
