#include "runtime/model/network/cache.h"

#include <string.h>

#include "runtime/allocator.h"
#include "runtime/status.h"

enum { MOVE_BYTES = 1 << 18, FIRST_SEQUENCES = 4 };

// A set of buffers that replaces the cache's.
typedef struct pool {
    uint32_t block_count;
    uint32_t *free_blocks;
    uint32_t *users;
    tern_buffer **buffers;
    tern_tensor *tensors; // [2 * layers]
} pool;

static uint32_t blocks_for(const tern__hyper *hyper, uint32_t positions) {
    uint32_t span = tern__cache_span(hyper);
    return positions / span + (positions % span != 0);
}

static tern_dtype dtype_of(const tern__hyper *hyper, tern_kv_type kv) {
    static const tern_dtype dtypes[] = {[TERN_KV_F16] = TERN_DTYPE_F16,
                                        [TERN_KV_F32] = TERN_DTYPE_F32,
                                        [TERN_KV_I8] = TERN_DTYPE_I8};
    return tern__cache_has_states(hyper) ? TERN_DTYPE_F32 : dtypes[kv];
}

static uint64_t layer_bytes(const tern__hyper *hyper, tern_dtype dtype, uint64_t blocks) {
    uint32_t shape[4] = {1, hyper->kv_heads, tern__cache_rows(hyper),
                         tern__cache_columns(hyper, dtype)};
    uint64_t bytes = tern_tensor_packed_bytes(dtype, 4, shape);
    return tern__mul_u64(bytes, blocks, &bytes) ? bytes : 0;
}

static uint64_t pool_bytes(const tern__hyper *hyper, tern_dtype dtype, uint64_t blocks) {
    uint64_t bytes = layer_bytes(hyper, dtype, blocks);
    return tern__mul_u64(bytes, tern__cache_buffers(hyper), &bytes) ? bytes : 0;
}

uint64_t tern__cache_bytes(const tern__hyper *hyper, tern_kv_type kv, uint32_t positions) {
    return pool_bytes(hyper, dtype_of(hyper, kv), blocks_for(hyper, positions));
}

uint64_t tern__cache_table_bytes(const tern__hyper *hyper, uint32_t positions) {
    return FIRST_SEQUENCES * (uint64_t)blocks_for(hyper, positions) * sizeof(int32_t);
}

void tern__cache_init(tern__cache *cache, tern_device *device, const tern__hyper *hyper,
                      tern_kv_type kv) {
    *cache = (tern__cache){.context = tern_device_context(device),
                           .device = device,
                           .hyper = hyper,
                           .dtype = dtype_of(hyper, kv)};
}

static void free_pool(const tern__cache *cache, pool *p) {
    for (uint32_t i = 0; p->buffers && i < tern__cache_buffers(cache->hyper); i++) {
        tern_buffer_destroy(p->buffers[i]);
    }
    tern__free(cache->context, p->buffers);
    tern__free(cache->context, p->tensors);
    tern__free(cache->context, p->free_blocks);
    tern__free(cache->context, p->users);
}

static pool pool_of(const tern__cache *cache) {
    return (pool){cache->block_count, cache->free_blocks, cache->users, cache->buffers,
                  cache->keys};
}

void tern__cache_finish(tern__cache *cache) {
    pool p = pool_of(cache);
    free_pool(cache, &p);
    tern_buffer_destroy(cache->table_buffer);
    tern__free(cache->context, cache->leases);
    memset(cache, 0, sizeof *cache);
}

