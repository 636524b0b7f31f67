#include "tools/tern/conversation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/json.h"
#include "tools/tern/text.h"

static char *copy(const char *content, size_t size) {
    char *own = malloc(size + 1);
    if (own) {
        memcpy(own, size ? content : "", size);
        own[size] = '\0';
    }
    return own;
}

bool conversation_add(conversation *self, const char *role, const char *content, size_t size) {
    if (self->count == self->capacity) {
        size_t capacity = 2 * self->capacity + 8;
        tern_chat_message *grown = realloc(self->messages, capacity * sizeof *grown);
        if (!grown) {
            return false;
        }
        self->messages = grown;
        self->capacity = capacity;
    }
    char *own = copy(content, size);
    if (!own) {
        return false;
    }
    self->messages[self->count++] = (tern_chat_message){role, own};
    return true;
}

bool conversation_has_system(const conversation *self) {
    return self->count && strcmp(self->messages[0].role, ROLE_SYSTEM) == 0;
}

void conversation_drop(conversation *self, size_t first, size_t count) {
    for (size_t i = first; i < first + count; i++) {
        free((char *)self->messages[i].content);
    }
    self->count -= count;
    for (size_t i = first; i < self->count; i++) {
        self->messages[i] = self->messages[i + count];
    }
}

bool conversation_set_system(conversation *self, const char *content) {
    if (conversation_has_system(self)) {
        conversation_drop(self, 0, 1);
    }
    if (!*content) {
        return true;
    }
    if (!conversation_add(self, ROLE_SYSTEM, content, strlen(content))) {
        return false;
    }
    tern_chat_message system = self->messages[self->count - 1];
    for (size_t i = self->count - 1; i > 0; i--) {
        self->messages[i] = self->messages[i - 1];
    }
    self->messages[0] = system;
    return true;
}

void conversation_free(conversation *self) {
    conversation_drop(self, 0, self->count);
    free(self->messages);
    *self = (conversation){0};
}

static bool failed(const char *program, const char *path, const char *what) {
    fprintf(stderr, "%s: conversation file '%s' %s\n", program, path, what);
    return false;
}

static char *to_json(const conversation *self) {
    cJSON *object = cJSON_CreateObject();
    cJSON_AddNumberToObject(object, "tern_chat", 1);
    cJSON *list = cJSON_AddArrayToObject(object, "messages");
    for (size_t i = 0; i < self->count; i++) {
        cJSON *message = cJSON_CreateObject();
        const char *content = self->messages[i].content;
        cJSON_AddStringToObject(message, "role", self->messages[i].role);
        cJSON_AddItemToObject(message, "content", json_text(content, strlen(content)));
        cJSON_AddItemToArray(list, message);
    }
    char *printed = cJSON_Print(object);
    cJSON_Delete(object);
    return printed;
}

static bool write_file(const char *path, const char *content) {
    FILE *file = fopen(path, "wb");
    bool written = file && fputs(content, file) >= 0 && fputc('\n', file) != EOF;
    int error = errno;
    bool closed = file && fclose(file) == 0;
    errno = written ? errno : error;
    return written && closed;
}

bool conversation_save(const conversation *self, const char *program, const char *path) {
    char *content = to_json(self);
    size_t size = strlen(path) + 5;
    char *temporary = malloc(size);
    bool done = false;
    if (content && temporary) {
        snprintf(temporary, size, "%s.new", path);
        done = write_file(temporary, content) && rename(temporary, path) == 0;
        if (!done) {
            char what[128];
            snprintf(what, sizeof what, "cannot be written: %s", strerror(errno));
            remove(temporary);
            failed(program, path, what);
        }
    }
    free(temporary);
    free(content);
    return done;
}

static const char *known_role(const cJSON *role, size_t index) {
    static const char *const roles[] = {ROLE_USER, ROLE_ASSISTANT, ROLE_SYSTEM};
    for (int i = 0; cJSON_IsString(role) && i < (index == 0 ? 3 : 2); i++) {
        if (strcmp(role->valuestring, roles[i]) == 0) {
            return roles[i];
        }
    }
    return NULL;
}

static bool read_messages(conversation *out, const cJSON *list) {
    const cJSON *message;
    cJSON_ArrayForEach(message, list) {
        const cJSON *content = cJSON_GetObjectItemCaseSensitive(message, "content");
        const char *role =
            known_role(cJSON_GetObjectItemCaseSensitive(message, "role"), out->count);
        if (!role || !cJSON_IsString(content) ||
            !conversation_add(out, role, content->valuestring, strlen(content->valuestring))) {
            return false;
        }
    }
    return cJSON_IsArray(list);
}

bool conversation_load(conversation *self, const char *program, const char *path) {
    text source = {0};
    if (!text_read_file(&source, program, "conversation", path)) {
        text_free(&source);
        return false;
    }
    cJSON *object = cJSON_ParseWithLength(source.bytes ? source.bytes : "", source.size);
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(object, "tern_chat");
    conversation loaded = {0};
    bool is_chat = cJSON_IsNumber(version) && version->valueint == 1 &&
                   read_messages(&loaded, cJSON_GetObjectItemCaseSensitive(object, "messages"));
    cJSON_Delete(object);
    text_free(&source);
    if (!is_chat) {
        conversation_free(&loaded);
        return failed(program, path,
                      "is no saved chat: expected {\"tern_chat\":1,\"messages\":[...]}");
    }
    conversation_free(self);
    *self = loaded;
    return true;
}
