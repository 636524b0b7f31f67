// The OpenCL loader, opened while the program runs: one table per instance, nothing process-wide.
#ifndef TERN_OPENCL_LOADER_H_
#define TERN_OPENCL_LOADER_H_

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <CL/cl_icd.h>

#include <tern/backend.h>

typedef struct tern_cl_library {
    void *handle;
#define TERN_CL_FUNCTION(name) cl_api_##name name;
#include "backends/opencl/functions.inc"
#undef TERN_CL_FUNCTION
} tern_cl_library;

// UNAVAILABLE if there is no loader, INCOMPATIBLE if it lacks a function.
tern_status tern_cl_library_open(const tern_host *host, tern_cl_library *out_library);
// Accepts what was never opened.
void tern_cl_library_close(tern_cl_library *library);

#endif
