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
void host_close(host *self);

// Prints the library's last error message as one line on stderr; returns 1, the exit status.
int host_failed(const host *self);

// The same for what failed in |file|, which the line names if the message does not.
int host_failed_in(const host *self, const char *file);

// Seconds of a clock, for differences.
double host_seconds(void);

#endif
