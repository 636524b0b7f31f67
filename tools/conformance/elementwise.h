// The tests that ops of one or two operands of one shape share.
#ifndef TERN_TOOLS_CONFORMANCE_ELEMENTWISE_H_
#define TERN_TOOLS_CONFORMANCE_ELEMENTWISE_H_

#include "tools/conformance/suite.h"

// Fills of the operands and where the result goes, for test |index| of a shape.
typedef struct elementwise {
    uint32_t rows, cols, index;
    fill_kind first, second;
    enum { OUT_NEW, OUT_FIRST, OUT_SECOND } place;
    bool vector; // the second operand is [K]
} elementwise;

// Makes the output that |with| asks for.
tern_tensor elementwise_out(suite_test *test, const elementwise *with, tern_tensor first,
                            tern_tensor second);

// Begins a test whose label says all that; with live rows now and then.
suite_test *elementwise_begin(suite *self, const elementwise *with, const char *what);

// Tests add or mul: two descriptors of the same form.
void elementwise_binary(suite *self, uint32_t rows, uint32_t cols, uint32_t index,
                        tern_op_kind kind);

#endif