static tern_status fill_pool(const tern__cache *cache, uint32_t blocks, pool *p) {
    const tern__hyper *hyper = cache->hyper;
    uint32_t count = tern__cache_buffers(hyper);
    uint64_t bytes = layer_bytes(hyper, cache->dtype, blocks);
    bool states = tern__cache_has_states(hyper);
    uint32_t shape[4] = {blocks, hyper->kv_heads, TERN_KV_BLOCK,
                         tern__cache_columns(hyper, cache->dtype)};
    const uint32_t state_shape[2] = {blocks, hyper->width};
    p->block_count = blocks;
    p->free_blocks = tern__calloc(cache->context, blocks, sizeof *p->free_blocks);
    p->users = tern__calloc(cache->context, blocks, sizeof *p->users);
    p->buffers = tern__calloc(cache->context, count, sizeof(tern_buffer *));
    p->tensors = tern__calloc(cache->context, count, sizeof *p->tensors);
    if (!p->free_blocks || !p->users || !p->buffers || !p->tensors) {
        size_t each = sizeof(tern_buffer *) + sizeof *p->tensors;
        return tern__fail_memory(cache->context, 2 * blocks * sizeof(uint32_t) + count * each,
                                 "its tables");
    }
    if (bytes == 0) {
        return tern__fail(cache->context, TERN_STATUS_OUT_OF_MEMORY, "a layer passes 2^64 bytes");
    }
    for (uint32_t i = 0; i < count; i++) {
        TERN_TRY(tern_buffer_create(cache->device, bytes, &p->buffers[i]));
        p->tensors[i] = tern_tensor_make(p->buffers[i], 0, cache->dtype, states ? 2 : 4,
                                         states ? state_shape : shape);
    }
    return TERN_STATUS_OK;
}

// Through the host, a piece at a time: it happens when sessions are made, not while they run.
static tern_status move_content(const tern__cache *cache, const pool *p) {
    uint64_t total = layer_bytes(cache->hyper, cache->dtype, cache->block_count);
    void *piece = tern__alloc(cache->context, MOVE_BYTES);
    tern_status status =
        piece ? TERN_STATUS_OK : tern__fail_memory(cache->context, MOVE_BYTES, "kv cache");
    for (uint32_t i = 0; status == TERN_STATUS_OK && i < tern__cache_buffers(cache->hyper); i++) {
        for (uint64_t done = 0; status == TERN_STATUS_OK && done < total; done += MOVE_BYTES) {
            uint64_t size = total - done < MOVE_BYTES ? total - done : MOVE_BYTES;
            status = tern_buffer_download(cache->buffers[i], done, piece, size);
            if (status == TERN_STATUS_OK) {
                status = tern_buffer_upload(p->buffers[i], done, piece, size);
            }
        }
    }
    tern__free(cache->context, piece);
    return status;
}

static tern_status fail_memory(const tern__cache *cache, uint64_t blocks, const char *why) {
    bool states = tern__cache_has_states(cache->hyper);
    return tern__fail(cache->context, TERN_STATUS_OUT_OF_MEMORY,
                      "kv cache: %llu %s of all sessions need %llu bytes of device memory: %s",
                      (unsigned long long)blocks * tern__cache_rows(cache->hyper),
                      states ? "states" : "positions",
                      (unsigned long long)pool_bytes(cache->hyper, cache->dtype, blocks), why);
}

// A pool of |blocks| with the content of the cache. One error for whatever fails.
static tern_status make_pool(const tern__cache *cache, uint32_t blocks, pool *p) {
    char why[TERN__MESSAGE_CAPACITY];
    tern__quiet quiet;
    tern__quiet_begin(&quiet);
    tern_status status = fill_pool(cache, blocks, p);
    if (status == TERN_STATUS_OK && cache->block_count > cache->free_count) {
        status = move_content(cache, p);
    }
    tern__quiet_end_with(&quiet, status, why);
    if (status == TERN_STATUS_OK) {
        return status;
    }
    free_pool(cache, p);
    return status == TERN_STATUS_OUT_OF_MEMORY ? fail_memory(cache, blocks, why)
                                               : tern__fail(cache->context, status, "%s", why);
}

static tern_status grow_to(tern__cache *cache, uint32_t blocks) {
    pool p = {0};
    TERN_TRY(make_pool(cache, blocks, &p));
    uint32_t added = blocks - cache->block_count;
    for (uint32_t i = 0; i < added; i++) { // the lowest on top
        p.free_blocks[i] = blocks - 1 - i;
    }
    for (uint32_t i = 0; i < cache->free_count; i++) {
        p.free_blocks[added + i] = cache->free_blocks[i];
    }
    for (uint32_t i = 0; i < cache->block_count; i++) {
        p.users[i] = cache->users[i];
    }
    pool old = pool_of(cache);
    free_pool(cache, &old);
    cache->block_count = blocks;
    cache->free_count += added;
    cache->free_blocks = p.free_blocks;
    cache->users = p.users;
    cache->buffers = p.buffers;
    cache->keys = p.tensors;
    cache->values = tern__cache_has_states(cache->hyper) ? NULL : p.tensors + cache->hyper->layers;
    return TERN_STATUS_OK;
}

