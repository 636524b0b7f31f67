#include <tern/chat.h>

#include <stdbool.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/text/tokenizer.h"
#include "runtime/status.h"

// In the strings of a family: what stands between two of these is a token of the vocabulary, and
// these are the tokens that begin and end a text.
#define T(name) "\1" name "\1"
#define BOS "\2"
#define EOS "\3"

enum { MAX_MARKS = 3 };

// Before and after the content of a message.
typedef struct frame {
    const char *before;
    const char *after;
} frame;

struct tern_chat_family {
    const char *name;
    // What a template's text holds, white space, "\n" and "\\n" left out and double quotes single.
    const char *marks[MAX_MARKS];
    bool begins; // with the token that begins a text
    frame system;
    frame user;
    frame assistant;
    const char *reply;
    const char *no_think;       // follows |reply| under TERN_CHAT_NO_THINK
    const char *default_system; // where the first message is no system's
    const char *stop;
    bool trims;           // white space around contents
    bool system_in_user;  // the system's words begin the first user's
    bool drops_reasoning; // up to "</think>", from answers before the last question
    bool last_is_bare;    // no line feed after an assistant's message that is the last
};

#define CHATML(role)                                                                               \
    { T("<|im_start|>") role "\n", T("<|im_end|>") "\n" }
#define CHATML_REPLY T("<|im_start|>") "assistant\n"
#define LLAMA3(role)                                                                               \
    { T("<|start_header_id|>") role T("<|end_header_id|>") "\n\n", T("<|eot_id|>") }
#define BRACKETS(role, end)                                                                        \
    { T("<|" role "|>") "\n", end }
#define BITNET(role)                                                                               \
    { role ": ", T("<|eot_id|>") }
#define BITNET_FRAMES                                                                              \
    .begins = true, .system = BITNET("System"), .user = BITNET("User"),                            \
    .assistant = BITNET("Assistant"), .reply = "Assistant: ", .trims = true

// The first that fits counts.
static const tern_chat_family families[] = {
    // microsoft/bitnet-b1.58-2B-4T, tokenizer_config.json.
    {"bitnet", {"message['role']|capitalize+':'", "<|eot_id|>"}, BITNET_FRAMES},
    // The same model's GGUF, whose template its converter made up.
    {"bitnet", {"BITNETAssistant"}, BITNET_FRAMES},
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
     .drops_reasoning = true},
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
    {"phi3",
     {"<|assistant|>", "<|end|>"},
     true,
     BRACKETS("system", T("<|end|>") "\n"),
     BRACKETS("user", T("<|end|>") "\n"),
     BRACKETS("assistant", T("<|end|>") "\n"),
     T("<|assistant|>") "\n"},
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

enum { FAMILY_COUNT = sizeof families / sizeof families[0] };

// The next character of a template that is not layout, NUL at its end.
static char next_significant(const char **at) {
    for (;;) {
        char c = **at;
        if (c == '\\' && (*at)[1] == 'n') {
            *at += 2;
        } else if (c == ' ' || c == '\n' || c == '\r' || c == '\t') {
            ++*at;
        } else {
            *at += c != '\0';
            return c == '"' ? '\'' : c;
        }
    }
}

static bool begins_with(const char *text, const char *mark) {
    for (; *mark; mark++) {
        if (next_significant(&text) != *mark) {
            return false;
        }
    }
    return true;
}

static bool holds(const char *text, const char *mark) {
    for (; *text; text++) {
        if (begins_with(text, mark)) {
            return true;
        }
    }
    return false;
}

static bool fits(const tern_chat_family *family, const char *text) {
    for (int i = 0; i < MAX_MARKS && family->marks[i]; i++) {
        if (!holds(text, family->marks[i])) {
            return false;
        }
    }
    return family->marks[0] != NULL;
}

const tern_chat_family *tern_chat_recognise(const char *template_text) {
    for (int i = 0; template_text && i < FAMILY_COUNT; i++) {
        if (fits(&families[i], template_text)) {
            return &families[i];
        }
    }
    return NULL;
}

