// config.json of a Hugging Face folder: what becomes keys, and what is refused.
#include "tests/harness/hf_world.h"

static void test_llama_keys(void **state) {
    world *w = *state;
    put_first(w, "model.safetensors");
    CHECK_OK(open_config(w, CONFIG("LlamaForCausalLM",
                                   ",\"head_dim\":16,\"hidden_act\":\"silu\",\"rope_theta\":"
                                   "500000.0,\"rope_scaling\":null,\"attention_bias\":false,"
                                   "\"pruned_heads\":{},\"temperature\":1.0,\"activation\":"
                                   "\"swiglu\",\"unheard_of\":null")));
    check_text(w, "general.architecture", "llama");
    check_text(w, "general.name", "folder");
    check_u32(w, "llama.block_count", 1);
    check_u32(w, "llama.embedding_length", 8);
    check_u32(w, "llama.feed_forward_length", 12);
    check_u32(w, "llama.context_length", 64);
    check_u32(w, "llama.vocab_size", 5);
    check_u32(w, "llama.attention.head_count", 4);
    check_u32(w, "llama.attention.head_count_kv", 2);
    check_u32(w, "llama.attention.key_length", 16);
    check_u32(w, "llama.attention.value_length", 16);
    check_u32(w, "llama.rope.dimension_count", 16);
    check_f32(w, "llama.attention.layer_norm_rms_epsilon", 1e-05f);
    check_f32(w, "llama.rope.freq_base", 500000.0f);
    check_text(w, "llama.hidden_activation", "silu");
    check_text(w, "tern.rotary_pairs", "half_split");
    check_absent(w, "tern.weights");
    check_absent(w, "tern.rope.scaling.type");
    assert_string_equal(tern__archive_name(w->archive), "folder");
}

static void test_rope_scaling(void **state) {
    world *w = *state;
    put_first(w, "model.safetensors");
    CHECK_OK(open_config(
        w, CONFIG("LlamaForCausalLM",
                  ",\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8.0,\"low_freq_factor\":"
                  "1.0,\"high_freq_factor\":4.0,\"original_max_position_embeddings\":8192}")));
    check_text(w, "tern.rope.scaling.type", "llama3");
    check_f32(w, "tern.rope.scaling.factor", 8.0f);
    check_f32(w, "tern.rope.scaling.low_freq_factor", 1.0f);
    check_f32(w, "tern.rope.scaling.high_freq_factor", 4.0f);
    check_u32(w, "tern.rope.scaling.original_context_length", 8192);
    // 0.1 ln 4 + 1 is the usual factor of the attention.
    CHECK_OK(open_config(
        w, CONFIG("Qwen3ForCausalLM",
                  ",\"rope_parameters\":{\"rope_theta\":10000.0,\"rope_type\":\"yarn\",\"factor\":"
                  "4.0,\"beta_fast\":16,\"attention_factor\":2.2772588722239782}")));
    check_text(w, "tern.rope.scaling.type", "yarn");
    check_f32(w, "tern.rope.scaling.yarn_beta_fast", 16.0f);
    check_f32(w, "tern.rope.scaling.attn_factor", 2.0f);
    check_f32(w, "qwen3.rope.freq_base", 10000.0f);
    // Both forms, which say the same.
    CHECK_OK(
        open_config(w, CONFIG("LlamaForCausalLM",
                              ",\"rope_scaling\":{\"type\":\"linear\",\"factor\":2.0},"
                              "\"rope_parameters\":{\"rope_type\":\"linear\",\"factor\":2.0}")));
    check_f32(w, "tern.rope.scaling.factor", 2.0f);
    CHECK_OK(open_config(w, CONFIG("LlamaForCausalLM", ",\"rope_scaling\":{\"type\":\"linear\","
                                                       "\"factor\":2}")));
    check_text(w, "tern.rope.scaling.type", "linear");
    CHECK_OK(open_config(w, CONFIG("LlamaForCausalLM",
                                   ",\"head_dim\":8,\"rope_parameters\":{\"rope_type\":\"default\","
                                   "\"rope_theta\":10000.0,\"partial_rotary_factor\":0.5}")));
    check_u32(w, "llama.rope.dimension_count", 4);
    CHECK_OK(
        open_config(w, CONFIG("LlamaForCausalLM", ",\"rope_theta\":500000.0,\"rope_parameters\":"
                                                  "{\"rope_type\":\"default\"}")));
    check_f32(w, "llama.rope.freq_base", 500000.0f);
    CHECK_FAILS(open_config(w, CONFIG("LlamaForCausalLM",
                                      ",\"rope_scaling\":{\"type\":\"dynamic\",\"factor\":2}")),
                TERN_STATUS_UNSUPPORTED, "rope_scaling of type 'dynamic'");
    CHECK_FAILS(open_config(w, CONFIG("LlamaForCausalLM",
                                      ",\"rope_scaling\":{\"type\":\"linear\",\"mscale\":2}")),
                TERN_STATUS_UNSUPPORTED, "key 'mscale' of rope_scaling is not known");
}

