// Copyright (c) 2026 the tern authors
// SPDX-License-Identifier: MIT
#ifndef TERN_COMMANDS_H_
#define TERN_COMMANDS_H_

#include <tern/ops.h>

/**
 * A list of ops, the program a backend makes of it, and fences. Write a list once, submit it often.
 *
 *     tern_commands_create, tern_cmd_<op> ..., tern_commands_finish   once
 *     tern_program_submit, tern_fence_wait                            as often as wanted
 *
 * Ops take effect as if one after the other, in the order of the list; submits of one device
 * likewise.
 *
 * tern_commands: one thread at a time; destroy before its device. It may be read back (training
 * builds its backward pass that way), extended and finished again.
 *
 * tern_program: any thread; destroy before its device and before the buffers and weights its ops
 * name.
 */
typedef struct tern_program tern_program;

/** How a list is made. */
typedef struct tern_commands_desc {
    uint32_t struct_size; /**< sizeof(tern_commands_desc) */
    uint32_t reserved;
    /** The parameter block: an i32 tensor [words] that a submit may refill first. Ops reach it as
     * any tensor, and by tern_op_header.live. Absent: every row is live and submits carry no
     * parameters. */
    tern_tensor params;
} tern_commands_desc;

/** What changes from submit to submit. */
typedef struct tern_submit_desc {
    uint32_t struct_size;  /**< sizeof(tern_submit_desc) */
    uint32_t params_words; /**< words in |params|, from the block's start; 0: the block keeps its
                              content */
    const int32_t *params; /**< copied before the call returns */
    /** Asked while the call lasts, from any thread, whether to give up: non-zero. Cheap, and must
     * not call the library. NULL: never asked. */
    int32_t (*stop)(void *user);
    void *stop_user;
} tern_submit_desc;

/** A point on a device's timeline. Plain data; valid until the device closes. */
typedef struct tern_fence {
    tern_device *device; /**< NULL: already reached */
    uint64_t ticket;
} tern_fence;

/** Where an op of a program runs. */
typedef uint32_t tern_op_placement;

enum {
    TERN_PLACEMENT_NATIVE = 1, /**< on the device */
    TERN_PLACEMENT_COMPOSED =
        2, /**< as a sequence of other ops, those at least partly on the device */
    TERN_PLACEMENT_FALLBACK = 3 /**< on the reference backend, between two segments */
};

/** What became of one op. Plain data. Part of the plugin ABI. */
typedef struct tern_op_report {
    uint32_t struct_size; /**< set by the caller */
    tern_op_kind kind;
    tern_op_placement placement;
    tern_numerics numerics;
    char backend[64];
    char kernel[64]; /**< the kernel or kernels picked: "gemv_t2__avx2" */
} tern_op_report;

/** Whose clock timed an op. */
typedef uint32_t tern_clock;

enum {
    TERN_CLOCK_NONE = 0,  /**< nobody's: the backend times no ops */
    TERN_CLOCK_HOST = 1,  /**< the host's, around each op */
    TERN_CLOCK_DEVICE = 2 /**< timestamps that the device wrote */
};

/** The time that ops of one kind took on one kernel, in all programs of a device. Plain data. */
typedef struct tern_profile_row {
    uint32_t struct_size; /**< set by the caller */
    tern_op_kind kind;
    tern_clock clock;
    uint32_t reserved;
    uint64_t runs; /**< how often one ran, fused or alone */
    uint64_t ns;   /**< all of them together; what was fused counts for the group's first op */
    char backend[64];
    char kernel[64];
} tern_profile_row;

TERN_BEGIN_DECLS

/** |desc| NULL: no parameter block. */
TERN_API tern_status tern_commands_create(tern_device *device, const tern_commands_desc *desc,
                                          tern_commands **out_commands);

/** Accepts NULL. Programs made from it stay. */
TERN_API void tern_commands_destroy(tern_commands *commands);

/** Ops appended so far. */
TERN_API uint32_t tern_commands_count(const tern_commands *commands);

/** Op |index| as it was appended, or NULL past the end. Borrowed until the list is extended or
 * destroyed. */
TERN_API const tern_op_header *tern_commands_op(const tern_commands *commands, uint32_t index);

/**
 * Compiles the whole list for its device. UNSUPPORTED names an op that neither the device nor,
 * where the backend allows it, the reference backend can do; OUT_OF_MEMORY.
 */
TERN_API tern_status tern_commands_finish(tern_commands *commands, tern_program **out_program);

/** Accepts NULL. Waits for submits under way. */
TERN_API void tern_program_destroy(tern_program *program);

/**
 * Queues one run and returns a fence. Allocates nothing and takes only the queue's lock. May be
 * called again while earlier runs are pending: they execute in order, each with the parameters it
 * was given; a few may be in flight, then the call waits for the oldest. A program with fallback
 * segments has finished when the call returns. |desc| NULL: parameters unchanged. |out_fence| may
 * be NULL. DEVICE_LOST. CANCELLED if |desc->stop| asked for it before the device had everything:
 * tensors that the list writes then have any content.
 */
TERN_API tern_status tern_program_submit(tern_program *program, const tern_submit_desc *desc,
                                         tern_fence *out_fence);

/** Describes what op |index| of the list became. OUT_OF_RANGE past the end. */
TERN_API tern_status tern_program_report(tern_program *program, uint32_t index,
                                         tern_op_report *out_report);

/**
 * Describes row |index| of what the device's ops took, from 0, in the order in which their programs
 * were made; waits for submits under way. There are rows only on a device that was opened while the
 * option TERN_PROFILE was 1, which makes runs slower; where nobody asks for them they are logged
 * at INFO when it closes. OUT_OF_RANGE past the end, DEVICE_LOST.
 */
TERN_API tern_status tern_device_profile(tern_device *device, uint32_t index,
                                         tern_profile_row *out_row);

/** Waits until |fence| is reached or |timeout_ns| has passed: then TIMEOUT, the run goes on. 0
 * polls, UINT64_MAX waits for ever. DEVICE_LOST if it never will be. */
TERN_API tern_status tern_fence_wait(tern_fence fence, uint64_t timeout_ns);

TERN_END_DECLS

#endif
