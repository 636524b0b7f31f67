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

tern_dtype pool_dtype(uint32_t index) {
    static const tern_dtype dtypes[] = {TERN_DTYPE_F16, TERN_DTYPE_F32, TERN_DTYPE_I8};
    return dtypes[index % 3];
}

uint32_t pool_head_dim(tern_dtype dtype, uint32_t head_dim) {
    return dtype == TERN_DTYPE_I8 ? (head_dim + 3) / 4 * 4 : head_dim;
}

// The scales at the end of int8 rows.
static void fill_scales(suite_test *test, const tern_tensor *cache) {
    uint64_t rows = (uint64_t)cache->shape[0] * cache->shape[1] * cache->shape[2];
    uint32_t dim = cache->shape[3] - (uint32_t)sizeof(float);
    for (uint64_t i = 0; i < rows && cache->buffer; i++) {
        float scale = 0x1p-7f * (1.5f + rng_unit(&test->random));
        memcpy(suite_element(cache, i * cache->shape[3] + dim), &scale, sizeof scale);
    }
}

static tern_tensor make_cache(suite_test *test, const pool_form *form, const char *name,
                              uint32_t blocks) {
    uint32_t tail = form->dtype == TERN_DTYPE_I8 ? sizeof(float) : 0;
    return suite_tensor(test, name, form->dtype,
                        shape4(blocks, form->kv_heads, TERN_KV_BLOCK, form->head_dim + tail));
}

static void fill_cache(suite_test *test, const tern_tensor *cache, fill_kind fill) {
    suite_fill(test, cache, fill);
    if (cache->dtype == TERN_DTYPE_I8) {
        fill_scales(test, cache);
    }
}

pool pool_make(suite_test *test, const pool_form *form, fill_kind fill) {
    pool self = {.blocks_each = (form->context + TERN_KV_BLOCK - 1) / TERN_KV_BLOCK + 1};
    uint32_t blocks = form->sequences * self.blocks_each + 2;
    self.k_cache = make_cache(test, form, "k_cache", blocks);
    self.v_cache = make_cache(test, form, "v_cache", blocks);
    fill_cache(test, &self.k_cache, fill);
    fill_cache(test, &self.v_cache, fill);
    self.table = make_table(test, form->sequences, self.blocks_each, blocks);
    return self;
}