// What the published file says besides.
#define MAPLE_KEYS                                                                                 \
    ",\"dtype\":\"bfloat16\",\"embedding_dropout\":0.0,"                                           \
    "\"max_window_layers\":24,\"moe_router_enable_expert_bias\":false,"                            \
    "\"nope_on_global_attention\":true,\"norm_topk_prob\":true,\"num_shared_experts\":0,"          \
    "\"output_dropout\":0.0,\"output_router_logits\":false,\"preaffine\":false,\"quantize\":true," \
    "\"router_dtype\":\"fp32\",\"use_qk_norm\":true,\"use_rmsnorm\":true"

static void test_other_families(void **state) {
    world *w = *state;
    tern__array windows;
    put_first(w, "model.safetensors");
    CHECK_OK(open_config(
        w, CONFIG("BitNetForCausalLM",
                  ",\"hidden_act\":\"relu2\"" PACKED(
                      ",\"linear_class\":\"autobitlinear\"") ",\"tie_word_embeddings\":true")));
    check_text(w, "general.architecture", "bitnet-b1.58");
    check_text(w, "bitnet-b1.58.hidden_activation", "relu2");
    check_text(w, "tern.weights", "packed");
    check_text(w, "tern.scale", "direct");
    CHECK_OK(open_config(w, CONFIG("BitnetForCausalLM", ",\"weight_bits\":1,\"input_bits\":8")));
    check_text(w, "general.architecture", "bitnet");
    check_text(w, "tern.weights", "absmean");
    CHECK_OK(open_config(w, CONFIG("Gemma3ForCausalLM",
                                   ",\"query_pre_attn_scalar\":64,\"sliding_window\":32,"
                                   "\"rope_local_base_freq\":10000.0,\"layer_types\":"
                                   "[\"sliding_attention\",\"full_attention\"],"
                                   "\"hidden_activation\":\"gelu_pytorch_tanh\"")));
    check_f32(w, "gemma3.attention.scale", 0.125f);
    check_f32(w, "gemma3.rope.freq_base_swa", 10000.0f);
    check_f32(w, "tern.norm_offset", 1.0f);
    check_u32(w, "gemma3.attention.sliding_window", 32);
    CHECK_OK(tern__archive_array(w->archive, "gemma3.attention.sliding_window_pattern",
                                 TERN_VALUE_BOOL, &windows));
    assert_int_equal(windows.count, 2);
    assert_true(windows.data[0] == 1 && windows.data[1] == 0);
    CHECK_OK(open_config(w, CONFIG("MapleForCausalLM",
                                   ",\"num_experts\":4,\"num_experts_per_tok\":2,"
                                   "\"moe_intermediate_size\":6,\"sliding_window\":32,"
                                   "\"partial_rotary_factor\":0.5,\"head_dim\":8,\"layer_types\":"
                                   "[\"sliding_attention\"]" MAPLE_KEYS)));
    check_u32(w, "maple.attention.sliding_window", 33);
    check_u32(w, "maple.rope.dimension_count", 4);
    check_u32(w, "maple.expert_count", 4);
    CHECK_OK(open_named(w, "config.json"));
    check_u32(w, "maple.expert_used_count", 2);
    // 8 * 4 * 2 / 3 = 21, rounded up to 256.
    CHECK_OK(open_config(w, "{\"architectures\":[\"HGRNBitForCausalLM\"],\"num_hidden_layers\":1,"
                            "\"hidden_size\":8,\"intermediate_size\":null,\"hidden_ratio\":4,"
                            "\"expand_ratio\":1,\"use_short_conv\":false,\"rms_norm_eps\":1e-6}"));
    check_u32(w, "hgrn-bit.feed_forward_length", 256);
    check_f32(w, "tern.linear_norm_epsilon", 1e-6f);
}

