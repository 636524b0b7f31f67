// Philox4x32-10: random numbers as a function of a counter and a key (Salmon, Moraes, Dror, Shaw,
// "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
#ifndef TERN_RUNTIME_MODEL_PHILOX_H_
#define TERN_RUNTIME_MODEL_PHILOX_H_

#include <stdint.h>

void tern__philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

// The |index|-th number of the stream |seed|: a multiple of 2^-53 in [0, 1).
double tern__philox_uniform(uint64_t seed, uint64_t index);

#endif
