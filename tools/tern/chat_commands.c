// What can be said to `tern chat` besides messages.
#include <stdio.h>
#include <string.h>

#include "tools/tern/chat.h"

static void print_help(chat *c, const char *argument) {
    (void)c;
    (void)argument;
    puts("/help           this list\n"
         "/again          another answer to the last question\n"
         "/undo           forget the last question and its answer\n"
         "/clear          forget the conversation\n"
         "/system TEXT    what the model is told before it; nothing: no more\n"
         "/history        print it\n"
         "/save FILE      keep it in a file\n"
         "/load FILE      go on with a saved one\n"
         "/quit           end (or Ctrl-D)\n"
         "A line that ends with \\ goes on in the next. Ctrl-C ends an answer early.");
}

// The last question and what came after it are gone; false if there is none.
static bool drop_last(chat *c) {
    size_t first = c->talk.count;
    while (first > 0 && strcmp(c->talk.messages[first - 1].role, ROLE_USER) != 0) {
        first--;
    }
    if (first == 0) {
        puts("(there is nothing to go back to)");
        return false;
    }
    conversation_drop(&c->talk, first - 1, c->talk.count - (first - 1));
    return true;
}

static void say_undo(chat *c, const char *argument) {
    (void)argument;
    drop_last(c);
}

static void say_again(chat *c, const char *argument) {
    (void)argument;
    size_t last = c->talk.count;
    if (last && strcmp(c->talk.messages[last - 1].role, ROLE_ASSISTANT) == 0) {
        conversation_drop(&c->talk, last - 1, 1);
    }
    if (c->talk.count == 0 || strcmp(c->talk.messages[c->talk.count - 1].role, ROLE_USER) != 0) {
        puts("(nothing was asked yet)");
        return;
    }
    chat_reply(c);
}

static void say_clear(chat *c, const char *argument) {
    (void)argument;
    size_t first = conversation_has_system(&c->talk);
    conversation_drop(&c->talk, first, c->talk.count - first);
}

static void say_system(chat *c, const char *argument) {
    if (!conversation_set_system(&c->talk, argument)) {
        chat_out_of_memory();
    }
}

static void say_history(chat *c, const char *argument) {
    (void)argument;
    for (size_t i = 0; i < c->talk.count; i++) {
        printf("%s: %s\n", c->talk.messages[i].role, c->talk.messages[i].content);
    }
}

static void say_save(chat *c, const char *argument) {
    if (conversation_save(&c->talk, CHAT_PROGRAM, argument)) {
        printf("(%zu messages are in %s)\n", c->talk.count, argument);
    }
}

static void say_load(chat *c, const char *argument) {
    if (conversation_load(&c->talk, CHAT_PROGRAM, argument)) {
        printf("(%zu messages)\n", c->talk.count);
    }
}

static void say_quit(chat *c, const char *argument) {
    (void)argument;
    c->ended = true;
}

static const struct {
    const char *name;
    void (*run)(chat *c, const char *argument);
    bool needs_argument;
} commands[] = {
    {"/help", print_help, false}, {"/again", say_again, false},   {"/undo", say_undo, false},
    {"/clear", say_clear, false}, {"/system", say_system, false}, {"/history", say_history, false},
    {"/save", say_save, true},    {"/load", say_load, true},      {"/quit", say_quit, false},
    {"/exit", say_quit, false},
};

void chat_command(chat *c, const char *line) {
    size_t size = strcspn(line, " ");
    const char *argument = line + size + strspn(line + size, " ");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strlen(commands[i].name) == size && strncmp(commands[i].name, line, size) == 0) {
            if (commands[i].needs_argument && !*argument) {
                printf("(%s needs a file)\n", commands[i].name);
            } else {
                commands[i].run(c, argument);
            }
            return;
        }
    }
    printf("(%.*s is no command; /help lists them)\n", (int)size, line);
}
