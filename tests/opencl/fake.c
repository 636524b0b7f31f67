#include "tests/opencl/fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/common/clock.h"

// Any OpenCL object.
typedef struct object {
    int references;
    char name[64];     // of a kernel
    char options[192]; // of a program, and its kernels
} object;

fake_driver fake;
int fake_kept;

static const char BINARY[] = "a compiled program";

enum { MOST_KEPT = 64, MOST_BYTES = 64 };

static struct {
    char name[1024];
    char bytes[MOST_BYTES];
    size_t size;
} kept[MOST_KEPT];
static tern_host host;
static tern_backend_instance instance;

static bool fails(void) {
    return ++fake.calls == fake.failing;
}

static cl_int result(void) {
    return fails() ? fake.code : CL_SUCCESS;
}

static void *create(cl_int *out_code) {
    *out_code = result();
    if (*out_code != CL_SUCCESS) {
        return NULL;
    }
    object *made = calloc(1, sizeof *made);
    if (!made) {
        abort();
    }
    made->references = 1;
    fake.alive++;
    return made;
}

static cl_int drop(void *thing) {
    object *made = thing;
    if (--made->references == 0) {
        fake.alive--;
        free(made);
    }
    return CL_SUCCESS;
}

static cl_context CL_API_CALL create_context(const cl_context_properties *properties, cl_uint count,
                                             const cl_device_id *devices,
                                             void(CL_CALLBACK *notify)(const char *, const void *,
                                                                       size_t, void *),
                                             void *user, cl_int *code) {
    (void)properties, (void)count, (void)devices, (void)notify, (void)user;
    return create(code);
}

static cl_int CL_API_CALL release_context(cl_context context) {
    return drop(context);
}

static cl_command_queue CL_API_CALL create_queue(cl_context context, cl_device_id device,
                                                 cl_command_queue_properties properties,
                                                 cl_int *code) {
    (void)context, (void)device, (void)properties;
    return create(code);
}

static cl_int CL_API_CALL release_queue(cl_command_queue queue) {
    return drop(queue);
}

static cl_mem CL_API_CALL create_buffer(cl_context context, cl_mem_flags flags, size_t size,
                                        void *memory, cl_int *code) {
    (void)context, (void)flags, (void)size, (void)memory;
    return create(code);
}

static cl_int CL_API_CALL release_memory(cl_mem memory) {
    return drop(memory);
}

static cl_program CL_API_CALL create_program(cl_context context, cl_uint count, const char **lines,
                                             const size_t *lengths, cl_int *code) {
    (void)context, (void)count, (void)lines, (void)lengths;
    fake.sources++;
    return create(code);
}

static cl_program CL_API_CALL create_from_binary(cl_context context, cl_uint count,
                                                 const cl_device_id *devices, const size_t *sizes,
                                                 const unsigned char **binaries,
                                                 cl_int *binary_code, cl_int *code) {
    (void)context, (void)count, (void)devices, (void)binaries;
    bool refused = fake.refuse_binaries || sizes[0] != sizeof BINARY;
    *binary_code = refused ? CL_INVALID_BINARY : CL_SUCCESS;
    fake.binaries += !refused;
    return create(code);
}

static cl_int CL_API_CALL program_info(cl_program program, cl_program_info what, size_t size,
                                       void *value, size_t *out_size) {
    (void)program, (void)size, (void)out_size;
    if (what == CL_PROGRAM_BINARY_SIZES) {
        *(size_t *)value = sizeof BINARY;
    } else {
        memcpy(*(unsigned char **)value, BINARY, sizeof BINARY);
    }
    return result();
}

static cl_int CL_API_CALL build_program(cl_program program, cl_uint count,
                                        const cl_device_id *devices, const char *options,
                                        void(CL_CALLBACK *notify)(cl_program, void *), void *user) {
    (void)count, (void)devices, (void)notify, (void)user;
    object *built = (object *)(void *)program;
    snprintf(built->options, sizeof built->options, "%s", options);
    return result();
}

static cl_int CL_API_CALL build_info(cl_program program, cl_device_id device,
                                     cl_program_build_info what, size_t size, void *value,
                                     size_t *out_size) {
    (void)program, (void)device, (void)what, (void)size, (void)value;
    if (out_size) {
        *out_size = 0;
    }
    return CL_SUCCESS;
}

static cl_int CL_API_CALL release_program(cl_program program) {
    return drop(program);
}

