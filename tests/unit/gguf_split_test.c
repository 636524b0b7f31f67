// Models split over several GGUF files: joined whichever part is named, and refused when the parts
// do not belong together.
#include <stdio.h>

#include "runtime/allocator.h"
#include "runtime/model/files/archive.h"
#include "tests/harness/check.h"
#include "tests/harness/gguf_writer.h"
#include "tests/harness/heap.h"
#include "tests/harness/memory_files.h"

enum { PARTS = 3, COLS = 4 };

typedef struct part {
    uint32_t number, count, tensors;
    const char *tensor; // NULL: none
} part;

typedef struct world {
    test_heap heap;
    tern_context *context;
    gguf_writer parts[PARTS];
    memory_files folder;
} world;

static const char *const names[PARTS] = {"m-00001-of-00003.gguf", "m-00002-of-00003.gguf",
                                         "m-00003-of-00003.gguf"};

// A part with |p->tensor|, whose values are all the part's number.
static void put_part(gguf_writer *w, const part *p) {
    bool first = p->number == 0;
    gguf_start(w, 3, p->tensor ? 1 : 0, first ? 4 : 3);
    if (first) {
        gguf_key_string(w, "general.architecture", "llama");
    }
    gguf_key(w, "split.no", TERN_VALUE_U16);
    gguf_int(w, p->number, 2);
    gguf_key(w, "split.count", TERN_VALUE_U16);
    gguf_int(w, p->count, 2);
    gguf_key(w, "split.tensors.count", TERN_VALUE_I32);
    gguf_int(w, p->tensors, 4);
    if (p->tensor) {
        gguf_tensor(w, p->tensor, COLS, 1, 0, 0);
    }
    gguf_pad(w, 32);
    for (int i = 0; p->tensor && i < COLS; i++) {
        gguf_float(w, (float)p->number);
    }
}

static void set_part(world *w, int index, part p) {
    put_part(&w->parts[index], &p);
    memory_files_put(&w->folder, names[index], w->parts[index].data, w->parts[index].size);
}

static int set_up(void **state) {
    static world w;
    w = (world){0};
    tern_allocator allocator = test_heap_allocator(&w.heap);
    tern_context_desc desc = TERN_CONTEXT_DESC_INIT;
    desc.allocator = &allocator;
    desc.flags = TERN_CONTEXT_IGNORE_ENV;
    // As its writers do it, the first part has the keys and no tensor.
    set_part(&w, 0, (part){0, 3, 2, NULL});
    set_part(&w, 1, (part){1, 3, 2, "a"});
    set_part(&w, 2, (part){2, 3, 2, "b"});
    *state = &w;
    return tern_context_create(&desc, &w.context);
}

static int tear_down(void **state) {
    world *w = *state;
    tern_context_destroy(w->context);
    for (int i = 0; i < PARTS; i++) {
        gguf_free(&w->parts[i]);
    }
    return w->heap.blocks == 0 ? 0 : -1;
}

static tern_status open_named(world *w, const char *name, tern_archive **out) {
    tern_files files = memory_files_of(&w->folder);
    return tern_archive_open_files(w->context, &files, name, out);
}

static void check_value(const tern_archive *archive, const char *name, const char *file,
                        float value) {
    tern_tensor_info info = {sizeof info};
    float values[COLS];
    CHECK_OK(tern__archive_find_tensor(archive, name, &info));
    assert_string_equal(info.file, file);
    CHECK_OK(tern__archive_read(archive, &info, 0, values, sizeof values));
    for (int i = 0; i < COLS; i++) {
        assert_true(values[i] == value);
    }
}

static void test_joined_from_any_part(void **state) {
    world *w = *state;
    for (int i = 0; i < PARTS; i++) {
        tern_archive *archive = NULL;
        const char *architecture = NULL;
        CHECK_OK(open_named(w, names[i], &archive));
        assert_int_equal(tern_archive_tensor_count(archive), 2);
        CHECK_OK(tern__archive_need_string(archive, "general.architecture", &architecture));
        assert_string_equal(architecture, "llama");
        check_value(archive, "a", names[1], 1.0f);
        check_value(archive, "b", names[2], 2.0f);
        tern_archive_destroy(archive);
    }
}

static void check_refused(world *w, tern_status status, const char *message) {
    for (int i = 0; i < 2; i++) {
        tern_archive *archive = NULL;
        CHECK_FAILS(open_named(w, names[i], &archive), status, message);
        assert_null(archive);
    }
}

