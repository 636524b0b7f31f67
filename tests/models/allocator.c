// An allocator that fails at the n-th call, for every n, through open, load, compile and one token.
#include "tests/models/support.h"

#include <pthread.h>

typedef struct ledger {
    pthread_mutex_t lock; // threads of a backend allocate too
    uint64_t calls;
    uint64_t fail_at; // this call; 0: none
    int64_t live;
} ledger;

static void *allocate(void *user, size_t size, size_t alignment) {
    ledger *l = user;
    pthread_mutex_lock(&l->lock);
    int fails = ++l->calls == l->fail_at;
    l->live += !fails;
    pthread_mutex_unlock(&l->lock);
    void *pointer = NULL;
    if (fails ||
        posix_memalign(&pointer, alignment < sizeof(void *) ? sizeof(void *) : alignment, size)) {
        return NULL;
    }
    memset(pointer, 0xa5, size);
    return pointer;
}

static void release(void *user, void *pointer) {
    ledger *l = user;
    pthread_mutex_lock(&l->lock);
    l->live--;
    pthread_mutex_unlock(&l->lock);
    free(pointer);
}

typedef struct objects {
    tern_context *context;
    tern_device *device;
    tern_source source;
    tern_model *model;
    tern_session *session;
    tern_session *fork;
    tern_source saved;
} objects;

static tern_status try(tern_status status, tern_status *out) {
    *out = status;
    return status;
}

// A fork, a shift, and there and back through a file.
static tern_status copy_session(objects *o) {
    char path[64];
    tern_status status;
    snprintf(path, sizeof path, "/tmp/tern-allocator-%p", (void *)o);
    (void)(try(tern_session_fork(o->session, 2, &o->fork), &status) ||
           try(tern_session_drop(o->fork, 0, 1, NULL), &status) ||
           try(tern_session_save_file(o->session, path), &status) ||
           try(tern_source_open_file(o->context, path, &o->saved), &status) ||
           try(tern_session_restore(o->fork, &o->saved), &status));
    remove(path);
    return status;
}

// What is measured and made of texts.
static tern_status use_texts(objects *o) {
    static const int32_t ids[] = {1, 5, 9, 7, 8};
    float vector[4096];
    tern_model_info info = {.struct_size = sizeof info};
    tern_perplexity_result result = {.struct_size = sizeof result};
    tern_perplexity_desc measure = {
        .struct_size = sizeof measure, .context = 4, .ids = ids, .id_count = 5};
    tern_embed_desc embed = {
        .struct_size = sizeof embed, .pooling = TERN_POOLING_MEAN, .ids = ids, .id_count = 5};
    tern_status status;
    (void)(try(tern_model_describe(o->model, &info), &status) ||
           try(tern_perplexity(o->model, &measure, &result), &status) ||
           try(tern_session_embed(o->fork, &embed, vector), &status));
    assert_true(info.width <= 4096);
    return status;
}

// Everything once; the first failure ends it.
static tern_status run(const tern_allocator *allocator, const char *file, objects *o) {
    tern_context_desc desc = TERN_CONTEXT_DESC_INIT;
    tern_session_desc session_desc = TERN_SESSION_DESC_INIT;
    tern_generate_desc generate = {.struct_size = sizeof generate, .max_tokens = 1};
    tern_generate_result result = {.struct_size = sizeof result};
    tern_model_desc load = TERN_MODEL_DESC_INIT;
    static const int32_t prompt[] = {1, 5, 9}, token = 7;
    tern_status status;
    load.flags = TERN_MODEL_HEAD_Q8;
    desc.allocator = allocator;
    generate.prompt = prompt;
    generate.prompt_count = 3;
    (void)(try(tern_context_create(&desc, &o->context), &status) ||
           try(tern_context_set_option(o->context, "TERN_BACKEND", setups[0].backend), &status) ||
           try(tern_context_set_option(o->context, "TERN_THREADS", "2"), &status) ||
           try(tern_device_open(o->context, NULL, &o->device), &status) ||
           try(tern_source_open_file(o->context, file, &o->source), &status) ||
           try(tern_model_load(o->device, &o->source, &load, &o->model), &status) ||
           try(tern_session_create(o->model, &session_desc, &o->session), &status) ||
           try(tern_session_generate(o->session, &generate, &result), &status));
    tern_batch_item item = {.session = o->session, .tokens = &token, .token_count = 1};
    tern_batch_desc batch = {.struct_size = sizeof batch, .item_count = 1, .items = &item};
    if (status == TERN_STATUS_OK) {
        try(tern_decode_batch(o->model, &batch), &status);
        assert_int_equal(item.status, status);
    }
    if (status == TERN_STATUS_OK) {
        status = copy_session(o);
    }
    if (status == TERN_STATUS_OK) {
        status = use_texts(o);
    }
    return status;
}

