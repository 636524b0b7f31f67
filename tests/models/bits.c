// The same bits as the reference backend: every device, instruction set and thread count, every row
// bucket, both kinds of cache.
#include "tests/models/support.h"

enum { IDS = 70, EVERY = 24, RESIDUE = 3, WANTED = 4 }; // passes a block of the cache

// Those of slow devices come first.
static const char *const models[] = {
    "tiny-llama-dense.gguf", "rand-b158-i2_s.gguf",  "tern-stories.gguf",
    "tiny-bitnet-row.gguf",  "tiny-bitnet-f16.gguf", "tiny-llama-group.gguf",
    "tiny-gemma3.gguf",      "tiny-maple.gguf",      "tiny-hgrn.gguf",
    "tiny-bitnet-odd.gguf",  "tiny-llama-yarn.gguf", "tiny-qwen3-norms.gguf",
    "tiny-qwen3moe.gguf"};
enum { SLOW_MODELS = 9 };

static const char *const data_models[] = {"models/stories3m-tq1_0.gguf",
                                          "data/stories260K/stories260K.gguf"};

// How the ids are cut: steps of up to |max_rows| rows, the last |single| ids one at a time.
typedef struct cut {
    uint32_t max_rows;
    uint32_t single;
} cut;

static float *logits_of(tern_model *model, tern_kv_type kv, cut c, size_t *out_bytes) {
    uint32_t vocab = vocabulary(model);
    float *logits = malloc(sizeof *logits * vocab * WANTED);
    tern_session *session = open_session(model, kv, c.max_rows);
    tern_row rows[IDS];
    for (uint32_t i = 0; i < IDS; i++) {
        bool wanted = i % EVERY == RESIDUE || i + 1 == IDS;
        rows[i] =
            (tern_row){session, (int32_t)((i * 7919u + 1u) % vocab), wanted ? TERN_ROW_LOGITS : 0};
    }
    float *next = logits;
    uint32_t count = IDS - c.single;
    for (uint32_t done = 0; done < IDS; done += count, count = 1) {
        tern_eval_desc eval = {.struct_size = sizeof eval, .row_count = count};
        eval.rows = rows + done;
        eval.logits = next;
        assert_ok(tern_model_eval(model, &eval));
        for (uint32_t i = done; i < done + count; i++) {
            next += rows[i].flags ? vocab : 0;
        }
    }
    *out_bytes = WANTED * vocab * sizeof *logits;
    assert_int_equal(next - logits, WANTED * vocab);
    tern_session_destroy(session);
    return logits;
}

// What the reference backend says, computed once for all setups.
typedef struct answers {
    float *logits[TERN_KV_I8 + 1]; // by the type of cache
    size_t size;
} answers;

static answers answers_of(tern_device *reference, const char *name) {
    answers a = {{NULL}, 0};
    tern_model *model = open_model(reference, name);
    for (tern_kv_type kv = TERN_KV_F16; kv <= TERN_KV_I8; kv++) {
        a.logits[kv] = logits_of(model, kv, (cut){128, 0}, &a.size);
    }
    tern_model_destroy(model);
    return a;
}

static void compare_model(tern_device *device, const char *name, const answers *wanted,
                          const setup *s) {
    static const cut cuts[] = {{32, 3}, {8, 1}, {128, 0}, {1, 0}};
    int cut_count = !s->slow || strcmp(name, models[0]) == 0 ? 4 : 2;
    tern_model *model = open_model(device, name);
    for (tern_kv_type kv = TERN_KV_F16; kv <= TERN_KV_I8; kv++) {
        for (int i = 0; i < (kv == TERN_KV_I8 ? 1 : cut_count); i++) {
            size_t size = 0;
            float *got = logits_of(model, kv, cuts[i], &size);
            assert_int_equal(size, wanted->size);
            if (memcmp(got, wanted->logits[kv], size) != 0) {
                fail_msg("%s on %s: cache type %u, up to %u rows: not the reference's bits", name,
                         s->label, kv, cuts[i].max_rows);
            }
            free(got);
        }
    }
    tern_model_destroy(model);
}

