// Hugging Face folders: under which names tensors appear, and what is refused of their files.
#include "tests/harness/data.h"
#include "tests/harness/hf_world.h"

// The widths are 8, 12 and 4 heads of 3: of 12 rows of q there are 3 of bytes, of 6 of k two.
static void test_packed_tensors(void **state) {
    world *w = *state;
    static const char layer[] = "model.layers.0.";
    static const struct {
        const char *name, *dtype, *shape;
        size_t size;
    } tensors[] = {
        {"model.embed_tokens.weight", "BF16", "[5,8]", 80},
        {"self_attn.q_proj.weight", "U8", "[3,8]", 24},
        {"self_attn.q_proj.weight_scale", "BF16", "[1]", 2},
        {"self_attn.q_proj.rms_norm.weight", "BF16", "[8]", 16},
        {"self_attn.q_proj.bias", "BF16", "[12]", 24},
        {"self_attn.k_proj.weight", "U8", "[2,8]", 16},
        {"self_attn.o_proj.weight", "U8", "[2,12]", 24},
        {"self_attn.attn_sub_norm.weight", "BF16", "[12]", 24},
        {"self_attn.rotary_emb.inv_freq", "F32", "[2]", 8},
        {"post_attention_layernorm.weight", "BF16", "[8]", 16},
        {"mlp.down_proj.weight", "U8", "[2,12]", 24},
        {"model.norm.weight", "F32", "[8]", 32},
        {"lm_head.weight", "U8", "[5,8]", 40},
        {"model.layers.00.mlp.down_proj.weight", "U8", "[8]", 8},
        {"odd", "U8", "[8]", 8},
    };
    for (size_t i = 0; i < sizeof tensors / sizeof tensors[0]; i++) {
        char name[96];
        bool inside = strncmp(tensors[i].name, "self", 4) == 0 ||
                      strncmp(tensors[i].name, "mlp", 3) == 0 ||
                      strncmp(tensors[i].name, "post", 4) == 0;
        snprintf(name, sizeof name, "%s%s", inside ? layer : "", tensors[i].name);
        safetensors_add(&w->first, name, tensors[i].dtype, tensors[i].shape, NULL, tensors[i].size);
    }
    put_first(w, "model.safetensors");
    CHECK_OK(open_config(
        w, CONFIG("LlamaForCausalLM", ",\"head_dim\":3" PACKED(",\"use_rms_norm\":true"))));
    check_text(w, "tern.scale", "inverse");
    check_f32(w, "tern.linear_norm_epsilon", 1e-6f);
    assert_int_equal(tern_archive_tensor_count(w->archive), 14);
    check_tensor(w, "token_embd.weight", "BF16", 8, 5);
    assert_int_equal(check_tensor(w, "blk.0.attn_q.weight", "HF_T2", 8, 12).size, 24);
    check_tensor(w, "blk.0.attn_q.scale", "BF16", 1, 1);
    check_tensor(w, "blk.0.attn_q_norm_in.weight", "BF16", 8, 1);
    check_tensor(w, "blk.0.attn_q.bias", "BF16", 12, 1);
    assert_int_equal(check_tensor(w, "blk.0.attn_k.weight", "HF_T2", 8, 6).size, 16);
    check_tensor(w, "blk.0.attn_output.weight", "HF_T2", 12, 8);
    check_tensor(w, "blk.0.attn_sub_norm.weight", "BF16", 12, 1);
    check_tensor(w, "blk.0.ffn_norm.weight", "BF16", 8, 1);
    check_tensor(w, "blk.0.ffn_down.weight", "HF_T2", 12, 8);
    check_tensor(w, "output_norm.weight", "F32", 8, 1);
    check_tensor(w, "output.weight", "U8", 8, 5); // never packed
    check_tensor(w, "model.layers.00.mlp.down_proj.weight", "U8", 8, 1);
    check_tensor(w, "odd", "U8", 8, 1);
    CHECK_FAILS(
        open_config(w, CONFIG("LlamaForCausalLM",
                              ",\"head_dim\":3" PACKED(",\"linear_class\":\"autobitlinear\""))),
        TERN_STATUS_UNSUPPORTED, "tensor 'model.layers.0.self_attn.q_proj.bias': a bias of");
    CHECK_OK(open_config(w, CONFIG("LlamaForCausalLM", ",\"tie_word_embeddings\":true")));
    assert_int_equal(tern_archive_tensor_count(w->archive), 13); // no second output matrix
}

