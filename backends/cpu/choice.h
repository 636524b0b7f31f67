// How ungrouped ternary weights lie in memory where the user leaves it open: what is fastest on
// this processor, by measurement at first use (backends/common/choice.h).
#ifndef TERN_BACKENDS_CPU_CHOICE_H_
#define TERN_BACKENDS_CPU_CHOICE_H_

#include <stdbool.h>

#include <tern/backend.h>

// True if rows of |cols| five weights a byte are read faster than four; false, too, where there is
// no memory to find out.
bool tern_cpu_choose_fives(tern_backend_device *device, uint32_t cols);

#endif