static tern_status grow_pool(tern__cache *cache, uint32_t needed) {
    uint64_t least = (uint64_t)cache->block_count + needed - cache->free_count;
    uint64_t doubled = 2 * (uint64_t)cache->block_count;
    if (least > UINT32_MAX) {
        return fail_memory(cache, least, "more blocks than a table can name");
    }
    if (doubled > least && doubled <= UINT32_MAX) {
        tern__quiet quiet;
        tern__quiet_begin(&quiet);
        tern_status status = grow_to(cache, (uint32_t)doubled);
        tern__quiet_end(&quiet);
        if (status == TERN_STATUS_OK) {
            return status;
        }
    }
    return grow_to(cache, (uint32_t)least);
}

static tern_status upload_lease(const tern__cache *cache, const tern__lease *lease) {
    uint64_t offset = (uint64_t)lease->sequence * cache->table.strides[0] * sizeof(int32_t);
    return tern_buffer_upload(cache->table_buffer, offset, lease->blocks,
                              lease->count * sizeof(int32_t));
}

static tern_status upload_leases(const tern__cache *cache, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (cache->leases[i]) {
            TERN_TRY(upload_lease(cache, cache->leases[i]));
        }
    }
    return TERN_STATUS_OK;
}

// A table of |sequences| rows of |blocks|, with the leases there are.
static tern_status grow_table(tern__cache *cache, uint32_t sequences, uint32_t blocks) {
    uint32_t shape[2] = {sequences, blocks};
    uint64_t bytes = tern_tensor_packed_bytes(TERN_DTYPE_I32, 2, shape);
    tern__lease **leases = tern__calloc(cache->context, sequences, sizeof(tern__lease *));
    tern_buffer *buffer = NULL;
    tern_status status =
        leases ? tern_buffer_create(cache->device, bytes, &buffer)
               : tern__fail_memory(cache->context, sequences * sizeof(tern__lease *), "kv cache");
    if (status != TERN_STATUS_OK) {
        tern__free(cache->context, leases);
        return status;
    }
    tern_buffer_destroy(cache->table_buffer);
    uint32_t old_count = cache->table.shape[0];
    if (old_count) {
        memcpy(leases, cache->leases, old_count * sizeof(tern__lease *));
    }
    tern__free(cache->context, cache->leases);
    cache->leases = leases;
    cache->table_buffer = buffer;
    cache->table = tern_tensor_make(buffer, 0, TERN_DTYPE_I32, 2, shape);
    return upload_leases(cache, old_count);
}

// The first free row of the table; its number of rows if there is none.
static uint32_t free_sequence(const tern__cache *cache) {
    uint32_t i = 0;
    while (i < cache->table.shape[0] && cache->leases[i]) {
        i++;
    }
    return i;
}

bool tern__cache_must_grow(const tern__cache *cache, uint32_t positions, uint32_t shared) {
    uint32_t needed = blocks_for(cache->hyper, positions);
    return needed - shared > cache->free_count || needed > cache->table.shape[1] ||
           free_sequence(cache) == cache->table.shape[0];
}

// |taken| blocks, and a row of |needed| in the table.
static tern_status make_room(tern__cache *cache, uint32_t taken, uint32_t needed) {
    uint32_t sequences = cache->table.shape[0];
    uint32_t width = cache->table.shape[1];
    if (taken > cache->free_count) {
        TERN_TRY(grow_pool(cache, taken));
    }
    if (needed <= width && free_sequence(cache) < sequences) {
        return TERN_STATUS_OK;
    }
    if (free_sequence(cache) == sequences) {
        sequences = sequences ? 2 * sequences : FIRST_SEQUENCES;
    }
    return grow_table(cache, sequences, needed > width ? needed : width);
}

