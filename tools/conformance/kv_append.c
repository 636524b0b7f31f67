#include "tools/conformance/ops.h"
#include "tools/conformance/pool.h"

#define ROWS_MAX 80

// Distinct places: row r at the next position of sequence r % sequences.
static void choose_places(suite_test *test, const pool_form *form, uint32_t rows,
                          int32_t *positions, int32_t *sequences) {
    uint32_t first = rng_below(&test->random, form->context);
    for (uint32_t r = 0; r < rows; r++) {
        sequences[r] = (int32_t)(r % form->sequences);
        positions[r] = (int32_t)((first + r / form->sequences) % form->context);
    }
}

static void test_form(suite *self, pool_form form, uint32_t rows, uint32_t index) {
    static const fill_kind fills[] = {FILL_HALVES, FILL_NORMAL, FILL_SMALL};
    int32_t positions[ROWS_MAX];
    int32_t sequences[ROWS_MAX];
    bool outside = index % 6 == 5;
    rows = outside ? 1 : rows;
    suite_test *test =
        suite_begin(self, "rows=%u kv_heads=%u head_dim=%u %s cache%s", rows, form.kv_heads,
                    form.head_dim, tern_dtype_name(form.dtype), outside ? " out of range" : "");
    choose_places(test, &form, rows, positions, sequences);
    if (outside) { // clamped to the last place, or to the first
        positions[0] = index % 4 == 1 ? 1000000 : -5;
        sequences[0] = index % 4 == 1 ? 77 : -1;
    }
    if (index % 4 == 3) {
        suite_live(test, rows / 2);
    }
    pool cache = pool_make(test, &form, FILL_NORMAL);
    suite_shape shape = shape2(rows, form.kv_heads * form.head_dim);
    tern_kv_append_desc desc = {
        .k = suite_floats(test, "k", shape, fills[index % 3]),
        .v = suite_floats(test, "v", shape, FILL_NORMAL),
        .k_cache = cache.k_cache,
        .v_cache = cache.v_cache,
        .positions = pool_vector(test, "positions", positions, rows),
        .sequences = pool_vector(test, "sequences", sequences, rows),
        .table = cache.table,
    };
    suite_written(test, desc.k_cache);
    suite_written(test, desc.v_cache);
    SUITE_OP(test, KV_APPEND, desc);
    suite_end(test);
}

void suite_kv_append(suite *self) {
    static const uint32_t head_dims[] = {3, 64, 63, 1, 100, 128, 256};
    static const uint32_t heads[] = {1, 3, 4};
    static const uint32_t rows[] = {1, 2, 33, 70};
    uint32_t index = 0;
    for (uint32_t d = 0; d < suite_pick(self, 2, 7, 7); d++) {
        for (uint32_t r = 0; r < suite_pick(self, 2, 4, 4); r++) {
            for (uint32_t k = 0; k < suite_pick(self, 2, 2, 6); k++, index++) {
                tern_dtype dtype = pool_dtype(index);
                pool_form form = {dtype, heads[(index / 2) % 3], pool_head_dim(dtype, head_dims[d]),
                                  1 + index % 3, 90};
                test_form(self, form, rows[r], index);
            }
        }
    }
}
