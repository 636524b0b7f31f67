#include "tests/kernels/check.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/harness/rng.h"

enum { GUARD = 64, MOST_BLOCKS = 64, MOST_REPORTS = 20 };

static struct block {
    uint8_t *memory;
    uint8_t *data;
    size_t size;
} blocks[MOST_BLOCKS];
static int block_count;
static int failures;
static rng state;
static const char *level_name;

static uint8_t *add_block(size_t size, size_t guard) {
    struct block *block = &blocks[block_count++];
    void *memory = NULL;
    if (posix_memalign(&memory, GUARD, size + 2 * guard)) {
        abort();
    }
    block->memory = memory;
    block->data = block->memory + guard;
    block->size = size;
    memset(block->data - guard, 0xa5, size + 2 * guard);
    return block->data;
}

void *check_in(size_t size) {
    return add_block(size, 0);
}

void *check_out(size_t size) {
    return add_block(size, GUARD);
}

void check_clear(void) {
    while (block_count) {
        free(blocks[--block_count].memory);
    }
}

static void report(const char *what, va_list args, const char *problem) {
    if (failures++ < MOST_REPORTS) {
        fprintf(stderr, "failed: %s: ", level_name);
        vfprintf(stderr, what, args);
        fprintf(stderr, ": %s\n", problem);
    }
}

static bool guards_intact(const void *data) {
    for (int i = 0; i < block_count; i++) {
        const struct block *block = &blocks[i];
        for (size_t k = 0; block->data == data && k < GUARD; k++) {
            if (block->data[-1 - (ptrdiff_t)k] != 0xa5 || block->data[block->size + k] != 0xa5) {
                return false;
            }
        }
    }
    return true;
}

void check_same(const void *got, const void *want, size_t size, const char *what, ...) {
    const uint8_t *a = got;
    const uint8_t *b = want;
    va_list args;
    va_start(args, what);
    if (memcmp(a, b, size) != 0) {
        size_t at = 0;
        while (a[at] == b[at]) {
            at++;
        }
        char problem[96];
        snprintf(problem, sizeof problem, "byte %zu of %zu is %02x, must be %02x", at, size, a[at],
                 b[at]);
        report(what, args, problem);
    } else if (!guards_intact(got)) {
        report(what, args, "wrote outside its output");
    }
    va_end(args);
}

uint32_t check_random(void) {
    return rng_u32(&state);
}

static int pick(enum check_pattern pattern, size_t i, int least, int most) {
    switch (pattern) {
    case CHECK_ZERO:
        return 0;
    case CHECK_MOST:
        return most;
    case CHECK_LEAST:
        return least;
    case CHECK_MIXED:
        return i % 2 ? least : most;
    default:
        return least + (int)(check_random() % (uint32_t)(most - least + 1));
    }
}

void check_fill_codes(int8_t *codes, size_t count, enum check_pattern pattern) {
    for (size_t i = 0; i < count; i++) {
        codes[i] = (int8_t)pick(pattern, i, -1, 1);
    }
}

void check_fill_i8(int8_t *q, size_t count, enum check_pattern pattern) {
    for (size_t i = 0; i < count; i++) {
        q[i] = (int8_t)pick(pattern, i, -128, 127);
    }
}

void check_fill_f32(float *x, size_t count, enum check_pattern pattern) {
    for (size_t i = 0; i < count; i++) {
        int mantissa = pick(pattern, i, -(1 << 23), 1 << 23);
        int small = pattern == CHECK_RANDOM && check_random() % 8 == 0;
        int exponent = small ? -(int)(check_random() % 50) : 3;
        x[i] = check_flush(ldexpf((float)mantissa, exponent - 23));
    }
}

float check_flush(float x) {
    return fabsf(x) < ldexpf(1.0f, -50) ? 0.0f : x;
}

static float sum_block(const float *terms, uint32_t count) {
    float parts[64] = {0};
    for (uint32_t i = 0; i < count; i++) {
        parts[i % 64] += terms[i];
    }
    for (int width = 32; width; width /= 2) {
        for (int i = 0; i < width; i++) {
            parts[i] += parts[i + width];
        }
    }
    return parts[0];
}

float check_sum(const float *terms, uint32_t count) {
    float sum = 0.0f;
    for (uint32_t first = 0; first < count; first += 1024) {
        sum += sum_block(terms + first, count - first < 1024 ? count - first : 1024);
    }
    return sum;
}

float check_round_f16(float x) {
    int exponent;
    frexp(x, &exponent);
    double quantum = ldexp(1.0, (exponent - 11 > -24 ? exponent - 11 : -24));
    double rounded = nearbyint(x / quantum) * quantum;
    rounded = rounded > 65504.0 ? 65504.0 : rounded < -65504.0 ? -65504.0 : rounded;
    return rounded == 0.0 ? 0.0f : (float)rounded;
}

float check_f16_value(uint16_t bits) {
    int exponent = bits >> 10 & 31;
    float mantissa = (float)(bits & 1023);
    float value = exponent ? ldexpf(mantissa + 1024.0f, exponent - 25) : ldexpf(mantissa, -24);
    return bits >> 15 ? -value : value;
}

uint16_t check_f16_bits(float x) {
    uint16_t low = 0;
    uint16_t high = 0x7bff;
    while (low < high) { // values ascend with bits
        uint16_t middle = (uint16_t)((low + high) / 2);
        if (check_f16_value(middle) < fabsf(x)) {
            low = (uint16_t)(middle + 1);
        } else {
            high = middle;
        }
    }
    return (uint16_t)(low | (x < 0.0f ? 0x8000 : 0));
}

uint64_t check_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void check_bench_print(const struct check *check, uint64_t time, uint64_t bytes, const char *name,
                       ...) {
    if (!check->bench) {
        return;
    }
    char text[64];
    va_list args;
    va_start(args, name);
    vsnprintf(text, sizeof text, name, args);
    va_end(args);
    printf("%-40s %-8s %10.0f ns %8.2f GB/s\n", text, level_name, (double)time,
           (double)bytes / (double)(time ? time : 1));
}

int main(int argc, char **argv) {
    struct check check = {.bench = argc > 1 && strcmp(argv[1], "--bench") == 0};
    tern_cpu_levels levels = tern_cpu_levels_acquire(tern_cpu_levels_detect());
    for (int level = 0; level < TERN_CPU_LEVEL_COUNT; level++) {
        level_name = tern_cpu_level_name((enum tern_cpu_level)level);
        if (!tern_cpu_levels_have(levels, (enum tern_cpu_level)level)) {
            printf("skipped: this processor has no %s\n", level_name);
            continue;
        }
        check.level = (enum tern_cpu_level)level;
        tern_cpu_kernels_init(&check.kernels, tern_cpu_levels_up_to(levels, check.level));
        state = rng_make(1);
        check_run(&check);
        check_clear();
    }
    printf("%d failed\n", failures);
    return failures != 0;
}
