// What the processor can do, as levels: usable sets of instructions, of which a machine has some.
#ifndef TERN_BACKENDS_CPU_FEATURES_H_
#define TERN_BACKENDS_CPU_FEATURES_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__) || defined(_M_X64)
#define TERN_CPU_X86 1
#ifdef __linux__ // how other systems give it was not tried
#define TERN_CPU_AMX 1
#endif
#elif defined(__aarch64__) || defined(_M_ARM64)
#define TERN_CPU_ARM 1
#endif

// X(name): of two that a machine has, the later is the better; scalar is plain C for the compiler's
// default target. A kernel's name ends in that of its level.
#if defined(TERN_CPU_X86)
#define TERN_CPU_LEVEL_LIST(X)                                                                     \
    X(scalar)                                                                                      \
    X(avx2)       /* AVX2, FMA and F16C */                                                         \
    X(avxvnni)    /* avx2 and VNNI as processors without AVX-512 encode it */                      \
    X(vnni256)    /* 256-bit vectors of AVX-512 F, BW, DQ, VL and VNNI */                          \
    X(avx512vnni) /* the same with 512-bit vectors */                                              \
    X(avx512vbmi) /* avx512vnni and VBMI */                                                        \
    X(amx)        /* avx512vbmi and AMX's tiles of int8, under Linux */
#elif defined(TERN_CPU_ARM)
#define TERN_CPU_LEVEL_LIST(X)                                                                     \
    X(scalar)                                                                                      \
    X(neon)    /* every 64-bit ARM */                                                              \
    X(dotprod) /* FEAT_DotProd: Armv8.2 and later, most since 2018 */                              \
    X(i8mm)    /* also FEAT_I8MM: most of Armv8.6 and later */
#else
#define TERN_CPU_LEVEL_LIST(X) X(scalar)
#endif

enum tern_cpu_level {
#define TERN_CPU_LEVEL_ENUM(name) TERN_CPU_##name,
    TERN_CPU_LEVEL_LIST(TERN_CPU_LEVEL_ENUM)
#undef TERN_CPU_LEVEL_ENUM
        TERN_CPU_LEVEL_COUNT
};

// A set of levels: bit |level| of a word.
typedef uint32_t tern_cpu_levels;

static inline bool tern_cpu_levels_have(tern_cpu_levels levels, enum tern_cpu_level level) {
    return (levels >> level & 1u) != 0;
}

// Those that the processor and the operating system have; scalar always.
tern_cpu_levels tern_cpu_levels_detect(void);

// Those of |levels| that this process may use. Linux gives tiles on request, for good: from then on
// sigaltstack() refuses a stack that has no room for them, 8 KiB more than before, and the signal
// frames of a thread that has used them need it.
tern_cpu_levels tern_cpu_levels_acquire(tern_cpu_levels levels);

// |levels| without those above |highest|.
static inline tern_cpu_levels tern_cpu_levels_up_to(tern_cpu_levels levels,
                                                    enum tern_cpu_level highest) {
    return levels & ((2u << highest) - 1u);
}

enum tern_cpu_level tern_cpu_levels_best(tern_cpu_levels levels);

const char *tern_cpu_level_name(enum tern_cpu_level level);

// False if no level has that name.
bool tern_cpu_level_find(const char *name, enum tern_cpu_level *out_level);

// The processor's name for people.
void tern_cpu_brand(char *out_name, size_t capacity);

#endif
