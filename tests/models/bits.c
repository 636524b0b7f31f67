// The same bits as the reference backend: every device, instruction set and thread count, every row
// bucket, both kinds of cache.
#include "tests/models/support.h"

enum { IDS = 70, EVERY = 24, RESIDUE = 3, WANTED = 4 }; // passes a block of the cache

static const char *const models[] = {"tiny-llama-dense.gguf", "rand-b158-i2_s.gguf",
                                     "tern-stories.gguf",     "tiny-bitnet-row.gguf",
                                     "tiny-bitnet-f16.gguf",  "tiny-llama-group.gguf"};

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

static void compare_model(tern_device *device, tern_device *reference, const char *name,
                          const char *label) {
    // The last, row by row from the beginning, only for one model: software drivers are slow.
    static const cut cuts[] = {{128, 0}, {32, 3}, {8, 1}, {1, 0}};
    int cut_count = strcmp(name, models[0]) == 0 ? 4 : 3;
    tern_model *model = open_model(device, name);
    tern_model *wanted_model = open_model(reference, name);
    for (tern_kv_type kv = TERN_KV_F16; kv <= TERN_KV_F32; kv++) {
        size_t size = 0;
        float *wanted = logits_of(wanted_model, kv, cuts[0], &size);
        for (int i = 0; i < cut_count; i++) {
            float *got = logits_of(model, kv, cuts[i], &size);
            if (memcmp(got, wanted, size) != 0) {
                fail_msg("%s on %s: cache type %u, up to %u rows: not the reference's bits", name,
                         label, kv, cuts[i].max_rows);
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
