#include "backends/opencl/variant.h"

#include <stddef.h>

#define VECTORS "-DVECTOR_UNITS -DSINGLE -DPADDED "
#define DOT "-DINTEGER_DOT -DPADDED "
#define PACKED "-DPACKED "

// The first that fits is taken, so that the narrower ones come first. A tile of rows shares the
// unpacking of codes; slices of a row keep a GPU busy where outputs are few; a processor, which
// runs the work-items of a group one after the other, takes none, because each barrier costs a pass
// over them. Figures: ternary_vectors.clh; those of slices await a GPU.
static const tern_cl_variant variants[] = {
    // name, options, processor, integer_dot, sliced, grouped, tile, items, outputs
    {"ternary_vectors_grouped_x4", VECTORS "-DGROUPED -DVECTORS=1 -DTILE=4", true, false, false,
     true, 4, 1, 16},
    {"ternary_vectors_grouped", VECTORS "-DGROUPED -DVECTORS=1 -DTILE=1", true, false, false, true,
     1, 1, 16},
    {"ternary_vectors_x8", VECTORS "-DVECTORS=2 -DTILE=8", true, false, false, false, 8, 1, 32},
    {"ternary_vectors", VECTORS "-DVECTORS=4 -DTILE=1", true, false, false, false, 1, 1, 64},
    {"ternary_dot_grouped_x4", DOT "-DGROUPED -DLANES=64u -DSLICES=1u -DTILE=4", false, true, false,
     true, 4, 64, 64},
    {"ternary_dot_grouped_sliced", DOT "-DGROUPED -DLANES=32u -DSLICES=8u -DTILE=1", false, true,
     true, true, 1, 256, 32},
    {"ternary_dot_grouped", DOT "-DGROUPED -DLANES=64u -DSLICES=1u -DTILE=1", false, true, false,
     true, 1, 64, 64},
    {"ternary_dot_x4", DOT "-DLANES=64u -DSLICES=1u -DTILE=4", false, true, false, false, 4, 64,
     64},
    {"ternary_dot_sliced", DOT "-DLANES=32u -DSLICES=8u -DTILE=1", false, true, true, false, 1, 256,
     32},
    {"ternary_dot", DOT "-DLANES=64u -DSLICES=1u -DTILE=1", false, true, false, false, 1, 64, 64},
    {"ternary_packed_grouped_x4", PACKED "-DGROUPED -DLANES=64u -DSLICES=1u -DTILE=4", false, false,
     false, true, 4, 64, 64},
    {"ternary_packed_grouped_sliced", PACKED "-DGROUPED -DLANES=32u -DSLICES=8u -DTILE=1", false,
     false, true, true, 1, 256, 32},
    {"ternary_packed_grouped", PACKED "-DGROUPED -DLANES=64u -DSLICES=1u -DTILE=1", false, false,
     false, true, 1, 64, 64},
    {"ternary_packed_x4", PACKED "-DLANES=64u -DSLICES=1u -DTILE=4", false, false, false, false, 4,
     64, 64},
    {"ternary_packed_sliced", PACKED "-DLANES=32u -DSLICES=8u -DTILE=1", false, false, true, false,
     1, 256, 32},
    {"ternary_packed", PACKED "-DLANES=64u -DSLICES=1u -DTILE=1", false, false, false, false, 1, 64,
     64},
};

bool tern_cl_names_vectors(const tern_cl_candidate *device) {
    return device->processor && device->vector_width >= 4 && !device->integer_dot;
}

static bool fits(const tern_cl_variant *variant, const tern_cl_candidate *device, uint32_t rows,
                 bool grouped) {
    return variant->processor == tern_cl_names_vectors(device) &&
           variant->integer_dot == device->integer_dot && variant->grouped == grouped &&
           (variant->tile == 1 || rows > 1) && variant->items <= device->group_items &&
           !(variant->sliced && device->processor);
}

const tern_cl_variant *tern_cl_variant_choose(const tern_cl_candidate *device, uint32_t rows,
                                              bool grouped) {
    size_t i = 0;
    while (!fits(&variants[i], device, rows, grouped)) {
        i++;
    }
    return &variants[i];
}

const char *tern_cl_act_options(const tern_cl_candidate *device) {
    if (tern_cl_names_vectors(device)) {
        return "-DSINGLE -DPADDED";
    }
    return device->integer_dot ? "-DPADDED" : "-DPACKED";
}

uint32_t tern_cl_act_words(const tern_cl_candidate *device, uint32_t cols) {
    bool plain = tern_cl_names_vectors(device) || device->integer_dot;
    return (cols + 15) / 16 * (plain ? 4 : 8);
}
