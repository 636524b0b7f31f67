// What became of each op's tests, for people and as JSON.
#ifndef TERN_TOOLS_CONFORMANCE_REPORT_H_
#define TERN_TOOLS_CONFORMANCE_REPORT_H_

#include "tools/conformance/suite.h"

#define REPORT_TEXTS 8
#define REPORT_TEXT_SIZE 800

// Distinct texts with how often each came; what does not fit is only counted.
typedef struct report_texts {
    struct {
        char text[REPORT_TEXT_SIZE];
        uint32_t count;
    } items[REPORT_TEXTS];
    uint32_t used;
    uint32_t more;
} report_texts;

struct suite_result {
    const char *name;
    tern_op_kind kind; // whose placements count; 0: all
    bool quiet;        // failures are not printed as they come
    uint32_t tests;
    uint32_t passed;
    uint32_t skipped;
    uint32_t failed;
    uint32_t placements[4]; // by tern_op_placement
    report_texts kernels;
    report_texts reasons;
    report_texts failures;
};

// Number of the next test, from 1.
uint32_t report_next(suite_result *self);
const char *report_name(const suite_result *self);

void report_placement(suite_result *self, const tern_op_report *report);

// Counts a finished test; a failure is printed at once.
void report_test(suite_result *self, const suite_test *test);

// "native 12 (gemv_t2__avx2)", into |out|.
void report_where(const suite_result *self, char *out, size_t capacity);

// The line that names device and driver.
void report_device(const suite *self);

// A cross-build may lack cJSON.
#ifdef TERN_NO_JSON
enum { REPORT_HAS_JSON = 0 };
#else
enum { REPORT_HAS_JSON = 1 };
#endif

// All rows and the sums; returns how many tests failed.
uint32_t report_print(const suite *self, const suite_result *rows, uint32_t count);
uint32_t report_json(const suite *self, const suite_result *rows, uint32_t count);

#endif
