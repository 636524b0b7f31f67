// Loading: bad files refused by name, budgets, progress, estimates.
#include "tests/models/support.h"

// A copy of a model's file that a test spoils.
typedef struct image {
    bed b;
    unsigned char *bytes;
    size_t size;
} image;

static image open_image(const char *name) {
    file_path p = find_file(name);
    image i = {default_bed(), NULL, 0};
    i.bytes = read_file(p.text, &i.size);
    return i;
}

static void close_image(image *i) {
    free(i->bytes);
}

static tern_status load(const image *i, const tern_model_desc *desc) {
    tern_source source = tern_source_from_memory("image", i->bytes, i->size);
    tern_model *model = NULL;
    tern_status status = tern_model_load(i->b.device, &source, desc, &model);
    assert_true((status == TERN_STATUS_OK) == (model != NULL));
    tern_model_destroy(model);
    return status;
}

// Overwrites the first |from| with |to|, of the same length.
static void replace(image *i, const char *from, const char *to) {
    size_t length = strlen(from);
    assert_int_equal(length, strlen(to));
    for (size_t at = 0; at + length <= i->size; at++) {
        if (memcmp(i->bytes + at, from, length) == 0) {
            memcpy(i->bytes + at, to, length);
            return;
        }
    }
    fail_msg("no %s in the file", from);
}

static tern_tensor_info find_tensor(const image *i, const char *name) {
    tern_source source = tern_source_from_memory("image", i->bytes, i->size);
    tern_archive *archive = NULL;
    tern_tensor_info info = {.struct_size = sizeof info};
    assert_ok(tern_archive_open(i->b.context, &source, &archive));
    uint64_t count = tern_archive_tensor_count(archive);
    uint64_t index = 0;
    for (; index < count; index++) {
        assert_ok(tern_archive_tensor(archive, index, &info));
        if (strcmp(info.name, name) == 0) {
            break;
        }
    }
    assert_true(index < count);
    tern_archive_destroy(archive);
    return info;
}

static void refuses(const char *model, const char *from, const char *to, tern_status status,
                    const char *words) {
    image i = open_image(model);
    replace(&i, from, to);
    assert_fails(load(&i, NULL), status, words);
    close_image(&i);
}

static void what_is_unknown_or_missing_is_named(void **state) {
    (void)state;
    static const char model[] = "tiny-b158-i2_s.gguf";
    refuses(model, "bitnet-b1.58", "bitnet-b9.99", TERN_STATUS_UNSUPPORTED, "bitnet-b9.99");
    refuses(model, "general.architecture", "general.architectura", TERN_STATUS_NOT_FOUND,
            "general.architecture");
    refuses(model, "bitnet-b1.58.block_count", "bitnet-b1.58.block_coint", TERN_STATUS_NOT_FOUND,
            "bitnet-b1.58.block_count");
    refuses(model, "token_embd.weight", "token_embx.weight", TERN_STATUS_NOT_FOUND,
            "token_embd.weight");
    refuses(model, "blk.0.attn_q.weight", "blk.0.attn_x.weight", TERN_STATUS_NOT_FOUND,
            "blk.0.attn_q.weight");
    refuses(model, "blk.0.ffn_sub_norm.weight", "blk.0.ffn_sub_nxxm.weight", TERN_STATUS_NOT_FOUND,
            "blk.0.ffn_sub_norm.weight");
    refuses(model, "ggml.model", "ggml.modex", TERN_STATUS_NOT_FOUND, "tokenizer");
}

static void what_an_architecture_asks_for_is_named(void **state) {
    (void)state;
    refuses("tiny-qwen3.gguf", "blk.1.attn_k_norm.weight", "blk.1.attn_x_norm.weight",
            TERN_STATUS_NOT_FOUND, "'blk.1.attn_k_norm.weight' is missing");
    refuses("tiny-gemma3.gguf", "blk.2.post_ffw_norm.weight", "blk.2.post_ffw_nxxm.weight",
            TERN_STATUS_NOT_FOUND, "'blk.2.post_ffw_norm.weight' is missing");
    refuses("tiny-gemma3.gguf", "blk.0.attn_v_norm_in.weight", "blk.0.attn_x_norm_in.weight",
            TERN_STATUS_NOT_FOUND, "'blk.0.attn_v_norm_in.weight' is missing");
    refuses("tiny-gemma3.gguf", "gemma3.attention.sliding_window",
            "gemma3.attention.sliding_windox", TERN_STATUS_NOT_FOUND,
            "'gemma3.attention.sliding_window' is missing");
    refuses("tiny-maple.gguf", "blk.0.ffn_gate_inp.weight", "blk.0.ffn_gate_inx.weight",
            TERN_STATUS_NOT_FOUND, "'blk.0.ffn_gate_inp.weight' is missing");
    refuses("tiny-hgrn.gguf", "lower_bounds.weight", "lower_bouncs.weight", TERN_STATUS_NOT_FOUND,
            "'lower_bounds.weight' is missing");
    refuses("tiny-hgrn.gguf", "output_norm_in.weight", "output_nxxm_in.weight",
            TERN_STATUS_NOT_FOUND, "'output_norm_in.weight' is missing");
    refuses("tiny-hgrn.gguf", "blk.1.ffn_gate_up.weight", "blk.1.ffn_gate_ux.weight",
            TERN_STATUS_NOT_FOUND, "'blk.1.ffn_gate_up.weight' is missing");
    refuses("tiny-llama-yarn.gguf", "half_split", "half_splat", TERN_STATUS_UNSUPPORTED,
            "'tern.rotary_pairs' is 'half_splat'");
}

