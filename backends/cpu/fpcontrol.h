// The floating-point control of a thread: a run needs round to nearest, no exceptions, subnormals
// as they are.
#ifndef TERN_BACKENDS_CPU_FPCONTROL_H_
#define TERN_BACKENDS_CPU_FPCONTROL_H_

#include <stdint.h>

#include "backends/cpu/features.h"

#if defined(TERN_CPU_X86)
#include <xmmintrin.h>

typedef uint32_t tern_cpu_fpcontrol;

// Sets what a run needs and returns what was set before.
static inline tern_cpu_fpcontrol tern_cpu_fpcontrol_enter(void) {
    tern_cpu_fpcontrol before = _mm_getcsr();
    _mm_setcsr(0x1f80);
    return before;
}

static inline void tern_cpu_fpcontrol_leave(tern_cpu_fpcontrol before) {
    _mm_setcsr(before);
}

#elif defined(__aarch64__)

typedef uint64_t tern_cpu_fpcontrol;

static inline tern_cpu_fpcontrol tern_cpu_fpcontrol_enter(void) {
    tern_cpu_fpcontrol before;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" : : "r"((tern_cpu_fpcontrol)0));
    return before;
}

static inline void tern_cpu_fpcontrol_leave(tern_cpu_fpcontrol before) {
    __asm__ volatile("msr fpcr, %0" : : "r"(before));
}

#else

// Nothing that an application would set is known of other processors.
typedef uint32_t tern_cpu_fpcontrol;

static inline tern_cpu_fpcontrol tern_cpu_fpcontrol_enter(void) {
    return 0;
}

static inline void tern_cpu_fpcontrol_leave(tern_cpu_fpcontrol before) {
    (void)before;
}

#endif

#endif
