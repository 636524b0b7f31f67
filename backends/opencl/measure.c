#include "backends/opencl/measure.h"

#include <stdio.h>
#include <string.h>

#include "backends/common/clock.h"
#include "backends/common/report.h"
#include "backends/opencl/buffer.h"
#include "backends/opencl/kernel.h"
#include "backends/opencl/variant.h"

// Memory that a read goes through, if the device has eight times as much: backends/cpu/measure.c
// says why.
static const uint64_t read_bytes = 1ull << 30;

enum {
    CHUNK_BYTES = 64 << 10, // of a work-item of a processor
    LANE_ITEMS = 1 << 17,   // of a read
    PASSES = 6,
    PEAK_ITEMS = 1 << 14,
    PEAK_NS = 20000000, // of one pass
    CHAINS = 12         // of measure.cl
};

// A kernel on its way through some sizes.
typedef struct trial {
    tern_backend_device *device;
    cl_kernel kernel;
    tern_cl_memory out;
    size_t items;
    size_t local;
} trial;

static void trial_finish(trial *t) {
    if (t->kernel) {
        t->device->cl->clReleaseKernel(t->kernel);
    }
    tern_cl_memory_destroy(t->device, &t->out);
}

static tern_status trial_init(trial *t, tern_backend_device *device, const char *function,
                              const char *options) {
    const tern_cl_kernel_name name = {"measure", options, function};
    *t = (trial){.device = device, .items = t->items, .local = t->local};
    TERN_TRY(tern_cl_kernel_create(device, &name, &t->kernel));
    return tern_cl_memory_create(device, t->items * sizeof(int32_t), "a measurement", &t->out);
}

static tern_status set_arg(const trial *t, cl_uint index, size_t size, const void *value) {
    cl_int code = t->device->cl->clSetKernelArg(t->kernel, index, size, value);
    return tern_cl_check(t->device, code, "clSetKernelArg");
}

// Nanoseconds of one launch, by the host's clock.
static tern_status run_once(const trial *t, uint64_t *out_ns) {
    tern_backend_device *device = t->device;
    uint64_t start = tern_clock_ns();
    cl_int code = device->cl->clEnqueueNDRangeKernel(device->queue, t->kernel, 1, NULL, &t->items,
                                                     &t->local, 0, NULL, NULL);
    TERN_TRY(tern_cl_check(device, code, "a measuring kernel"));
    TERN_TRY(tern_cl_check(device, device->cl->clFinish(device->queue), "clFinish"));
    uint64_t ns = tern_clock_ns() - start;
    *out_ns = ns ? ns : 1;
    return TERN_STATUS_OK;
}

static tern_status best_of(const trial *t, uint64_t *out_ns) {
    uint64_t ns = 0;
    TERN_TRY(run_once(t, out_ns)); // compiles, on some drivers
    for (int i = 0; i < PASSES; i++) {
        TERN_TRY(run_once(t, &ns));
        *out_ns = ns < *out_ns ? ns : *out_ns;
    }
    return TERN_STATUS_OK;
}

static const char *unit_options(const tern_backend_device *device) {
    if (tern_cl_names_vectors(device)) {
        return "-DVECTOR_UNITS -DPADDED";
    }
    return device->candidate->integer_dot ? "-DINTEGER_DOT -DPADDED" : "-DPACKED";
}

static void write_options(const tern_backend_device *device, uint32_t ahead, char *out_options) {
    snprintf(out_options, TERN_CL_OPTIONS, "%s -DBYTES=%u -DAHEAD=%u", unit_options(device),
             device->candidate->vector_bytes, ahead);
}

static tern_status read_ahead(tern_backend_device *device, const tern_cl_memory *memory,
                              uint32_t ahead, uint64_t *out_ns) {
    bool vectors = tern_cl_names_vectors(device);
    char options[TERN_CL_OPTIONS];
    write_options(device, ahead, options);
    trial t = {.items = vectors ? (size_t)(memory->size / CHUNK_BYTES) : LANE_ITEMS,
               .local = vectors ? 1 : TERN_CL_GROUP};
    uint32_t count = vectors ? CHUNK_BYTES / 64 : (uint32_t)(memory->size / 16 / LANE_ITEMS);
    tern_status status = trial_init(&t, device, "measure_read", options);
    if (status == TERN_STATUS_OK) {
        status = set_arg(&t, 0, sizeof memory->mem, &memory->mem);
    }
    if (status == TERN_STATUS_OK) {
        status = set_arg(&t, 1, sizeof count, &count);
    }
    if (status == TERN_STATUS_OK) {
        status = set_arg(&t, 2, sizeof t.out.mem, &t.out.mem);
    }
    if (status == TERN_STATUS_OK) {
        status = best_of(&t, out_ns);
    }
    trial_finish(&t);
    return status;
}

