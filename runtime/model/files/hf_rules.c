#include "runtime/model/files/hf_rules.h"

#include <string.h>

enum { QWEN = TERN__HF_QWEN, MOE = TERN__HF_QWEN | TERN__HF_EXPERTS };

static const tern__hf_family families[] = {
    {"BitNetForCausalLM", "bitnet-b1.58", TERN__HF_PLAIN},
    {"BitnetForCausalLM", "bitnet", TERN__HF_PLAIN | TERN__HF_MASTER},
    {"LlamaForCausalLM", "llama", TERN__HF_PLAIN},
    {"MistralForCausalLM", "llama", TERN__HF_PLAIN},
    {"Qwen2ForCausalLM", "qwen2", QWEN},
    {"Qwen3ForCausalLM", "qwen3", QWEN},
    {"Qwen3Model", "qwen3", QWEN},
    {"Qwen3MoeForCausalLM", "qwen3moe", MOE},
    {"Gemma3ForCausalLM", "gemma3", TERN__HF_GEMMA},
    {"Gemma3TextModel", "gemma3", TERN__HF_GEMMA},
    {"HGRNBitForCausalLM", "hgrn-bit", TERN__HF_HGRN | TERN__HF_MASTER},
    {"MapleForCausalLM", "maple", MOE | TERN__HF_MAPLE},
    {"Llama158ForCausalLM", "llama", TERN__HF_PLAIN | TERN__HF_BITMAT},
    {"Mistral158ForCausalLM", "llama", TERN__HF_PLAIN | TERN__HF_BITMAT},
};

#define GATED (TERN__HF_QWEN | TERN__HF_PLAIN)

static const tern__hf_rule rules[] = {
    {"num_hidden_layers", TERN__HF_COUNT, "block_count", 0},
    {"hidden_size", TERN__HF_COUNT, "embedding_length", 0},
    {"intermediate_size", TERN__HF_OTHER, NULL, 0},
    {"max_position_embeddings", TERN__HF_COUNT, "context_length", 0},
    {"vocab_size", TERN__HF_COUNT, "vocab_size", 0},
    {"rms_norm_eps", TERN__HF_REAL, "attention.layer_norm_rms_epsilon", 0},
    {"hidden_act", TERN__HF_TEXT, "hidden_activation", GATED | TERN__HF_HGRN},
    {"activation", TERN__HF_SWIGLU, NULL, TERN__HF_PLAIN},
    {"hidden_activation", TERN__HF_TEXT, "hidden_activation", TERN__HF_GEMMA},
    {"num_attention_heads", TERN__HF_COUNT, "attention.head_count", 0},
    {"num_key_value_heads", TERN__HF_COUNT, "attention.head_count_kv", 0},
    {"head_dim", TERN__HF_OTHER, NULL, 0},
    {"partial_rotary_factor", TERN__HF_OTHER, NULL, 0},
    {"rope_theta", TERN__HF_OTHER, NULL, 0},
    {"rope_scaling", TERN__HF_OTHER, NULL, 0},
    {"rope_parameters", TERN__HF_OTHER, NULL, 0},
    {"rope_local_base_freq", TERN__HF_REAL, "rope.freq_base_swa", TERN__HF_GEMMA},
    {"query_pre_attn_scalar", TERN__HF_OTHER, NULL, TERN__HF_GEMMA},
    {"attn_logit_softcapping", TERN__HF_FALSE, NULL, TERN__HF_GEMMA},
    {"final_logit_softcapping", TERN__HF_FALSE, NULL, TERN__HF_GEMMA},
    {"use_bidirectional_attention", TERN__HF_FALSE, NULL, TERN__HF_GEMMA},
    {"sliding_window", TERN__HF_OTHER, NULL, 0},
    {"sliding_window_pattern", TERN__HF_OTHER, NULL, TERN__HF_GEMMA},
    {"_sliding_window_pattern", TERN__HF_OTHER, NULL, TERN__HF_GEMMA},
    {"use_sliding_window", TERN__HF_OTHER, NULL, TERN__HF_QWEN},
    {"max_window_layers", TERN__HF_OTHER, NULL, TERN__HF_QWEN},
    {"layer_types", TERN__HF_OTHER, NULL, 0},
    {"tie_word_embeddings", TERN__HF_OTHER, NULL, 0},
    {"quantization_config", TERN__HF_OTHER, NULL, 0},
    {"weight_bits", TERN__HF_OTHER, NULL, TERN__HF_MASTER},
    {"input_bits", TERN__HF_OTHER, NULL, TERN__HF_MASTER},

    {"num_experts", TERN__HF_COUNT, "expert_count", TERN__HF_EXPERTS},
    {"num_experts_per_tok", TERN__HF_COUNT, "expert_used_count", TERN__HF_EXPERTS},
    {"moe_intermediate_size", TERN__HF_COUNT, "expert_feed_forward_length", TERN__HF_EXPERTS},
    {"norm_topk_prob", TERN__HF_OTHER, NULL, TERN__HF_EXPERTS},
    {"decoder_sparse_step", TERN__HF_ONE, NULL, TERN__HF_EXPERTS},
    {"mlp_only_layers", TERN__HF_FALSE, NULL, TERN__HF_EXPERTS},
    {"nope_on_global_attention", TERN__HF_TRUE, NULL, TERN__HF_MAPLE},
    {"router_dtype", TERN__HF_NOTHING, NULL, TERN__HF_MAPLE},
    {"moe_router_enable_expert_bias", TERN__HF_FALSE, NULL, TERN__HF_MAPLE},
    {"num_shared_experts", TERN__HF_FALSE, NULL, TERN__HF_MAPLE},
    {"use_bias", TERN__HF_FALSE, NULL, TERN__HF_MAPLE},
    {"use_qk_norm", TERN__HF_TRUE, NULL, TERN__HF_MAPLE},
    {"use_rmsnorm", TERN__HF_TRUE, NULL, TERN__HF_MAPLE},
    {"preaffine", TERN__HF_FALSE, NULL, TERN__HF_MAPLE},
    {"quantize", TERN__HF_NOTHING, NULL, TERN__HF_MAPLE}, // its program reads it nowhere
    {"embedding_dropout", TERN__HF_NOTHING, NULL, TERN__HF_MAPLE},
    {"output_dropout", TERN__HF_NOTHING, NULL, TERN__HF_MAPLE},
    {"swiglu_limit", TERN__HF_OTHER, NULL, TERN__HF_MAPLE},

    {"attn_mode", TERN__HF_NOTHING, NULL, TERN__HF_HGRN},
    {"num_heads", TERN__HF_NOTHING, NULL, TERN__HF_HGRN}, // of a state that is elementwise
    {"expand_ratio", TERN__HF_ONE, NULL, TERN__HF_HGRN},
    {"hidden_ratio", TERN__HF_OTHER, NULL, TERN__HF_HGRN},
    {"use_short_conv", TERN__HF_FALSE, NULL, TERN__HF_HGRN},
    {"conv_size", TERN__HF_NOTHING, NULL, TERN__HF_HGRN},
    {"share_conv_kernel", TERN__HF_NOTHING, NULL, TERN__HF_HGRN},
    {"use_lower_bound", TERN__HF_TRUE, NULL, TERN__HF_HGRN},
    {"rotary_embeddings", TERN__HF_FALSE, NULL, TERN__HF_HGRN},

    {"is_encoder_decoder", TERN__HF_FALSE, NULL, 0},
    {"add_cross_attention", TERN__HF_FALSE, NULL, 0},
    {"pruned_heads", TERN__HF_FALSE, NULL, 0},
    {"attention_bias", TERN__HF_OTHER, NULL, 0},
    {"mlp_bias", TERN__HF_OTHER, NULL, 0},
    {"architectures", TERN__HF_OTHER, NULL, 0},
};

