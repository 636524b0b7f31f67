// Time, for waits that must end and for measuring.
#ifndef TERN_BACKENDS_COMMON_CLOCK_H_
#define TERN_BACKENDS_COMMON_CLOCK_H_

#include <stdint.h>

// Nanoseconds since some moment; never runs backwards, and steps in a microsecond or less.
uint64_t tern_clock_ns(void);
// Sleeps for the shortest time that lets others run.
void tern_clock_rest(void);

#endif
