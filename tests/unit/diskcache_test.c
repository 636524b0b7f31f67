// What is kept between starts: found again to the byte, by its name only, or not at all.
#include "runtime/diskcache.h"

#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/host.h"
#include "tests/harness/bare_context.h"

enum { HEADER = 32 };

typedef struct fixture {
    char folder[256]; // empty before each test
    char path[600];   // of the only file in it, after find_file
    unsigned char bytes[4096];
    size_t size; // of that file
    tern_context *context;
} fixture;

static void remove_tree(const char *folder) {
    DIR *stream = opendir(folder);
    struct dirent *entry;
    while (stream && (entry = readdir(stream))) {
        char path[600];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            unlink(path) != 0) {
            remove_tree(path);
        }
    }
    if (stream) {
        closedir(stream);
    }
    rmdir(folder);
}

static int set_up(void **state) {
    static fixture f;
    memset(&f, 0, sizeof f);
    const char *build = getenv("TERN_BUILD_DIR");
    snprintf(f.folder, sizeof f.folder, "%s/diskcache_test.%ld", build ? build : ".",
             (long)getpid());
    remove_tree(f.folder);
    assert_int_equal(mkdir(f.folder, 0700), 0);
    f.context = bare_context(TERN_CONTEXT_IGNORE_ENV, NULL);
    assert_int_equal(tern_context_set_option(f.context, "TERN_CACHE", f.folder), TERN_STATUS_OK);
    *state = &f;
    return 0;
}

static int tear_down(void **state) {
    fixture *f = *state;
    tern_context_destroy(f->context);
    remove_tree(f->folder);
    return 0;
}

static size_t count_files(const char *folder, char *last, size_t capacity) {
    size_t count = 0;
    DIR *stream = opendir(folder);
    struct dirent *entry;
    while (stream && (entry = readdir(stream))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            count++;
            if (last) {
                snprintf(last, capacity, "%s/%s", folder, entry->d_name);
            }
        }
    }
    if (stream) {
        closedir(stream);
    }
    return count;
}

static void find_file(fixture *f) {
    assert_int_equal(count_files(f->folder, f->path, sizeof f->path), 1);
    FILE *file = fopen(f->path, "rb");
    assert_non_null(file);
    f->size = fread(f->bytes, 1, sizeof f->bytes, file);
    fclose(file);
}

static void write_file(const fixture *f, size_t size) {
    FILE *file = fopen(f->path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(f->bytes, 1, size, file), size);
    fclose(file);
}

// Whether |name| is kept with exactly |text|; it is nothing else.
static bool has(tern_context *context, const char *name, const char *text) {
    void *data = NULL;
    size_t size = 99;
    if (!tern__diskcache_read(context, name, &data, &size)) {
        assert_null(data);
        assert_int_equal(size, 99);
        return false;
    }
    bool same = size == strlen(text) && memcmp(data, text, size) == 0;
    context->allocator.release(context->allocator.user, data);
    assert_true(same);
    return true;
}

static void keep(tern_context *context, const char *name, const char *text) {
    tern__diskcache_write(context, name, text, strlen(text));
}

static void it_is_found_again(void **state) {
    fixture *f = *state;
    tern_host host = tern__host_make(f->context);
    void *data = NULL;
    size_t size = 0;
    static const char bytes[] = "with\0zero";
    assert_int_equal(host.cache_read(&host, "a", &data, &size), 0);
    host.cache_write(&host, "a", bytes, sizeof bytes);
    assert_int_not_equal(host.cache_read(&host, "a", &data, &size), 0);
    assert_int_equal(size, sizeof bytes);
    assert_memory_equal(data, bytes, size);
    host.release(&host, data);
    keep(f->context, "a", "newer");
    assert_true(has(f->context, "a", "newer"));
    assert_false(has(f->context, "A", ""));
    assert_false(has(f->context, "a ", ""));
    keep(f->context, "empty", "");
    assert_true(has(f->context, "empty", ""));
    assert_int_equal(count_files(f->folder, NULL, 0), 2);
}

static void names_lead_nowhere_else(void **state) {
    fixture *f = *state;
    char inner[400];
    snprintf(inner, sizeof inner, "%s/a/b", f->folder);
    tern_context_set_option(f->context, "TERN_CACHE", inner);
    static const char *const names[] = {
        "../../escaped",
        "..",
        ".",
        "/escaped",
        "..\\escaped",
        "x/../../escaped",
        "C:escaped",
        "con",
        "a\nb %s%n",
        "\xff\xfe",
        "vulkan NVIDIA H100 (driver 1.2) 0123456789abcdef",
    };
    size_t count = sizeof names / sizeof *names;
    for (size_t i = 0; i < count; i++) {
        keep(f->context, names[i], names[i]);
    }
    for (size_t i = 0; i < count; i++) {
        assert_true(has(f->context, names[i], names[i]));
    }
    assert_int_equal(count_files(inner, NULL, 0), count);
    assert_int_equal(count_files(f->folder, NULL, 0), 1); // "a"
    snprintf(inner, sizeof inner, "%s/a", f->folder);
    assert_int_equal(count_files(inner, NULL, 0), 1); // "b"
}