// Keys of training, of generation and of the library that wrote the file.
static const char *const harmless[] = {"_attn_implementation_autoset",
                                       "_commit_hash",
                                       "_name_or_path",
                                       "attention_dropout",
                                       "attn_implementation",
                                       "auto_map",
                                       "bad_words_ids",
                                       "begin_suppress_tokens",
                                       "bos_token_id",
                                       "cache_implementation",
                                       "chunk_size_feed_forward",
                                       "cross_attention_hidden_size",
                                       "decoder_start_token_id",
                                       "diversity_penalty",
                                       "do_sample",
                                       "dtype",
                                       "early_stopping",
                                       "encoder_no_repeat_ngram_size",
                                       "eos_token_id",
                                       "exponential_decay_length_penalty",
                                       "finetuning_task",
                                       "forced_bos_token_id",
                                       "forced_eos_token_id",
                                       "fuse_cross_entropy",
                                       "fuse_norm",
                                       "gradient_checkpointing",
                                       "hidden_dropout",
                                       "id2label",
                                       "initializer_range",
                                       "is_decoder",
                                       "label2id",
                                       "length_penalty",
                                       "max_length",
                                       "max_new_tokens",
                                       "min_length",
                                       "model_type",
                                       "name_or_path",
                                       "no_repeat_ngram_size",
                                       "num_beam_groups",
                                       "num_beams",
                                       "num_return_sequences",
                                       "output_attentions",
                                       "output_hidden_states",
                                       "output_router_logits",
                                       "output_scores",
                                       "pad_token_id",
                                       "prefix",
                                       "pretraining_tp",
                                       "problem_type",
                                       "remove_invalid_values",
                                       "repetition_penalty",
                                       "return_dict",
                                       "return_dict_in_generate",
                                       "router_aux_loss_coef",
                                       "sep_token_id",
                                       "suppress_tokens",
                                       "task_specific_params",
                                       "temperature",
                                       "tf_legacy_loss",
                                       "tie_encoder_decoder",
                                       "tokenizer_class",
                                       "top_k",
                                       "top_p",
                                       "torch_dtype",
                                       "torchscript",
                                       "transformers_version",
                                       "typical_p",
                                       "unk_token_id",
                                       "unsloth_version",
                                       "use_bfloat16",
                                       "use_cache"};

const tern__hf_family *tern__hf_family_at(size_t index) {
    return index < sizeof families / sizeof families[0] ? &families[index] : NULL;
}

const tern__hf_rule *tern__hf_rule_of(const char *key, uint32_t traits) {
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        bool known = rules[i].families == 0 || (rules[i].families & traits);
        if (known && strcmp(rules[i].config, key) == 0) {
            return &rules[i];
        }
    }
    return NULL;
}

bool tern__hf_is_harmless(const char *key) {
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++) {
        if (strcmp(harmless[i], key) == 0) {
            return true;
        }
    }
    return false;
}
