// Shared libraries as backends: open, query, check, register; or record why not.
#ifndef TERN_RUNTIME_PLUGIN_H_
#define TERN_RUNTIME_PLUGIN_H_

#include <tern/context.h>

// Loads every library of every folder in |path| (separated as PATH is) that was not tried before,
// by name. What fails is recorded and is no error; OUT_OF_MEMORY is.
tern_status tern__plugin_scan(tern_context *context, const char *path);

#endif
