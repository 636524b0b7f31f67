#include "backends/common/library.h"

#include <stdio.h>
#include <string.h>

#ifdef _WIN32
#include <windows.h>

void *tern_library_open(const char *name, char *out_reason, size_t capacity) {
    HMODULE library = LoadLibraryA(name);
    if (!library) {
        snprintf(out_reason, capacity, "error %lu", (unsigned long)GetLastError());
    }
    return (void *)library;
}

void *tern_library_present(const char *symbol) {
    (void)symbol; // Windows asks each library by name
    return NULL;
}

tern_library_fn tern_library_symbol(void *library, const char *name) {
    return (tern_library_fn)GetProcAddress((HMODULE)library, name);
}

void tern_library_close(void *library) {
    FreeLibrary((HMODULE)library);
}

#else
#include <dlfcn.h>

void *tern_library_open(const char *name, char *out_reason, size_t capacity) {
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char *reason = dlerror();
        snprintf(out_reason, capacity, "%s", reason ? reason : "unknown error");
    }
    return library;
}

void *tern_library_present(const char *symbol) {
    void *process = dlopen(NULL, RTLD_NOW);
    if (process && !dlsym(process, symbol)) {
        dlclose(process);
        process = NULL;
    }
    return process;
}

tern_library_fn tern_library_symbol(void *library, const char *name) {
    // C has no conversion from an object pointer to a function pointer.
    void *address = dlsym(library, name);
    tern_library_fn symbol;
    memcpy(&symbol, &address, sizeof symbol);
    return symbol;
}

void tern_library_close(void *library) {
    dlclose(library);
}

#endif
