// Families of chat templates: what stands around the messages of a conversation.
#ifndef TERN_RUNTIME_MODEL_TEXT_CHAT_FAMILY_H_
#define TERN_RUNTIME_MODEL_TEXT_CHAT_FAMILY_H_

#include <stdbool.h>

#include <tern/chat.h>

// In the strings of a family: what stands between two of the first is a token of the vocabulary,
// and the others are the tokens that begin and end a text.
#define TERN__CHAT_TOKEN "\1"
#define TERN__CHAT_BOS "\2"
#define TERN__CHAT_EOS "\3"

enum { TERN__CHAT_MARKS = 3, TERN__CHAT_ALSO = 3 };

// Before and after the content of a message.
typedef struct tern__chat_frame {
    const char *before;
    const char *after;
} tern__chat_frame;

struct tern_chat_family {
    const char *name;
    // What a template's text holds, white space, "\n" and "\\n" left out and double quotes single.
    const char *marks[TERN__CHAT_MARKS];
    bool begins; // with the token that begins a text
    tern__chat_frame system;
    tern__chat_frame user;
    tern__chat_frame assistant;
    const char *reply;
    const char *no_think;       // follows |reply| under TERN_CHAT_NO_THINK
    const char *default_system; // where the first message is no system's
    const char *stop;
    bool trims;           // white space around contents
    bool system_in_user;  // the system's words begin the first user's
    bool drops_reasoning; // up to "</think>", from answers before the last question
    bool last_is_bare;    // no line feed after an assistant's message that is the last
    bool is_stand_in; // for a template that nothing was trained with: what it writes is no matter
    // What templates of the family write besides, where we do not.
    const char *also[TERN__CHAT_ALSO];
};

extern const tern_chat_family tern__chat_families[];
extern const int tern__chat_family_count;

#endif
