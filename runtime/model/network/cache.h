// The KV cache of all sessions of a model with the same element type.
//
// Per layer, keys and values each lie in one buffer of blocks of 64 positions. A session leases
// blocks for all its positions when it is made, so that no later step can run out of memory, and a
// row of the block table, which is its sequence number. Programs name these buffers: when a lease
// does not fit, everything moves to larger ones (doubling), and programs must be made anew. Blocks
// given back stay for whoever comes next.
//
// Leases may share blocks that are full. A session writes from its position on, and every block
// from there on is its alone: going back over shared blocks takes others in their place first.
//
// A recurrent network has a state of each layer instead, which is that after the last position: one
// block of one buffer a layer, whatever the number of positions. Nothing else differs.
//
// Guarded by the model's lock.
#ifndef TERN_RUNTIME_MODEL_CACHE_H_
#define TERN_RUNTIME_MODEL_CACHE_H_

#include <stdbool.h>

#include <tern/model.h>

#include "runtime/model/network/hyper.h"
#include "runtime/platform/platform.h"

typedef struct tern__lease {
    uint32_t sequence;
    uint32_t place; // what steps call it: its sequence, or its state
    uint32_t count;
    uint32_t *blocks;
} tern__lease;

typedef struct tern__cache {
    tern_context *context;
    tern_device *device;
    const tern__hyper *hyper;
    tern_dtype dtype;
    uint32_t block_count;
    uint32_t free_count;
    uint32_t *free_blocks;
    uint32_t *users;       // leases that have each block
    tern_buffer **buffers; // [2 * layers]: keys of every layer, then values; or [layers]: states
    tern_tensor *keys;     // [layers]: [blocks, kv_heads, 64, columns]; or states [blocks, width]
    tern_tensor *values;   // [layers]: as keys; none of states
    tern_buffer *table_buffer;
    tern_tensor table;    // i32 [sequences, blocks]
    tern__lease **leases; // by sequence; NULL: free
} tern__cache;

static inline bool tern__cache_has_states(const tern__hyper *hyper) {
    return tern__hyper_has(hyper, TERN__RECURRENT);
}

// Positions that a block is for.
static inline uint32_t tern__cache_span(const tern__hyper *hyper) {
    return tern__cache_has_states(hyper) ? UINT32_MAX : TERN_KV_BLOCK;
}

// Those of them that have room of their own in it.
static inline uint32_t tern__cache_rows(const tern__hyper *hyper) {
    return tern__cache_has_states(hyper) ? 1 : TERN_KV_BLOCK;
}

// Elements of a row of a head: keys and values of int8 have their scale behind them.
static inline uint32_t tern__cache_columns(const tern__hyper *hyper, tern_dtype dtype) {
    return hyper->head_dim + (dtype == TERN_DTYPE_I8 ? (uint32_t)sizeof(float) : 0);
}

static inline uint32_t tern__cache_buffers(const tern__hyper *hyper) {
    return tern__cache_has_states(hyper) ? hyper->layers : 2 * hyper->layers;
}

// Bytes of |positions| positions; 0 on overflow.
uint64_t tern__cache_bytes(const tern__hyper *hyper, tern_kv_type kv, uint32_t positions);

// Bytes of the block table of a first session of |positions|.
uint64_t tern__cache_table_bytes(const tern__hyper *hyper, uint32_t positions);

// Empty: takes memory with the first lease.
void tern__cache_init(tern__cache *cache, tern_device *device, const tern__hyper *hyper,
                      tern_kv_type kv);
// Destroy the programs that name its buffers first.
void tern__cache_finish(tern__cache *cache);

// Whether a lease of |positions| would replace buffers, so that programs must be destroyed before.
bool tern__cache_must_grow(const tern__cache *cache, uint32_t positions, uint32_t shared);

// Room for |positions|, the first |shared| blocks of it those of |from| (NULL: none).
// OUT_OF_MEMORY says how much the cache needs; then nothing has changed.
tern_status tern__cache_lease(tern__cache *cache, uint32_t positions, const tern__lease *from,
                              uint32_t shared, tern__lease **out_lease);
// Accepts NULL.
void tern__cache_release(tern__cache *cache, tern__lease *lease);

// How many blocks from that of |position| on others have too. More than |cache->free_count|: making
// them its own would replace buffers.
uint32_t tern__cache_shared(const tern__cache *cache, const tern__lease *lease, uint32_t position);
// Takes other blocks in their place, with what lies before |position| in the first one.
// OUT_OF_MEMORY; then nothing has changed.
tern_status tern__cache_own(tern__cache *cache, tern__lease *lease, uint32_t position);

// What the first |positions| of a lease hold, in pieces, each [kv_heads, n, columns] with the n
// positions, 64 at most, of a block: all blocks of the keys of layer 0, of its values, of the keys
// of layer 1, and so on; or the state of each layer [width]. The same on every backend.
uint64_t tern__cache_content_bytes(const tern__cache *cache, uint32_t positions);
typedef tern_status (*tern__piece_fn)(void *user, void *data, size_t size);
// These two without |lock| held: they take it for each block, and give it back while |take| and
// |give|, which may be slow, have their turn. NULL: the caller holds it. The lease's session is the
// caller's alone.
tern_status tern__cache_read(const tern__cache *cache, tern__mutex *lock, const tern__lease *lease,
                             uint32_t positions, tern__piece_fn take, void *user);
tern_status tern__cache_write(const tern__cache *cache, tern__mutex *lock, const tern__lease *lease,
                              uint32_t positions, tern__piece_fn give, void *user);
// From one lease to another: the block of |position|, which is a state as it is.
tern_status tern__cache_copy_block(const tern__cache *cache, const tern__lease *from,
                                   const tern__lease *to, uint32_t position);

#endif
