#include "backends/cpu/features.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

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

#ifdef TERN_CPU_X86

struct cpuid {
    uint32_t a, b, c, d;
};

#ifdef _MSC_VER
#include <intrin.h>

static struct cpuid cpuid(uint32_t leaf) {
    int r[4];
    __cpuidex(r, (int)leaf, 0);
    return (struct cpuid){(uint32_t)r[0], (uint32_t)r[1], (uint32_t)r[2], (uint32_t)r[3]};
}

static uint64_t xgetbv(void) {
    return _xgetbv(0);
}
#else
#include <cpuid.h>

static struct cpuid cpuid(uint32_t leaf) {
    struct cpuid r;
    __cpuid_count(leaf, 0, r.a, r.b, r.c, r.d);
    return r;
}

static uint64_t xgetbv(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}
#endif

// Intel SDM volume 2, CPUID; the system saves the upper halves only if it set XCR0 bits 1 and 2.
enum {
    LEAF1_C_FMA = 1u << 12,
    LEAF1_C_OSXSAVE = 1u << 27,
    LEAF1_C_AVX = 1u << 28,
    LEAF1_C_F16C = 1u << 29,
    LEAF7_B_AVX2 = 1u << 5,
    XCR0_YMM = 6
};

enum tern_cpu_level tern_cpu_level_detect(void) {
    const uint32_t basic = LEAF1_C_FMA | LEAF1_C_OSXSAVE | LEAF1_C_AVX | LEAF1_C_F16C;
    if (cpuid(0).a < 7 || (cpuid(1).c & basic) != basic || (xgetbv() & XCR0_YMM) != XCR0_YMM) {
        return TERN_CPU_scalar;
    }
    return cpuid(7).b & LEAF7_B_AVX2 ? TERN_CPU_avx2 : TERN_CPU_scalar;
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

enum tern_cpu_level tern_cpu_level_detect(void) {
    return TERN_CPU_scalar;
}

void tern_cpu_brand(char *out_name, size_t capacity) {
    snprintf(out_name, capacity, "cpu");
}

#endif
