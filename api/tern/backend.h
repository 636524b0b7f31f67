// Copyright (c) 2026 the tern authors
// SPDX-License-Identifier: MIT
#ifndef TERN_BACKEND_H_
#define TERN_BACKEND_H_

#include <tern/commands.h>

/**
 * The plugin ABI: all that a backend author reads besides types.h, ops.h and status.h. The backends
 * in the tree use nothing else. A plugin is a shared library that exports one symbol,
 * tern_backend_query, and needs no other symbol of ours: it reaches the host through tern_host.
 * backends/README.md walks through writing one; tern-conformance checks it.
 *
 * Rules for both sides
 * - struct_size comes first in every struct; whoever fills a struct sets it, whoever reads it looks
 *   at no member past it. Slots past a table's struct_size are NULL.
 * - Out-parameters are written on success only. Pointers in are borrowed for the call unless
 *   stated.
 * - A failing call reports its text once, through host->fail, and returns that status. No backend
 *   aborts, throws, prints or installs handlers.
 * - All host memory comes from host->allocate.
 * - The runtime has checked every descriptor, shape and range: a backend may assume them valid.
 * - In descriptors handed to a backend, every `buffer` and `weights` member holds the pointer that
 *   the backend's own buffer_create or weights_create gave; tern_op_buffer and tern_op_weights cast
 *   them.
 * - One device is called from one thread at a time, but for wait, which may come from others;
 *   different devices and instances from any. Weights are only read while they exist.
 */

/** The ABI of this header. A host asks for a range; a backend answers with one table of an ABI
 * within it. */
#define TERN_ABI_VERSION 1

typedef struct tern_backend_instance tern_backend_instance;
typedef struct tern_backend_device tern_backend_device;
typedef struct tern_backend_buffer tern_backend_buffer;
typedef struct tern_backend_weights tern_backend_weights;
typedef struct tern_backend_program tern_backend_program;

/** Services of the host. Valid as long as the instance it was given to. Threads: every function,
 * any thread. */
typedef struct tern_host {
    uint32_t struct_size;
    uint32_t abi;
    void *state; /**< the host's own */

    /** |size| bytes at |alignment| (a power of two up to 4096), or NULL; release accepts NULL. */
    void *(*allocate)(const struct tern_host *host, size_t size, size_t alignment);
    void (*release)(const struct tern_host *host, void *pointer);

    void (*log)(const struct tern_host *host, tern_log_level level, const char *message);

    /** Records |message| as the calling thread's error and logs it; returns |status|. */
    tern_status (*fail)(const struct tern_host *host, tern_status status, const char *message);

    /** The value in force of an option of the table in README.md, "" if unset, NULL if there is no
     * such option. */
    const char *(*option)(const struct tern_host *host, const char *name);

    /** How many threads to use; at least 1. */
    uint32_t (*thread_count)(const struct tern_host *host);

    /** The application's thread pool; NULL: it has none, make threads. */
    void (*parallel_for)(const struct tern_host *host, uint32_t tasks,
                         void (*fn)(void *user, uint32_t task), void *user);

    /** Operands of an op kind, NULL if the host knows no such op. */
    const tern_op_info *(*op_info)(const struct tern_host *host, tern_op_kind kind);

    /** What cache_write kept under |name|, by this process or an earlier one: non-zero, and
     * *out_data from allocate, which the caller releases. Zero without a word where there is
     * nothing, where it is damaged and where nothing may be kept: whoever asks can make it again.
     */
    int32_t (*cache_read)(const struct tern_host *host, const char *name, void **out_data,
                          size_t *out_size);
    /** Keeps a copy of |data|, up to 256 MiB, in the user's cache folder (TERN_CACHE), in the place
     * of what had the name; or does nothing, if it cannot. |name| is any text up to 1023 bytes that
     * tells apart all that the content depends on: backend, device, driver, a hash of the sources.
     */
    void (*cache_write)(const struct tern_host *host, const char *name, const void *data,
                        size_t size);
} tern_host;

/** A matrix to make ready: dtype t2, f32, f16, bf16 or q8_0, values already checked and canonical.
 */
