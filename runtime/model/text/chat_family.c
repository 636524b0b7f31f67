#include "runtime/model/text/chat_family.h"

#include <string.h>

#define T(name) TERN__CHAT_TOKEN name TERN__CHAT_TOKEN
#define BOS TERN__CHAT_BOS
#define EOS TERN__CHAT_EOS

#define CHATML(role)                                                                               \
    { T("<|im_start|>") role "\n", T("<|im_end|>") "\n" }
#define CHATML_REPLY T("<|im_start|>") "assistant\n"
#define LLAMA3(role)                                                                               \
    { T("<|start_header_id|>") role T("<|end_header_id|>") "\n\n", T("<|eot_id|>") }
#define BRACKETS(role, end)                                                                        \
    { T("<|" role "|>") "\n", end }
// A last token is written where no reply is asked for.
#define PHI_FRAMES                                                                                 \
    .system = BRACKETS("system", T("<|end|>") "\n"), .user = BRACKETS("user", T("<|end|>") "\n"),  \
    .assistant = BRACKETS("assistant", T("<|end|>") "\n"), .reply = T("<|assistant|>") "\n",       \
    .also = {EOS}
#define BITNET(role)                                                                               \
    { role ": ", T("<|eot_id|>") }
#define BITNET_FRAMES                                                                              \
    .begins = true, .system = BITNET("System"), .user = BITNET("User"),                            \
    .assistant = BITNET("Assistant"), .reply = "Assistant: ", .trims = true

// The first that fits counts.
const tern_chat_family tern__chat_families[] = {
    // microsoft/bitnet-b1.58-2B-4T, tokenizer_config.json.
    {"bitnet", {"|capitalize+':'", "<|eot_id|>"}, BITNET_FRAMES},
    // The same model's GGUF, whose template its converter made up.
    {"bitnet", {"BITNETAssistant"}, BITNET_FRAMES, .is_stand_in = true},
    {"llama3",
     {"<|start_header_id|>"},
     true,
     LLAMA3("system"),
     LLAMA3("user"),
     LLAMA3("assistant"),
     T("<|start_header_id|>") "assistant" T("<|end_header_id|>") "\n\n",
     .trims = true},
    {"qwen3",
     {"<|im_start|>", "enable_thinking"},
     false,
     CHATML("system"),
     CHATML("user"),
     CHATML("assistant"),
     CHATML_REPLY,
     .no_think = T("<think>") "\n\n" T("</think>") "\n\n",
     .drops_reasoning = true,
     .also = {"\n<think>\n", "\n</think>\n\n"}}, // of a last answer, wrapped for training
    {"qwen2.5",
     {"<|im_start|>", "YouareQwen,createdbyAlibabaCloud."},
     false,
     CHATML("system"),
     CHATML("user"),
     CHATML("assistant"),
     CHATML_REPLY,
     .default_system = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."},
    {"chatml",
     {"<|im_start|>", "<|im_end|>"},
     false,
     CHATML("system"),
     CHATML("user"),
     CHATML("assistant"),
     CHATML_REPLY},
    {"gemma",
     {"<start_of_turn>"},
     true,
     {"", "\n\n"},
     {T("<start_of_turn>") "user\n", T("<end_of_turn>") "\n"},
     {T("<start_of_turn>") "model\n", T("<end_of_turn>") "\n"},
     T("<start_of_turn>") "model\n",
     .trims = true,
     .system_in_user = true},
    {"phi3", {"<|end|>"}, PHI_FRAMES, .begins = true},
    // microsoft/Phi-3.5-mini-instruct: no token begins a text.
    {"phi3.5", {"<|end|>"}, PHI_FRAMES},
    // HuggingFaceH4/zephyr-7b-beta: every message ends with the token that ends a text.
    {"zephyr",
     {"'<|user|>'+message['content']+eos_token"},
     false,
     BRACKETS("system", EOS "\n"),
     BRACKETS("user", EOS "\n"),
     BRACKETS("assistant", EOS "\n"),
     T("<|assistant|>") "\n"},
    // tiiuae/Falcon3-*-Instruct: only the assistant's do.
    {"falcon3",
     {"<|user|>", "<|assistant|>", "eos_token"},
     false,
     BRACKETS("system", "\n"),
     BRACKETS("user", "\n"),
     BRACKETS("assistant", EOS "\n"),
     T("<|assistant|>") "\n",
     .last_is_bare = true},
    {"plain",
     {NULL},
     true,
     {"", "\n\n"},
     {"User: ", "\n"},
     {"Assistant: ", "\n"},
     "Assistant:",
     .stop = "\nUser:",
     .trims = true},
};

const int tern__chat_family_count =
    (int)(sizeof tern__chat_families / sizeof tern__chat_families[0]);

const tern_chat_family *tern_chat_find(const char *name) {
    for (int i = 0; name && i < tern__chat_family_count; i++) {
        if (strcmp(tern__chat_families[i].name, name) == 0) {
            return &tern__chat_families[i];
        }
    }
    return NULL;
}

const char *tern_chat_name(const tern_chat_family *family) {
    return family ? family->name : NULL;
}

const char *tern_chat_stop(const tern_chat_family *family) {
    return family ? family->stop : NULL;
}