static void test_missing_part_is_named(void **state) {
    world *w = *state;
    memory_files_drop(&w->folder, names[2]);
    check_refused(w, TERN_STATUS_NOT_FOUND,
                  "folder/m-00003-of-00003.gguf: no such file, which is part 3 of 3 of the model");
    tern_archive *archive = NULL;
    memory_files_drop(&w->folder, names[0]);
    CHECK_FAILS(open_named(w, names[1], &archive), TERN_STATUS_NOT_FOUND,
                "folder/m-00001-of-00003.gguf: no such file, which is part 1 of 3 of the model");
}

static void test_contradictions(void **state) {
    static const struct {
        part wrong; // in the place of the third
        const char *message;
    } cases[] = {
        {{1, 3, 2, "b"}, "m-00003-of-00003.gguf: key 'split.no' is 1, expected 2"},
        {{2, 4, 2, "b"}, "m-00003-of-00003.gguf: key 'split.count' is 4, expected 3"},
        {{2, 3, 5, "b"}, "m-00003-of-00003.gguf: key 'split.tensors.count' is 5, expected 2"},
        {{2, 3, 2, "a"}, "m-00003-of-00003.gguf: tensor 'a' appears here and in m-00002-of-00003"},
        {{2, 3, 2, NULL}, "'split.tensors.count' is 2, but the 3 parts have 1 tensors"},
        {{7, 3, 2, "b"}, "m-00003-of-00003.gguf: keys 'split.no' and 'split.count' are 7 and 3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        set_part(*state, 2, cases[i].wrong);
        check_refused(*state, TERN_STATUS_CORRUPT_DATA, cases[i].message);
    }
}

static void test_name_must_tell(void **state) {
    world *w = *state;
    tern_archive *archive = NULL;
    memory_files_put(&w->folder, "model.gguf", w->parts[1].data, w->parts[1].size);
    CHECK_FAILS(open_named(w, "model.gguf", &archive), TERN_STATUS_CORRUPT_DATA,
                "model.gguf: part 2 of 3 of a split model by its keys, whose name must end in "
                "'-00002-of-00003.gguf'");
    memory_files_put(&w->folder, names[2], w->parts[1].data, w->parts[1].size);
    CHECK_FAILS(open_named(w, names[2], &archive), TERN_STATUS_CORRUPT_DATA, "must end in");
}

static void test_one_source_is_not_enough(void **state) {
    world *w = *state;
    tern_archive *archive = NULL;
    tern_source source = gguf_source(&w->parts[1]);
    CHECK_FAILS(tern_archive_open(w->context, &source, &archive), TERN_STATUS_UNSUPPORTED,
                "test.gguf: part 2 of 3 of a split model: open it with tern_archive_open_path");
}

static void test_truncated_part(void **state) {
    world *w = *state;
    for (size_t size = 0; size < w->parts[1].size; size++) {
        uint8_t *copy = malloc(size ? size : 1);
        tern_archive *archive = NULL;
        memcpy(copy, w->parts[1].data, size);
        memory_files_put(&w->folder, names[1], copy, size);
        CHECK_FAILS(open_named(w, names[0], &archive), TERN_STATUS_CORRUPT_DATA, names[1]);
        free(copy);
    }
}

static void test_memory_runs_out(void **state) {
    world *w = *state;
    tern_status status = TERN_STATUS_OUT_OF_MEMORY;
    size_t before = w->heap.blocks;
    for (size_t fail = 1; status != TERN_STATUS_OK; fail++) {
        tern_archive *archive = NULL;
        w->heap.fail_at = w->heap.calls + fail;
        status = open_named(w, names[1], &archive);
        w->heap.fail_at = 0;
        assert_true(status == TERN_STATUS_OK || status == TERN_STATUS_OUT_OF_MEMORY);
        tern_archive_destroy(archive);
        assert_int_equal(w->heap.blocks, before);
    }
}

static void test_other_files(void **state) {
    world *w = *state;
    tern_archive *archive = NULL;
    char *data = NULL;
    size_t size = 0;
    memory_files_text(&w->folder, "tokenizer.json", "{}\n");
    CHECK_OK(open_named(w, names[0], &archive));
    CHECK_OK(tern__archive_file(archive, "tokenizer.json", &data, &size));
    assert_int_equal(size, 3);
    assert_string_equal(data, "{}\n");
    tern__free(w->context, data);
    assert_int_equal(tern__archive_file(archive, "chat_template.jinja", &data, &size),
                     TERN_STATUS_NOT_FOUND);
    assert_null(data);
    tern_archive_destroy(archive);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_joined_from_any_part, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_missing_part_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_contradictions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_name_must_tell, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_source_is_not_enough, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_truncated_part, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_memory_runs_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_files, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