const tern_chat_family *tern_chat_find(const char *name) {
    for (int i = 0; name && i < FAMILY_COUNT; i++) {
        if (strcmp(families[i].name, name) == 0) {
            return &families[i];
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

// Where a rendering goes: text as it is, or ids, for which words are gathered up to the next token.
typedef struct sink {
    const tern_chat_family *family;
    const tern_tokenizer *tokenizer;
    tern_context *context;
    char *text;
    size_t size;
    size_t capacity;
    tern__ids *ids; // NULL: |text| is the result
} sink;

static tern_status put(sink *s, const char *text, size_t size) {
    if (s->ids) {
        void *grown = s->text;
        if (!tern__grow(s->context, &grown, &s->capacity, s->size + size, 1)) {
            return tern__fail_memory(s->context, s->size + size, "a conversation");
        }
        s->text = grown;
    }
    for (size_t i = 0; i < size && s->size + i < s->capacity; i++) {
        s->text[s->size + i] = text[i];
    }
    s->size += size;
    return TERN_STATUS_OK;
}

static tern_status add_ids(sink *s, const char *text, size_t size, uint32_t flags) {
    size_t count = 0;
    size_t room = s->ids->count < s->ids->capacity ? s->ids->capacity - s->ids->count : 0;
    int32_t *to = room ? s->ids->ids + s->ids->count : NULL;
    tern_status status = tern_tokenizer_encode(s->tokenizer, text, size, flags, to, room, &count);
    s->ids->count += count;
    return status == TERN_STATUS_OUT_OF_RANGE ? TERN_STATUS_OK : status; // told at the end
}

static tern_status flush_words(sink *s) {
    if (!s->ids || s->size == 0) {
        return TERN_STATUS_OK;
    }
    TERN_TRY(add_ids(s, s->text, s->size, 0));
    s->size = 0;
    return TERN_STATUS_OK;
}

// A token where the vocabulary has it, else words.
static tern_status put_token(sink *s, const char *text, size_t size) {
    int32_t id[2];
    size_t count = 0;
    if (!s->ids) {
        return put(s, text, size);
    }
    tern_status status =
        tern_tokenizer_encode(s->tokenizer, text, size, TERN_TOKENIZE_SPECIAL, id, 2, &count);
    if (status != TERN_STATUS_OK && status != TERN_STATUS_OUT_OF_RANGE) {
        return status;
    }
    if (count != 1) {
        return put(s, text, size);
    }
    TERN_TRY(flush_words(s));
    tern__ids_add(s->ids, id[0]);
    return TERN_STATUS_OK;
}

static tern_status put_id(sink *s, int32_t id) {
    uint32_t size = 0;
    if (!s->tokenizer || id < 0) {
        return TERN_STATUS_OK;
    }
    if (s->ids) {
        TERN_TRY(flush_words(s));
        tern__ids_add(s->ids, id);
        return TERN_STATUS_OK;
    }
    const char *text = tern__token_text(s->tokenizer, (uint32_t)id, &size);
    return put(s, text, size);
}

// A string of a family.
static tern_status put_markup(sink *s, const char *text) {
    tern_tokenizer_info info = {.struct_size = sizeof info, .bos = -1, .eos = -1};
    if (s->tokenizer) {
        TERN_TRY(tern_tokenizer_describe(s->tokenizer, &info));
    }
    while (text && *text) {
        size_t size = strcspn(text, T("") BOS EOS);
        TERN_TRY(put(s, text, size));
        text += size;
        if (*text == BOS[0] || *text == EOS[0]) {
            TERN_TRY(put_id(s, *text++ == BOS[0] ? info.bos : info.eos));
        } else if (*text) {
            size = strcspn(++text, "\1");
            TERN_TRY(put_token(s, text, size));
            text += size + 1;
        }
    }
    return TERN_STATUS_OK;
}

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static tern_status put_content(sink *s, const char *content, bool drops_reasoning) {
    const char *end = NULL;
    for (const char *at = content; drops_reasoning && (at = strstr(at, "</think>")); at++) {
        end = at;
    }
    content = end ? end + strlen("</think>") : content;
    for (; end && *content == '\n'; content++) {
    }
    size_t size = strlen(content);
    while (s->family->trims && size && is_space(content[size - 1])) {
        size--;
    }
    while (s->family->trims && size && is_space(*content)) {
        content++;
        size--;
    }
    return put(s, content, size);
}

static tern_status put_message(sink *s, const tern_chat_message *messages, size_t count,
                               size_t index) {
    const tern_chat_family *family = s->family;
    const char *role = messages[index].role;
    bool is_system = index == 0 && strcmp(role, "system") == 0;
    bool is_answer = strcmp(role, "assistant") == 0;
    const frame *f = is_system ? &family->system : is_answer ? &family->assistant : &family->user;
    if (is_system && family->system_in_user) {
        return TERN_STATUS_OK; // with the next
    }
    TERN_TRY(put_markup(s, f->before));
    if (index == 1 && family->system_in_user && strcmp(messages[0].role, "system") == 0) {
        TERN_TRY(put_content(s, messages[0].content, false));
        TERN_TRY(put_markup(s, family->system.after));
    }
    bool is_last = index + 1 == count;
    TERN_TRY(
        put_content(s, messages[index].content, is_answer && family->drops_reasoning && !is_last));
    bool is_bare = is_answer && is_last && family->last_is_bare;
    return put_markup(s, is_bare ? EOS : f->after);
}

static tern_status put_all(sink *s, const tern_chat_message *messages, size_t count,
                           uint32_t flags) {
    const tern_chat_family *family = s->family;
    TERN_TRY(put_markup(s, family->begins ? BOS : ""));
    if (family->default_system && (count == 0 || strcmp(messages[0].role, "system") != 0)) {
        TERN_TRY(put_markup(s, family->system.before));
        TERN_TRY(put_markup(s, family->default_system));
        TERN_TRY(put_markup(s, family->system.after));
    }
    for (size_t i = 0; i < count; i++) {
        TERN_TRY(put_message(s, messages, count, i));
    }
    TERN_TRY(put_markup(s, flags & TERN_CHAT_REPLY ? family->reply : ""));
    bool both = (flags & TERN_CHAT_REPLY) && (flags & TERN_CHAT_NO_THINK);
    TERN_TRY(put_markup(s, both ? family->no_think : ""));
    return flush_words(s);
}

static tern_status check(tern_context *context, const tern_chat_family *family,
                         const tern_chat_message *messages, size_t count, uint32_t flags) {
    if (!family || (count && !messages)) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT, "chat: %s is NULL",
                          family ? "messages" : "family");
    }
    if (flags & ~(uint32_t)(TERN_CHAT_REPLY | TERN_CHAT_NO_THINK)) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT,
                          "chat: flags 0x%x, expected TERN_CHAT_*", (unsigned)flags);
    }
    for (size_t i = 0; i < count; i++) {
        const char *role = messages[i].role ? messages[i].role : "(NULL)";
        bool known = strcmp(role, "user") == 0 || strcmp(role, "assistant") == 0 ||
                     (strcmp(role, "system") == 0 && i == 0);
        bool alone = family->system_in_user && i == 0 && strcmp(role, "system") == 0 &&
                     (count == 1 || !messages[1].role || strcmp(messages[1].role, "user") != 0);
        if (!known || alone || !messages[i].content) {
            return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT,
                              "chat: message %zu of role '%.40s'%s: family %s expects a content, "
                              "and user, assistant, or system for the first%s",
                              i, role, messages[i].content ? "" : " has no content", family->name,
                              family->system_in_user ? " with a user's after it" : "");
        }
    }
    return TERN_STATUS_OK;
}