static cl_kernel CL_API_CALL create_kernel(cl_program program, const char *name, cl_int *code) {
    const object *built = (const object *)(const void *)program;
    object *kernel = create(code);
    if (kernel) {
        snprintf(kernel->options, sizeof kernel->options, "%s", built->options);
        snprintf(kernel->name, sizeof kernel->name, "%s", name);
    }
    return (cl_kernel)(void *)kernel;
}

static cl_int CL_API_CALL kernel_info(cl_kernel kernel, cl_device_id device,
                                      cl_kernel_work_group_info what, size_t size, void *value,
                                      size_t *out_size) {
    (void)kernel, (void)device, (void)what, (void)size, (void)out_size;
    *(size_t *)value = fake.crowded ? 64 : 1024;
    return result();
}

static cl_int CL_API_CALL set_argument(cl_kernel kernel, cl_uint index, size_t size,
                                       const void *value) {
    (void)kernel, (void)index, (void)size, (void)value;
    return result();
}

static cl_int CL_API_CALL release_kernel(cl_kernel kernel) {
    return drop(kernel);
}

static cl_int CL_API_CALL read_buffer(cl_command_queue queue, cl_mem memory, cl_bool blocking,
                                      size_t offset, size_t size, void *data, cl_uint count,
                                      const cl_event *events, cl_event *out_event) {
    (void)queue, (void)memory, (void)blocking, (void)offset, (void)count, (void)events;
    (void)out_event;
    memset(data, 0, size);
    return result();
}

static cl_int CL_API_CALL write_buffer(cl_command_queue queue, cl_mem memory, cl_bool blocking,
                                       size_t offset, size_t size, const void *data, cl_uint count,
                                       const cl_event *events, cl_event *out_event) {
    (void)queue, (void)memory, (void)blocking, (void)offset, (void)size, (void)data, (void)count;
    (void)events, (void)out_event;
    return result();
}

static cl_int CL_API_CALL fill_buffer(cl_command_queue queue, cl_mem memory, const void *pattern,
                                      size_t pattern_size, size_t offset, size_t size,
                                      cl_uint count, const cl_event *events, cl_event *out_event) {
    (void)queue, (void)memory, (void)pattern, (void)pattern_size, (void)offset, (void)size;
    (void)count, (void)events, (void)out_event;
    return result();
}

static cl_int CL_API_CALL launch(cl_command_queue queue, cl_kernel kernel, cl_uint dimensions,
                                 const size_t *offset, const size_t *global, const size_t *local,
                                 cl_uint count, const cl_event *events, cl_event *out_event) {
    (void)queue, (void)dimensions, (void)offset, (void)global, (void)local, (void)count;
    (void)events;
    const object *launched = (const object *)(const void *)kernel;
    cl_int code = result();
    if (fake.fast && !strstr(launched->options, fake.fast)) {
        tern_clock_rest();
    }
    if (code == CL_SUCCESS && fake.launch_count < FAKE_LAUNCHES) {
        fake.launches[fake.launch_count++] = launched->name;
    }
    if (code == CL_SUCCESS && out_event) {
        *out_event = create(&code);
    }
    return code;
}

static cl_int CL_API_CALL marker(cl_command_queue queue, cl_uint count, const cl_event *events,
                                 cl_event *out_event) {
    (void)queue, (void)count, (void)events;
    cl_int code = CL_SUCCESS;
    *out_event = create(&code);
    return code;
}

static cl_int CL_API_CALL wait_for(cl_uint count, const cl_event *events) {
    (void)count, (void)events;
    return result();
}

static cl_int CL_API_CALL event_info(cl_event event, cl_event_info what, size_t size, void *value,
                                     size_t *out_size) {
    (void)event, (void)what, (void)size, (void)out_size;
    *(cl_int *)value = CL_COMPLETE;
    return CL_SUCCESS;
}

static cl_int CL_API_CALL profiling_info(cl_event event, cl_profiling_info what, size_t size,
                                         void *value, size_t *out_size) {
    (void)event, (void)size, (void)out_size;
    *(cl_ulong *)value = what == CL_PROFILING_COMMAND_END ? FAKE_LAUNCH_NS : 0;
    return fake.clockless ? CL_PROFILING_INFO_NOT_AVAILABLE : result();
}

static cl_int CL_API_CALL retain_event(cl_event event) {
    ((object *)(void *)event)->references++;
    return CL_SUCCESS;
}

static cl_int CL_API_CALL release_event(cl_event event) {
    return drop(event);
}

static cl_int CL_API_CALL flush(cl_command_queue queue) {
    (void)queue;
    fake.flushes++;
    return result();
}

