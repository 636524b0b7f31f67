// Whether a model gives the bits of the reference backend on this device.
#ifndef TERN_TOOLS_TERN_BENCH_MODEL_CHECK_H_
#define TERN_TOOLS_TERN_BENCH_MODEL_CHECK_H_

#include "tools/tern/bench/subject.h"

// A whole model takes the reference backend too long: of a shape one layer with a small vocabulary
// is compared, of a file all where it is small. |*out_checked| is whether anything was.
tern_status model_check(tern_device *device, tern_device *reference, const char *path,
                        const model_shape *shape, const model_options *options, bool *out_checked,
                        bool *out_ok);

#endif