// Writes |value| after the key |key| of a U32 or F32.
static void set_word(image *i, const char *key, uint32_t value) {
    size_t length = strlen(key);
    for (size_t at = 0; at + length + 8 <= i->size; at++) {
        if (memcmp(i->bytes + at, key, length) == 0) {
            memcpy(i->bytes + at + length + 4, &value, sizeof value);
            return;
        }
    }
    fail_msg("no key %s in the file", key);
}

// Scaling and windows that cannot be, by the word after the key.
static void positions_that_cannot_be_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *file, *key;
        uint32_t value;
        const char *words;
    } wrong[] = {
        {"tiny-llama-yarn.gguf", "rope.scaling.factor", 0x3f000000, "is 0.5, expected 1 or more"},
        {"tiny-llama-yarn.gguf", "rope.scaling.original_context_length", 0, "0 positions"},
        {"tiny-llama-yarn.gguf", "llama.rope.freq_base", 0x3f800000, "a base of 1"},
        {"tiny-llama-llama3.gguf", "rope.scaling.high_freq_factor", 0x3f800000,
         "turns from 1 to 1"},
        {"tiny-llama-llama3.gguf", "rope.scaling.low_freq_factor", 0x7fc00000, "low_freq_factor'"},
        {"tiny-gemma3.gguf", "attention.sliding_window_pattern", 0, "is 0, expected 1 or more"},
        {"tiny-gemma3.gguf", "rope.freq_base_swa", 0, "freq_base_swa' is 0"}};
    for (size_t k = 0; k < sizeof wrong / sizeof wrong[0]; k++) {
        image i = open_image(wrong[k].file);
        set_word(&i, wrong[k].key, wrong[k].value);
        assert_fails(load(&i, NULL), TERN_STATUS_CORRUPT_DATA, wrong[k].words);
        close_image(&i);
    }
    image i = open_image("tiny-maple.gguf"); // one layer, but a pattern of two
    set_word(&i, "maple.block_count", 1);
    assert_fails(load(&i, NULL), TERN_STATUS_CORRUPT_DATA, "pattern' has 2 elements");
    close_image(&i);
}

static void tensors_that_nothing_would_read_are_refused(void **state) {
    (void)state;
    refuses("tiny-b158-scale.gguf", "blk.0.attn_v.scale", "blk.0.attn_v.scalf",
            TERN_STATUS_UNSUPPORTED, "tensor 'blk.0.attn_v.scalf' has no place");
    refuses("tiny-b158-scale.gguf", "blk.0.attn_v.scale", "blk.9.attn_v.scale",
            TERN_STATUS_UNSUPPORTED, "tensor 'blk.9.attn_v.scale' has no place");
    refuses("tiny-llama-dense.gguf", "rope_freqs.weight", "rope_frequ.weight",
            TERN_STATUS_UNSUPPORTED, "tensor 'rope_frequ.weight' has no place");
}

static void refuses_word(const char *key, uint32_t value, tern_status status, const char *words) {
    image i = open_image("tiny-b158-i2_s.gguf");
    set_word(&i, key, value);
    assert_fails(load(&i, NULL), status, words);
    close_image(&i);
}