typedef struct tern_backend_weights_desc {
    uint32_t struct_size;
    uint32_t reserved;
    tern_weights_info info;
    tern_rows_fn read; /**< any number of rows a call, ascending, each row once */
    void *user;
    const char *name;
} tern_backend_weights_desc;

/** A list to compile. Everything is borrowed for the call, but the buffers and weights that ops
 * name stay alive as long as the program. */
typedef struct tern_backend_program_desc {
    uint32_t struct_size;
    uint32_t count;
    const tern_op_header *const *ops;
    tern_tensor params; /**< the parameter block, i32 [words]; buffer NULL if there is none */
} tern_backend_program_desc;

/** What a backend implements, in the order in which a host needs it. */
typedef struct tern_backend_ops {
    uint32_t struct_size;
    uint32_t reserved;

    /* Required: instance. */

    /** Loads what the backend needs and finds its devices. UNAVAILABLE, with the reason, if there
     * is no driver or no device; cheap enough to be called just to list devices. |host| outlives
     * the instance. */
    tern_status (*instance_create)(const tern_host *host, tern_backend_instance **out_instance);
    void (*instance_destroy)(tern_backend_instance *instance);
    uint32_t (*device_count)(tern_backend_instance *instance);
    /** Fills everything but backend and numerics. Does not open the device. */
    tern_status (*device_describe)(tern_backend_instance *instance, uint32_t index,
                                   tern_device_info *out_info);

    /* Required: device and memory. */

    /** |native| NULL: opens device |index|. Otherwise a device of the host, UNSUPPORTED if its kind
     * is not known. */
    tern_status (*device_open)(tern_backend_instance *instance, uint32_t index,
                               const tern_native *native, tern_backend_device **out_device);
    void (*device_close)(tern_backend_device *device);
    /** |size| zeroed bytes. */
    tern_status (*buffer_create)(tern_backend_device *device, uint64_t size,
                                 tern_backend_buffer **out_buffer);
    void (*buffer_destroy)(tern_backend_device *device, tern_backend_buffer *buffer);
    /** Ordered with submits; both return when |data| is done with. */
    tern_status (*buffer_upload)(tern_backend_device *device, tern_backend_buffer *buffer,
                                 uint64_t offset, const void *data, uint64_t size);
    tern_status (*buffer_download)(tern_backend_device *device, tern_backend_buffer *buffer,
                                   uint64_t offset, void *data, uint64_t size);

    /* Required: weights. */

    /** UNSUPPORTED if no op of this backend can use them: the host then keeps them for the
     * reference backend. */
    tern_status (*weights_create)(tern_backend_device *device,
                                  const tern_backend_weights_desc *desc,
                                  tern_backend_weights **out_weights);
    void (*weights_destroy)(tern_backend_device *device, tern_backend_weights *weights);
    /** Gives canonical rows again, bit for bit, as tern_rows_fn does; |scales| NULL when the kind
     * has none. */
    tern_status (*weights_export)(tern_backend_device *device, tern_backend_weights *weights,
                                  uint32_t first, uint32_t count, void *codes, float *scales);

    /* Required: programs. */

    /** Non-zero if this device can do exactly this op: kind, types, shapes, weights. A kind, type
     * or flag that is not known is answered 0. */
    int32_t (*supports)(tern_backend_device *device, const tern_op_header *op);
    /** Makes a program of ops that supports() has all accepted. Fusing and barriers are up to the
     * backend. */
    tern_status (*compile)(tern_backend_device *device, const tern_backend_program_desc *desc,
                           tern_backend_program **out_program);
    /** Called only when no run of it is pending. */
    void (*program_destroy)(tern_backend_device *device, tern_backend_program *program);
    /** Queues a run: first the parameters (if any) are copied into the block, then the ops run,
     * after everything submitted before. Allocates nothing. |*out_ticket| grows with every submit
     * of the device, from 1. A backend that runs ops during the call asks |desc->stop| (if any)
     * between them; once it is non-zero no further op starts and the call returns CANCELLED,
     * without a report: tensors that ops not run to their end write have any content. */
    tern_status (*submit)(tern_backend_device *device, tern_backend_program *program,
                          const tern_submit_desc *desc, uint64_t *out_ticket);
    /** As tern_fence_wait. */
    tern_status (*wait)(tern_backend_device *device, uint64_t ticket, uint64_t timeout_ns);

    /* Optional. */

    /** The buffer's memory, as long as the buffer lives and valid while no run is pending. NULL
     * slot, or NULL returned: not visible to the host, which copies through upload and download. */
    void *(*buffer_map)(tern_backend_device *device, tern_backend_buffer *buffer);
    /** A buffer over |size| bytes of the host's memory at a multiple of 64, which outlives it;
     * nothing is copied. NULL slot: not possible. */
    tern_status (*buffer_wrap)(tern_backend_device *device, void *memory, uint64_t size,
                               tern_backend_buffer **out_buffer);
    /** Writes the name of the kernel that op |index| became. NULL slot: the host reports the
     * backend's name. */
    void (*program_kernel)(tern_backend_device *device, tern_backend_program *program,
                           uint32_t index, char *out_name, uint32_t capacity);
    /** As device_describe, for an open device: the only way to know one of the host's. NULL slot:
     *  such a device is called "the host's device". */
    tern_status (*device_info)(tern_backend_device *device, tern_device_info *out_info);
    /** OK or DEVICE_LOST, without waiting. NULL slot: the device is never lost. */
    tern_status (*device_status)(tern_backend_device *device);
    /** As tern_device_measure; fills rate, bytes and how. UNSUPPORTED for a kind that is not known.
     * NULL slot: nothing can be measured. */
    tern_status (*measure)(tern_backend_device *device, tern_measure_kind kind,
                           tern_measurement *out_measurement);
    /** How many nanoseconds each op of the list has taken since it was compiled; a fused group's
     * time stands at its first op, the others have 0. Called only while no run of it is pending.
     * Ops are timed on a device that was opened while the option TERN_PROFILE was "1";
     * |*out_clock| is NONE where they were not, and |out_ns| then means nothing. NULL slot: never
     * timed. */
    tern_status (*program_times)(tern_backend_device *device, tern_backend_program *program,
                                 uint64_t *out_ns, tern_clock *out_clock);
    /** As tern_device_counters; fills all but struct_size. NULL slot: nothing is counted. */
    void (*counters)(tern_backend_device *device, tern_counters *out_counters);
} tern_backend_ops;

