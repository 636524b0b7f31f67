// The entry of each line of ops.inc.
#ifndef TERN_TOOLS_CONFORMANCE_OPS_H_
#define TERN_TOOLS_CONFORMANCE_OPS_H_

#include "tools/conformance/suite.h"

#define X(stem, kind) void suite_##stem(suite *self);
#include "tools/conformance/ops.inc"
#undef X

#endif
