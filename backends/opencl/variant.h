// The builds of ternary_matmul.cl, and which of them a device runs.
#ifndef TERN_OPENCL_VARIANT_H_
#define TERN_OPENCL_VARIANT_H_

#include "backends/opencl/device.h"

typedef struct tern_cl_variant {
    const char *name;
    const char *options;
    bool processor; // on processors whose vectors kernels name; else where work-items are lanes
    bool integer_dot;
    bool sliced;      // takes barriers, and 256 work-items in a group
    bool grouped;     // scales by groups
    uint32_t tile;    // rows of a work-group
    uint32_t items;   // of a work-group
    uint32_t outputs; // of a work-group
} tern_cl_variant;

// The variant for programs of |rows| rows. There is always one.
const tern_cl_variant *tern_cl_variant_choose(const tern_cl_candidate *device, uint32_t rows,
                                              bool grouped);

// Whether work-items are vectors of the processor's own.
bool tern_cl_names_vectors(const tern_cl_candidate *device);

// How activations lie in memory, for this device's variants: what is defined when kernels that
// write or read them are compiled, and words of a row of |cols|.
const char *tern_cl_act_options(const tern_cl_candidate *device);
uint32_t tern_cl_act_words(const tern_cl_candidate *device, uint32_t cols);

#endif