static void dimensions_that_contradict_each_other_are_refused(void **state) {
    (void)state;
    refuses_word("b1.58.block_count", 0, TERN_STATUS_CORRUPT_DATA, "block_count' is 0");
    refuses_word("b1.58.block_count", 2, TERN_STATUS_NOT_FOUND, "blk.1.attn_norm.weight");
    refuses_word("b1.58.block_count", UINT32_MAX, TERN_STATUS_CORRUPT_DATA, "block_count");
    refuses_word("b1.58.embedding_length", 64, TERN_STATUS_CORRUPT_DATA, "token_embd.weight");
    refuses_word("b1.58.feed_forward_length", 256, TERN_STATUS_CORRUPT_DATA, "blk.0.ffn_gate");
    refuses_word("b1.58.attention.head_count", 3, TERN_STATUS_CORRUPT_DATA, "blk.0.attn_q");
    refuses_word("b1.58.attention.head_count_kv", 3, TERN_STATUS_CORRUPT_DATA, "2 heads");
    refuses_word("b1.58.attention.value_length", 32, TERN_STATUS_UNSUPPORTED, "values of 32");
    refuses_word("b1.58.rope.dimension_count", 63, TERN_STATUS_CORRUPT_DATA, "dimension_count");
    refuses_word("b1.58.rope.freq_base", 0x7fc00000, TERN_STATUS_CORRUPT_DATA, "freq_base");
    refuses_word("layer_norm_rms_epsilon", 0, TERN_STATUS_CORRUPT_DATA, "epsilon");
    refuses_word("b1.58.vocab_size", 99999, TERN_STATUS_CORRUPT_DATA, "vocab_size' is 99999");
    refuses_word("b1.58.context_length", 0, TERN_STATUS_CORRUPT_DATA, "context_length");
}

static void experts_that_contradict_the_keys_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *key;
        uint32_t value;
        const char *words;
    } wrong[] = {{"maple.expert_count", 6, "'blk.0.ffn_gate_inp.weight' has the shape [64, 5]"},
                 {"maple.expert_used_count", 6, "expert_used_count' is 6, expected 1 to 5"},
                 {"maple.expert_feed_forward_length", 32,
                  "'blk.0.ffn_gate_exps.weight' has the shape [64, 24, 5], expected [64, 32, 5]"}};
    for (size_t k = 0; k < sizeof wrong / sizeof wrong[0]; k++) {
        image i = open_image("tiny-maple.gguf");
        set_word(&i, wrong[k].key, wrong[k].value);
        assert_fails(load(&i, NULL), TERN_STATUS_CORRUPT_DATA, wrong[k].words);
        close_image(&i);
    }
    image i = open_image("tiny-maple.gguf");
    tern_tensor_info info = find_tensor(&i, "blk.1.ffn_up_exps.weight");
    for (uint16_t k = 0; k < 8; k++) { // eight values of their own make no ternary row
        uint16_t half = (uint16_t)(0x3001 + 97 * k);
        memcpy(i.bytes + info.offset + 2 * k, &half, sizeof half);
    }
    assert_fails(load(&i, NULL), TERN_STATUS_UNSUPPORTED,
                 "'blk.1.ffn_up_exps.weight' is of type F16 and not ternary");
    close_image(&i);
}

static void refuses_bytes(const char *model, const char *tensor, uint64_t offset, const void *bytes,
                          size_t size) {
    image i = open_image(model);
    tern_tensor_info info = find_tensor(&i, tensor);
    memcpy(i.bytes + info.offset + offset, bytes, size);
    assert_fails(load(&i, NULL), TERN_STATUS_CORRUPT_DATA, tensor);
    close_image(&i);
}

static uint64_t find_size(const char *model, const char *tensor) {
    image i = open_image(model);
    uint64_t size = find_tensor(&i, tensor).size;
    close_image(&i);
    return size;
}

