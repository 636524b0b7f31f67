// Where positions of a sequence lie in the cache: a pool of blocks of 64 positions and a table of
// blocks per sequence.
#ifndef TERN_SHADERS_VULKAN_CACHE_GLSL_
#define TERN_SHADERS_VULKAN_CACHE_GLSL_

// A cache of [blocks, heads, 64, head_dim], in words of its binding.
struct Cache {
    uint offset;
    uint block_stride;
    uint head_stride;
    uint place_stride;
};

// Positions and sequences of the rows, and the block table; offsets in words of their bindings.
struct Blocks {
    uint positions;
    uint sequences;
    uint sequence_count;
    uint table;
    uint table_stride;
    uint width; // blocks per sequence
    uint count; // blocks in the pool
};

uint table_word(Blocks blocks, uint sequence, uint index) {
    return blocks.table + sequence * blocks.table_stride + index;
}

uint cache_word(Cache cache, uint block, uint head, uint place) {
    return cache.offset + block * cache.block_stride + head * cache.head_stride +
           place * cache.place_stride;
}

#endif
