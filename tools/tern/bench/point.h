// One op at one type and shape, measured and checked.
#ifndef TERN_TOOLS_TERN_BENCH_POINT_H_
#define TERN_TOOLS_TERN_BENCH_POINT_H_

#include "tools/tern/bench/bench.h"
#include "tools/tern/bench/rig.h"

// What points of the same op, type and K x N share.
typedef struct bench_family {
    const bench_op *op;
    tern_dtype type;
    bench_shape shape;  // rows do not count
    uint64_t footprint; // bytes that inputs rotate through; 0: the same ones again and again
    tern_device *device;
    bench_pool pool;
    bench_matrices matrices;
    double row_seconds; // of the last point, to foresee the next
} bench_family;

tern_status bench_family_make(bench_family *self, tern_device *device, const bench_op *op,
                              tern_dtype type, bench_shape shape, uint64_t footprint);
void bench_family_free(bench_family *self);

// Measures |rows| rows with |context| positions before them into |*out|.
tern_status bench_point_measure(const bench *self, bench_family *family, uint32_t rows,
                                uint32_t context, bench_result *out);

#endif