static void test_bitmat(void **state) {
    world *w = *state;
    safetensors_add(&w->first, "model.layers.0.mlp.up_proj.weight", "I8", "[12,2]", NULL, 24);
    safetensors_add(&w->first, "model.layers.0.mlp.up_proj.scale_w", "F16", "[]", NULL, 2);
    safetensors_add(&w->first, "model.layers.0.mlp.up_proj.norm.weight", "F16", "[8]", NULL, 16);
    put_first(w, "model.safetensors");
    CHECK_OK(open_config(w, CONFIG("Mistral158ForCausalLM", "")));
    check_tensor(w, "blk.0.ffn_up.weight", "BITMAT", 8, 12);
    check_tensor(w, "blk.0.ffn_up.scale", "F16", 1, 1);
    check_tensor(w, "blk.0.ffn_up_norm_in.weight", "F16", 8, 1);
    check_text(w, "tern.scale", "inverse");
}

#define MOE                                                                                        \
    CONFIG("Qwen3MoeForCausalLM", ",\"num_experts\":3,\"num_experts_per_tok\":2,"                  \
                                  "\"moe_intermediate_size\":1,\"norm_topk_prob\":true")
#define EXPERT(number, part) "model.layers.0.mlp.experts." number ".up_proj." part

// Experts in any order, in two shards; each filled with its number.
static void put_experts(world *w, bool whole) {
    uint8_t bytes[3][16];
    for (int i = 0; i < 3; i++) {
        memset(bytes[i], i + 1, sizeof bytes[i]);
    }
    safetensors_add(&w->first, EXPERT("2", "weight"), "BF16", "[1,8]", bytes[2], 16);
    safetensors_add(&w->first, EXPERT("2", "weight_scale"), "BF16", "[1]", bytes[2], 2);
    safetensors_add(&w->second, EXPERT("0", "weight"), "BF16", "[1,8]", bytes[0], 16);
    safetensors_add(&w->second, EXPERT("0", "weight_scale"), "BF16", "[1]", bytes[0], 2);
    if (whole) {
        safetensors_add(&w->first, EXPERT("1", "weight"), "BF16", "[1,8]", bytes[1], 16);
        safetensors_add(&w->second, EXPERT("1", "weight_scale"), "BF16", "[1]", bytes[1], 2);
    }
    put_first(w, "model-1.safetensors");
    put_second(w, "model-2.safetensors");
}

#define MAPPED(number, part, shard) "\"" EXPERT(number, part) "\":\"model-" shard ".safetensors\""
#define INDEX_OF_MOST                                                                              \
    "{\"metadata\":{},\"weight_map\":{" MAPPED("2", "weight", "1") "," MAPPED(                     \
        "2", "weight_scale", "1") "," MAPPED("0", "weight", "2") "," MAPPED("0", "weight_scale",   \
                                                                            "2")
#define INDEX_OF_ALL                                                                               \
    INDEX_OF_MOST "," MAPPED("1", "weight", "1") "," MAPPED("1", "weight_scale", "2") "}}"

static void test_experts_are_stacked(void **state) {
    world *w = *state;
    uint8_t bytes[48];
    put_experts(w, true);
    memory_files_text(&w->folder, "model.safetensors.index.json", INDEX_OF_ALL);
    CHECK_OK(open_config(w, MOE));
    assert_int_equal(tern_archive_tensor_count(w->archive), 2);
    tern_tensor_info info = check_tensor(w, "blk.0.ffn_up_exps.weight", "BF16", 8, 1);
    assert_int_equal(info.rank, 3);
    assert_int_equal(info.shape[2], 3);
    assert_int_equal(info.size, 48);
    CHECK_OK(tern__archive_read(w->archive, &info, 0, bytes, 48));
    for (int i = 0; i < 48; i++) {
        assert_int_equal(bytes[i], 1 + i / 16);
    }
    CHECK_OK(tern__archive_read(w->archive, &info, 15, bytes, 18));
    assert_int_equal(bytes[0], 1);
    assert_int_equal(bytes[1], 2);
    assert_int_equal(bytes[16], 2);
    assert_int_equal(bytes[17], 3);
    info = check_tensor(w, "blk.0.ffn_up_exps.scale", "BF16", 3, 1);
    assert_int_equal(info.rank, 1);
    CHECK_OK(tern__archive_read(w->archive, &info, 0, bytes, 6));
    assert_memory_equal(bytes, "\1\1\2\2\3\3", 6);
}

