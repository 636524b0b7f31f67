// One op at one shape: the memory of its operands, filled, and its descriptor.
#ifndef TERN_TOOLS_TERN_BENCH_CASE_H_
#define TERN_TOOLS_TERN_BENCH_CASE_H_

#include "tools/tern/bench/op_table.h"

typedef struct bench_case {
    const bench_op *op;
    tern_dtype type;
    bench_shape shape;
    uint32_t length;                   // positions of the cache
    tern_tensor views[BENCH_OPERANDS]; // as the op's table lists them, in a buffer yet to come
    uint64_t bytes;                    // of that buffer
    uint8_t *image;                    // its content before the op runs
} bench_case;

// Lays the operands out and fills them; false if memory is out.
bool bench_case_make(bench_case *self, const bench_op *op, tern_dtype type, bench_shape shape);
void bench_case_free(bench_case *self);

// The same op on |count| rows of |whole| alone, and with |n| outputs, if it has any; the results
// have the bits of those rows, and of the outputs that its matrix is made of. False if memory is
// out.
bool bench_case_sample(bench_case *self, const bench_case *whole, const uint32_t *rows,
                       uint32_t count, uint32_t n);

// Appends the op: it reads |in| and |weights| and writes |out|, both with the case's layout.
tern_status bench_case_append(const bench_case *self, tern_buffer *in, tern_buffer *out,
                              tern_weights *weights, tern_commands *list);

// Packed bytes of one row of a view.
uint64_t bench_view_row_bytes(const tern_tensor *view);

#endif
