// States of a recurrent network are overwritten by every step. Those of a step that may be cut are
// read before it, and put back once it has been.
#ifndef TERN_RUNTIME_MODEL_STATES_H_
#define TERN_RUNTIME_MODEL_STATES_H_

#include <tern/session.h>

// Zero: nothing is kept.
typedef struct tern__states {
    const tern_row *rows;
    uint32_t count;
    uint8_t *data; // of each run of rows of one session, in turn
} tern__states;

// With the model's lock held, as all of these. OUT_OF_MEMORY, or what the device says.
tern_status tern__states_keep(tern__states *states, const tern_row *rows, uint32_t count);
// After the sessions' positions have been put back. A session whose states cannot be is empty.
void tern__states_restore(const tern__states *states);
void tern__states_finish(tern__states *states);

#endif
