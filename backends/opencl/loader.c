#include "backends/opencl/loader.h"

#include <stdbool.h>
#include <string.h>

#include "backends/common/report.h"

#ifdef _WIN32
#include <windows.h>

static const char *const default_names[] = {"OpenCL.dll", NULL};

static void *library_open(const char *name) {
    return (void *)LoadLibraryA(name);
}

static void *library_present(void) {
    return NULL;
}

static void *library_symbol(void *handle, const char *name) {
    return (void *)GetProcAddress((HMODULE)handle, name);
}

static void library_close(void *handle) {
    FreeLibrary((HMODULE)handle);
}

uint64_t tern_cl_clock(void) {
    return GetTickCount64() * 1000000u;
}

void tern_cl_rest(void) {
    Sleep(1);
}
#else
#include <dlfcn.h>
#include <time.h>

#ifdef __APPLE__
static const char *const default_names[] = {"/System/Library/Frameworks/OpenCL.framework/OpenCL",
                                            NULL};
#else
static const char *const default_names[] = {"libOpenCL.so.1", "libOpenCL.so", NULL};
#endif

static void *library_open(const char *name) {
    return dlopen(name, RTLD_NOW | RTLD_LOCAL);
}

// What the process has already: an application's own loader, or a checker that was preloaded.
static void *library_present(void) {
    void *handle = dlopen(NULL, RTLD_NOW);
    if (handle && !dlsym(handle, "clGetPlatformIDs")) {
        dlclose(handle);
        handle = NULL;
    }
    return handle;
}

static void *library_symbol(void *handle, const char *name) {
    return dlsym(handle, name);
}

static void library_close(void *handle) {
    dlclose(handle);
}

uint64_t tern_cl_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void tern_cl_rest(void) {
    struct timespec rest = {0, 50000};
    nanosleep(&rest, NULL);
}
#endif

static void *open_first(const char *const *names) {
    void *handle = library_present();
    for (size_t i = 0; names[i] && !handle; i++) {
        handle = library_open(names[i]);
    }
    return handle;
}

static tern_status load_function(const tern_host *host, void *handle, const char *name,
                                 void *out_function) {
    void *symbol = library_symbol(handle, name);
    if (!symbol) {
        return tern_report_fail(host, TERN_STATUS_INCOMPATIBLE,
                                "opencl: the loader has no %s; OpenCL 1.2 is needed", name);
    }
    memcpy(out_function, &symbol, sizeof symbol);
    return TERN_STATUS_OK;
}

static tern_status load_functions(const tern_host *host, tern_cl_library *library) {
#define TERN_CL_FUNCTION(name)                                                                     \
    TERN_TRY(load_function(host, library->handle, #name, &library->name));
#include "backends/opencl/functions.inc"
#undef TERN_CL_FUNCTION
    return TERN_STATUS_OK;
}

tern_status tern_cl_library_open(const tern_host *host, tern_cl_library *out_library) {
    memset(out_library, 0, sizeof *out_library);
    const char *wanted = host->option(host, "TERN_OPENCL_LIBRARY");
    bool given = wanted && wanted[0];
    out_library->handle = given ? library_open(wanted) : open_first(default_names);
    if (!out_library->handle) {
        return tern_report_fail(host, TERN_STATUS_UNAVAILABLE,
                                "opencl: no loader: cannot open %s; install an OpenCL driver",
                                given ? wanted : default_names[0]);
    }
    tern_status status = load_functions(host, out_library);
    if (status != TERN_STATUS_OK) {
        tern_cl_library_close(out_library);
    }
    return status;
}

void tern_cl_library_close(tern_cl_library *library) {
    if (library->handle) {
        library_close(library->handle);
        library->handle = NULL;
    }
}
