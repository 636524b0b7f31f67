// Shared libraries as backends: open, query, check, register; or record why not.
#ifndef TERN_RUNTIME_PLUGIN_H_
#define TERN_RUNTIME_PLUGIN_H_

#include <tern/context.h>

// Loads every library of every folder in |path| (separated as PATH is). What fails is recorded;
// never an error.
void tern__plugin_scan(tern_context *context, const char *path);

#endif