static tern_status too_small(const char *what, size_t needed, size_t capacity) {
    return tern__fail(NULL, TERN_STATUS_OUT_OF_RANGE,
                      "chat: %zu %s are needed, but there is room for %zu", needed, what, capacity);
}

tern_status tern_chat_render(const tern_chat_family *family, const tern_tokenizer *tokenizer,
                             const tern_chat_message *messages, size_t count, uint32_t flags,
                             char *out_text, size_t capacity, size_t *out_size) {
    if (!out_size || (capacity && !out_text)) {
        return tern__fail(NULL, TERN_STATUS_INVALID_ARGUMENT, "chat: %s is NULL",
                          out_size ? "out_text" : "out_size");
    }
    *out_size = 0;
    tern_context *context = tokenizer ? tokenizer->v.context : NULL;
    TERN_TRY(check(context, family, messages, count, flags));
    sink s = {.family = family, .tokenizer = tokenizer, .text = out_text, .capacity = capacity};
    TERN_TRY(put_all(&s, messages, count, flags));
    *out_size = s.size;
    return s.size > capacity ? too_small("bytes", s.size, capacity) : TERN_STATUS_OK;
}

tern_status tern_chat_encode(const tern_chat_family *family, const tern_tokenizer *tokenizer,
                             const tern_chat_message *messages, size_t count, uint32_t flags,
                             int32_t *out_ids, size_t capacity, size_t *out_count) {
    if (!tokenizer || !out_count || (capacity && !out_ids)) {
        return tern__fail(NULL, TERN_STATUS_INVALID_ARGUMENT, "chat: %s is NULL",
                          !tokenizer   ? "tokenizer"
                          : !out_count ? "out_count"
                                       : "out_ids");
    }
    *out_count = 0;
    tern_context *context = tokenizer->v.context;
    TERN_TRY(check(context, family, messages, count, flags));
    tern__ids ids = {out_ids, capacity, 0};
    sink s = {.family = family, .tokenizer = tokenizer, .context = context, .ids = &ids};
    tern_status status = put_all(&s, messages, count, flags);
    tern__free(context, s.text);
    TERN_TRY(status);
    *out_count = ids.count;
    return ids.count > capacity ? too_small("ids", ids.count, capacity) : TERN_STATUS_OK;
}
