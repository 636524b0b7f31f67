// Time, for waits that must end.
#ifndef TERN_BACKENDS_COMMON_CLOCK_H_
#define TERN_BACKENDS_COMMON_CLOCK_H_

#include <stdint.h>

// Nanoseconds since some moment; never runs backwards.
uint64_t tern_clock_ns(void);
// Sleeps for the shortest time that lets others run.
void tern_clock_rest(void);

#endif