static void values_that_cannot_be_are_refused_naming_the_tensor(void **state) {
    (void)state;
    static const float zero = 0.0f, infinity = INFINITY, nan = NAN;
    static const uint16_t half_zero = 0, half_nan = 0x7e00, half_infinity = 0x7c00;
    static const uint16_t bfloat_nan = 0xffc0, bfloat_infinity = 0x7f80;
    static const unsigned char code_3 = 0xff;
    uint64_t tail = find_size("tiny-b158-i2_s.gguf", "blk.0.ffn_up.weight") - 32;
    refuses_bytes("tiny-b158-i2_s.gguf", "blk.0.ffn_up.weight", tail, &zero, 4);
    refuses_bytes("tiny-b158-i2_s.gguf", "blk.0.ffn_up.weight", tail, &infinity, 4);
    refuses_bytes("tiny-b158-i2_s.gguf", "blk.0.ffn_up.weight", tail, &nan, 4);
    refuses_bytes("tiny-b158-i2_s.gguf", "blk.0.ffn_up.weight", 5, &code_3, 1);
    refuses_bytes("tiny-b158-i2_s.gguf", "blk.0.attn_norm.weight", 8, &nan, 4);
    refuses_bytes("tiny-b158-i2_s.gguf", "token_embd.weight", 8, &half_nan, 2);
    refuses_bytes("tiny-bitnet-row.gguf", "blk.0.attn_v.weight", 66 + 64, &half_zero, 2);
    refuses_bytes("tiny-bitnet-row.gguf", "blk.0.attn_v.weight", 66 + 64, &half_nan, 2);
    refuses_bytes("tiny-bitnet-row.gguf", "blk.0.attn_v.weight", 66 + 64, &half_infinity, 2);
    refuses_bytes("tiny-bitnet-row.gguf", "blk.0.attn_v.weight", 66, &code_3, 1);
    refuses_bytes("tiny-b158-scale.gguf", "blk.0.attn_v.scale", 0, &zero, 4);
    refuses_bytes("tiny-llama-dense.gguf", "rope_freqs.weight", 4, &zero, 4);
    static const char f16[] = "tiny-bitnet-f16.gguf", projection[] = "blk.0.ffn_down.weight";
    refuses_bytes(f16, projection, 0, &half_nan, 2);
    refuses_bytes(f16, projection, find_size(f16, projection) - 2, &half_infinity, 2);
    static const char bf16[] = "tiny-bitnet-bf16.gguf";
    refuses_bytes(bf16, projection, find_size(bf16, projection) - 2, &bfloat_nan, 2);
    refuses_bytes(bf16, projection, 0, &bfloat_infinity, 2);
}

static void a_file_cut_anywhere_is_refused(void **state) {
    (void)state;
    image i = open_image("tiny-b158-i2_s.gguf");
    size_t whole = i.size;
    for (size_t size = 0; size < whole - 32; size += 1 + whole / 97) {
        i.size = size;
        tern_status status = load(&i, NULL);
        if (status != TERN_STATUS_CORRUPT_DATA) {
            fail_msg("cut at %zu of %zu bytes: %s", size, whole, tern_status_name(status));
        }
        assert_true(strlen(tern_last_error_message()) > 10);
    }
    close_image(&i);
}

static tern_model_info describe(const image *i) {
    tern_source source = tern_source_from_memory("image", i->bytes, i->size);
    tern_model *model = NULL;
    tern_model_info info = {.struct_size = sizeof info};
    assert_ok(tern_model_load(i->b.device, &source, NULL, &model));
    assert_ok(tern_model_describe(model, &info));
    tern_model_destroy(model);
    return info;
}

static void estimates_and_budgets_agree_with_what_is_loaded(void **state) {
    (void)state;
    image i = open_image("tern-stories.gguf");
    tern_source source = tern_source_from_memory("image", i.bytes, i.size);
    tern_archive *archive = NULL;
    tern_memory_estimate estimate = {.struct_size = sizeof estimate};
    tern_model_info info = describe(&i);
    assert_string_equal(info.architecture, "bitnet-b1.58");
    assert_int_equal(info.layers, 8);
    assert_int_equal(info.ffn_width, 768);
    assert_int_equal(info.vocabulary, 2048);
    assert_ok(tern_archive_open(i.b.context, &source, &archive));
    tern_session_desc session = TERN_SESSION_DESC_INIT;
    assert_ok(tern_model_estimate(i.b.context, archive, NULL, NULL, &estimate));
    assert_int_equal(estimate.weight_bytes, info.weight_bytes);
    assert_int_equal(estimate.cache_bytes, 2ull * 8 * 256 * 2 * 64 * 2);
    assert_true(estimate.scratch_bytes > 0);
    session.context = 65;
    session.kv = TERN_KV_F32;
    assert_ok(tern_model_estimate(i.b.context, archive, NULL, &session, &estimate));
    assert_int_equal(estimate.cache_bytes, 2ull * 8 * 128 * 2 * 64 * 4);
    session.context = 257;
    assert_fails(tern_model_estimate(i.b.context, archive, NULL, &session, &estimate),
                 TERN_STATUS_OUT_OF_RANGE, "256");
    tern_archive_destroy(archive);

    tern_model_desc desc = TERN_MODEL_DESC_INIT;
    char needed[32];
    snprintf(needed, sizeof needed, "%llu", (unsigned long long)info.weight_bytes);
    desc.memory_budget = info.weight_bytes;
    assert_ok(load(&i, &desc));
    desc.memory_budget--;
    assert_fails(load(&i, &desc), TERN_STATUS_OUT_OF_MEMORY, needed);
    close_image(&i);
}

