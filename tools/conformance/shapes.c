// Odd and extreme shapes: below, at and above the block of 64 columns, of 1024 columns, and the
// groups of weights.
#include "tools/conformance/suite.h"

#define COUNT_OF(array) ((uint32_t)(sizeof(array) / sizeof(array)[0]))

// The level's are the first so many.
static const uint32_t all_rows[] = {1, 2, 7, 33, 5, 130};
static const uint32_t all_cols[] = {1, 3, 63, 100, 172, 640, 1025, 3200, 64, 1024, 2047, 4097};

void suite_each_shape(suite *self, suite_shape_fn fn) {
    uint32_t rows = suite_pick(self, 2, 4, COUNT_OF(all_rows));
    uint32_t cols = suite_pick(self, 4, 8, COUNT_OF(all_cols));
    uint32_t index = 0;
    for (uint32_t c = 0; c < cols; c++) {
        for (uint32_t r = 0; r < rows; r++) {
            fn(self, all_rows[r], all_cols[c], index++);
        }
    }
}

void suite_each_product(suite *self, suite_product_fn fn) {
    static const uint32_t outputs[] = {1, 5, 4097, 64, 129};
    // 656: whole words of 16, but no whole 64.
    static const uint32_t widths[] = {1, 3, 63, 100, 172, 656, 3200, 256, 1500};
    uint64_t most = suite_pick(self, 1000, 9000000, 100000000); // multiplications of one test
    uint32_t rows = suite_pick(self, 2, 4, 5);
    uint32_t n_count = suite_pick(self, 2, 3, COUNT_OF(outputs));
    uint32_t k_count = suite_pick(self, 4, 7, COUNT_OF(widths));
    uint32_t index = 0;
    for (uint32_t k = 0; k < k_count; k++) {
        for (uint32_t n = 0; n < n_count; n++) {
            for (uint32_t r = 0; r < rows; r++) {
                uint64_t work = (uint64_t)all_rows[r] * outputs[n] * widths[k];
                bool corner = all_rows[r] == 1 && suite_pick(self, 0, 1, 1);
                if (work <= most || corner) {
                    fn(self, (suite_product){all_rows[r], outputs[n], widths[k], index++});
                }
            }
        }
    }
    // More columns than kernels hold, or unpack, at a time.
    if (self->level != LEVEL_TINY) {
        fn(self, (suite_product){33, 5, 40001, index});
    }
}