static cl_int CL_API_CALL finish(cl_command_queue queue) {
    (void)queue;
    return result();
}

static void *host_allocate(const tern_host *self, size_t size, size_t alignment) {
    (void)self, (void)alignment;
    void *memory = fails() ? NULL : malloc(size);
    fake.alive += memory != NULL;
    return memory;
}

static void host_release(const tern_host *self, void *memory) {
    (void)self;
    fake.alive -= memory != NULL;
    free(memory);
}

static void host_log(const tern_host *self, tern_log_level level, const char *text) {
    (void)self, (void)level, (void)text;
}

static tern_status host_fail(const tern_host *self, tern_status status, const char *text) {
    (void)self;
    snprintf(fake.message, sizeof fake.message, "%s", text);
    return status;
}

static const char *host_option(const tern_host *self, const char *name) {
    (void)self;
    if (strcmp(name, "TERN_OPENCL_KERNELS") == 0) {
        return fake.kernels ? fake.kernels : "";
    }
    return fake.timed && strcmp(name, "TERN_PROFILE") == 0 ? "1" : "";
}

static int32_t host_cache_read(const tern_host *self, const char *name, void **out_data,
                               size_t *out_size) {
    for (int i = 0; i < fake_kept; i++) {
        if (strcmp(kept[i].name, name) == 0) {
            void *data = host_allocate(self, kept[i].size, 64);
            if (data) {
                *out_data = memcpy(data, kept[i].bytes, kept[i].size);
                *out_size = kept[i].size;
            }
            return data != NULL;
        }
    }
    return 0;
}

static void host_cache_write(const tern_host *self, const char *name, const void *data,
                             size_t size) {
    (void)self;
    if (size <= MOST_BYTES && fake_kept < MOST_KEPT) {
        snprintf(kept[fake_kept].name, sizeof kept[0].name, "%s", name);
        memcpy(kept[fake_kept].bytes, data, size);
        kept[fake_kept++].size = size;
    }
}

static const tern_cl_library library = {
    .clCreateContext = create_context,
    .clReleaseContext = release_context,
    .clCreateCommandQueue = create_queue,
    .clReleaseCommandQueue = release_queue,
    .clCreateBuffer = create_buffer,
    .clReleaseMemObject = release_memory,
    .clCreateProgramWithSource = create_program,
    .clCreateProgramWithBinary = create_from_binary,
    .clGetProgramInfo = program_info,
    .clBuildProgram = build_program,
    .clGetProgramBuildInfo = build_info,
    .clReleaseProgram = release_program,
    .clCreateKernel = create_kernel,
    .clGetKernelWorkGroupInfo = kernel_info,
    .clSetKernelArg = set_argument,
    .clReleaseKernel = release_kernel,
    .clEnqueueReadBuffer = read_buffer,
    .clEnqueueWriteBuffer = write_buffer,
    .clEnqueueFillBuffer = fill_buffer,
    .clEnqueueNDRangeKernel = launch,
    .clEnqueueMarkerWithWaitList = marker,
    .clWaitForEvents = wait_for,
    .clGetEventInfo = event_info,
    .clGetEventProfilingInfo = profiling_info,
    .clRetainEvent = retain_event,
    .clReleaseEvent = release_event,
    .clFlush = flush,
    .clFinish = finish,
};

void fake_reset(int failing, cl_int code) {
    memset(&fake, 0, sizeof fake);
    fake.failing = failing;
    fake.code = code;
}

tern_backend_instance *fake_instance(void) {
    host = (tern_host){.struct_size = sizeof host,
                       .abi = TERN_ABI_VERSION,
                       .allocate = host_allocate,
                       .release = host_release,
                       .log = host_log,
                       .fail = host_fail,
                       .option = host_option,
                       .cache_read = host_cache_read,
                       .cache_write = host_cache_write};
    memset(&instance, 0, sizeof instance);
    instance.host = &host;
    instance.cl = library;
    instance.count = 1;
    instance.devices[0].compute_units = 4;
    instance.devices[0].group_items = 256;
    instance.devices[0].local_bytes = 32768;
    tern_device_info *info = &instance.devices[0].info;
    info->type = TERN_DEVICE_SOFTWARE; // whose kernels are not measured
    info->memory_bytes = (uint64_t)1 << 30;
    info->max_buffer_bytes = (uint64_t)1 << 28;
    snprintf(info->name, sizeof info->name, "fake");
    return &instance;
}
