// The fastest candidate, measured once and found again; measured anew whenever what is kept cannot
// be trusted.
#include "backends/common/choice.h"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/host.h"
#include "tests/harness/bare_context.h"

enum { CANDIDATES = 3 };

typedef struct fixture {
    char folder[256];
    tern_context *context;
    tern_host host;
    uint64_t ns[CANDIDATES];
    tern_status status[CANDIDATES];
    uint32_t measured;
    tern_choice choice;
} fixture;

static tern_status measure(void *user, uint32_t index, uint64_t *out_ns) {
    fixture *f = user;
    f->measured++;
    *out_ns = f->ns[index];
    return f->status[index];
}

// The path of each file of |folder| in turn; false after the last.
static bool next_file(DIR *stream, const char *folder, char path[600]) {
    struct dirent *entry;
    while ((entry = readdir(stream))) {
        if (entry->d_name[0] != '.') {
            snprintf(path, 600, "%s/%s", folder, entry->d_name);
            return true;
        }
    }
    return false;
}

static void empty_folder(const char *folder) {
    char path[600];
    DIR *stream = opendir(folder);
    while (stream && next_file(stream, folder, path)) {
        unlink(path);
    }
    if (stream) {
        closedir(stream);
    }
}

static int set_up(void **state) {
    static fixture f;
    const char *build = getenv("TERN_BUILD_DIR");
    f = (fixture){.ns = {30, 10, 20}};
    snprintf(f.folder, sizeof f.folder, "%s/choice_test.%ld", build ? build : ".", (long)getpid());
    assert_int_equal(mkdir(f.folder, 0700), 0);
    f.context = bare_context(TERN_CONTEXT_IGNORE_ENV, NULL);
    assert_int_equal(tern_context_set_option(f.context, "TERN_CACHE", f.folder), TERN_STATUS_OK);
    f.host = tern__host_make(f.context);
    f.choice = (tern_choice){.host = &f.host,
                             .name = "test kernels",
                             .count = CANDIDATES,
                             .measure = measure,
                             .user = &f};
    *state = &f;
    return 0;
}

static int tear_down(void **state) {
    fixture *f = *state;
    tern_context_destroy(f->context);
    empty_folder(f->folder);
    return rmdir(f->folder);
}

static void check(fixture *f, uint32_t wanted, uint32_t measured) {
    uint32_t index = 99;
    f->measured = 0;
    assert_int_equal(tern_choose(&f->choice, &index), TERN_STATUS_OK);
    assert_int_equal(index, wanted);
    assert_int_equal(f->measured, measured);
}

static void measured_once(void **state) {
    fixture *f = *state;
    check(f, 1, CANDIDATES);
    f->ns[1] = 99; // no longer so, but remembered
    check(f, 1, 0);
    f->choice.name = "test kernels, another driver";
    check(f, 2, CANDIDATES);
    f->choice.name = "test kernels";
    check(f, 1, 0);
}

static void no_choice(void **state) {
    fixture *f = *state;
    f->choice.count = 1;
    check(f, 0, 0);
}

static void equals(void **state) {
    fixture *f = *state;
    f->ns[0] = f->ns[1] = f->ns[2] = UINT64_MAX;
    check(f, 0, CANDIDATES);
}

static void switched_off(void **state) {
    fixture *f = *state;
    tern_context_set_option(f->context, "TERN_CACHE", "off");
    check(f, 1, CANDIDATES);
    check(f, 1, CANDIDATES);
    tern_context_set_option(f->context, "TERN_CACHE", f->folder);
    check(f, 1, CANDIDATES); // nothing was kept meanwhile
    check(f, 1, 0);
}

