#include <tern/chat.h>

#include <stdbool.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/text/chat_family.h"
#include "runtime/model/text/tokenizer.h"
#include "runtime/status.h"

// Seven strings of a family with two tokens at most, and those that begin and end a text.
enum { MAX_BARRED = 16 };

// Where a rendering goes: text as it is, or ids, for which words are gathered up to the next token.
typedef struct sink {
    const tern_chat_family *family;
    const tern_tokenizer *tokenizer;
    tern_context *context;
    char *text;
    size_t size;
    size_t capacity;
    tern__ids *ids;             // NULL: |text| is the result
    int32_t barred[MAX_BARRED]; // ids that no words become
    uint32_t barred_count;
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

static tern_status flush_words(sink *s) {
    if (!s->ids || s->size == 0) {
        return TERN_STATUS_OK;
    }
    const tern__barred barred = {s->barred, s->barred_count};
    TERN_TRY(tern__encode_words(s->tokenizer, s->text, s->size, &barred, s->ids));
    s->size = 0;
    return TERN_STATUS_OK;
}

// The token that is spelled so; -1 where the vocabulary has words for it at most.
static tern_status find_token(const tern_tokenizer *tokenizer, const char *text, size_t size,
                              int32_t *out_id) {
    int32_t id[2];
    tern__ids ids = {id, 2, 0};
    *out_id = -1;
    TERN_TRY(tern__encode(tokenizer, text, size, true, &ids));
    uint8_t type = ids.count == 1 ? tokenizer->v.tokens[id[0]].type : TERN__TOKEN_NORMAL;
    if (type == TERN__TOKEN_CONTROL || type == TERN__TOKEN_USER_DEFINED) {
        *out_id = id[0];
    }
    return TERN_STATUS_OK;
}

static void bar(sink *s, int32_t id) {
    bool known = id < 0;
    for (uint32_t i = 0; i < s->barred_count; i++) {
        known = known || s->barred[i] == id;
    }
    if (!known && s->barred_count < MAX_BARRED) {
        s->barred[s->barred_count++] = id;
    }
}

// The tokens of a string of the family.
static tern_status bar_tokens(sink *s, const char *markup) {
    for (const char *at = markup; (at = strchr(at, TERN__CHAT_TOKEN[0])) != NULL;) {
        int32_t id;
        size_t size = strcspn(++at, TERN__CHAT_TOKEN);
        TERN_TRY(find_token(s->tokenizer, at, size, &id));
        bar(s, id);
        at += size + 1;
    }
    return TERN_STATUS_OK;
}

// What tells messages apart comes from no message, whatever type of token it is.
static tern_status bar_all(sink *s) {
    const tern_chat_family *f = s->family;
    const char *const strings[] = {f->system.before, f->system.after,     f->user.before,
                                   f->user.after,    f->assistant.before, f->assistant.after,
                                   f->reply};
    bar(s, s->tokenizer->v.bos);
    bar(s, s->tokenizer->v.eos);
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        TERN_TRY(bar_tokens(s, strings[i]));
    }
    return TERN_STATUS_OK;
}

// A token where the vocabulary has it, else words.
static tern_status put_token(sink *s, const char *text, size_t size) {
    int32_t id = -1;
    if (s->ids) {
        TERN_TRY(find_token(s->tokenizer, text, size, &id));
    }
    if (id < 0) {
        return put(s, text, size);
    }
    TERN_TRY(flush_words(s));
    tern__ids_add(s->ids, id);
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
        size_t size = strcspn(text, TERN__CHAT_TOKEN TERN__CHAT_BOS TERN__CHAT_EOS);
        TERN_TRY(put(s, text, size));
        text += size;
        if (*text == TERN__CHAT_BOS[0] || *text == TERN__CHAT_EOS[0]) {
            TERN_TRY(put_id(s, *text++ == TERN__CHAT_BOS[0] ? info.bos : info.eos));
        } else if (*text) {
            size = strcspn(++text, TERN__CHAT_TOKEN);
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
    const tern__chat_frame *f = is_system   ? &family->system
                                : is_answer ? &family->assistant
                                            : &family->user;
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
    return put_markup(s, is_bare ? TERN__CHAT_EOS : f->after);
}

static tern_status put_all(sink *s, const tern_chat_message *messages, size_t count,
                           uint32_t flags) {
    const tern_chat_family *family = s->family;
    TERN_TRY(put_markup(s, family->begins ? TERN__CHAT_BOS : ""));
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
    tern_status status = bar_all(&s);
    status = status == TERN_STATUS_OK ? put_all(&s, messages, count, flags) : status;
    tern__free(context, s.text);
    TERN_TRY(status);
    *out_count = ids.count;
    return ids.count > capacity ? too_small("ids", ids.count, capacity) : TERN_STATUS_OK;
}

// Whether a message of this kind begins with a token.
static bool is_marked(const tern_tokenizer *tokenizer, const char *before) {
    int32_t id = -1;
    size_t size = strcspn(before + (*before != '\0'), TERN__CHAT_TOKEN);
    return *before == TERN__CHAT_TOKEN[0] &&
           find_token(tokenizer, before + 1, size, &id) == TERN_STATUS_OK && id >= 0;
}

int32_t tern_chat_separates(const tern_chat_family *family, const tern_tokenizer *tokenizer) {
    return family && tokenizer && is_marked(tokenizer, family->user.before) &&
           is_marked(tokenizer, family->assistant.before) &&
           (family->system_in_user || is_marked(tokenizer, family->system.before));
}
