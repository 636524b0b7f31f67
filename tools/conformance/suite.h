// The suite: tests of ops that run on the device under test and on the reference backend and must
// leave the same bytes in memory. Each op's tests are in <op>.c and listed in ops.inc.
//
//     suite_begin -> suite_tensor, suite_matrix ... -> suite_op ... -> suite_end
#ifndef TERN_TOOLS_CONFORMANCE_SUITE_H_
#define TERN_TOOLS_CONFORMANCE_SUITE_H_

#include <stdbool.h>

#include <tern/tern.h>

#include "tools/conformance/fill.h"

#define SUITE_MEMORIES 24
#define SUITE_OPERANDS 48
#define SUITE_MATRICES 8
#define SUITE_OPS 32
#define SUITE_SUBMITS 16
#define SUITE_WORDS 8 // of a parameter block

// How much to run. TINY is for simulators that take a second for what others do in a millisecond.
typedef enum suite_level { LEVEL_TINY, LEVEL_QUICK, LEVEL_FULL } suite_level;

// The two devices of a pair: the index of everything that exists once on each.
enum { SIDE_TESTED = 0, SIDE_REFERENCE = 1, SIDES = 2 };

// What a byte of memory must be after a run.
enum {
    RULE_KEEP = 0,    // as it was uploaded
    RULE_COMPARE = 1, // as on the reference backend
    RULE_ANY = 2      // unspecified: padding after 16-bit elements
};

// Bytes of a test, the same on the host and on both devices.
typedef struct suite_memory {
    uint8_t *before;
    uint8_t *rule;
    uint64_t size;
    uint64_t capacity;
    tern_buffer *on[SIDES];
    uint8_t *after[SIDES];
} suite_memory;

typedef struct suite_operand {
    const char *name;
    suite_memory *memory;
    tern_tensor view;
} suite_operand;

// A constant matrix, on the host and on both devices.
typedef struct suite_matrix_data {
    tern_weights_info info;
    uint8_t *codes;
    float *scales;
    tern_weights *on[SIDES];
} suite_matrix_data;

typedef enum suite_verdict { VERDICT_PASSED, VERDICT_SKIPPED, VERDICT_FAILED } suite_verdict;

// One row of the report.
typedef struct suite_result suite_result;

typedef struct suite {
    tern_device *device[SIDES];
    tern_device_info info;
    suite_level level;
    bool ftz;          // run the device under test with subnormals flushed on this thread
    bool exact;        // compare bits whatever the device reports
    uint32_t only;     // run this test of each op; 0: all
    bool lost;         // the device is lost: nothing more can be asked of it
    suite_result *row; // of the op whose tests run
} suite;

// How operands lie in memory. Tests cycle through them.
typedef enum suite_layout {
    LAYOUT_PACKED,  // a buffer for each operand
    LAYOUT_STRIDED, // gaps before it and between its rows
    LAYOUT_SHARED,  // strided, all in one buffer
    LAYOUT_COUNT
} suite_layout;

typedef struct suite_test {
    suite *suite;
    char label[160];
    uint32_t number;
    rng random;
    suite_layout layout;
    suite_memory memories[SUITE_MEMORIES];
    uint32_t memory_count;
    suite_operand operands[SUITE_OPERANDS];
    uint32_t operand_count;
    suite_matrix_data matrices[SUITE_MATRICES];
    uint32_t matrix_count;
    tern_op_header *ops[SUITE_OPS];
    uint32_t op_count;
    bool limited; // only |live| rows are computed
    uint32_t live;
    tern_tensor params;
    int32_t words[SUITE_SUBMITS][SUITE_WORDS]; // of each submit
    uint32_t submit_count;
    suite_verdict verdict;
    char message[512];
} suite_test;

typedef struct suite_shape {
    uint32_t rank;
    uint32_t dims[TERN_MAX_RANK];
} suite_shape;

