#include "tools/conformance/ops.h"
#include "tools/conformance/pool.h"

#define ROWS_MAX 66000
#define SEQUENCES_MAX 3

// Rows of all sequences mixed, each sequence's ascending; the first starts anew, the others go on.
static void choose_places(suite_test *test, uint32_t rows, uint32_t count, int32_t *positions,
                          int32_t *sequences) {
    int32_t next[SEQUENCES_MAX] = {0, 1, 900};
    for (uint32_t r = 0; r < rows; r++) {
        uint32_t s = rng_below(&test->random, count);
        sequences[r] = (int32_t)s;
        positions[r] = next[s]++;
    }
}

// Any index from memory is safe.
static void choose_wild_places(uint32_t rows, int32_t *positions, int32_t *sequences) {
    for (uint32_t r = 0; r < rows; r++) {
        sequences[r] = r % 2 ? 1000000 : -5;
        positions[r] = r % 3 ? INT32_MAX : INT32_MIN;
    }
}

// A state is written whatever rows are live.
static void written_whole(suite_test *test, tern_tensor state) {
    bool limited = test->limited;
    test->limited = false;
    suite_written(test, state);
    test->limited = limited;
}

static void test_case(suite *self, uint32_t rows, uint32_t cols, uint32_t index) {
    static const fill_kind fills[] = {FILL_NORMAL, FILL_SMALL, FILL_EQUAL, FILL_ZERO, FILL_LARGE};
    static int32_t positions[ROWS_MAX];
    static int32_t sequences[ROWS_MAX];
    bool wild = index % 7 == 6;
    uint32_t count = 1 + index % SEQUENCES_MAX;
    uint32_t place = index % 4; // out is new, or in the place of f or of i
    suite_test *test = suite_begin(self, "rows=%u K=%u sequences=%u %s%s%s", rows, cols, count,
                                   fill_name(fills[index % 5]), wild ? " out of range" : "",
                                   place == 1   ? " in place of f"
                                   : place == 2 ? " in place of i"
                                                : "");
    if (wild) {
        choose_wild_places(rows, positions, sequences);
    } else {
        choose_places(test, rows, count, positions, sequences);
    }
    if (index % 5 == 3) {
        suite_live(test, rows / 2);
    }
    test->submit_count = 1 + index % 2; // the second goes on with what the first left
    tern_recurrence_desc desc = {
        .f = suite_floats(test, "f", shape2(rows, cols), FILL_NORMAL),
        .i = suite_floats(test, "i", shape2(rows, cols), fills[index % 5]),
        .state = suite_floats(test, "state", shape2(count, cols), fills[index / 2 % 5]),
        .positions = pool_vector(test, "positions", positions, rows),
        .sequences = pool_vector(test, "sequences", sequences, rows),
    };
    written_whole(test, desc.state);
    if (place == 1 || place == 2) {
        desc.out = place == 1 ? desc.f : desc.i;
        suite_written(test, desc.out);
    } else {
        desc.out = suite_output(test, "out", TERN_DTYPE_F32, shape2(rows, cols));
    }
    SUITE_OP(test, RECURRENCE, desc);
    if (index % 3 == 1) { // again, on the state that this left
        SUITE_OP(test, RECURRENCE, desc);
    }
    suite_end(test);
}

static void test_shape(suite *self, uint32_t rows, uint32_t cols, uint32_t index) {
    uint32_t each = suite_pick(self, 1, 2, 5);
    for (uint32_t i = 0; i < each; i++) {
        test_case(self, rows, cols, index * each + i);
    }
}

void suite_recurrence(suite *self) {
    suite_each_shape(self, test_shape);
    if (suite_pick(self, 0, 1, 1)) { // more rows than drivers go round a loop
        test_case(self, ROWS_MAX, 2, 0);
    }
}
