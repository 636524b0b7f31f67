// What the cpu backend says it can do: plausible, by the level in force, in the memory there is.
#include <stdlib.h>

#include <tern/tern.h>

#include "tests/harness/check.h"

// An allocator that has only small pieces.
typedef struct pieces {
    size_t most;
    size_t largest; // that it gave
    long alive;
} pieces;

static void *allocate(void *user, size_t size, size_t alignment) {
    pieces *p = user;
    void *memory = NULL;
    if (size > p->most || posix_memalign(&memory, alignment < 16 ? 16 : alignment, size)) {
        return NULL;
    }
    p->largest = size > p->largest ? size : p->largest;
    p->alive++;
    return memory;
}

static void release(void *user, void *memory) {
    ((pieces *)user)->alive--;
    free(memory);
}

static tern_context *context;
static tern_device *device;
static pieces memory;

static void open_cpu(const char *mask) {
    memory = (pieces){.most = 16 << 20};
    tern_allocator allocator = {sizeof allocator, 0, &memory, allocate, release};
    tern_context_desc desc = TERN_CONTEXT_DESC_INIT;
    desc.flags = TERN_CONTEXT_IGNORE_ENV;
    desc.allocator = &allocator;
    CHECK_OK(tern_context_create(&desc, &context));
    CHECK_OK(tern_context_set_option(context, "TERN_CPU_MASK", mask));
    tern_device_desc choice = TERN_DEVICE_DESC_INIT;
    choice.backends = "cpu";
    CHECK_OK(tern_device_open(context, &choice, &device));
}

static void close_cpu(void) {
    tern_device_close(device);
    tern_context_destroy(context);
    assert_int_equal(memory.alive, 0);
}

static void all_kinds(void **state) {
    (void)state;
    static const char *const masks[] = {"scalar", ""};
    for (size_t i = 0; i < 2; i++) {
        open_cpu(masks[i]);
        tern_measurement m = {.struct_size = sizeof m};
        for (tern_measure_kind kind = TERN_MEASURE_READ; kind <= TERN_MEASURE_F32; kind++) {
            CHECK_OK(tern_device_measure(device, kind, &m));
            assert_true(m.rate > 1e7 && m.rate < 1e15);
            assert_int_equal(m.bytes, kind == TERN_MEASURE_READ ? memory.largest : 0);
            assert_true(masks[i][0] == '\0' || strncmp(m.how, masks[i], strlen(masks[i])) == 0);
            assert_true(kind != TERN_MEASURE_READ || strstr(m.how, ", prefetch ") ||
                        strstr(m.how, ", plain loads"));
        }
        close_cpu();
    }
}

static void too_little_memory(void **state) {
    (void)state;
    open_cpu("");
    tern_measurement m = {.struct_size = sizeof m};
    memory.most = (1 << 20) - 1;
    CHECK_FAILS(tern_device_measure(device, TERN_MEASURE_READ, &m), TERN_STATUS_OUT_OF_MEMORY,
                "1048576 bytes to measure reading");
    memory.most = 1 << 20;
    CHECK_OK(tern_device_measure(device, TERN_MEASURE_READ, &m));
    assert_int_equal(m.bytes, 1 << 20);
    close_cpu();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_kinds),
        cmocka_unit_test(too_little_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