// With every kind of scale, which a load counts as it finds them, and with matrices that become
// ternary while they load: exactly what the weights take suffices, a byte less does not.
static void a_budget_is_kept_to_the_byte(void **state) {
    (void)state;
    static const char *const names[] = {"tiny-b158-i2_s.gguf",  "tiny-b158-scale.gguf",
                                        "tiny-bitnet-row.gguf", "tiny-llama-group.gguf",
                                        "tiny-bitnet-f16.gguf", "tiny-llama-dense.gguf"};
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
        image i = open_image(names[k]);
        tern_model_desc desc = TERN_MODEL_DESC_INIT;
        char needed[64], budget[64];
        uint64_t bytes = describe(&i).weight_bytes;
        desc.memory_budget = bytes;
        assert_ok(load(&i, &desc));
        desc.memory_budget--;
        snprintf(needed, sizeof needed, "need %llu bytes", (unsigned long long)bytes);
        snprintf(budget, sizeof budget, "budget is %llu", (unsigned long long)desc.memory_budget);
        assert_fails(load(&i, &desc), TERN_STATUS_OUT_OF_MEMORY, needed);
        assert_non_null(strstr(tern_last_error_message(), budget));
        close_image(&i);
    }
}

static void a_context_that_no_memory_holds_is_refused(void **state) {
    (void)state;
    image i = open_image("tiny-b158-i2_s.gguf");
    tern_device_info info = {.struct_size = sizeof info};
    assert_ok(tern_device_describe(i.b.device, &info));
    const uint64_t needed = (2ull << 28) * 64 * 4;
    if (info.memory_bytes == 0 || info.memory_bytes >= needed) {
        print_message("skipped: %s has enough memory, or does not say how much\n", info.name);
        close_image(&i);
        skip();
    }
    set_word(&i, "b1.58.context_length", 1u << 28);
    tern_source source = tern_source_from_memory("image", i.bytes, i.size);
    tern_model *model = NULL;
    tern_session *session = NULL;
    assert_ok(tern_model_load(i.b.device, &source, NULL, &model));
    char words[32];
    snprintf(words, sizeof words, "%llu", (unsigned long long)needed);
    tern_session_desc desc = TERN_SESSION_DESC_INIT;
    desc.kv = TERN_KV_F32;
    assert_fails(tern_session_create(model, &desc, &session), TERN_STATUS_OUT_OF_MEMORY, words);
    desc.context = 64;
    assert_ok(tern_session_create(model, &desc, &session));
    tern_session_destroy(session);
    tern_model_destroy(model);
    close_image(&i);
}

typedef struct watch {
    uint64_t last;
    uint64_t total;
    int calls;
    int stop_after;
} watch;

static int32_t on_progress(void *user, uint64_t done, uint64_t total) {
    watch *w = user;
    assert_true(done >= w->last && done <= total);
    w->last = done;
    w->total = total;
    return ++w->calls != w->stop_after;
}

static void progress_reaches_the_total_and_can_stop(void **state) {
    (void)state;
    static const char *const names[] = {"tiny-b158-i2_s.gguf", "tiny-bitnet-row.gguf",
                                        "tiny-bitnet-f16.gguf", "tiny-llama-dense.gguf"};
    for (int k = 0; k < 4; k++) {
        image i = open_image(names[k]);
        watch w = {0};
        tern_model_desc desc = TERN_MODEL_DESC_INIT;
        desc.progress = on_progress;
        desc.progress_user = &w;
        assert_ok(load(&i, &desc));
        assert_int_equal(w.last, w.total);
        assert_true(w.calls > 10);
        w = (watch){.stop_after = 3};
        assert_fails(load(&i, &desc), TERN_STATUS_CANCELLED, "cancelled");
        assert_int_equal(w.calls, 3);
        close_image(&i);
    }
}

const struct CMUnitTest loading_tests[] = {
    cmocka_unit_test(what_is_unknown_or_missing_is_named),
    cmocka_unit_test(what_an_architecture_asks_for_is_named),
    cmocka_unit_test(positions_that_cannot_be_are_refused),
    cmocka_unit_test(tensors_that_nothing_would_read_are_refused),
    cmocka_unit_test(dimensions_that_contradict_each_other_are_refused),
    cmocka_unit_test(experts_that_contradict_the_keys_are_refused),
    cmocka_unit_test(values_that_cannot_be_are_refused_naming_the_tensor),
    cmocka_unit_test(a_file_cut_anywhere_is_refused),
    cmocka_unit_test(estimates_and_budgets_agree_with_what_is_loaded),
    cmocka_unit_test(a_budget_is_kept_to_the_byte),
    cmocka_unit_test(a_context_that_no_memory_holds_is_refused),
    cmocka_unit_test(progress_reaches_the_total_and_can_stop),
};
const size_t loading_test_count = sizeof loading_tests / sizeof loading_tests[0];
