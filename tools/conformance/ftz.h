// The calling thread's treatment of subnormals, which no result may depend on.
#ifndef TERN_TOOLS_CONFORMANCE_FTZ_H_
#define TERN_TOOLS_CONFORMANCE_FTZ_H_

#include <stdbool.h>
#include <stdint.h>

typedef struct ftz_state {
    uint64_t control;
} ftz_state;

// False where this kind of processor has no such setting that we know of.
bool ftz_available(void);

// Turns flush-to-zero and denormals-are-zero on, or leaves everything alone; returns what was.
ftz_state ftz_set(bool on);
void ftz_restore(ftz_state state);

#endif
