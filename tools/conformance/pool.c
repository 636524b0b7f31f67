#include "tools/conformance/pool.h"

#include <string.h>

tern_tensor pool_vector(suite_test *test, const char *name, const int32_t *values, uint32_t count) {
    tern_tensor view = suite_tensor(test, name, TERN_DTYPE_I32, shape1(count));
    for (uint32_t i = 0; i < count && view.buffer; i++) {
        memcpy(suite_element(&view, i), &values[i], sizeof values[i]);
    }
    return view;
}

// A table whose entries are all different: block numbers times a number prime to their count.
static tern_tensor make_table(suite_test *test, uint32_t sequences, uint32_t each,
                              uint32_t blocks) {
    tern_tensor table = suite_tensor(test, "table", TERN_DTYPE_I32, shape2(sequences, each));
    uint32_t step = blocks % 7 ? 7 : blocks % 5 ? 5 : 11;
    uint32_t start = rng_below(&test->random, blocks);
    for (uint32_t i = 0; i < sequences * each && table.buffer; i++) {
        int32_t block = (int32_t)((start + (uint64_t)i * step) % blocks);
        memcpy(suite_element(&table, i), &block, sizeof block);
    }
    return table;
}

pool pool_make(suite_test *test, const pool_form *form, fill_kind fill) {
    pool self = {.blocks_each = (form->context + TERN_KV_BLOCK - 1) / TERN_KV_BLOCK + 1};
    uint32_t blocks = form->sequences * self.blocks_each + 2;
    suite_shape shape = shape4(blocks, form->kv_heads, TERN_KV_BLOCK, form->head_dim);
    self.k_cache = suite_tensor(test, "k_cache", form->dtype, shape);
    self.v_cache = suite_tensor(test, "v_cache", form->dtype, shape);
    suite_fill(test, &self.k_cache, fill);
    suite_fill(test, &self.v_cache, fill);
    self.table = make_table(test, form->sequences, self.blocks_each, blocks);
    return self;
}
