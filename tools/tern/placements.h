// Where a device runs each op: on itself, as other ops, or on the reference backend.
#ifndef TERN_TOOLS_TERN_PLACEMENTS_H_
#define TERN_TOOLS_TERN_PLACEMENTS_H_

#include <tern/tern.h>

typedef struct placement {
    const char *name;  // of the op
    const char *place; // "native", "composed", "fallback", "none"
    char detail[128];  // the kernel, or why there is none
} placement;

typedef struct placements {
    placement ops[TERN_OP_COUNT_];
    uint32_t count;
    char problem[256]; // "": none
} placements;

// Compiles each op at a small shape of a usual model.
void placements_find(tern_device *device, placements *out);

// "native", ... for a tern_op_placement.
const char *placement_name(tern_op_placement place);

#endif
