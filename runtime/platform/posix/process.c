#include "runtime/platform/platform.h"

#include <stdlib.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/auxv.h>

// Also true with file capabilities, which leave the ids alone.
static bool loader_is_wary(void) {
    return getauxval(AT_SECURE) != 0;
}
#else
static bool loader_is_wary(void) {
    return false;
}
#endif

bool tern__is_privileged(void) {
    return getuid() != geteuid() || getgid() != getegid() || loader_is_wary();
}

const char *tern__environment(const char *name) {
    return getenv(name);
}
