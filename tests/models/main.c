// test_models BACKEND [DEVICE [PATTERN]]: every test of whole models on one backend, or on those of
// its devices whose name or driver contains DEVICE, or only the tests whose name fits PATTERN.
#include "tests/models/support.h"

static void append(struct CMUnitTest *all, size_t *count, const struct CMUnitTest *tests,
                   size_t added) {
    memcpy(all + *count, tests, added * sizeof *tests);
    *count += added;
}

int main(int argc, char **argv) {
    struct CMUnitTest tests[128];
    char reason[256];
    size_t count = 0;
    const char *backend = argc > 1 ? argv[1] : "reference";
    if (!find_setups(backend, argc > 2 ? argv[2] : "", reason, sizeof reason)) {
        printf("skipped: models on %s: %s\n", backend, reason);
        return 77;
    }
    append(tests, &count, golden_tests, golden_test_count);
    append(tests, &count, bits_tests, bits_test_count);
    append(tests, &count, session_tests, session_test_count);
    append(tests, &count, batch_tests, batch_test_count);
    append(tests, &count, cancel_tests, cancel_test_count);
    append(tests, &count, fork_tests, fork_test_count);
    append(tests, &count, saved_tests, saved_test_count);
    append(tests, &count, recurrent_tests, recurrent_test_count);
    append(tests, &count, head_tests, head_test_count);
    append(tests, &count, generate_tests, generate_test_count);
    if (strcmp(backend, "reference") == 0 || strcmp(backend, "cpu") == 0) {
        append(tests, &count, loading_tests, loading_test_count);
    }
    append(tests, &count, allocator_tests, allocator_test_count);
    if (argc > 3) {
        cmocka_set_test_filter(argv[3]);
    }
    int failed = _cmocka_run_group_tests(backend, tests, count, NULL, NULL);
    if (!failed) { // a test that failed left its objects on the device
        close_default_bed();
    }
    return failed;
}
