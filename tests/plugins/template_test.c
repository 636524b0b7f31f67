// The backend that others copy refuses weights whose size it could only guess.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "backends/template/template.h"

static void *allocate(const tern_host *host, size_t size, size_t alignment) {
    (void)host;
    return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

static void release(const tern_host *host, void *pointer) {
    (void)host;
    free(pointer);
}

static tern_status refuse(const tern_host *host, tern_status status, const char *message) {
    (void)host;
    assert_string_equal(message, "template: dtype 99 is unknown");
    return status;
}

static tern_status read_nothing(void *user, uint32_t first, uint32_t count, void *codes,
                                float *scales) {
    (void)first;
    (void)count;
    (void)codes;
    (void)scales;
    *(int *)user += 1;
    return TERN_STATUS_OK;
}

static tern_status create(uint32_t dtype, int *reads) {
    tern_host host = {.struct_size = sizeof host,
                      .abi = TERN_ABI_VERSION,
                      .allocate = allocate,
                      .release = release,
                      .fail = refuse};
    tern_backend_device device = {.host = &host};
    tern_backend_weights_desc desc = {.struct_size = sizeof desc,
                                      .info = {.dtype = dtype, .rows = 2, .cols = 5},
                                      .read = read_nothing,
                                      .user = reads,
                                      .name = "w"};
    tern_backend_weights *weights = NULL;
    tern_status status = tern_tpl_weights_create(&device, &desc, &weights);
    if (status == TERN_STATUS_OK) {
        tern_tpl_weights_destroy(&device, weights);
    }
    return status;
}

static void only_known_weights_are_read(void **state) {
    (void)state;
    int reads = 0;
    assert_int_equal(create(99, &reads), TERN_STATUS_UNSUPPORTED);
    assert_int_equal(reads, 0);
    assert_int_equal(create(TERN_DTYPE_T2, &reads), TERN_STATUS_OK);
    assert_int_equal(create(TERN_DTYPE_Q8_0, &reads), TERN_STATUS_OK);
    assert_int_equal(reads, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(only_known_weights_are_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
