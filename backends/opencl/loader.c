#include "backends/opencl/loader.h"

#include <stdbool.h>
#include <string.h>

#include "backends/common/library.h"
#include "backends/common/report.h"

#if defined(_WIN32)
static const char *const default_names[] = {"OpenCL.dll", NULL};
#elif defined(__APPLE__)
static const char *const default_names[] = {"/System/Library/Frameworks/OpenCL.framework/OpenCL",
                                            NULL};
#else
static const char *const default_names[] = {"libOpenCL.so.1", "libOpenCL.so", NULL};
#endif

enum { REASON_CAPACITY = 256 };

static void *open_first(const char *const *names, char *out_reason) {
    void *handle = tern_library_present("clGetPlatformIDs");
    for (size_t i = 0; names[i] && !handle; i++) {
        handle = tern_library_open(names[i], out_reason, REASON_CAPACITY);
    }
    return handle;
}

static tern_status load_function(const tern_host *host, void *handle, const char *name,
                                 void *out_function) {
    tern_library_fn symbol = tern_library_symbol(handle, name);
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
    char reason[REASON_CAPACITY] = "";
    out_library->handle = given ? tern_library_open(wanted, reason, sizeof reason)
                                : open_first(default_names, reason);
    if (!out_library->handle) {
        return tern_report_fail(host, TERN_STATUS_UNAVAILABLE,
                                "opencl: no loader, install an OpenCL driver: %s", reason);
    }
    tern_status status = load_functions(host, out_library);
    if (status != TERN_STATUS_OK) {
        tern_cl_library_close(out_library);
    }
    return status;
}

void tern_cl_library_close(tern_cl_library *library) {
    if (library->handle) {
        tern_library_close(library->handle);
        library->handle = NULL;
    }
}
