// Memory that is needed soon, asked for step by step while a thread computes with other memory.
#ifndef TERN_BACKENDS_CPU_KERNELS_AHEAD_H_
#define TERN_BACKENDS_CPU_KERNELS_AHEAD_H_

#include "backends/cpu/kernels/kernels.h"

// Into the second cache, and a line of each quarter in turn: the processor then sees four streams
// of reads, in pages of their own. Keys of 20 heads on 5 of 128 at 2048 positions, 2.6 MB of f16,
// not from the caches: 115 us, line after line 144, into the first cache 165; reading them takes
// 121, computing 67 (two threads, Xeon beside other work, November 2026).
enum { TERN_CPU_AHEAD_STREAMS = 4 };

struct tern_cpu_ahead {
    const uint8_t *next;
    size_t stream; // bytes
    size_t due;    // a line of each stream when it reaches |line|
    size_t line;
};

// |bytes| from |at|, or the first of them, in |steps| equal steps.
TERN_CPU_INLINE struct tern_cpu_ahead tern_cpu_ahead_of(const void *at, size_t bytes,
                                                        uint32_t steps) {
    return (struct tern_cpu_ahead){at, bytes / TERN_CPU_AHEAD_STREAMS, 0, 64 * (size_t)steps};
}

TERN_CPU_INLINE void tern_cpu_ask(struct tern_cpu_ahead *ahead) {
    for (ahead->due += ahead->stream; ahead->due >= ahead->line; ahead->due -= ahead->line) {
        for (size_t i = 0; i < TERN_CPU_AHEAD_STREAMS; i++) {
            TERN_CPU_PREFETCH_FAR(ahead->next + i * ahead->stream);
        }
        ahead->next += 64;
    }
}

#endif