static void names_have_a_limit(void **state) {
    fixture *f = *state;
    char name[1025];
    memset(name, 'n', sizeof name);
    name[1024] = '\0';
    keep(f->context, name, "x");
    keep(f->context, "", "x");
    assert_false(has(f->context, name, ""));
    assert_false(has(f->context, "", ""));
    assert_int_equal(count_files(f->folder, NULL, 0), 0);
    name[1023] = '\0';
    keep(f->context, name, "x");
    assert_true(has(f->context, name, "x"));
}

static void any_damage_is_seen(void **state) {
    fixture *f = *state;
    keep(f->context, "name", "what is kept");
    find_file(f);
    assert_int_equal(f->size, HEADER + 4 + 12);
    for (size_t i = 0; i < f->size; i++) {
        f->bytes[i] ^= 1;
        write_file(f, f->size);
        assert_false(has(f->context, "name", ""));
        f->bytes[i] ^= 1;
    }
    for (size_t size = 0; size < f->size; size++) {
        write_file(f, size);
        assert_false(has(f->context, "name", ""));
    }
    write_file(f, f->size + 1);
    assert_false(has(f->context, "name", ""));
    write_file(f, f->size);
    assert_true(has(f->context, "name", "what is kept"));
    f->bytes[8] = 2; // of a later version; nothing else is wrong
    write_file(f, f->size);
    assert_false(has(f->context, "name", ""));
    keep(f->context, "name", "again");
    assert_true(has(f->context, "name", "again"));
}

// Two names of one file name: what is in it tells them apart.
static void another_name_in_the_file(void **state) {
    fixture *f = *state;
    keep(f->context, "one", "content of one");
    find_file(f);
    unlink(f->path);
    keep(f->context, "two", "content of two");
    char two[600];
    memcpy(two, f->path, sizeof two);
    assert_int_equal(count_files(f->folder, two, sizeof two), 1);
    memcpy(f->path, two, sizeof two);
    write_file(f, f->size);
    assert_false(has(f->context, "two", ""));
}

static void files_of_others(void **state) {
    fixture *f = *state;
    keep(f->context, "name", "x");
    find_file(f);
    struct stat info;
    assert_int_equal(stat(f->path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    static const mode_t open_to_all[] = {0620, 0602};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(chmod(f->path, open_to_all[i]), 0);
        assert_false(has(f->context, "name", ""));
    }
    assert_int_equal(chmod(f->path, 0644), 0);
    assert_true(has(f->context, "name", "x"));
    if (geteuid() == 0) {
        assert_int_equal(chown(f->path, 12345, (gid_t)-1), 0);
        assert_false(has(f->context, "name", ""));
    }
    unlink(f->path);
    assert_int_equal(mkdir(f->path, 0700), 0);
    assert_false(has(f->context, "name", ""));
    keep(f->context, "name", "y"); // a folder is in the way
    assert_false(has(f->context, "name", ""));
    assert_int_equal(count_files(f->folder, NULL, 0), 1);
}

static void a_folder_that_cannot_be_written(void **state) {
    fixture *f = *state;
    bare_log log = {{0}, 0};
    tern_context *context = bare_context(TERN_CONTEXT_IGNORE_ENV, &log);
    char blocked[400], below[420];
    snprintf(blocked, sizeof blocked, "%s/file", f->folder);
    snprintf(below, sizeof below, "%s/below", blocked);
    FILE *file = fopen(blocked, "wb");
    assert_non_null(file);
    fclose(file);
    const char *const folders[] = {blocked, below};
    for (size_t i = 0; i < 2; i++) {
        log = (bare_log){{0}, 0};
        tern_context_set_option(context, "TERN_CACHE", folders[i]);
        keep(context, "name", "x");
        assert_false(has(context, "name", ""));
        char want[500];
        snprintf(want, sizeof want, "3 cache: folder %s cannot be made, nothing is kept\n",
                 folders[i]);
        assert_string_equal(log.text, want);
    }
    tern_context_destroy(context);
}

static void off(void **state) {
    fixture *f = *state;
    keep(f->context, "name", "x");
    tern_context_set_option(f->context, "TERN_CACHE", "off");
    assert_false(has(f->context, "name", ""));
    char before[256];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(f->folder), 0);
    keep(f->context, "other", "x");
    assert_int_equal(chdir(before), 0);
    assert_int_equal(count_files(f->folder, NULL, 0), 1);
}

// What a context made in this environment keeps, and where.
static void check_default(const fixture *f, uint32_t flags, const char *below) {
    char folder[400];
    tern_context *context = bare_context(flags, NULL);
    keep(context, "name", "x");
    assert_int_equal(has(context, "name", "x"), below != NULL);
    tern_context_destroy(context);
    snprintf(folder, sizeof folder, "%s/%s", f->folder, below ? below : "");
    assert_int_equal(count_files(folder, NULL, 0), below ? 1 : 0);
    remove_tree(f->folder);
    assert_int_equal(mkdir(f->folder, 0700), 0);
}

