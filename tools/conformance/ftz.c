#include "tools/conformance/ftz.h"

#if defined(__x86_64__) || defined(_M_X64)

#include <xmmintrin.h>

#define FLUSH_BITS 0x8040u // MXCSR: FTZ is bit 15, DAZ bit 6

bool ftz_available(void) {
    return true;
}

static uint64_t read_control(void) {
    return _mm_getcsr();
}

static void write_control(uint64_t control) {
    _mm_setcsr((unsigned)control);
}

#elif defined(__aarch64__) && defined(__GNUC__)

#define FLUSH_BITS 0x1000000u // FPCR: FZ is bit 24

bool ftz_available(void) {
    return true;
}

static uint64_t read_control(void) {
    uint64_t control;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    return control;
}

static void write_control(uint64_t control) {
    __asm__ volatile("msr fpcr, %0" : : "r"(control));
}

#else

#define FLUSH_BITS 0u

bool ftz_available(void) {
    return false;
}

static uint64_t read_control(void) {
    return 0;
}

static void write_control(uint64_t control) {
    (void)control;
}

#endif

ftz_state ftz_set(bool on) {
    ftz_state saved = {read_control()};
    if (on) {
        write_control(saved.control | FLUSH_BITS);
    }
    return saved;
}

void ftz_restore(ftz_state state) {
    write_control(state.control);
}
