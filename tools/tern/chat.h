// A chat: what its loop and its commands share.
#ifndef TERN_TOOLS_TERN_CHAT_H_
#define TERN_TOOLS_TERN_CHAT_H_

#include "tools/tern/command.h"
#include "tools/tern/conversation.h"
#include "tools/tern/sampling.h"
#include "tools/tern/text.h"

#define CHAT_PROGRAM "tern chat"

typedef struct chat_options {
    const char *model, *backend, *system, *family, *load;
    model_options model_options;
    uint32_t tokens, context;
    bool tokens_given, no_think;
    sampling_options sampling;
} chat_options;

typedef struct chat {
    const chat_options *options;
    const host *host;
    loaded model;
    sampling draws;
    const tern_chat_family *family;
    conversation talk;
    text answer; // as it comes
    bool interactive;
    bool ended;
    int status;
} chat;

// Answers the last message; the chat has ended if it cannot go on.
void chat_reply(chat *self);

// Runs a line that begins with a slash.
void chat_command(chat *self, const char *line);

// After one line on stderr: false.
bool chat_out_of_memory(void);

#endif