static void the_folder_of_the_user(void **state) {
    fixture *f = *state;
    char home[300];
    snprintf(home, sizeof home, "%s/home", f->folder);
    unsetenv("TERN_CACHE");
    setenv("HOME", home, 1);
    setenv("XDG_CACHE_HOME", f->folder, 1);
    check_default(f, 0, "tern");
    check_default(f, TERN_CONTEXT_IGNORE_ENV, NULL);
    setenv("XDG_CACHE_HOME", "relative", 1);
#ifndef __APPLE__
    check_default(f, 0, "home/.cache/tern");
    unsetenv("XDG_CACHE_HOME");
    check_default(f, 0, "home/.cache/tern");
#endif
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    check_default(f, 0, NULL);
    setenv("TERN_CACHE", "off", 1);
    setenv("XDG_CACHE_HOME", f->folder, 1);
    check_default(f, 0, NULL);
    setenv("TERN_CACHE", f->folder, 1);
    check_default(f, 0, ".");
    unsetenv("TERN_CACHE");
    unsetenv("XDG_CACHE_HOME");
}

// A process with rights that its caller lacks writes nowhere that the caller names. The build may
// lie where no other user gets to, so the folder is elsewhere.
static void a_privileged_process(void **state) {
    (void)state;
    if (geteuid() != 0) {
        skip(); // only root can become such a process
    }
    char folder[] = P_tmpdir "/tern_diskcache_XXXXXX";
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chmod(folder, 0777), 0);
    setenv("TERN_CACHE", folder, 1);
    setenv("XDG_CACHE_HOME", folder, 1);
    assert_int_equal(seteuid(12345), 0);
    tern_context *context = bare_context(0, NULL);
    keep(context, "name", "x");
    size_t from_environment = count_files(folder, NULL, 0);
    tern_context_set_option(context, "TERN_CACHE", folder); // the application may
    keep(context, "name", "x");
    size_t from_application = count_files(folder, NULL, 0);
    tern_context_destroy(context);
    assert_int_equal(seteuid(0), 0);
    remove_tree(folder);
    unsetenv("TERN_CACHE");
    unsetenv("XDG_CACHE_HOME");
    assert_int_equal(from_environment, 0);
    assert_int_equal(from_application, 1);
}

static void without_memory(void **state) {
    fixture *f = *state;
    test_heap memory = {0};
    tern_allocator allocator = test_heap_allocator(&memory);
    tern_context_desc desc = TERN_CONTEXT_DESC_INIT;
    desc.flags = TERN_CONTEXT_IGNORE_ENV;
    desc.allocator = &allocator;
    tern_context *context = NULL;
    assert_int_equal(tern_context_create(&desc, &context), TERN_STATUS_OK);
    assert_int_equal(tern_context_set_option(context, "TERN_CACHE", f->folder), TERN_STATUS_OK);
    memory.fail_at = memory.calls + 1;
    memory.forever = true;
    keep(context, "name", "x"); // takes none
    assert_false(has(context, "name", ""));
    memory.fail_at = 0;
    assert_true(has(context, "name", "x"));
    tern_context_destroy(context);
    assert_int_equal(memory.blocks, 0);
}

// One letter over and over, of which each process has its own.
static void write_often(tern_context *context, char letter) {
    enum { TIMES = 300, MOST = 20000 };
    static char text[MOST];
    memset(text, letter, sizeof text);
    for (size_t i = 0; i < TIMES; i++) {
        tern__diskcache_write(context, "shared", text, 1 + i * 7919 % MOST);
    }
}

// Reads what one process wrote, whole; never a part, never a mixture.
static size_t read_once(tern_context *context) {
    void *data = NULL;
    size_t size = 0;
    if (!tern__diskcache_read(context, "shared", &data, &size)) {
        return 0;
    }
    const char *text = data;
    for (size_t i = 1; i < size; i++) {
        assert_int_equal(text[i], text[0]);
    }
    context->allocator.release(context->allocator.user, data);
    return 1;
}

static void two_processes_at_once(void **state) {
    fixture *f = *state;
    pid_t children[2];
    size_t found = 0, misses_after_first = 0;
    for (int i = 0; i < 2; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            write_often(f->context, (char)('a' + i));
            _exit(0);
        }
    }
    for (int left = 2; left > 0;) {
        size_t one = read_once(f->context);
        misses_after_first += found && !one;
        found += one;
        left -= waitpid(-1, NULL, WNOHANG) > 0;
    }
    assert_int_equal(read_once(f->context), 1);
    assert_int_equal(misses_after_first, 0); // the old or the new, always one of them
    assert_true(found > 0);
    assert_int_equal(count_files(f->folder, NULL, 0), 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(it_is_found_again),
        TEST(names_lead_nowhere_else),
        TEST(names_have_a_limit),
        TEST(any_damage_is_seen),
        TEST(another_name_in_the_file),
        TEST(files_of_others),
        TEST(a_folder_that_cannot_be_written),
        TEST(off),
        TEST(the_folder_of_the_user),
        TEST(a_privileged_process),
        TEST(without_memory),
        TEST(two_processes_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
