#include "backends/cpu/features.h"

#include <stdio.h>
#include <string.h>
#ifdef TERN_CPU_AMX
#include <sys/syscall.h>
#include <unistd.h>
#endif

static const char *const level_names[] = {
#define LEVEL_NAME(name) #name,
    TERN_CPU_LEVEL_LIST(LEVEL_NAME)
#undef LEVEL_NAME
};

const char *tern_cpu_level_name(enum tern_cpu_level level) {
    return level_names[level];
}

bool tern_cpu_level_find(const char *name, enum tern_cpu_level *out_level) {
    for (int i = 0; i < TERN_CPU_LEVEL_COUNT; i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *out_level = (enum tern_cpu_level)i;
            return true;
        }
    }
    return false;
}

enum tern_cpu_level tern_cpu_levels_best(tern_cpu_levels levels) {
    int best = TERN_CPU_LEVEL_COUNT - 1;
    while (best > 0 && !tern_cpu_levels_have(levels, (enum tern_cpu_level)best)) {
        best--;
    }
    return (enum tern_cpu_level)best;
}

#ifdef TERN_CPU_X86

struct cpuid {
    uint32_t a, b, c, d;
};

#ifdef _MSC_VER
#include <intrin.h>

static struct cpuid cpuid_part(uint32_t leaf, uint32_t part) {
    int r[4];
    __cpuidex(r, (int)leaf, (int)part);
    return (struct cpuid){(uint32_t)r[0], (uint32_t)r[1], (uint32_t)r[2], (uint32_t)r[3]};
}

static uint64_t xgetbv(void) {
    return _xgetbv(0);
}
#else
#include <cpuid.h>

static struct cpuid cpuid_part(uint32_t leaf, uint32_t part) {
    struct cpuid r;
    __cpuid_count(leaf, part, r.a, r.b, r.c, r.d);
    return r;
}

static uint64_t xgetbv(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}
#endif

static struct cpuid cpuid(uint32_t leaf) {
    return cpuid_part(leaf, 0);
}

// Intel SDM volume 2, CPUID; the system saves the upper parts of vectors only if it set their bits
// in XCR0: 1 and 2 for AVX, 5 to 7 as well for AVX-512.
enum {
    LEAF1_C_FMA = 1u << 12,
    LEAF1_C_OSXSAVE = 1u << 27,
    LEAF1_C_AVX = 1u << 28,
    LEAF1_C_F16C = 1u << 29,
    LEAF7_B_AVX2 = 1u << 5,
    LEAF7_C_AVX512_VBMI = 1u << 1,
    LEAF7_C_AVX512_VNNI = 1u << 11,
    LEAF7_1_A_AVX_VNNI = 1u << 4,
    LEAF7_D_AMX = 1u << 24 | 1u << 25, // TILE, INT8
    XCR0_YMM = 0x06,
    XCR0_ZMM = 0xe6,
    XCR0_TILES = 0x60000
};
// Too large for an enumerator in C11.
#define LEAF7_B_AVX512 (1u << 16 | 1u << 17 | 1u << 30 | 1u << 31) // F, DQ, BW, VL

tern_cpu_levels tern_cpu_levels_detect(void) {
    const uint32_t basic = LEAF1_C_FMA | LEAF1_C_OSXSAVE | LEAF1_C_AVX | LEAF1_C_F16C;
    tern_cpu_levels levels = 1u << TERN_CPU_scalar;
    if (cpuid(0).a < 7 || (cpuid(1).c & basic) != basic || (xgetbv() & XCR0_YMM) != XCR0_YMM) {
        return levels;
    }
    struct cpuid leaf7 = cpuid(7);
    if (!(leaf7.b & LEAF7_B_AVX2)) {
        return levels;
    }
    levels |= 1u << TERN_CPU_avx2;
    if (leaf7.a >= 1 && (cpuid_part(7, 1).a & LEAF7_1_A_AVX_VNNI)) {
        levels |= 1u << TERN_CPU_avxvnni;
    }
    if ((leaf7.b & LEAF7_B_AVX512) == LEAF7_B_AVX512 && (leaf7.c & LEAF7_C_AVX512_VNNI) &&
        (xgetbv() & XCR0_ZMM) == XCR0_ZMM) {
        levels |= 1u << TERN_CPU_vnni256 | 1u << TERN_CPU_avx512vnni;
        levels |= leaf7.c & LEAF7_C_AVX512_VBMI ? 1u << TERN_CPU_avx512vbmi : 0;
    }
#ifdef TERN_CPU_AMX
    if (tern_cpu_levels_have(levels, TERN_CPU_avx512vbmi) &&
        (leaf7.d & LEAF7_D_AMX) == LEAF7_D_AMX && (xgetbv() & XCR0_TILES) == XCR0_TILES) {
        levels |= 1u << TERN_CPU_amx;
    }
#endif
    return levels;
}

tern_cpu_levels tern_cpu_levels_acquire(tern_cpu_levels levels) {
#ifdef TERN_CPU_AMX // since Linux 5.16: Documentation/arch/x86/xstate.rst
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    if (tern_cpu_levels_have(levels, TERN_CPU_amx) &&
        syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) != 0) {
        levels &= ~(1u << TERN_CPU_amx);
    }
#endif
    return levels;
}

void tern_cpu_brand(char *out_name, size_t capacity) {
    char text[49] = "";
    if (cpuid(0x80000000u).a >= 0x80000004u) {
        for (uint32_t i = 0; i < 3; i++) {
            struct cpuid part = cpuid(0x80000002u + i);
            memcpy(text + 16 * i, &part, 16);
        }
    }
    const char *start = text + strspn(text, " ");
    size_t length = strlen(start);
    while (length && start[length - 1] == ' ') {
        length--;
    }
    snprintf(out_name, capacity, "%.*s", length ? (int)length : 3, length ? start : "cpu");
}

#elif !defined(TERN_CPU_ARM) // that is in features_arm.c

tern_cpu_levels tern_cpu_levels_detect(void) {
    return 1u << TERN_CPU_scalar;
}

tern_cpu_levels tern_cpu_levels_acquire(tern_cpu_levels levels) {
    return levels;
}

void tern_cpu_brand(char *out_name, size_t capacity) {
    snprintf(out_name, capacity, "cpu");
}

#endif