static void clean_up(objects *o) {
    tern_source_close(&o->saved);
    tern_session_destroy(o->fork);
    tern_session_destroy(o->session);
    tern_model_destroy(o->model);
    tern_source_close(&o->source);
    tern_device_close(o->device);
    tern_context_destroy(o->context);
}

static void every_failing_allocation_is_out_of_memory_and_leaks_nothing(void **state) {
    (void)state;
    file_path file = find_file("tiny-b158-i2_s.gguf");
    // Where a run takes half a second, every fifth, so that each part of a run is still met.
    uint64_t step = setups[0].slow ? 5 : 1;
    uint64_t n = 1;
    for (bool failed = true; failed; n += step) {
        ledger l = {.lock = PTHREAD_MUTEX_INITIALIZER, .fail_at = n};
        tern_allocator allocator = {
            .struct_size = sizeof allocator, .user = &l, .allocate = allocate, .release = release};
        objects o = {0};
        tern_status status = run(&allocator, file.text, &o);
        failed = l.calls >= n; // a backend may do without some, threads for example
        if (status != TERN_STATUS_OK && status != TERN_STATUS_OUT_OF_MEMORY) {
            fail_msg("allocation %llu failed, and came back as %s: %s", (unsigned long long)n,
                     tern_status_name(status), tern_last_error_message());
        }
        assert_true(failed || status == TERN_STATUS_OK);
        clean_up(&o);
        if (l.live != 0) {
            fail_msg("allocation %llu failed, %lld blocks leaked", (unsigned long long)n,
                     (long long)l.live);
        }
    }
    print_message("of %llu allocations one in %llu failed once\n", (unsigned long long)n - step,
                  (unsigned long long)step);
    assert_true(n > 50);
}

static void a_token_allocates_nothing(void **state) {
    (void)state;
    file_path file = find_file("tiny-b158-i2_s.gguf");
    ledger l = {.lock = PTHREAD_MUTEX_INITIALIZER};
    tern_allocator allocator = {
        .struct_size = sizeof allocator, .user = &l, .allocate = allocate, .release = release};
    objects o = {0};
    float logits[260];
    assert_ok(run(&allocator, file.text, &o));
    feed(o.session, o.model, (const int32_t[]){7}, 1, 1, 0, logits); // compiles the step
    uint64_t before = l.calls;
    for (int32_t id = 8; id < 40; id++) {
        feed(o.session, o.model, &id, 1, 1, 0, logits);
    }
    assert_int_equal(l.calls, before);
    clean_up(&o);
    assert_int_equal(l.live, 0);
}

// A drop takes what it needs before it forgets anything.
static void a_drop_without_memory_forgets_nothing(void **state) {
    (void)state;
    file_path file = find_file("tiny-b158-i2_s.gguf");
    ledger l = {.lock = PTHREAD_MUTEX_INITIALIZER};
    tern_allocator allocator = {
        .struct_size = sizeof allocator, .user = &l, .allocate = allocate, .release = release};
    objects o = {0};
    float logits[260];
    assert_ok(run(&allocator, file.text, &o));
    uint32_t position = tern_session_position(o.session);
    assert_true(position >= 4);
    assert_ok(tern_session_drop(o.session, 1, 1, NULL)); // compiles the step
    feed(o.session, o.model, (const int32_t[]){7}, 1, 1, 0, logits);
    uint64_t before = l.calls;
    tern_status status = TERN_STATUS_OUT_OF_MEMORY;
    for (uint64_t n = 1; status != TERN_STATUS_OK; n++) {
        l.fail_at = l.calls + n;
        status = tern_session_drop(o.session, 1, 1, NULL);
        assert_true(status == TERN_STATUS_OK || status == TERN_STATUS_OUT_OF_MEMORY);
        assert_int_equal(tern_session_position(o.session), position - (status == TERN_STATUS_OK));
    }
    assert_true(l.calls > before);
    clean_up(&o);
    assert_int_equal(l.live, 0);
}

const struct CMUnitTest allocator_tests[] = {
    cmocka_unit_test(every_failing_allocation_is_out_of_memory_and_leaks_nothing),
    cmocka_unit_test(a_token_allocates_nothing),
    cmocka_unit_test(a_drop_without_memory_forgets_nothing),
};
const size_t allocator_test_count = sizeof allocator_tests / sizeof allocator_tests[0];
