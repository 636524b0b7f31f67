// What the processor can do, as levels: usable sets of instructions, each containing the ones
// before it.
#ifndef TERN_BACKENDS_CPU_FEATURES_H_
#define TERN_BACKENDS_CPU_FEATURES_H_

#include <stdbool.h>
#include <stddef.h>

#if defined(__x86_64__) || defined(_M_X64)
#define TERN_CPU_X86 1
#elif defined(__aarch64__) || defined(_M_ARM64)
#define TERN_CPU_ARM 1
#endif

// X(name), from oldest to newest: scalar is plain C for the compiler's default target. A kernel's
// name ends in that of its level.
#if defined(TERN_CPU_X86)
#define TERN_CPU_LEVEL_LIST(X)                                                                     \
    X(scalar)                                                                                      \
    X(avx2) /* AVX2, FMA and F16C */
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

// The highest level that the processor and the operating system allow.
enum tern_cpu_level tern_cpu_level_detect(void);

const char *tern_cpu_level_name(enum tern_cpu_level level);

// False if no level has that name.
bool tern_cpu_level_find(const char *name, enum tern_cpu_level *out_level);

// The processor's name for people.
void tern_cpu_brand(char *out_name, size_t capacity);

#endif