// One by one until there is no more room: those without are measured each time.
static void as_long_as_the_device(void **state) {
    static tern_choices made;
    fixture *f = *state;
    char name[32];
    memset(&made, 0, sizeof made);
    f->choice.made = &made;
    f->choice.name = name;
    tern_context_set_option(f->context, "TERN_CACHE", "off");
    for (uint32_t again = 0; again < 2; again++) {
        for (uint32_t i = 0; i <= TERN_CHOICES_MAX; i++) {
            snprintf(name, sizeof name, "shape %u", i);
            f->ns[i % 2] = 5;
            f->ns[!(i % 2)] = 50;
            check(f, i % 2, again && i < TERN_CHOICES_MAX ? 0 : CANDIDATES);
        }
    }
}

static void a_host_that_keeps_nothing(void **state) {
    fixture *f = *state;
    f->host.struct_size = offsetof(tern_host, cache_read);
    check(f, 1, CANDIDATES);
    check(f, 1, CANDIDATES);
}

// One byte after the other of the file, its end last.
static void a_damaged_file(void **state) {
    fixture *f = *state;
    char path[600];
    unsigned char bytes[200];
    check(f, 1, CANDIDATES);
    DIR *stream = opendir(f->folder);
    assert_non_null(stream);
    assert_true(next_file(stream, f->folder, path));
    closedir(stream);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_true(size > 0 && size < sizeof bytes);
    for (size_t i = 0; i <= size; i++) {
        bytes[i] ^= 1;
        file = fopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(bytes, 1, i < size ? size : size - 1, file),
                         i < size ? size : size - 1);
        fclose(file);
        bytes[i] ^= 1;
        check(f, 1, CANDIDATES);
        check(f, 1, 0);
    }
}

// Whole, but not what this choice can have kept.
static void another_record(void **state) {
    static const char *const records[] = {
        "", "candidate 3 of 3", "candidate 1 of 4", "candidate 1 of 3 ", "candidate 1 of ", "1"};
    fixture *f = *state;
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        f->host.cache_write(&f->host, "test kernels", records[i], strlen(records[i]));
        check(f, 1, CANDIDATES);
    }
    f->host.cache_write(&f->host, "test kernels", "candidate 2 of 3", 16);
    check(f, 2, 0);
}

static void candidates_that_fail(void **state) {
    fixture *f = *state;
    uint32_t index = 99;
    f->status[1] = TERN_STATUS_UNSUPPORTED;
    check(f, 2, CANDIDATES);
    f->choice.name = "no memory";
    f->status[1] = TERN_STATUS_OUT_OF_MEMORY;
    assert_int_equal(tern_choose(&f->choice, &index), TERN_STATUS_OUT_OF_MEMORY);
    f->status[0] = f->status[1] = f->status[2] = TERN_STATUS_UNSUPPORTED;
    assert_int_equal(tern_choose(&f->choice, &index), TERN_STATUS_UNSUPPORTED);
    assert_non_null(strstr(tern_last_error_message(), "none of 3 candidates runs"));
    assert_int_equal(index, 99);
}

// Each process finds another one fastest; what is kept is a choice that one of them made.
static void two_processes_at_once(void **state) {
    fixture *f = *state;
    pid_t children[2];
    for (uint32_t i = 0; i < 2; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            uint32_t index = 99;
            f->ns[2 * i] = 1;
            bool good = tern_choose(&f->choice, &index) == TERN_STATUS_OK && index % 2 == 0;
            _exit(good ? 0 : 1);
        }
    }
    for (int i = 0; i < 2; i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    uint32_t index = 99;
    f->measured = 0;
    assert_int_equal(tern_choose(&f->choice, &index), TERN_STATUS_OK);
    assert_true(index == 0 || index == 2);
    assert_int_equal(f->measured, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(measured_once),
        TEST(no_choice),
        TEST(equals),
        TEST(switched_off),
        TEST(a_host_that_keeps_nothing),
        TEST(a_damaged_file),
        TEST(another_record),
        TEST(candidates_that_fail),
        TEST(two_processes_at_once),
        TEST(as_long_as_the_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
