// What kv_append and attention check alike.
#ifndef TERN_RUNTIME_OPS_KV_H_
#define TERN_RUNTIME_OPS_KV_H_

#include "runtime/ops/ops.h"

tern_status tern__check_kv(const tern__check *check, const tern_tensor *k_cache,
                           const tern_tensor *v_cache);
// Elements of a key or value in |cache|.
uint32_t tern__kv_head_dim(const tern_tensor *cache);
tern_status tern__check_kv_rows(const tern__check *check, uint32_t rows,
                                const tern_tensor *positions, const tern_tensor *sequences,
                                const tern_tensor *table);

#endif
