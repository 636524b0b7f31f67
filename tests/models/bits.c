// The same bits as the reference backend: every device, instruction set and thread count, every row
// bucket, both kinds of cache.
#include "tests/models/support.h"

enum { IDS = 70, EVERY = 24, RESIDUE = 3, WANTED = 4 }; // passes a block of the cache

static const char *const models[] = {"rand-b158-i2_s.gguf",   "tern-stories.gguf",
                                     "tiny-bitnet-row.gguf",  "tiny-bitnet-f16.gguf",
                                     "tiny-llama-group.gguf", "tiny-llama-dense.gguf"};

static const char *const data_models[] = {"models/stories3m-tq1_0.gguf",
                                          "data/stories260K/stories260K.gguf"};

static float *logits_of(tern_model *model, tern_kv_type kv, uint32_t max_rows, size_t *out_bytes) {
    uint32_t vocab = vocabulary(model);
    int32_t ids[IDS];
    for (uint32_t i = 0; i < IDS; i++) {
        ids[i] = (int32_t)((i * 7919u + 1u) % vocab);
    }
    float *logits = malloc(sizeof *logits * vocab * WANTED);
    tern_session *session = open_session(model, kv, max_rows);
    uint32_t wanted = feed(session, model, ids, IDS, EVERY, RESIDUE, logits);
    assert_int_equal(wanted, WANTED);
    *out_bytes = wanted * vocab * sizeof *logits;
    tern_session_destroy(session);
    return logits;
}

static void compare_model(tern_device *device, tern_device *reference, const char *name,
                          const char *label) {
    static const uint32_t buckets[] = {128, 1, 8, 32};
    tern_model *model = open_model(device, name);
    tern_model *wanted_model = open_model(reference, name);
    for (tern_kv_type kv = TERN_KV_F16; kv <= TERN_KV_F32; kv++) {
        size_t size = 0;
        float *wanted = logits_of(wanted_model, kv, 128, &size);
        for (int i = 0; i < 4; i++) {
            float *got = logits_of(model, kv, buckets[i], &size);
            if (memcmp(got, wanted, size) != 0) {
                fail_msg("%s on %s: cache type %u, up to %u rows: not the reference's bits", name,
                         label, kv, buckets[i]);
            }
            free(got);
        }
        free(wanted);
    }
    tern_model_destroy(model);
    tern_model_destroy(wanted_model);
}

static void compare_all(const char *const *names, size_t count) {
    bed reference = bed_open(&reference_setup);
    for (int s = 0; s < setup_count; s++) {
        bed b = bed_open(&setups[s]);
        tern_device_info info = {.struct_size = sizeof info};
        assert_ok(tern_device_describe(b.device, &info));
        for (size_t i = 0; i < count; i++) {
            compare_model(b.device, reference.device, names[i], setups[s].label);
        }
        print_message("same bits: %s, driver %s\n", setups[s].label, info.driver);
        bed_close(&b);
    }
    bed_close(&reference);
}

static void committed_models_have_the_reference_bits(void **state) {
    (void)state;
    compare_all(models, sizeof models / sizeof models[0]);
}

static void data_models_have_the_reference_bits(void **state) {
    (void)state;
    find_file(data_models[0]);
    compare_all(data_models, sizeof data_models / sizeof data_models[0]);
}

const struct CMUnitTest bits_tests[] = {
    cmocka_unit_test(committed_models_have_the_reference_bits),
    cmocka_unit_test(data_models_have_the_reference_bits),
};
const size_t bits_test_count = sizeof bits_tests / sizeof bits_tests[0];
