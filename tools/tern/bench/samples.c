#include "tools/tern/bench/samples.h"

#include <math.h>
#include <stdlib.h>

#include "tools/common/host.h"

enum { PATIENCE = 4 }; // times |seconds|

static int compare(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

void samples_add(samples *self, double seconds) {
    if (self->count < SAMPLES_MAX) {
        self->values[self->count++] = seconds;
        qsort(self->values, self->count, sizeof self->values[0], compare);
    }
}

tern_status samples_take(samples *self, tern_status (*fn)(void *user), void *user) {
    self->count = 0;
    double begin = host_seconds();
    double start = begin;
    bool first = true;
    for (;;) {
        tern_status status = fn(user);
        double now = host_seconds();
        if (status != TERN_STATUS_OK) {
            return status;
        }
        if (!first || now - begin > PATIENCE * self->seconds) {
            self->values[self->count++] = now - start;
        } else {
            begin = now; // the first run warmed everything up
        }
        first = false;
        start = host_seconds();
        bool enough = self->count >= self->least && now - begin >= self->seconds;
        bool slow = self->count && now - begin > PATIENCE * self->seconds;
        if (enough || slow || self->count == SAMPLES_MAX) {
            break;
        }
    }
    qsort(self->values, self->count, sizeof self->values[0], compare);
    return TERN_STATUS_OK;
}

// Between the two values that stand on either side.
static double percentile(const samples *self, double part) {
    double at = part * (self->count - 1);
    uint32_t low = (uint32_t)at;
    uint32_t high = low + 1 < self->count ? low + 1 : low;
    return self->values[low] + (at - low) * (self->values[high] - self->values[low]);
}

double samples_median(samples *self) {
    return percentile(self, 0.5);
}

double samples_spread(samples *self) {
    return self->count < 3 ? (double)NAN : percentile(self, 0.75) - percentile(self, 0.25);
}
