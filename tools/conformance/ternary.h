// What tests of ternary products choose among.
#ifndef TERN_TOOLS_CONFORMANCE_TERNARY_H_
#define TERN_TOOLS_CONFORMANCE_TERNARY_H_

#include "tools/conformance/suite.h"

#define TERNARY_SCALES 5
#define TERNARY_DTYPES 3

// Shape and type of matrix |index|: every scale kind with every dtype in TERNARY_SCALES *
// TERNARY_DTYPES steps.
tern_weights_info ternary_info(uint32_t rows, uint32_t cols, uint32_t index);

// "t2 scale group 64", static.
const char *ternary_name(const tern_weights_info *info);

// All -1, all +1 and all 0 as often as random codes are interesting.
suite_codes ternary_codes(uint32_t index);

#endif