static void test_refused_configs(void **state) {
    world *w = *state;
    static const struct {
        const char *config;
        tern_status status;
        const char *message;
    } cases[] = {
        {"[]", TERN_STATUS_CORRUPT_DATA, "config.json: an array, expected an object"},
        {"{}", TERN_STATUS_UNSUPPORTED, "architecture '' is not known"},
        {"{\"architectures\":[\"OPTForCausalLM\"]}", TERN_STATUS_UNSUPPORTED,
         "architecture 'OPTForCausalLM' is not known; tern inspect --architectures"},
        {"{\"architectures\":[\"LlamaForCausalLM\"]}", TERN_STATUS_NOT_FOUND,
         "config.json: key 'num_hidden_layers' is missing"},
        {CONFIG("LlamaForCausalLM", ",\"vocab_size\":7"), TERN_STATUS_CORRUPT_DATA,
         "key 'vocab_size' appears twice"},
        {CONFIG("LlamaForCausalLM", ",\"head_dim\":-1"), TERN_STATUS_CORRUPT_DATA,
         "key 'head_dim' is a number, expected an integer from 0"},
        {CONFIG("LlamaForCausalLM", ",\"hidden_act\":3"), TERN_STATUS_CORRUPT_DATA,
         "key 'hidden_act' is a number, expected text"},
        {CONFIG("LlamaForCausalLM", ",\"residual_multiplier\":0.2"), TERN_STATUS_UNSUPPORTED,
         "key 'residual_multiplier' is not known for LlamaForCausalLM and may change"},
        {CONFIG("LlamaForCausalLM", ",\"num_experts\":4"), TERN_STATUS_UNSUPPORTED,
         "key 'num_experts' is not known for LlamaForCausalLM"},
        {CONFIG("Gemma3ForCausalLM", ",\"final_logit_softcapping\":30.0"), TERN_STATUS_UNSUPPORTED,
         "key 'final_logit_softcapping' is 30, expected false or nothing"},
        {CONFIG("Qwen3ForCausalLM", ",\"sliding_window\":8,\"use_sliding_window\":true"),
         TERN_STATUS_UNSUPPORTED, "key 'use_sliding_window' is true, expected false"},
        {CONFIG("LlamaForCausalLM", ",\"layer_types\":[\"linear_attention\"]"),
         TERN_STATUS_UNSUPPORTED, "key 'layer_types' has 'linear_attention'"},
        {CONFIG("LlamaForCausalLM", ",\"quantization_config\":{\"quant_method\":\"gptq\"}"),
         TERN_STATUS_UNSUPPORTED, "key 'quant_method' is 'gptq', expected bitnet"},
        {CONFIG("LlamaForCausalLM", PACKED(",\"linear_class\":\"x\"")), TERN_STATUS_UNSUPPORTED,
         "key 'linear_class' is 'x', expected bitlinear or autobitlinear"},
        {CONFIG("LlamaForCausalLM", PACKED(",\"rotation\":true")), TERN_STATUS_UNSUPPORTED,
         "key 'rotation' of quantization_config is not known"},
        {CONFIG("LlamaForCausalLM", PACKED(",\"quantization_mode\":\"online\"")),
         TERN_STATUS_UNSUPPORTED,
         "key 'quantization_mode' is 'online', expected offline beside bitlinear"},
        {CONFIG("LlamaForCausalLM",
                ",\"rope_scaling\":{\"type\":\"linear\",\"factor\":2.0},"
                "\"rope_parameters\":{\"rope_type\":\"linear\",\"factor\":4.0}"),
         TERN_STATUS_UNSUPPORTED, "rope_scaling says otherwise than rope_parameters"},
        {CONFIG("LlamaForCausalLM", ",\"rope_scaling\":{\"type\":\"linear\"}"),
         TERN_STATUS_NOT_FOUND, "key 'factor' of rope_scaling is missing"},
        {CONFIG("LlamaForCausalLM", ",\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8.0,"
                                    "\"low_freq_factor\":1.0,\"high_freq_factor\":4.0}"),
         TERN_STATUS_NOT_FOUND,
         "key 'original_max_position_embeddings' of rope_scaling is missing"},
        {CONFIG("LlamaForCausalLM", ",\"rope_parameters\":{\"rope_type\":\"default\","
                                    "\"rope_theta\":10000.0,\"mrope_section\":[16,24,24]}"),
         TERN_STATUS_UNSUPPORTED, "key 'mrope_section' of rope_scaling is not known"},
        {CONFIG("LlamaForCausalLM",
                ",\"head_dim\":8,\"rope_scaling\":{\"type\":\"linear\",\"factor\":2.0,"
                "\"partial_rotary_factor\":0.5}"),
         TERN_STATUS_UNSUPPORTED, "key 'partial_rotary_factor' is 0.5, expected"},
        {CONFIG("LlamaForCausalLM", PACKED(",\"linear_class\":\"autobitlinear\","
                                           "\"quantization_mode\":\"online\","
                                           "\"modules_to_not_convert\":[\"lm_head\",\"q_proj\"]")),
         TERN_STATUS_UNSUPPORTED, "modules_to_not_convert has 'q_proj'"},
        {CONFIG("LlamaForCausalLM", ",\"is_encoder_decoder\":true"), TERN_STATUS_UNSUPPORTED,
         "key 'is_encoder_decoder' is true, expected false or nothing"},
        {CONFIG("BitnetForCausalLM", ",\"weight_bits\":2"), TERN_STATUS_UNSUPPORTED,
         "key 'weight_bits' is 2, expected 1"},
    };
    put_first(w, "model.safetensors");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_FAILS(open_config(w, cases[i].config), cases[i].status, cases[i].message);
        assert_non_null(strstr(tern_last_error_message(), "folder/config.json: "));
        assert_null(w->archive);
    }
}
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_llama_keys, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_rope_scaling, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_other_families, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_refused_configs, world_set_up, world_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
