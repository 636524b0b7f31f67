#include <math.h>

#include "tools/conformance/ops.h"
#include "tools/conformance/pool.h"

#define ROWS_MAX 40

typedef struct form {
    uint32_t heads;
    pool_form pool;
    uint32_t rows;
    uint32_t window;
} form;

// Row 0 sees the whole context, the others some part of it.
static void choose_places(suite_test *test, const form *f, int32_t *positions, int32_t *sequences) {
    for (uint32_t r = 0; r < f->rows; r++) {
        sequences[r] = (int32_t)(r % f->pool.sequences);
        positions[r] =
            (int32_t)(r ? rng_below(&test->random, f->pool.context) : f->pool.context - 1);
    }
}

static void test_form(suite *self, const form *f, uint32_t index) {
    static const fill_kind fills[] = {FILL_NORMAL, FILL_NORMAL, FILL_HALVES, FILL_ZERO,
                                      FILL_SATURATE};
    int32_t positions[ROWS_MAX];
    int32_t sequences[ROWS_MAX];
    fill_kind fill = fills[index % 5];
    suite_test *test =
        suite_begin(self, "rows=%u heads=%u/%u head_dim=%u context=%u window=%u %s cache q %s",
                    f->rows, f->heads, f->pool.kv_heads, f->pool.head_dim, f->pool.context,
                    f->window, tern_dtype_name(f->pool.dtype), fill_name(fill));
    choose_places(test, f, positions, sequences);
    if (index % 6 == 5) {
        suite_live(test, f->rows / 2);
    }
    pool cache = pool_make(test, &f->pool, index % 9 == 8 ? FILL_SMALL : FILL_NORMAL);
    suite_shape shape = shape2(f->rows, f->heads * f->pool.head_dim);
    tern_attention_desc desc = {
        .q = suite_floats(test, "q", shape, fill),
        .k_cache = cache.k_cache,
        .v_cache = cache.v_cache,
        .positions = pool_vector(test, "positions", positions, f->rows),
        .sequences = pool_vector(test, "sequences", sequences, f->rows),
        .table = cache.table,
        .scale = index % 7 == 6 ? -3.0f : 1.0f / sqrtf((float)f->pool.head_dim),
        .window = f->window,
    };
    desc.out = suite_output(test, "out", TERN_DTYPE_F32, shape);
    SUITE_OP(test, ATTENTION, desc);
    suite_end(test);
}

// Windows that end in a block and at its border, of one position, and of more than there are; a
// context that begins in another block than the window.
static void test_windows(suite *self) {
    static const uint32_t windows[] = {64, 1, 65, 63, 1000, 130};
    static const uint32_t head_dims[] = {64, 100, 3, 128};
    static const uint32_t contexts[] = {200, 64, 129, 1030};
    uint32_t index = 0;
    for (uint32_t w = 0; w < suite_pick(self, 3, 6, 6); w++) {
        for (uint32_t c = 0; c < suite_pick(self, 1, 4, 4); c++) {
            for (uint32_t k = 0; k < suite_pick(self, 1, 1, 4); k++, index++) {
                uint32_t kv_heads = 1 + index % 2;
                tern_dtype dtype = pool_dtype(index + w);
                uint32_t head_dim = pool_head_dim(dtype, head_dims[(index + w) % 4]);
                form f = {kv_heads * (1 + index % 5),
                          {dtype, kv_heads, head_dim, 1 + index % 3, contexts[c]},
                          suite_pick(self, 2, 7, 33),
                          windows[w]};
                test_form(self, &f, index);
            }
        }
    }
}

void suite_attention(suite *self) {
    static const uint32_t head_dims[] = {3, 64, 63, 128, 100, 1, 256};
    static const uint32_t contexts[] = {1, 65, 64, 63, 200, 1030};
    static const uint32_t heads[][2] = {{1, 1}, {4, 2}, {6, 3}, {8, 1}, {3, 3}, {5, 1}};
    static const uint32_t rows[] = {1, 2, 7, 33};
    uint32_t index = 0;
    for (uint32_t d = 0; d < suite_pick(self, 2, 7, 7); d++) {
        for (uint32_t c = 0; c < suite_pick(self, 2, 6, 6); c++) {
            for (uint32_t k = 0; k < suite_pick(self, 1, 2, 8); k++, index++) {
                uint32_t h = (index + d) % suite_pick(self, 2, 6, 6);
                uint32_t r = (index + c) % suite_pick(self, 2, 4, 4);
                bool wide = contexts[c] * head_dims[d] > 40000 && self->level != LEVEL_FULL;
                tern_dtype dtype = pool_dtype(index + 2 * d);
                uint32_t head_dim = pool_head_dim(dtype, head_dims[d]);
                form f = {heads[h][0],
                          {dtype, heads[h][1], head_dim, 1 + index % 2, contexts[c]},
                          wide ? 2 : rows[r],
                          0};
                test_form(self, &f, index);
            }
        }
    }
    test_windows(self);
}
