// Which builds of ternary_matmul.cl a device runs. All of them give the same bits.
#ifndef TERN_OPENCL_VARIANT_H_
#define TERN_OPENCL_VARIANT_H_

#include <stdbool.h>
#include <stdint.h>

#include <tern/backend.h>

struct tern_cl_candidate;

// How a work-group of ternary_matmul.cl is made.
typedef struct tern_cl_ternary_kernel {
    uint32_t tile;    // rows, which share the unpacking of codes
    uint32_t lanes;   // work-items side by side
    uint32_t slices;  // work-items that share out one row of weights; they meet at barriers
    uint32_t vectors; // of 16 outputs, of a work-item; 0: work-items are lanes of one output
} tern_cl_ternary_kernel;

typedef struct tern_cl_variant {
    tern_cl_ternary_kernel row;  // for one row
    tern_cl_ternary_kernel rows; // and for several
    bool measured;               // both are only what is taken where nothing can be measured
} tern_cl_variant;

// By the option TERN_OPENCL_KERNELS, or by the kind of device.
tern_cl_variant tern_cl_variant_pick(const tern_host *host, const struct tern_cl_candidate *device);

// Whether work-items are vectors of the processor's own.
bool tern_cl_names_vectors(const tern_backend_device *device);

// What this device runs of |wanted|, for scales by groups or by rows.
tern_cl_ternary_kernel tern_cl_kernel_fit(const tern_backend_device *device,
                                          const tern_cl_ternary_kernel *wanted, bool grouped);
// The same of what its variant says for |rows| rows.
tern_cl_ternary_kernel tern_cl_kernel_pick(const tern_backend_device *device, uint32_t rows,
                                           bool grouped);

// All that a device may choose from.
enum { TERN_CL_TERNARY_KERNELS = 20 };
extern const tern_cl_ternary_kernel tern_cl_ternary_kernels[TERN_CL_TERNARY_KERNELS];
// Those of them that this device runs as they are; how many.
uint32_t tern_cl_kernels_find(const tern_backend_device *device, uint32_t rows, bool grouped,
                              tern_cl_ternary_kernel out_kernels[TERN_CL_TERNARY_KERNELS]);

uint32_t tern_cl_kernel_items(const tern_cl_ternary_kernel *kernel);   // of a work-group
uint32_t tern_cl_kernel_outputs(const tern_cl_ternary_kernel *kernel); // of a work-group

// "ternary_packed_32x8": lanes and slices, or "ternary_vectors_2_t8": vectors, and the tile.
enum { TERN_CL_KERNEL_NAME = 48 };
void tern_cl_kernel_label(const tern_backend_device *device, const tern_cl_ternary_kernel *kernel,
                          bool grouped, char out_name[TERN_CL_KERNEL_NAME]);
// What is defined when it is compiled; |more| is what else.
void tern_cl_kernel_options(const tern_backend_device *device, const tern_cl_ternary_kernel *kernel,
                            bool grouped, const char *more, char *out_options);

// How activations lie in memory, for this device's kernels: what is defined when kernels that
// write or read them are compiled, and words of a row of |cols|.
const char *tern_cl_act_options(const tern_backend_device *device);
uint32_t tern_cl_act_words(const tern_backend_device *device, uint32_t cols);

#endif
