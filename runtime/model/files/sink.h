// Writing to a tern_sink.
#ifndef TERN_RUNTIME_MODEL_SINK_H_
#define TERN_RUNTIME_MODEL_SINK_H_

#include <tern/sink.h>

tern_status tern__sink_check(tern_context *context, const tern_sink *sink);
const char *tern__sink_name(const tern_sink *sink);

// Reports what the sink did not.
tern_status tern__sink_write(tern_context *context, const tern_sink *sink, const void *data,
                             size_t size);

#endif
