// Whether a measured op gave the bits of the reference backend.
#ifndef TERN_TOOLS_TERN_BENCH_CHECK_H_
#define TERN_TOOLS_TERN_BENCH_CHECK_H_

#include "tools/tern/bench/rig.h"

// Runs up to 4 rows of |the_case|, and up to 16 outputs of its matrix, on |reference| and compares
// them with |memory|, the case's own after the op ran. |*out_ok| is whether all bits are the same.
tern_status bench_check(tern_device *reference, const bench_case *the_case, const bench_pool *pool,
                        const uint8_t *memory, bool *out_ok);

#endif
