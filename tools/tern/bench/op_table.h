// Every op as the benchmark runs it: its operands, the shapes that models have, and what it has to
// read, write and multiply by its definition in <tern/ops.h>.
#ifndef TERN_TOOLS_TERN_BENCH_OP_TABLE_H_
#define TERN_TOOLS_TERN_BENCH_OP_TABLE_H_

#include <stdbool.h>

#include <tern/tern.h>

enum { BENCH_OPERANDS = 8, BENCH_TYPES = 4 };

// Mixtures of experts are measured as Maple has them: 8 of 256.
enum { BENCH_SLOTS = 8, BENCH_EXPERTS = 256 };

// |k| inputs and |n| outputs of a matrix, or of an expert's; attention: widths of the queries and
// of the keys; ops by rows: |k| columns, and |n| is 0. |context|: positions in the cache before the
// first row; |window|: how many positions a row of attention sees, 0 for all up to its own.
typedef struct bench_shape {
    uint32_t k, n, rows, context, window;
} bench_shape;

typedef enum bench_extent {
    EXTENT_NONE,
    EXTENT_R,             // [rows]
    EXTENT_R_K,           // [rows, k]
    EXTENT_R_N,           // [rows, n]
    EXTENT_R_S,           // [rows, slots]
    EXTENT_R_SK,          // [rows, slots * k]
    EXTENT_R_SN,          // [rows, slots * n]
    EXTENT_K,             // [k]
    EXTENT_STATE,         // [1, k]
    EXTENT_CACHE_READ,    // the cache of n columns: what the rows see is read
    EXTENT_CACHE_WRITTEN, // the cache of k columns: the positions of the rows are written
    EXTENT_BLOCKS,        // the block table of one sequence
    EXTENT_ANGLES         // the rotary table: the rows of the positions are read
} bench_extent;

typedef enum bench_fill {
    FILL_RESULT, // nothing: the op writes it
    FILL_FLOATS,
    FILL_POSITIVE, // floats above 0
    FILL_I8,
    FILL_CACHE,     // floats, or int8 and scales
    FILL_IDS,       // below n
    FILL_EXPERTS,   // all of them in turn
    FILL_POSITIONS, // context, context + 1, ...
    FILL_ASCENDING, // 0, 1, ...
    FILL_ZEROS
} bench_fill;

typedef struct bench_operand {
    const char *name; // as tern_op_describe has it
    bench_extent extent;
    tern_dtype dtype; // NONE: the type that is measured
    bench_fill fill;
} bench_operand;

typedef struct bench_op {
    tern_op_kind kind;
    uint32_t usage;         // of its weights; 0: it has none
    double macs;            // multiply-adds for each element of [rows, k]; matrices and attention
                            // count by their shape
    tern_measure_kind peak; // which of the device's peaks bounds them
    const bench_shape *shapes;         // ends with k = 0
    tern_dtype types[BENCH_TYPES + 1]; // that may be asked for; 0 ends them
    uint32_t usual;                    // how many of them are measured unasked
    bench_operand operands[BENCH_OPERANDS];
} bench_op;

// NULL past the last.
const bench_op *bench_op_at(uint32_t index);
const bench_op *bench_op_find(const char *name);
const char *bench_op_name(const bench_op *self);

// Rows of the matrix that its shape has.
uint32_t bench_op_matrix_rows(const bench_op *self, bench_shape shape);
// The operand that says which rows of the matrix are read, where not all are; -1: all are.
int bench_op_picks(const bench_op *self);

// Whether its shapes have an N, and its results a context.
bool bench_op_has_n(const bench_op *self);
bool bench_op_has_context(const bench_op *self);

// The size of the heads that a width is cut into: 128 where it divides both.
uint32_t bench_head_dim(uint32_t k, uint32_t n);
// Elements of a row of a cache: one of int8 has its scale behind it.
uint32_t bench_cache_columns(tern_dtype dtype, uint32_t head_dim);

// Bytes that must be read and written once, and multiply-adds, by the op's definition.
double bench_op_bytes(const bench_op *self, tern_dtype type, bench_shape shape);
double bench_op_macs(const bench_op *self, bench_shape shape);

#endif