static void test_missing_expert(void **state) {
    world *w = *state;
    put_experts(w, false);
    memory_files_text(&w->folder, "model.safetensors.index.json", INDEX_OF_MOST "}}");
    CHECK_FAILS(open_config(w, MOE), TERN_STATUS_NOT_FOUND,
                "expert 1 of tensor 'blk.0.ffn_up_exps.weight' is missing");
}

// No room is made for experts that the folder cannot have.
static void test_more_experts_than_tensors(void **state) {
    world *w = *state;
    uint8_t bytes[4] = {0};
    safetensors_add(&w->first, EXPERT("0", "weight"), "F32", "[1]", bytes, 4);
    safetensors_add(&w->first, "model.layers.1.mlp.experts.0.up_proj.weight", "F32", "[1]", bytes,
                    4);
    put_first(w, "model.safetensors");
    CHECK_FAILS(open_config(w, CONFIG("Qwen3MoeForCausalLM",
                                      ",\"num_experts\":60000,\"num_experts_per_tok\":2,"
                                      "\"moe_intermediate_size\":1,\"norm_topk_prob\":true")),
                TERN_STATUS_CORRUPT_DATA, "but the folder has 2 tensors");
}

static void test_index(void **state) {
    world *w = *state;
    static const char name[] = "model.safetensors.index.json";
    memory_files_text(&w->folder, "config.json", MOE);
    put_experts(w, true);
    CHECK_FAILS(open_named(w, ""), TERN_STATUS_NOT_FOUND,
                "folder: neither model.safetensors nor model.safetensors.index.json is there");
    memory_files_text(&w->folder, name, "{\"weight_map\":3}");
    CHECK_FAILS(open_named(w, ""), TERN_STATUS_CORRUPT_DATA,
                "index.json: key 'weight_map' is a number, expected an object");
    memory_files_text(&w->folder, name, "{\"weight_map\":{\"a\":\"../x.safetensors\"}}");
    CHECK_FAILS(open_named(w, ""), TERN_STATUS_CORRUPT_DATA,
                "tensor 'a' is in '../x.safetensors', expected the name of a file beside it");
    memory_files_text(&w->folder, name, INDEX_OF_MOST "}}");
    CHECK_FAILS(open_named(w, ""), TERN_STATUS_CORRUPT_DATA,
                "tensor 'model.layers.0.mlp.experts.1.up_proj.weight' is in no shard by ");
    memory_files_text(&w->folder, name,
                      INDEX_OF_MOST
                      "," MAPPED("1", "weight", "2") "," MAPPED("1", "weight_scale", "2") "}}");
    CHECK_FAILS(open_named(w, ""), TERN_STATUS_CORRUPT_DATA, "is in model-2.safetensors by ");
    memory_files_text(&w->folder, name,
                      INDEX_OF_MOST "," MAPPED("1", "weight", "1") "," MAPPED(
                          "1", "weight_scale", "2") ",\"gone\":\"model-2.safetensors\"}}");
    CHECK_FAILS(open_named(w, ""), TERN_STATUS_NOT_FOUND,
                "model-2.safetensors: tensor 'gone' is missing, which is here by ");
    memory_files_text(&w->folder, name, INDEX_OF_ALL);
    CHECK_OK(open_named(w, ""));
    CHECK_OK(open_named(w, name));
    CHECK_OK(open_named(w, "model-2.safetensors"));
    memory_files_put(&w->folder, "model-3.safetensors", w->first.file, w->first.size);
    CHECK_FAILS(open_named(w, "model-3.safetensors"), TERN_STATUS_CORRUPT_DATA,
                "model-3.safetensors: not a shard of the model by ");
    memory_files_drop(&w->folder, "model-2.safetensors");
    CHECK_FAILS(open_named(w, ""), TERN_STATUS_NOT_FOUND,
                "folder/model-2.safetensors: no such file, which is a shard of the model by "
                "model.safetensors.index.json");
}

