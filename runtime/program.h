// A list as it runs: ops lowered to what the device can do, cut into segments. A segment runs
// either on the device or, where the device lacks an op, on its reference companion.
#ifndef TERN_RUNTIME_PROGRAM_H_
#define TERN_RUNTIME_PROGRAM_H_

#include "runtime/commands.h"

// A device buffer as the companion sees it: wrapped, or a copy.
typedef struct tern__shadow {
    tern_buffer *buffer;
    tern_backend_buffer *handle; // the companion's
    char *copy;                  // the companion's memory; NULL: wrapped, nothing to copy
} tern__shadow;

// The bytes of a copied buffer that a fallback segment touches.
typedef struct tern__span {
    size_t shadow;
    uint64_t begin;
    uint64_t end;
    bool written;
} tern__span;

typedef struct tern__segment {
    bool fallback;
    size_t first; // of the lowered ops
    size_t count;
    tern_backend_program *program; // on the device, or on its companion
    tern__span *spans;             // fallback only
    size_t span_count;
    size_t span_capacity;
} tern__segment;

// One lowered op.
typedef struct tern__step {
    uint32_t op; // of the list as written
    bool native;
} tern__step;

// What the device's profile knows of a program; everything under the device's lock.
typedef struct tern__timing {
    tern_program *next; // in the profile
    size_t *rows;       // of the profile, one for each lowered op; NULL: it is not timed
    uint64_t *counted;  // nanoseconds that the rows have, likewise
    uint64_t *latest;   // as read last
    uint64_t runs;      // submits that the rows have
} tern__timing;

struct tern_program {
    tern_device *device;
    tern_tensor params;
    tern__list lowered;
    tern__step *steps; // one for each lowered op
    size_t step_capacity;
    tern_buffer *scratch; // of composed ops
    tern__segment *segments;
    size_t segment_count;
    size_t segment_capacity;
    tern__shadow *shadows;
    size_t shadow_count;
    size_t shadow_capacity;
    tern_op_report *reports; // one for each op of the list as written
    uint32_t op_count;
    uint64_t ticket; // of its latest submit
    uint64_t submits;
    tern__timing timing;
};

// Any descriptor, with room to rewrite it.
typedef union tern__any_desc {
    tern_op_header head;
#define TERN__ANY_MEMBER(name, number, stem) tern_##stem##_desc stem;
    TERN_OP_LIST(TERN__ANY_MEMBER)
#undef TERN__ANY_MEMBER
} tern__any_desc;

tern_status tern__program_create(tern_commands *commands, tern_program **out_program);

// The device that a segment runs on: the program's, or its companion.
tern_device *tern__segment_runner(const tern_program *program, const tern__segment *segment);
// The name of what op |index| of a segment became; the backend's if it says nothing else. 64 bytes.
void tern__segment_kernel(const tern_program *program, const tern__segment *segment, size_t index,
                          char *out_name);

// lower.c: fills lowered, steps and scratch. UNSUPPORTED names an op nobody can do.
tern_status tern__program_lower(tern_program *program, const tern_commands *commands);
// Copies |op| with the device's own handles for buffers and weights; false if it has none.
bool tern__program_rewrite(const tern_op_header *op, tern__any_desc *out);

// fallback.c: compiles a segment for the companion, and runs it under the device's lock.
tern_status tern__fallback_compile(tern_program *program, tern__segment *segment);
tern_status tern__fallback_run(tern_program *program, tern__segment *segment,
                               const tern_submit_desc *desc);
void tern__fallback_finish(tern_program *program);

#endif
