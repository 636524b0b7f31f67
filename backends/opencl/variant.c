#include "backends/opencl/variant.h"

#include <stdio.h>
#include <string.h>

#include "backends/opencl/device.h"

// A processor runs the work-items of a group one after the other, so that each barrier costs a pass
// over them: no slices. Figures: ternary_vectors.clh.
static const tern_cl_variant of_vectors = {.row = {1, 1, 1, 4}, .rows = {8, 1, 1, 2}};
static const tern_cl_variant of_lanes = {.row = {1, 64, 1, 0}, .rows = {4, 64, 1, 0}};
// Slices of a row keep a GPU busy where outputs are few. No GPU was at hand to measure one: it
// measures itself.
static const tern_cl_variant of_gpus = {.row = {1, 32, 8, 0}, .rows = {4, 64, 1, 0}};

// tile, lanes, slices, vectors
const tern_cl_ternary_kernel tern_cl_ternary_kernels[TERN_CL_TERNARY_KERNELS] = {
    {1, 32, 8, 0}, {1, 64, 1, 0}, {1, 64, 4, 0}, {1, 16, 16, 0}, {1, 16, 4, 0},
    {4, 64, 1, 0}, {8, 64, 1, 0}, {2, 64, 1, 0}, {4, 64, 4, 0},  {4, 32, 8, 0},
    {8, 32, 8, 0}, {1, 1, 1, 4},  {1, 1, 1, 2},  {1, 1, 1, 1},   {8, 1, 1, 2},
    {4, 1, 1, 4},  {4, 1, 1, 2},  {4, 1, 1, 1},  {8, 1, 1, 1},   {2, 1, 1, 4},
};

tern_cl_variant tern_cl_variant_pick(const tern_host *host, const tern_cl_candidate *device) {
    const char *option = host->option(host, "TERN_OPENCL_KERNELS");
    const char *wanted = option ? option : "";
    bool software = device->processor || device->info.type == TERN_DEVICE_SOFTWARE;
    bool vectors = device->processor && device->vector_width >= 4 && !device->integer_dot;
    bool gpu =
        strcmp(wanted, "gpu") == 0 || (!device->processor && strcmp(wanted, "processor") != 0);
    tern_cl_variant variant = gpu ? of_gpus : vectors ? of_vectors : of_lanes;
    // To compile one kernel takes a driver that runs on the processor longer than a token.
    variant.measured = strcmp(wanted, "measured") == 0 || (!wanted[0] && !software);
    return variant;
}

bool tern_cl_names_vectors(const tern_backend_device *device) {
    return device->variant.row.vectors > 0;
}

// A kernel of groups holds 64 sums for each row of its tile.
tern_cl_ternary_kernel tern_cl_kernel_fit(const tern_backend_device *device,
                                          const tern_cl_ternary_kernel *wanted, bool grouped) {
    tern_cl_ternary_kernel kernel = *wanted;
    bool crowded = kernel.lanes * kernel.slices > device->candidate->group_items;
    if (kernel.slices > 1 && (device->candidate->processor || crowded)) {
        kernel.lanes = TERN_CL_GROUP;
        kernel.slices = 1;
    }
    if (grouped) {
        kernel.vectors = kernel.vectors < 1 ? kernel.vectors : 1;
        kernel.tile = kernel.tile < 4 ? kernel.tile : 4;
    }
    return kernel;
}

tern_cl_ternary_kernel tern_cl_kernel_pick(const tern_backend_device *device, uint32_t rows,
                                           bool grouped) {
    const tern_cl_variant *variant = &device->variant;
    return tern_cl_kernel_fit(device, rows == 1 ? &variant->row : &variant->rows, grouped);
}

uint32_t tern_cl_kernels_find(const tern_backend_device *device, uint32_t rows, bool grouped,
                              tern_cl_ternary_kernel out_kernels[TERN_CL_TERNARY_KERNELS]) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < TERN_CL_TERNARY_KERNELS; i++) {
        const tern_cl_ternary_kernel *kernel = &tern_cl_ternary_kernels[i];
        tern_cl_ternary_kernel fit = tern_cl_kernel_fit(device, kernel, grouped);
        bool same = memcmp(&fit, kernel, sizeof fit) == 0;
        if (same && (kernel->vectors > 0) == tern_cl_names_vectors(device) &&
            (kernel->tile > 1) == (rows > 1)) {
            out_kernels[count++] = fit;
        }
    }
    return count;
}

uint32_t tern_cl_kernel_items(const tern_cl_ternary_kernel *kernel) {
    return kernel->lanes * kernel->slices;
}

uint32_t tern_cl_kernel_outputs(const tern_cl_ternary_kernel *kernel) {
    return kernel->lanes * (kernel->vectors ? 16 * kernel->vectors : 1);
}

void tern_cl_kernel_label(const tern_backend_device *device, const tern_cl_ternary_kernel *kernel,
                          bool grouped, char out_name[TERN_CL_KERNEL_NAME]) {
    const char *form = kernel->vectors                  ? "vectors"
                       : device->candidate->integer_dot ? "dot"
                                                        : "packed";
    char shape[24];
    char tile[16] = "";
    if (kernel->vectors) {
        snprintf(shape, sizeof shape, "%u", kernel->vectors);
    } else {
        snprintf(shape, sizeof shape, "%ux%u", kernel->lanes, kernel->slices);
    }
    if (kernel->tile > 1) {
        snprintf(tile, sizeof tile, "_t%u", kernel->tile);
    }
    snprintf(out_name, TERN_CL_KERNEL_NAME, "ternary_%s%s_%s%s", form, grouped ? "_grouped" : "",
             shape, tile);
}

void tern_cl_kernel_options(const tern_backend_device *device, const tern_cl_ternary_kernel *kernel,
                            bool grouped, const char *more, char *out_options) {
    char units[48];
    if (kernel->vectors) {
        snprintf(units, sizeof units, "-DVECTOR_UNITS -DVECTORS=%u", kernel->vectors);
    } else {
        snprintf(units, sizeof units, "-DLANES=%uu -DSLICES=%uu%s", kernel->lanes, kernel->slices,
                 device->candidate->integer_dot ? " -DINTEGER_DOT" : "");
    }
    snprintf(out_options, TERN_CL_OPTIONS, "%s %s%s -DTILE=%u -DBYTES=%u%s",
             tern_cl_act_options(device), units, grouped ? " -DGROUPED" : "", kernel->tile,
             device->candidate->vector_bytes, more);
}

const char *tern_cl_act_options(const tern_backend_device *device) {
    if (tern_cl_names_vectors(device)) {
        return "-DSINGLE -DPADDED";
    }
    return device->candidate->integer_dot ? "-DPADDED" : "-DPACKED";
}

uint32_t tern_cl_act_words(const tern_backend_device *device, uint32_t cols) {
    bool plain = tern_cl_names_vectors(device) || device->candidate->integer_dot;
    return (cols + 15) / 16 * (plain ? 4 : 8);
}