static void test_missing_files(void **state) {
    world *w = *state;
    CHECK_FAILS(open_named(w, ""), TERN_STATUS_NOT_FOUND, "folder: no config.json");
    CHECK_FAILS(open_named(w, "x.safetensors"), TERN_STATUS_NOT_FOUND,
                "folder/x.safetensors: no such file");
    safetensors_add(&w->first, "a", "U8", "[1]", NULL, 1);
    put_first(w, "x.safetensors");
    CHECK_OK(open_named(w, "x.safetensors"));
    check_tensor(w, "a", "U8", 1, 1);
    const char *architecture = NULL;
    CHECK_FAILS(tern__archive_need_string(w->archive, "general.architecture", &architecture),
                TERN_STATUS_NOT_FOUND, "there is no config.json beside it");
}

static void test_memory_runs_out(void **state) {
    world *w = *state;
    tern_status status = TERN_STATUS_OUT_OF_MEMORY;
    put_experts(w, true);
    memory_files_text(&w->folder, "config.json", MOE);
    memory_files_text(&w->folder, "model.safetensors.index.json", INDEX_OF_ALL);
    size_t before = w->heap.blocks;
    for (size_t fail = 1; status != TERN_STATUS_OK; fail++) {
        w->heap.fail_at = w->heap.calls + fail;
        status = open_named(w, "");
        w->heap.fail_at = 0;
        assert_true(status == TERN_STATUS_OK || status == TERN_STATUS_OUT_OF_MEMORY);
        assert_true(status == TERN_STATUS_OK || w->heap.blocks == before);
    }
}

// Whole: shards, tokenizer, stacked experts and all, onto a device.
static tern_status load_folder(world *w, const char *name) {
    char path[1024];
    tern_device *device = NULL;
    tern_model *model = NULL;
    assert_true(source_path(name, path, sizeof path));
    tern_archive_destroy(w->archive);
    w->archive = NULL;
    tern_status status = tern_device_open(w->context, NULL, &device);
    status = status ? status : tern_archive_open_path(w->context, path, &w->archive);
    status = status ? status : tern_model_load_archive(device, w->archive, NULL, &model);
    tern_model_destroy(model);
    tern_device_close(device);
    tern_archive_destroy(w->archive);
    w->archive = NULL;
    return status;
}

static void test_memory_runs_out_while_loading(void **state) {
    world *w = *state;
    static const char *const names[] = {"tests/golden/hf-llama", "tests/golden/hf-qwen3moe"};
    CHECK_OK(tern_context_set_option(w->context, "TERN_BACKEND", "reference"));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        CHECK_OK(load_folder(w, names[i])); // the context keeps what it found
        tern_status status = TERN_STATUS_OUT_OF_MEMORY;
        size_t before = w->heap.blocks, fail = 1;
        for (; status != TERN_STATUS_OK; fail++) {
            w->heap.fail_at = w->heap.calls + fail;
            status = load_folder(w, names[i]);
            bool used = w->heap.calls >= w->heap.fail_at;
            w->heap.fail_at = 0;
            if (status != TERN_STATUS_OUT_OF_MEMORY && (status != TERN_STATUS_OK || used)) {
                fail_msg("%s, allocation %zu: %s: %s", names[i], fail, tern_status_name(status),
                         tern_last_error_message());
            }
            assert_int_equal(w->heap.blocks, before);
        }
        assert_true(fail > 100);
    }
}

static void test_truncated_files(void **state) {
    world *w = *state;
    static const char config[] = MOE;
    put_experts(w, true);
    memory_files_text(&w->folder, "model.safetensors.index.json", INDEX_OF_ALL);
    for (size_t size = 0; size < sizeof config - 1; size++) {
        memory_files_put(&w->folder, "config.json", config, size);
        assert_int_equal(open_named(w, ""), TERN_STATUS_CORRUPT_DATA);
    }
    memory_files_text(&w->folder, "config.json", config);
    for (size_t size = 0; size < sizeof INDEX_OF_ALL - 1; size++) {
        memory_files_put(&w->folder, "model.safetensors.index.json", INDEX_OF_ALL, size);
        assert_int_equal(open_named(w, ""), TERN_STATUS_CORRUPT_DATA);
    }
}
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_packed_tensors, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_bitmat, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_experts_are_stacked, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_missing_expert, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_more_experts_than_tensors, world_set_up,
                                        world_tear_down),
        cmocka_unit_test_setup_teardown(test_index, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_missing_files, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_memory_runs_out, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_memory_runs_out_while_loading, world_set_up,
                                        world_tear_down),
        cmocka_unit_test_setup_teardown(test_truncated_files, world_set_up, world_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
