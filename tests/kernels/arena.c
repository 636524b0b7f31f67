// The cpu backend's memory for weights: pieces of zeros that keep to themselves, in blocks that go
// back with their last piece.
#include "tests/harness/check.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backends/cpu/arena.h"

enum { HUGE_PAGE = 2 << 20, MIB = 1 << 20 };

static size_t live;      // blocks
static size_t reserved;  // bytes asked for so far
static size_t smaller;   // blocks that are no whole huge pages
static size_t allowance; // blocks that the host still gives

static void *allocate(const tern_host *host, size_t size, size_t alignment) {
    (void)host;
    if (!allowance) {
        return NULL;
    }
    allowance--;
    live++;
    reserved += size;
    smaller += size % HUGE_PAGE != 0;
    void *memory = aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    return memset(memory, 0xa5, size);
}

static void release(const tern_host *host, void *pointer) {
    (void)host;
    live--;
    free(pointer);
}

static const tern_host host = {
    .struct_size = sizeof(tern_host), .allocate = allocate, .release = release};

static void start(size_t blocks) {
    live = reserved = smaller = 0;
    allowance = blocks;
}

static void pieces_keep_to_themselves(void **state) {
    (void)state;
    static const size_t sizes[] = {1,  64,      65,   4096,     100000, 3 * MIB,
                                   17, 5 * MIB, 1000, 40 * MIB, 9};
    enum { COUNT = sizeof sizes / sizeof *sizes };
    uint8_t *pieces[COUNT];
    struct tern_cpu_arena arena = {0};
    start(COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        pieces[i] = tern_cpu_arena_take(&arena, &host, sizes[i]);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 64, 0);
        for (size_t at = 0; at < sizes[i]; at++) {
            assert_int_equal(pieces[i][at], 0);
        }
        memset(pieces[i], (int)i + 1, sizes[i]);
    }
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(pieces[i][0], i + 1);
        assert_int_equal(pieces[i][sizes[i] - 1], i + 1);
        tern_cpu_arena_give(&arena, &host, pieces[i]);
    }
    tern_cpu_arena_give(&arena, &host, NULL);
    assert_int_equal(live, 0);
    assert_int_equal(arena.reserved, 0);
}

// Matrices of 3.5 MB, as BitNet b1.58 2B-4T has: nearly all of it in whole huge pages, and little
// more than was asked for.
static void matrices_share_huge_pages(void **state) {
    (void)state;
    enum { COUNT = 40, SIZE = 3538944 };
    void *pieces[COUNT];
    struct tern_cpu_arena arena = {0};
    start(COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        pieces[i] = tern_cpu_arena_take(&arena, &host, SIZE);
        assert_non_null(pieces[i]);
    }
    assert_int_equal(smaller, 0);
    assert_true(live < COUNT / 4);
    assert_true(reserved < (size_t)COUNT * SIZE + 32 * MIB);
    for (size_t i = COUNT; i-- > 0;) {
        tern_cpu_arena_give(&arena, &host, pieces[i]);
    }
    assert_int_equal(live, 0);
}

static void a_small_model_stays_small(void **state) {
    (void)state;
    void *pieces[16];
    struct tern_cpu_arena arena = {0};
    start(16);
    for (size_t i = 0; i < 16; i++) {
        pieces[i] = tern_cpu_arena_take(&arena, &host, 10000);
        assert_true(reserved <= 3 * (i + 1) * 10000);
    }
    for (size_t i = 0; i < 16; i++) {
        tern_cpu_arena_give(&arena, &host, pieces[i]);
    }
    assert_int_equal(live, 0);
}

static void no_memory_is_no_piece(void **state) {
    (void)state;
    struct tern_cpu_arena arena = {0};
    start(1);
    void *piece = tern_cpu_arena_take(&arena, &host, 1000);
    assert_non_null(piece);
    assert_null(tern_cpu_arena_take(&arena, &host, 1000));
    assert_null(tern_cpu_arena_take(&arena, &host, SIZE_MAX - 10));
    tern_cpu_arena_give(&arena, &host, piece);
    assert_int_equal(live, 0);
    assert_int_equal(arena.reserved, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_keep_to_themselves),
        cmocka_unit_test(matrices_share_huge_pages),
        cmocka_unit_test(a_small_model_stays_small),
        cmocka_unit_test(no_memory_is_no_piece),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
