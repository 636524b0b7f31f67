// The library as our programs set it up: plugins allowed, warnings on stderr.
#ifndef TERN_TOOLS_COMMON_HOST_H_
#define TERN_TOOLS_COMMON_HOST_H_

#include <stdbool.h>

#include <tern/tern.h>

typedef struct host {
    const char *program; // for messages
    tern_context *context;
    bool debug; // TERN_LOG=debug: errors are logged too, though the program prints the last one
} host;

// Makes the context with --backend's value (NULL: not given) in the place of TERN_BACKEND. False
// after one line on stderr.
bool host_open(host *self, const char *program, const char *backend);
// The same with TERN_CONTEXT_* |flags| in the place of TERN_CONTEXT_ALLOW_PLUGINS.
bool host_open_with(host *self, const char *program, const char *backend, uint32_t flags);
void host_close(host *self);

// Opens the reference backend in a context of its own, so that no option of a device that is tested
// reaches it. False after one line on stderr; host_close either way.
bool host_open_reference(host *self, const char *program, tern_device **out);

// Prints the library's last error message as one line on stderr; returns 1, the exit status.
int host_failed(const host *self);

// The same for what failed in |file|, which the line names if the message does not.
int host_failed_in(const host *self, const char *file);

// Seconds of a clock that never steps, for differences.
double host_seconds(void);

#endif
