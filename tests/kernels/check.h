// Kernels against expectations: every level that this machine has, scalar first. A test program
// defines check_run; --bench also prints how long the kernels take.
#ifndef TERN_TESTS_KERNELS_CHECK_H_
#define TERN_TESTS_KERNELS_CHECK_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backends/cpu/kernels/kernels.h"

struct check {
    enum tern_cpu_level level;
    struct tern_cpu_kernels kernels; // of this level and those below
    bool bench;
};

// Tests, and times if wanted, the kernels of one level.
void check_run(const struct check *check);

// True if the slot's kernel is of this very level; others were tested before.
#define CHECK_HAS(check, slot) ((check)->kernels.slot.level == (check)->level)

// Memory without a byte to spare, so that a sanitizer sees any step past it; and memory between
// guards, for outputs. Both 64-aligned, and freed by check_clear.
void *check_in(size_t size);
void *check_out(size_t size);
void check_clear(void);

// Reports a difference between |size| bytes, or damaged guards around |got|, which is from
// check_out. |what| says with which parameters.
void check_same(const void *got, const void *want, size_t size, const char *what, ...)
    __attribute__((format(printf, 4, 5)));

// Patterns of inputs.
enum check_pattern {
    CHECK_RANDOM,
    CHECK_ZERO,
    CHECK_MOST,  // every element the largest there is
    CHECK_LEAST, // every element the smallest
    CHECK_MIXED, // alternating
    CHECK_PATTERNS
};

uint32_t check_random(void);
// Ternary weights, -1 to +1; activations, -128 to 127.
void check_fill_codes(int8_t *codes, size_t count, enum check_pattern pattern);
void check_fill_i8(int8_t *q, size_t count, enum check_pattern pattern);
// Finite floats between about -8 and 8, some zero, some as small as the contract allows.
void check_fill_f32(float *x, size_t count, enum check_pattern pattern);

// From the numbers contract, in other words than the kernels': rules 3, 4 and 6.
float check_flush(float x);
float check_sum(const float *terms, uint32_t count);
float check_round_f16(float x);
uint16_t check_f16_bits(float x); // of a value that float16 has
float check_f16_value(uint16_t bits);

// Times |call| and prints it with the rate at which it reads |bytes|: the best of many short
// rounds, so that other programs disturb little.
#define CHECK_BENCH(check, bytes, call, ...)                                                       \
    do {                                                                                           \
        uint64_t best = UINT64_MAX;                                                                \
        uint64_t calls = 1;                                                                        \
        uint64_t until = check_clock() + 200000000;                                                \
        while ((check)->bench && check_clock() < until) {                                          \
            uint64_t start = check_clock();                                                        \
            for (uint64_t i = 0; i < calls; i++) {                                                 \
                call;                                                                              \
            }                                                                                      \
            uint64_t time = (check_clock() - start) / calls;                                       \
            best = time < best ? time : best;                                                      \
            calls = 50000 / (best + 1) + 1;                                                        \
        }                                                                                          \
        check_bench_print(check, best, bytes, __VA_ARGS__);                                        \
    } while (0)

uint64_t check_clock(void); // nanoseconds
void check_bench_print(const struct check *check, uint64_t time, uint64_t bytes, const char *name,
                       ...) __attribute__((format(printf, 4, 5)));

#endif
