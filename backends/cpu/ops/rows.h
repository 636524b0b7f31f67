// Ops whose rows are independent and need nothing but their operands.
#ifndef TERN_BACKENDS_CPU_OPS_ROWS_H_
#define TERN_BACKENDS_CPU_OPS_ROWS_H_

#include "backends/cpu/ops/ops.h"

struct tern_cpu_rows {
    const struct tern_cpu_kernels *kernels;
    const void *desc;
};

// Runs |fn|, whose user is a tern_cpu_rows, over the live rows of about |row_ns| nanoseconds each.
static inline void tern_cpu_for_rows(const struct tern_cpu_run *run, const tern_op_header *desc,
                                     uint64_t row_ns, tern_cpu_part_fn *fn) {
    struct tern_cpu_rows rows = {run->kernels, desc};
    tern_cpu_split(run, (struct tern_cpu_work){run->rows, row_ns}, fn, &rows);
}

#endif
