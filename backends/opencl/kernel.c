#include "backends/opencl/kernel.h"

#include <stdio.h>
#include <string.h>

#include "backends/common/choice.h"
#include "backends/common/report.h"
#include "backends/opencl/binary.h"
#include "shaders/opencl_kernels.h"

static const tern_cl_source *find_source(const char *name) {
    for (const tern_cl_source *source = tern_cl_sources; source->name; source++) {
        if (strcmp(source->name, name) == 0) {
            return source;
        }
    }
    return NULL;
}

uint64_t tern_cl_source_hash(const char *name) {
    const tern_cl_source *source = find_source(name);
    uint64_t hash = TERN_CHOICE_HASH;
    for (size_t i = 0; source && i < source->count; i++) {
        hash = tern_choice_hash(hash, source->lines[i], strlen(source->lines[i]));
    }
    return hash;
}

static void log_build(tern_backend_device *device, cl_program program, const char *source) {
    size_t size = 0;
    cl_device_id id = device->candidate->id;
    device->cl->clGetProgramBuildInfo(program, id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size);
    char *text = tern_report_calloc(device->host, size + 1, 1);
    if (text) {
        device->cl->clGetProgramBuildInfo(program, id, CL_PROGRAM_BUILD_LOG, size, text, NULL);
        tern_report_log(device->host, TERN_LOG_ERROR,
                        "opencl: the compiler's words on %s.cl:", source);
        device->host->log(device->host, TERN_LOG_ERROR, text);
    }
    device->host->release(device->host, text);
}

// A compiler that lacks memory says nothing of the source.
static tern_status refused(tern_backend_device *device, cl_program program, cl_int code,
                           const char *source, const char *options) {
    if (code == CL_OUT_OF_HOST_MEMORY || code == CL_OUT_OF_RESOURCES) {
        return tern_cl_check(device, code, "clBuildProgram");
    }
    log_build(device, program, source);
    return tern_report_fail(device->host, TERN_STATUS_UNSUPPORTED,
                            "opencl device '%s': its compiler refuses %s.cl (%s): %s (%d)",
                            device->candidate->info.name, source, options, tern_cl_error_name(code),
                            (int)code);
}

static tern_status build_source(tern_backend_device *device, const tern_cl_source *source,
                                const char *options, cl_program *out_program) {
    cl_int code = CL_SUCCESS;
    cl_device_id id = device->candidate->id;
    // The strings are only read, whatever the parameter's type says.
    cl_program program =
        device->cl->clCreateProgramWithSource(device->context, (cl_uint)source->count,
                                              (const char **)(uintptr_t)source->lines, NULL, &code);
    TERN_TRY(tern_cl_check(device, code, "clCreateProgramWithSource"));
    code = device->cl->clBuildProgram(program, 1, &id, options, NULL, NULL);
    if (code != CL_SUCCESS) {
        tern_status status = refused(device, program, code, source->name, options);
        device->cl->clReleaseProgram(program);
        return status;
    }
    *out_program = program;
    return TERN_STATUS_OK;
}

// From what an earlier start kept, or from the source.
static tern_status build(tern_backend_device *device, const tern_cl_kernel_name *name,
                         cl_program *out_program) {
    const tern_cl_source *source = find_source(name->source);
    if (!source) {
        return tern_report_fail(device->host, TERN_STATUS_INTERNAL,
                                "opencl: there is no kernel file %s.cl", name->source);
    }
    char options[TERN_CL_OPTIONS + 16];
    char kind[sizeof options + 16];
    char kept[TERN_CL_BINARY_NAME];
    snprintf(options, sizeof options, "-cl-std=%s %s",
             device->candidate->integer_dot ? "CL3.0" : "CL1.2", name->options);
    snprintf(kind, sizeof kind, "program, %s", options);
    tern_cl_binary_name(device, kind, tern_cl_source_hash(name->source), kept);
    *out_program = tern_cl_binary_load(device, kept, options);
    if (*out_program) {
        return TERN_STATUS_OK;
    }
    TERN_TRY(build_source(device, source, options, out_program));
    tern_cl_binary_keep(device, kept, *out_program);
    return TERN_STATUS_OK;
}

static tern_status find_program(tern_backend_device *device, const tern_cl_kernel_name *name,
                                cl_program *out_program) {
    for (uint32_t i = 0; i < device->program_count; i++) {
        const tern_cl_program *entry = &device->programs[i];
        if (!strcmp(entry->source, name->source) && !strcmp(entry->options, name->options)) {
            *out_program = entry->program;
            return TERN_STATUS_OK;
        }
    }
    if (device->program_count == TERN_CL_MAX_PROGRAMS) {
        return tern_report_fail(device->host, TERN_STATUS_INTERNAL,
                                "opencl: more than %d variants of kernel files",
                                TERN_CL_MAX_PROGRAMS);
    }
    TERN_TRY(build(device, name, out_program));
    tern_cl_program *entry = &device->programs[device->program_count++];
    entry->source = name->source;
    snprintf(entry->options, sizeof entry->options, "%s", name->options);
    entry->program = *out_program;
    return TERN_STATUS_OK;
}

tern_status tern_cl_kernel_create(tern_backend_device *device, const tern_cl_kernel_name *name,
                                  cl_kernel *out_kernel) {
    cl_program program = NULL;
    TERN_TRY(find_program(device, name, &program));
    cl_int code = CL_SUCCESS;
    cl_kernel kernel = device->cl->clCreateKernel(program, name->function, &code);
    TERN_TRY(tern_cl_check(device, code, name->function));
    *out_kernel = kernel;
    return TERN_STATUS_OK;
}

void tern_cl_programs_finish(tern_backend_device *device) {
    for (uint32_t i = 0; i < device->program_count; i++) {
        device->cl->clReleaseProgram(device->programs[i].program);
    }
    device->program_count = 0;
}