static uint32_t take_block(tern__cache *cache) {
    uint32_t block = cache->free_blocks[--cache->free_count];
    cache->users[block] = 1;
    return block;
}

static void give_block(tern__cache *cache, uint32_t block) {
    if (--cache->users[block] == 0) {
        cache->free_blocks[cache->free_count++] = block;
    }
}

tern_status tern__cache_lease(tern__cache *cache, uint32_t positions, const tern__lease *from,
                              uint32_t shared, tern__lease **out_lease) {
    uint32_t needed = blocks_for(cache->hyper, positions);
    size_t bytes = sizeof(tern__lease) + needed * sizeof(uint32_t);
    *out_lease = NULL;
    TERN_TRY(make_room(cache, needed - shared, needed));
    tern__lease *lease = tern__alloc(cache->context, bytes);
    if (!lease) {
        return tern__fail_memory(cache->context, bytes, "kv cache");
    }
    lease->sequence = free_sequence(cache);
    lease->count = needed;
    lease->blocks = (uint32_t *)(lease + 1);
    for (uint32_t i = 0; i < shared; i++) {
        lease->blocks[i] = from->blocks[i];
        cache->users[from->blocks[i]]++;
    }
    for (uint32_t i = shared; i < needed; i++) {
        lease->blocks[i] = take_block(cache);
    }
    lease->place = tern__cache_has_states(cache->hyper) ? lease->blocks[0] : lease->sequence;
    cache->leases[lease->sequence] = lease;
    tern_status status = upload_lease(cache, lease);
    if (status != TERN_STATUS_OK) {
        tern__cache_release(cache, lease);
        return status;
    }
    *out_lease = lease;
    return TERN_STATUS_OK;
}

void tern__cache_release(tern__cache *cache, tern__lease *lease) {
    if (!lease) {
        return;
    }
    for (uint32_t i = lease->count; i > 0; i--) {
        give_block(cache, lease->blocks[i - 1]);
    }
    cache->leases[lease->sequence] = NULL;
    tern__free(cache->context, lease);
}

uint32_t tern__cache_shared(const tern__cache *cache, const tern__lease *lease, uint32_t position) {
    uint32_t count = 0;
    for (uint32_t i = position / tern__cache_span(cache->hyper); i < lease->count; i++) {
        count += cache->users[lease->blocks[i]] > 1;
    }
    return count;
}

// Blocks of its own in the place of shared ones, in a lease that nobody else has seen yet.
static tern_status own(tern__cache *cache, tern__lease *fresh, const tern__lease *lease,
                       uint32_t position) {
    uint32_t span = tern__cache_span(cache->hyper), first = position / span;
    for (uint32_t i = first; i < lease->count; i++) {
        if (cache->users[lease->blocks[i]] > 1) {
            fresh->blocks[i] = take_block(cache);
        }
    }
    if (position % span && fresh->blocks[first] != lease->blocks[first]) {
        TERN_TRY(tern__cache_copy_block(cache, lease, fresh, position));
    }
    return upload_lease(cache, fresh);
}

tern_status tern__cache_own(tern__cache *cache, tern__lease *lease, uint32_t position) {
    uint32_t shared = tern__cache_shared(cache, lease, position);
    size_t bytes = lease->count * sizeof(uint32_t);
    if (shared == 0) {
        return TERN_STATUS_OK;
    }
    if (shared > cache->free_count) {
        TERN_TRY(grow_pool(cache, shared));
    }
    tern__lease fresh = *lease;
    fresh.blocks = tern__alloc(cache->context, bytes);
    if (!fresh.blocks) {
        return tern__fail_memory(cache->context, bytes, "kv cache");
    }
    memcpy(fresh.blocks, lease->blocks, bytes);
    tern_status status = own(cache, &fresh, lease, position);
    for (uint32_t i = 0; i < lease->count; i++) {
        if (fresh.blocks[i] != lease->blocks[i]) {
            bool good = status == TERN_STATUS_OK;
            give_block(cache, good ? lease->blocks[i] : fresh.blocks[i]);
            lease->blocks[i] = good ? fresh.blocks[i] : lease->blocks[i];
        }
    }
    tern__free(cache->context, fresh.blocks);
    return status;
}
