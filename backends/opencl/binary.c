#include "backends/opencl/binary.h"

#include <stdio.h>

#include "backends/common/cache.h"
#include "backends/common/report.h"

void tern_cl_binary_name(const tern_backend_device *device, const char *kind, uint64_t hash,
                         char out_name[TERN_CL_BINARY_NAME]) {
    const tern_cl_candidate *candidate = device->candidate;
    snprintf(out_name, TERN_CL_BINARY_NAME, "opencl %s; %s; %s; %s; %016llx", kind,
             candidate->info.name, candidate->info.driver, candidate->version,
             (unsigned long long)hash);
}

static cl_program build_binary(tern_backend_device *device, const unsigned char *data, size_t size,
                               const char *options) {
    const tern_cl_library *cl = device->cl;
    cl_device_id id = device->candidate->id;
    cl_int code = CL_SUCCESS;
    cl_int binary_code = CL_SUCCESS;
    cl_program program =
        cl->clCreateProgramWithBinary(device->context, 1, &id, &size, &data, &binary_code, &code);
    if (code == CL_SUCCESS && binary_code == CL_SUCCESS &&
        cl->clBuildProgram(program, 1, &id, options, NULL, NULL) == CL_SUCCESS) {
        return program;
    }
    if (program) {
        cl->clReleaseProgram(program);
    }
    return NULL;
}

cl_program tern_cl_binary_load(tern_backend_device *device, const char *name, const char *options) {
    const tern_host *host = device->host;
    void *data = NULL;
    size_t size = 0;
    if (!tern_cache_is_there(host) || !host->cache_read(host, name, &data, &size)) {
        return NULL;
    }
    cl_program program = build_binary(device, data, size, options);
    host->release(host, data);
    if (!program) {
        tern_report_log(host, TERN_LOG_INFO,
                        "opencl device '%s': its driver refuses what was kept in the cache",
                        device->candidate->info.name);
    }
    return program;
}

void tern_cl_binary_keep(tern_backend_device *device, const char *name, cl_program program) {
    const tern_host *host = device->host;
    const tern_cl_library *cl = device->cl;
    size_t size = 0;
    if (!tern_cache_is_there(host) ||
        cl->clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL) !=
            CL_SUCCESS ||
        size == 0) {
        return;
    }
    unsigned char *data = host->allocate(host, size, 64);
    if (data && cl->clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof data, &data, NULL) ==
                    CL_SUCCESS) {
        host->cache_write(host, name, data, size);
    }
    host->release(host, data);
}
