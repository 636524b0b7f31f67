// The messages of a chat, and the file that keeps them.
#ifndef TERN_TOOLS_TERN_CONVERSATION_H_
#define TERN_TOOLS_TERN_CONVERSATION_H_

#include <stdbool.h>

#include <tern/chat.h>

// Roles are the strings below, contents the conversation's own.
typedef struct conversation {
    tern_chat_message *messages;
    size_t count;
    size_t capacity;
} conversation;

#define ROLE_SYSTEM "system"
#define ROLE_USER "user"
#define ROLE_ASSISTANT "assistant"

// Copies |size| bytes; false if memory is out.
bool conversation_add(conversation *self, const char *role, const char *content, size_t size);
// Replaces the system's message, or takes it away where |content| is empty.
bool conversation_set_system(conversation *self, const char *content);
// Drops |count| messages from |first| on.
void conversation_drop(conversation *self, size_t first, size_t count);
// Whether the first message is the system's.
bool conversation_has_system(const conversation *self);
void conversation_free(conversation *self);

// {"tern_chat":1,"messages":[{"role":"user","content":"..."},...]}, written to a new file that then
// takes the place of |path|. False after one line on stderr.
bool conversation_save(const conversation *self, const char *program, const char *path);
// Takes the place of what is there; unchanged, and false after one line, if the file is none.
bool conversation_load(conversation *self, const char *program, const char *path);

#endif
