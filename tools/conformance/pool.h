// A KV pool for tests: blocks in no particular order, and rows at places of several sequences.
#ifndef TERN_TOOLS_CONFORMANCE_POOL_H_
#define TERN_TOOLS_CONFORMANCE_POOL_H_

#include "tools/conformance/suite.h"

typedef struct pool_form {
    tern_dtype dtype;
    uint32_t kv_heads, head_dim;
    uint32_t sequences;
    uint32_t context; // positions of a sequence that are in use
} pool_form;

typedef struct pool {
    tern_tensor k_cache, v_cache, table;
    uint32_t blocks_each; // columns of the table
} pool;

// The types of caches in turn, and the next |head_dim| that one has: of int8 a multiple of 4.
tern_dtype pool_dtype(uint32_t index);
uint32_t pool_head_dim(tern_dtype dtype, uint32_t head_dim);

// Caches with content in every place, used or not, and a table of distinct blocks.
pool pool_make(suite_test *test, const pool_form *form, fill_kind fill);

// An int32 vector with the given values.
tern_tensor pool_vector(suite_test *test, const char *name, const int32_t *values, uint32_t count);

#endif
