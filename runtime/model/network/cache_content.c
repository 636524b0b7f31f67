// What sessions have in the cache, on its way to the host and back.
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/network/cache.h"
#include "runtime/status.h"

// Through the host, in one of the buffers: the filled positions of a block.
typedef struct passage {
    const tern__cache *cache;
    uint8_t *block; // as on the device: [kv_heads, 64, columns], or a state
    uint8_t *piece; // without the positions that are not filled
    uint64_t block_bytes;
    uint64_t row_bytes; // of a position of a head
    uint32_t rows;      // of a head in a block
    uint32_t buffers;
    tern__mutex *lock; // NULL: held by the caller
} passage;

static passage passage_of(const tern__cache *cache) {
    uint32_t columns = tern__cache_columns(cache->hyper, cache->dtype);
    uint64_t row = tern_dtype_row_bytes(cache->dtype, columns);
    uint32_t rows = tern__cache_rows(cache->hyper);
    return (passage){.cache = cache,
                     .row_bytes = row,
                     .rows = rows,
                     .buffers = tern__cache_buffers(cache->hyper),
                     .block_bytes = row * rows * cache->hyper->kv_heads};
}

static tern_status begin(passage *p) {
    p->block = tern__alloc(p->cache->context, (size_t)p->block_bytes * 2);
    if (!p->block) {
        return tern__fail_memory(p->cache->context, p->block_bytes * 2, "kv cache");
    }
    p->piece = p->block + p->block_bytes;
    return TERN_STATUS_OK;
}

uint64_t tern__cache_content_bytes(const tern__cache *cache, uint32_t positions) {
    passage p = passage_of(cache);
    uint64_t rows = tern__cache_has_states(cache->hyper) ? positions != 0 : positions;
    return p.row_bytes * cache->hyper->kv_heads * p.buffers * rows;
}

static void lock(const passage *p) {
    if (p->lock) {
        tern__mutex_lock(p->lock);
    }
}

static void unlock(const passage *p) {
    if (p->lock) {
        tern__mutex_unlock(p->lock);
    }
}

// Another session may have the cache moved to larger buffers between two blocks; blocks keep their
// numbers then.
static tern_status download(const passage *p, uint32_t buffer, uint32_t block) {
    lock(p);
    tern_status status = tern_buffer_download(p->cache->buffers[buffer], block * p->block_bytes,
                                              p->block, p->block_bytes);
    unlock(p);
    return status;
}

static tern_status upload(const passage *p, uint32_t buffer, uint32_t block) {
    lock(p);
    tern_status status = tern_buffer_upload(p->cache->buffers[buffer], block * p->block_bytes,
                                            p->block, p->block_bytes);
    unlock(p);
    return status;
}

// Between a block of which |filled| positions count and its piece.
static void pack(const passage *p, uint32_t filled, bool unpack) {
    size_t size = (size_t)(filled * p->row_bytes);
    for (uint32_t head = 0; head < p->cache->hyper->kv_heads; head++) {
        uint8_t *in_block = p->block + head * p->rows * p->row_bytes;
        uint8_t *in_piece = p->piece + head * (uint64_t)size;
        memcpy(unpack ? in_block : in_piece, unpack ? in_piece : in_block, size);
    }
}

// Of block |index|; 0 past the last.
static uint32_t filled_in(const passage *p, uint32_t positions, uint32_t index) {
    uint64_t before = (uint64_t)index * tern__cache_span(p->cache->hyper);
    uint64_t left = positions > before ? positions - before : 0;
    return left < p->rows ? (uint32_t)left : p->rows;
}

// The keys of a layer, then its values; the states of all.
static uint32_t buffer_at(const passage *p, uint32_t index) {
    uint32_t layers = p->cache->hyper->layers;
    return p->buffers == layers ? index : index / 2 + index % 2 * layers;
}

static tern_status read_all(const passage *p, const tern__lease *lease, uint32_t positions,
                            tern__piece_fn take, void *user) {
    for (uint32_t b = 0; b < p->buffers; b++) {
        uint32_t buffer = buffer_at(p, b), filled;
        for (uint32_t i = 0; (filled = filled_in(p, positions, i)) > 0; i++) {
            TERN_TRY(download(p, buffer, lease->blocks[i]));
            pack(p, filled, false);
            size_t size = (size_t)(filled * p->row_bytes * p->cache->hyper->kv_heads);
            TERN_TRY(take(user, p->piece, size));
        }
    }
    return TERN_STATUS_OK;
}

tern_status tern__cache_read(const tern__cache *cache, tern__mutex *mutex, const tern__lease *lease,
                             uint32_t positions, tern__piece_fn take, void *user) {
    passage p = passage_of(cache);
    p.lock = mutex;
    TERN_TRY(begin(&p));
    tern_status status = read_all(&p, lease, positions, take, user);
    tern__free(cache->context, p.block);
    return status;
}

static tern_status write_all(const passage *p, const tern__lease *lease, uint32_t positions,
                             tern__piece_fn give, void *user) {
    memset(p->block, 0, (size_t)p->block_bytes);
    for (uint32_t b = 0; b < p->buffers; b++) {
        uint32_t buffer = buffer_at(p, b), filled;
        for (uint32_t i = 0; (filled = filled_in(p, positions, i)) > 0; i++) {
            size_t size = (size_t)(filled * p->row_bytes * p->cache->hyper->kv_heads);
            TERN_TRY(give(user, p->piece, size));
            pack(p, filled, true);
            TERN_TRY(upload(p, buffer, lease->blocks[i]));
        }
    }
    return TERN_STATUS_OK;
}

tern_status tern__cache_write(const tern__cache *cache, tern__mutex *mutex,
                              const tern__lease *lease, uint32_t positions, tern__piece_fn give,
                              void *user) {
    passage p = passage_of(cache);
    p.lock = mutex;
    TERN_TRY(begin(&p));
    tern_status status = write_all(&p, lease, positions, give, user);
    tern__free(cache->context, p.block);
    return status;
}

tern_status tern__cache_copy_block(const tern__cache *cache, const tern__lease *from,
                                   const tern__lease *to, uint32_t position) {
    passage p = passage_of(cache);
    uint32_t index = position / tern__cache_span(cache->hyper);
    TERN_TRY(begin(&p));
    tern_status status = TERN_STATUS_OK;
    for (uint32_t b = 0; status == TERN_STATUS_OK && b < p.buffers; b++) {
        status = download(&p, b, from->blocks[index]);
        status = status == TERN_STATUS_OK ? upload(&p, b, to->blocks[index]) : status;
    }
    tern__free(cache->context, p.block);
    return status;
}
