// Copyright (c) 2026 the tern authors
// SPDX-License-Identifier: MIT
#ifndef TERN_DEVICE_H_
#define TERN_DEVICE_H_

#include <tern/context.h>
#include <tern/types.h>

/**
 * A device opened on a backend: a GPU, or the CPU. Everything that computes hangs on one.
 *
 * Ownership: tern_device_open gives it to the caller; close it after its buffers, weights, programs
 * and models.
 *
 * Threads: any thread, several at once; synchronised inside.
 */
typedef struct tern_device tern_device;

/** What kind of hardware a device is; the automatic choice prefers the upper ones. */
typedef uint32_t tern_device_type;

enum {
    TERN_DEVICE_DISCRETE = 1,   /**< a GPU with memory of its own */
    TERN_DEVICE_INTEGRATED = 2, /**< a GPU that shares the host's memory */
    TERN_DEVICE_CPU = 3,        /**< the processor, by native code */
    TERN_DEVICE_OTHER = 4,      /**< accelerators, virtual GPUs */
    TERN_DEVICE_SOFTWARE = 5,   /**< a GPU interface that runs on the processor */
    TERN_DEVICE_REFERENCE = 6   /**< the slow definition of every result */
};

/** Describes a device, opened or not. Plain data. Part of the plugin ABI. */
typedef struct tern_device_info {
    uint32_t struct_size; /**< set by the caller */
    uint32_t index;       /**< within its backend, as in TERN_BACKEND=vulkan:1 */
    tern_device_type type;
    tern_numerics numerics;    /**< UNKNOWN until opened */
    uint64_t memory_bytes;     /**< memory for buffers and weights; 0: unknown */
    uint64_t max_buffer_bytes; /**< largest buffer; 0: no limit but memory */
    char backend[64];
    char name[128];
    char driver[128];   /**< name and version of the driver */
    char features[256]; /**< what was found and is used, separated by spaces: "avx2", "int_dot" */
} tern_device_info;

/** First member of what a host passes down to one backend; see tern/vulkan.h. */
typedef struct tern_native {
    uint32_t struct_size;
    uint32_t kind; /**< which struct follows; each backend's header defines its own */
} tern_native;

/** How a device is chosen. Zero is a sensible value of every member. */
typedef struct tern_device_desc {
    uint32_t struct_size; /**< sizeof(tern_device_desc) */
    uint32_t flags;       /**< none yet: 0 */
    /** Comma list tried in order: "vulkan", "vulkan:1", "opencl:PoCL" (part of a device's name or
     * driver, in any case), "auto". Names are lower case; blanks around entries and empty entries
     * count for nothing. NULL or nothing in it: "auto". TERN_BACKEND, unless there is nothing in
     * it, goes before it, unless the context ignores the environment. */
    const char *backends;
    const tern_native *native; /**< a device the host already has; then TERN_BACKEND is not asked */
} tern_device_desc;

#define TERN_DEVICE_DESC_INIT                                                                      \
    { sizeof(tern_device_desc), 0, NULL, NULL }

/** What tern_device_measure finds out. */
typedef uint32_t tern_measure_kind;

enum {
    /** Bytes read from the device's memory, one after the other, by all of it: through more than
     * its caches hold, by the best way of reading that the backend knows. */
    TERN_MEASURE_READ = 1,
    TERN_MEASURE_INT8 = 2, /**< multiply-adds of 8-bit integers into 32-bit sums, in registers */
    TERN_MEASURE_F32 = 3   /**< multiply-adds of float32, in registers */
};

/** What a device can do at most. Plain data. Part of the plugin ABI. */
typedef struct tern_measurement {
    uint32_t struct_size; /**< set by the caller */
    tern_measure_kind kind;
    double rate;    /**< bytes or multiply-adds in a second; the best of several runs */
    uint64_t bytes; /**< READ: how much memory was read over and over; else 0 */
    char how[64];   /**< what reached it: "avx2, prefetch 4096 bytes ahead" */
} tern_measurement;

/** What a device has been asked for since it was opened, by everyone together. Only grows. Plain
 * data. Part of the plugin ABI. */
typedef struct tern_counters {
    uint32_t struct_size; /**< set by the caller */
    uint32_t reserved;
    uint64_t submits;    /**< how often work, copies included, was handed to the driver */
    uint64_t dispatches; /**< kernels in it */
    /** Nanoseconds inside the driver's functions, waits for the device included, while work was
     * handed over, waited for or copied: the rest of a run's time is the host's own. */
    uint64_t driver_ns;
} tern_counters;

TERN_BEGIN_DECLS

/** Describes device |index| of backend |backend| (both from 0) without opening it. OUT_OF_RANGE
 * past the end. */
TERN_API tern_status tern_context_device_describe(tern_context *context, uint32_t backend,
                                                  uint32_t index, tern_device_info *out_info);

/**
 * Chooses and opens a device. An explicit list that cannot be satisfied is an error, UNAVAILABLE,
 * whose message gives the reason for each entry and what is available; "auto" takes the best device
 * on offer and logs each one it skips. Opening runs the numerics probe: a device that is TOLERANT
 * is logged, and refused under TERN_NUMERICS=exact. |desc| NULL means all defaults.
 *
 * For the process: where an x86-64 processor has AMX, the cpu backend asks Linux for it, for good.
 * From then on sigaltstack() refuses stacks of 8 KiB; sysconf(_SC_SIGSTKSZ) bytes are enough. Where
 * one is too small already, Linux refuses, and the device does without.
 * TERN_CPU_MASK=avx512vbmi never asks.
 */
TERN_API tern_status tern_device_open(tern_context *context, const tern_device_desc *desc,
                                      tern_device **out_device);

/** Accepts NULL. Waits for work under way. */
TERN_API void tern_device_close(tern_device *device);

/** What was opened, numerics included. */
TERN_API tern_status tern_device_describe(tern_device *device, tern_device_info *out_info);

/** OK, or DEVICE_LOST once the device has stopped: from then on every call but destroying returns
 * that. */
TERN_API tern_status tern_device_status(tern_device *device);

/**
 * Measures what the device can do, by kernels of its own backend; for a benchmark that wants to
 * know which share of it an op reaches. Takes seconds, in which the device does nothing else, and
 * for READ memory well beyond the caches. UNSUPPORTED if the backend cannot, OUT_OF_MEMORY,
 * DEVICE_LOST.
 */
TERN_API tern_status tern_device_measure(tern_device *device, tern_measure_kind kind,
                                         tern_measurement *out_measurement);

/**
 * Reads the counters; for a benchmark that wants to know what a token costs the host. Any thread.
 * UNSUPPORTED if the backend counts nothing, as those without a driver; DEVICE_LOST.
 */
TERN_API tern_status tern_device_counters(tern_device *device, tern_counters *out_counters);

/** The context it was opened from. Borrowed. */
TERN_API tern_context *tern_device_context(tern_device *device);

TERN_END_DECLS

#endif