static tern_status read_memory(tern_backend_device *device, const tern_cl_memory *memory,
                               tern_measurement *out) {
    static const uint32_t distances[] = {0, 1024, 4096, 8192};
    bool vectors = tern_cl_names_vectors(device);
    uint64_t best = UINT64_MAX;
    uint32_t best_ahead = 0;
    for (size_t i = 0; i < (vectors ? sizeof distances / sizeof distances[0] : 1); i++) {
        uint64_t ns = 0;
        TERN_TRY(read_ahead(device, memory, distances[i], &ns));
        if (ns < best) {
            best = ns;
            best_ahead = distances[i];
        }
    }
    out->bytes = memory->size;
    out->rate = (double)memory->size * 1e9 / (double)best;
    const char *items = vectors ? "vectors of work-items" : "neighbouring work-items";
    if (best_ahead) {
        snprintf(out->how, sizeof out->how, "%s, prefetch %u bytes ahead", items, best_ahead);
    } else {
        snprintf(out->how, sizeof out->how, "%s, plain loads", items);
    }
    return TERN_STATUS_OK;
}

static tern_status measure_read(tern_backend_device *device, tern_measurement *out) {
    uint64_t bytes = device->memory_bytes / 8;
    bytes = bytes < read_bytes ? bytes : read_bytes;
    bytes = bytes < device->max_buffer_bytes ? bytes : device->max_buffer_bytes;
    bytes = bytes / ((uint64_t)LANE_ITEMS * 16) * LANE_ITEMS * 16;
    tern_cl_memory memory = {NULL, 0};
    TERN_TRY(tern_cl_memory_create(device, bytes, "measuring how fast it is read", &memory));
    tern_status status = read_memory(device, &memory, out);
    tern_cl_memory_destroy(device, &memory);
    return status;
}

static tern_status run_peak(trial *t, uint32_t macs, tern_measurement *out) {
    uint32_t rounds = 64;
    uint64_t ns = 0;
    TERN_TRY(set_arg(t, 1, sizeof t->out.mem, &t->out.mem));
    do {
        rounds *= 2;
        TERN_TRY(set_arg(t, 0, sizeof rounds, &rounds));
        TERN_TRY(best_of(t, &ns));
    } while (ns < PEAK_NS && rounds < 1u << 24);
    out->bytes = 0;
    out->rate = (double)macs * rounds * CHAINS * (double)t->items * 1e9 / (double)ns;
    return TERN_STATUS_OK;
}

static tern_status measure_peak(tern_backend_device *device, bool integers, tern_measurement *out) {
    const tern_cl_candidate *candidate = device->candidate;
    bool vectors = tern_cl_names_vectors(device);
    char options[TERN_CL_OPTIONS];
    write_options(device, 0, options);
    uint32_t macs = vectors ? 16 : 1; // of a chain and round
    const char *how = vectors ? "vectors of 16, multiply and add" : "multiply and add";
    if (integers) {
        macs = vectors ? 64 : candidate->integer_dot ? 4 : 2;
        how = vectors                  ? "pairs of bytes to 16 bits"
              : candidate->integer_dot ? "integer dot product"
                                       : "two products in a word";
    }
    trial t = {.items = vectors ? PEAK_ITEMS / 64 : PEAK_ITEMS,
               .local = vectors ? 1 : TERN_CL_GROUP};
    tern_status status = trial_init(&t, device, integers ? "measure_int8" : "measure_f32", options);
    if (status == TERN_STATUS_OK) {
        status = run_peak(&t, macs, out);
    }
    trial_finish(&t);
    if (status == TERN_STATUS_OK) {
        snprintf(out->how, sizeof out->how, "%s", how);
    }
    return status;
}

tern_status tern_cl_measure(tern_backend_device *device, tern_measure_kind kind,
                            tern_measurement *out_measurement) {
    switch (kind) {
    case TERN_MEASURE_READ:
        return measure_read(device, out_measurement);
    case TERN_MEASURE_INT8:
    case TERN_MEASURE_F32:
        return measure_peak(device, kind == TERN_MEASURE_INT8, out_measurement);
    default:
        return tern_report_fail(device->host, TERN_STATUS_UNSUPPORTED,
                                "opencl: measures no kind %u", kind);
    }
}

void tern_cl_counters(tern_backend_device *device, tern_counters *out_counters) {
    tern_meter_read(&device->meter, out_counters);
}
