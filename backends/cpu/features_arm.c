// 64-bit ARM: an application may not ask the processor, only the system.
#include "backends/cpu/features.h"

#ifdef TERN_CPU_ARM

#include <stdint.h>
#include <stdio.h>

struct arm {
    bool dotprod;
    bool i8mm;
};

#if defined(_WIN32)

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

// Of winnt.h; its older editions lack them.
enum { ARM_V82_DP = 43, ARM_V82_I8MM = 66 };

static struct arm detect(void) {
    return (struct arm){IsProcessorFeaturePresent(ARM_V82_DP),
                        IsProcessorFeaturePresent(ARM_V82_I8MM)};
}

void tern_cpu_brand(char *out_name, size_t capacity) {
    snprintf(out_name, capacity, "cpu");
}

#elif defined(__APPLE__)

#include <sys/sysctl.h>

static bool has(const char *name) {
    int value = 0;
    size_t size = sizeof value;
    return sysctlbyname(name, &value, &size, NULL, 0) == 0 && value;
}

static struct arm detect(void) {
    return (struct arm){has("hw.optional.arm.FEAT_DotProd"), has("hw.optional.arm.FEAT_I8MM")};
}

void tern_cpu_brand(char *out_name, size_t capacity) {
    size_t size = capacity;
    if (sysctlbyname("machdep.cpu.brand_string", out_name, &size, NULL, 0) != 0) {
        snprintf(out_name, capacity, "cpu");
    }
}

#elif defined(__linux__)

#include <sys/auxv.h>

// Of the kernel's arch/arm64/include/uapi/asm/hwcap.h.
#define CAP_CPUID (1ul << 11)
#define CAP_ASIMDDP (1ul << 20)
#define CAP2_I8MM (1ul << 13)

static struct arm detect(void) {
    return (struct arm){getauxval(AT_HWCAP) & CAP_ASIMDDP, getauxval(AT_HWCAP2) & CAP2_I8MM};
}

// The system has no name for people; the identification register tells who made which core.
void tern_cpu_brand(char *out_name, size_t capacity) {
    uint64_t id = 0;
    if (getauxval(AT_HWCAP) & CAP_CPUID) {
        __asm__("mrs %0, midr_el1" : "=r"(id)); // the kernel answers in the register's place
        snprintf(out_name, capacity, "ARM implementer 0x%02x part 0x%03x",
                 (unsigned)(id >> 24 & 0xff), (unsigned)(id >> 4 & 0xfff));
    } else {
        snprintf(out_name, capacity, "cpu");
    }
}

#else

static struct arm detect(void) {
    return (struct arm){false, false};
}

void tern_cpu_brand(char *out_name, size_t capacity) {
    snprintf(out_name, capacity, "cpu");
}

#endif

tern_cpu_levels tern_cpu_levels_detect(void) {
    struct arm arm = detect();
    tern_cpu_levels levels = 1u << TERN_CPU_scalar | 1u << TERN_CPU_neon;
    if (arm.dotprod) {
        levels |= 1u << TERN_CPU_dotprod;
        levels |= arm.i8mm ? 1u << TERN_CPU_i8mm : 0;
    }
    return levels;
}

tern_cpu_levels tern_cpu_levels_acquire(tern_cpu_levels levels) {
    return levels;
}

#endif
