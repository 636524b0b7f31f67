// Times of one thing: as many runs as fit into a while, their median and spread.
#ifndef TERN_TOOLS_TERN_BENCH_SAMPLES_H_
#define TERN_TOOLS_TERN_BENCH_SAMPLES_H_

#include <tern/tern.h>

enum { SAMPLES_MAX = 1000 };

typedef struct samples {
    double seconds; // how long to measure
    uint32_t least; // runs even if they take longer
    uint32_t count;
    double values[SAMPLES_MAX]; // seconds
} samples;

// Runs |fn| once unseen and then again and again. A run that takes longer than everything may is
// not repeated: its first time counts.
tern_status samples_take(samples *self, tern_status (*fn)(void *user), void *user);

// Keeps the time of a run that the caller measured.
void samples_add(samples *self, double seconds);

double samples_median(samples *self);
// From the 25th to the 75th percentile; NAN for less than 3 runs.
double samples_spread(samples *self);

#endif