enum {
    /** Ops that supports() refuses may run on the reference backend between segments. Without it
       they are errors. */
    TERN_BACKEND_FALLBACK = 1u << 0,
    /** This backend is the definition of every result. Only ours, called "reference", sets it. */
    TERN_BACKEND_REFERENCE = 1u << 1
};

/** A backend. Static and immutable. */
typedef struct tern_backend {
    uint32_t struct_size;
    uint32_t abi;   /**< which this table speaks */
    uint32_t flags; /**< TERN_BACKEND_* */
    uint32_t reserved;
    const char *name;        /**< what TERN_BACKEND matches: a lower-case word */
    const char *description; /**< one line for `tern devices` */
    const tern_backend_ops *ops;
} tern_backend;

/**
 * The one symbol a plugin exports, under the name "tern_backend_query": the table for the newest
 * ABI in [min_abi, max_abi] that the backend speaks, or NULL. Pure: no allocation, no driver call,
 * no logging; it may be called only to list what is installed.
 */
typedef const tern_backend *(*tern_backend_query_fn)(uint32_t min_abi, uint32_t max_abi);

#define TERN_BACKEND_QUERY_SYMBOL "tern_backend_query"

/** The handle in a tensor of a descriptor that was handed to a backend. */
static inline tern_backend_buffer *tern_op_buffer(const tern_tensor *tensor) {
    return (tern_backend_buffer *)(void *)tensor->buffer;
}

/** Likewise for weights. */
static inline tern_backend_weights *tern_op_weights(tern_weights *weights) {
    return (tern_backend_weights *)(void *)weights;
}

TERN_BEGIN_DECLS

/** Registers a backend linked into the application. INCOMPATIBLE names what its table lacks. */
TERN_API tern_status tern_context_register(tern_context *context, tern_backend_query_fn query);

TERN_END_DECLS

#endif
