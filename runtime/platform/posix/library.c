#include "runtime/platform/platform.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#ifdef __APPLE__
#define SUFFIX ".dylib"
#else
#define SUFFIX ".so"
#endif

void *tern__library_open(const char *path, char *error, size_t error_capacity) {
    // A bare name would be searched for in the system's folders; ours are always files.
    char local[1024];
    int length = snprintf(local, sizeof local, "%s%s", strchr(path, '/') ? "" : "./", path);
    if (length < 0 || (size_t)length >= sizeof local) {
        snprintf(error, error_capacity, "file name too long");
        return NULL;
    }
    void *library = dlopen(local, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char *text = dlerror();
        snprintf(error, error_capacity, "%s", text ? text : "unknown error");
    }
    return library;
}

void *tern__library_symbol(void *library, const char *name) {
    return dlsym(library, name);
}

void tern__library_close(void *library) {
    dlclose(library);
}

const char *tern__library_suffix(void) {
    return SUFFIX;
}

char tern__path_separator(void) {
    return ':';
}