static void compare_all(const char *const *names, size_t count) {
    enum { MOST = 16 };
    answers wanted[MOST];
    bed reference = bed_open(&reference_setup);
    assert_true(count <= MOST);
    for (size_t i = 0; i < count; i++) {
        wanted[i] = answers_of(reference.device, names[i]);
    }
    bed_close(&reference);
    for (int s = 0; s < setup_count; s++) {
        bed b = s == 0 ? default_bed() : bed_open(&setups[s]);
        tern_device_info info = {.struct_size = sizeof info};
        assert_ok(tern_device_describe(b.device, &info));
        for (size_t i = 0; i < count; i++) {
            compare_model(b.device, names[i], &wanted[i], &setups[s]);
        }
        print_message("same bits: %s, driver %s\n", setups[s].label, info.driver);
        if (s != 0) {
            bed_close(&b);
        }
    }
    for (size_t i = 0; i < count; i++) {
        for (tern_kv_type kv = TERN_KV_F16; kv <= TERN_KV_I8; kv++) {
            free(wanted[i].logits[kv]);
        }
    }
}

static void committed_models_have_the_reference_bits(void **state) {
    (void)state;
    compare_all(models, setups[0].slow ? SLOW_MODELS : sizeof models / sizeof models[0]);
}

static void data_models_have_the_reference_bits(void **state) {
    (void)state;
    find_file(data_models[0]);
    compare_all(data_models, sizeof data_models / sizeof data_models[0]);
}

// More ids than a bucket of 128 holds; as many of their logits as one step selects at most.
enum { PROMPT = 200, BUCKETS = 5, STRIDE = 7, LOGITS = (PROMPT + STRIDE - 1) / STRIDE };

static int32_t count_steps(void *user) {
    ++*(uint32_t *)user;
    return 0;
}

// Logits of every seventh row of a prompt, in steps of up to |max_rows| rows.
static float *prompt_logits(tern_device *device, const char *name, uint32_t max_rows,
                            size_t *out_bytes) {
    tern_model *model = open_model(device, name);
    uint32_t vocab = vocabulary(model);
    float *logits = malloc(sizeof *logits * vocab * LOGITS);
    tern_session *session = open_session(model, TERN_KV_F16, max_rows);
    tern_row rows[PROMPT];
    uint32_t steps = 0;
    for (uint32_t i = 0; i < PROMPT; i++) {
        rows[i] = (tern_row){session, (int32_t)((i * 6151u + 3u) % vocab),
                             i % STRIDE == 0 ? TERN_ROW_LOGITS : 0};
    }
    tern_eval_desc eval = {.struct_size = sizeof eval,
                           .row_count = PROMPT,
                           .rows = rows,
                           .logits = logits,
                           .cancel = count_steps,
                           .cancel_user = &steps};
    assert_ok(tern_model_eval(model, &eval));
    assert_int_equal(steps, (PROMPT + max_rows - 1) / max_rows); // the bucket was used
    *out_bytes = sizeof *logits * vocab * LOGITS;
    tern_session_destroy(session);
    tern_model_destroy(model);
    return logits;
}

static void compare_buckets(tern_device *device, const char *name, const float *wanted,
                            const setup *s) {
    static const uint32_t buckets[BUCKETS] = {1, 8, 32, 128, 512};
    for (int i = 0; i < BUCKETS; i++) {
        size_t size = 0;
        float *got = prompt_logits(device, name, buckets[i], &size);
        if (memcmp(got, wanted, size) != 0) {
            fail_msg("%s on %s: %d ids in steps of %u: not the reference's bits", name, s->label,
                     PROMPT, buckets[i]);
        }
        free(got);
    }
}

// Scales of a whole matrix, of rows and of groups each have kernels of their own.
static void every_row_bucket_has_the_reference_bits(void **state) {
    (void)state;
    static const char *const names[] = {"tiny-b158-i2_s.gguf", "tiny-bitnet-row.gguf",
                                        "tiny-llama-group.gguf"};
    enum { NAMES = sizeof names / sizeof names[0] };
    float *wanted[NAMES];
    size_t size = 0;
    bed reference = bed_open(&reference_setup);
    for (int i = 0; i < NAMES; i++) {
        wanted[i] = prompt_logits(reference.device, names[i], 1, &size);
    }
    bed_close(&reference);
    for (int s = 0; s < setup_count; s++) {
        bed b = s == 0 ? default_bed() : bed_open(&setups[s]);
        for (int i = 0; i < (setups[s].slow ? 1 : NAMES); i++) {
            compare_buckets(b.device, names[i], wanted[i], &setups[s]);
        }
        if (s != 0) {
            bed_close(&b);
        }
    }
    for (int i = 0; i < NAMES; i++) {
        free(wanted[i]);
    }
}

const struct CMUnitTest bits_tests[] = {
    cmocka_unit_test(committed_models_have_the_reference_bits),
    cmocka_unit_test(data_models_have_the_reference_bits),
    cmocka_unit_test(every_row_bucket_has_the_reference_bits),
};
const size_t bits_test_count = sizeof bits_tests / sizeof bits_tests[0];