static inline suite_shape shape1(uint32_t a) {
    return (suite_shape){1, {a}};
}

static inline suite_shape shape2(uint32_t a, uint32_t b) {
    return (suite_shape){2, {a, b}};
}

static inline suite_shape shape4(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
    return (suite_shape){4, {a, b, c, d}};
}

// Starts a test; the label says what is special about it.
suite_test *suite_begin(suite *self, const char *format, ...);

// False for a test that the command line leaves out.
bool suite_wanted(const suite_test *test);

// Runs the test, compares, reports, and frees everything.
void suite_end(suite_test *test);

// The ops' live word: |rows| of the test's rows are computed. Before any output is made.
void suite_live(suite_test *test, uint32_t rows);

// Makes the parameter block; word |word| of every submit so far is |value|.
void suite_word(suite_test *test, uint32_t word, int32_t value);

// An operand filled with a pattern that no op writes; it must stay as it is. The buffer member of
// the view is a suite_memory until the test runs.
tern_tensor suite_tensor(suite_test *test, const char *name, tern_dtype dtype, suite_shape shape);

// An operand with float32 content.
tern_tensor suite_floats(suite_test *test, const char *name, suite_shape shape, fill_kind fill);

// An operand with int32 content in [low, high].
tern_tensor suite_ints(suite_test *test, const char *name, suite_shape shape, int32_t low,
                       int32_t high);

// An operand that ops write: what its elements become is compared (with live rows: in those).
tern_tensor suite_output(suite_test *test, const char *name, tern_dtype dtype, suite_shape shape);

// Makes the elements of an operand compared: for operands that are updated in place.
void suite_written(suite_test *test, tern_tensor view);

// Element |index| (counted as if packed) of an operand on the host.
void *suite_element(const tern_tensor *view, uint64_t index);

// Fills an operand by its dtype.
void suite_fill(suite_test *test, const tern_tensor *view, fill_kind fill);

typedef enum suite_codes {
    CODES_RANDOM,
    CODES_MINUS,
    CODES_PLUS,
    CODES_ZERO,
    CODES_COUNT
} suite_codes;

// A matrix with random content; the pointer is a suite_matrix_data until the test runs.
tern_weights *suite_matrix(suite_test *test, const tern_weights_info *info, suite_codes codes);

// Creates the test's matrices on both devices. Done by suite_end, and before it by tests of
// weights.
tern_status suite_matrices_create(suite_test *test, int side);

// Appends a copy of an op.
void suite_op(suite_test *test, tern_op_kind kind, void *desc, size_t size);

#define SUITE_OP(test, NAME, desc) suite_op(test, TERN_OP_##NAME, &(desc), sizeof(desc))

// Decides a test before its end; later decisions do not count.
void suite_decide(suite_test *test, suite_verdict verdict, const char *format, ...);

// As suite_decide for a failing status of the library on |side|.
void suite_decide_status(suite_test *test, int side, tern_status status, const char *call);

// Whether bits are compared, or the stated tolerance.
static inline bool suite_exact(const suite *self) {
    return self->exact || self->info.numerics != TERN_NUMERICS_TOLERANT;
}

// Compares what both devices left in memory, after the download, and decides.
void suite_compare(suite_test *test);

// The one of three numbers that is for the level.
uint32_t suite_pick(const suite *self, uint32_t tiny, uint32_t quick, uint32_t full);

// Calls |fn| for the rows and columns of the level; |index| counts the calls, for cycling options.
typedef void (*suite_shape_fn)(suite *self, uint32_t rows, uint32_t cols, uint32_t index);
void suite_each_shape(suite *self, suite_shape_fn fn);

// Likewise for products of R x K by N x K, small enough for the level.
typedef struct suite_product {
    uint32_t rows, outputs, cols, index;
} suite_product;
typedef void (*suite_product_fn)(suite *self, suite_product shape);
void suite_each_product(suite *self, suite_product_fn fn);

#endif
