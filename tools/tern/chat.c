// tern chat: a conversation in a terminal, or over pipes.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tern/chat.h"
#include "tools/tern/terminal.h"

#define DEFAULT_CONTEXT 4096
#define DEFAULT_TOKENS 512

static int parse(chat_options *o, int argc, char **argv) {
    const arg table[] = {
        {"--model", "-m", ARG_TEXT, &o->model, NULL, 0, 0, "MODEL",
         "the model, a file or folder (default: the one that comes with tern)"},
        {"--system", NULL, ARG_TEXT, &o->system, NULL, 0, 0, "TEXT",
         "what the model is told before the conversation"},
        {"--template", NULL, ARG_TEXT, &o->family, NULL, 0, 0, "NAME",
         "bitnet|llama3|qwen3|qwen2.5|chatml|gemma|phi3|phi3.5|zephyr|falcon3|plain (default: "
         "the model's)"},
        {"--load", NULL, ARG_TEXT, &o->load, NULL, 0, 0, "FILE", "go on with a saved conversation"},
        {"--tokens", "-n", ARG_U32, &o->tokens, &o->tokens_given, 1, 1e9, "N",
         "tokens of an answer at most (default: 512)"},
        {"--context", NULL, ARG_U32, &o->context, NULL, 16, 1e9, "N",
         "positions to make room for (default: 4096, or the model's)"},
        {"--no-think", NULL, ARG_FLAG, &o->no_think, NULL, 0, 0, NULL,
         "answer without reasoning first (qwen3)"},
        ARGS_SAMPLING(&o->sampling),
        ARG_BACKEND(&o->backend),
        ARG_KV(&o->model_options),
        ARG_HEAD(&o->model_options),
        ARG_I2S_BLOCK(&o->model_options.i2s_block),
        ARG_PRE(&o->model_options.pretokenizer),
    };
    const arg_table spec = {CHAT_PROGRAM,
                            "[-m MODEL] [--system TEXT] [options]",
                            "Talks with a model. /help lists what can be said besides; Ctrl-C ends "
                            "an answer, Ctrl-D the chat.",
                            table,
                            sizeof table / sizeof table[0],
                            NULL,
                            NULL};
    int status = command_parsed(args_parse(&spec, argc, argv));
    if (status >= 0) {
        return status;
    }
    if (o->family && !tern_chat_find(o->family)) {
        args_complain(CHAT_PROGRAM, "unknown template '%s'", o->family);
        return EXIT_USAGE;
    }
    return sampling_check(CHAT_PROGRAM, &o->sampling) &&
                   command_model_options(CHAT_PROGRAM, &o->model_options)
               ? -1
               : EXIT_USAGE;
}

static int32_t on_text(void *user, const char *bytes, size_t size) {
    chat *c = user;
    bool done = text_append(&c->answer, bytes, size) && fwrite(bytes, 1, size, stdout) == size &&
                fflush(stdout) == 0;
    return done && !interrupt_seen();
}

bool chat_out_of_memory(void) {
    fprintf(stderr, "%s: out of memory\n", CHAT_PROGRAM);
    return false;
}

// The conversation as ids, |*out_ids| the caller's to free; false after one line on stderr.
static bool encode(const chat *c, int32_t **out_ids, size_t *out_count) {
    const tern_tokenizer *tokenizer = tern_model_tokenizer(c->model.model);
    uint32_t flags = TERN_CHAT_REPLY | (c->options->no_think ? TERN_CHAT_NO_THINK : 0u);
    *out_ids = NULL;
    tern_status status = tern_chat_encode(c->family, tokenizer, c->talk.messages, c->talk.count,
                                          flags, NULL, 0, out_count);
    if (status == TERN_STATUS_OUT_OF_RANGE) {
        *out_ids = calloc(*out_count, sizeof **out_ids);
        if (!*out_ids) {
            return chat_out_of_memory();
        }
        status = tern_chat_encode(c->family, tokenizer, c->talk.messages, c->talk.count, flags,
                                  *out_ids, *out_count, out_count);
    }
    if (status != TERN_STATUS_OK) {
        host_failed(c->host);
    }
    return status == TERN_STATUS_OK;
}

// Drops the oldest question and answer; false if only the latest question is left.
static bool forget_oldest(chat *c) {
    size_t first = conversation_has_system(&c->talk);
    if (c->talk.count < first + 3) {
        return false;
    }
    conversation_drop(&c->talk, first, 2);
    return true;
}

// Ids of as much of the conversation as leaves room for an answer.
static bool encode_to_fit(chat *c, int32_t **out_ids, size_t *out_count, uint32_t *out_tokens) {
    uint32_t context = tern_session_context(c->model.session);
    uint32_t wanted = c->options->tokens < context / 2 ? c->options->tokens : context / 2;
    size_t dropped = 0;
    while (encode(c, out_ids, out_count)) {
        bool fits = *out_count + wanted <= context;
        if (fits || !forget_oldest(c)) {
            uint32_t room = *out_count < context ? context - (uint32_t)*out_count : 0;
            *out_tokens = c->options->tokens < room ? c->options->tokens : room;
            if (dropped) {
                fprintf(stderr, "(the oldest %zu messages no longer fit and are forgotten)\n",
                        dropped);
            }
            return true;
        }
        free(*out_ids);
        dropped += 2;
    }
    return false;
}

// What the message and the answer before it hold is in the session already.
static tern_status generate(chat *c, const int32_t *ids, size_t count, uint32_t tokens,
                            tern_generate_result *result) {
    const char *stop = tern_chat_stop(c->family);
    tern_generate_desc desc = {.struct_size = sizeof desc,
                               .max_tokens = tokens,
                               .prompt = ids,
                               .prompt_count = count,
                               .sampler = c->draws.sampler,
                               .stop_strings = stop ? &stop : NULL,
                               .stop_string_count = stop != NULL,
                               .flags = TERN_GENERATE_REUSE,
                               .on_text = on_text,
                               .user = c};
    if (c->draws.grammar && tern_grammar_reset(c->draws.grammar) != TERN_STATUS_OK) {
        return TERN_STATUS_OUT_OF_MEMORY;
    }
    return loaded_generate(&c->model, &desc, result);
}

static void print_timings(const tern_generate_result *result) {
    double seconds = (double)result->decode_ns * 1e-9;
    uint32_t decoded = result->count ? result->count - 1 : 0;
    static const char *const why[] = {
        "", "", "; cut off: -n tokens, or the context is full", "", "; stopped", ""};
    fprintf(stderr, "(%" PRIu32 " tokens at %.1f tok/s, first after %.0f ms%s)\n", result->count,
            seconds > 0.0 ? decoded / seconds : 0.0, (double)result->prompt_ns * 1e-6,
            why[result->stop <= TERN_STOP_GRAMMAR ? result->stop : 0]);
}

// Answers the last message. False when the chat cannot go on.
static bool answer(chat *c) {
    int32_t *ids = NULL;
    size_t count = 0;
    uint32_t tokens = 0;
    tern_generate_result result = {.struct_size = sizeof result};
    c->answer.size = 0;
    if (!encode_to_fit(c, &ids, &count, &tokens)) {
        free(ids);
        return false;
    }
    interrupt_watch();
    tern_status status = generate(c, ids, count, tokens, &result);
    free(ids);
    fputs("\n", stdout);
    if (ferror(stdout)) {
        return false; // main says so
    }
    if (status != TERN_STATUS_OK) {
        host_failed(c->host);
        conversation_drop(&c->talk, c->talk.count - 1, 1); // as if it had not been asked
        return c->interactive && status == TERN_STATUS_OUT_OF_RANGE;
    }
    if (c->interactive) {
        print_timings(&result);
    }
    return conversation_add(&c->talk, ROLE_ASSISTANT, c->answer.bytes, c->answer.size) ||
           chat_out_of_memory();
}

void chat_reply(chat *c) {
    if (!answer(c)) {
        c->ended = true;
        c->status = EXIT_FAILED;
    }
}

static void handle(chat *c, const text *line) {
    if (line->bytes[0] == '/') {
        chat_command(c, line->bytes);
    } else if (!conversation_add(&c->talk, ROLE_USER, line->bytes, strlen(line->bytes))) {
        c->status = EXIT_FAILED;
        c->ended = !chat_out_of_memory();
    } else {
        chat_reply(c);
    }
}

// A line without its end, joined with those after it while it ends with a backslash. False at the
// end of the input.
static bool read_line(text *line) {
    char block[1024];
    line->size = 0;
    bool any = false;
    while (fgets(block, sizeof block, stdin)) {
        any = true;
        size_t size = strlen(block);
        if (!text_append(line, block, size)) {
            return chat_out_of_memory();
        }
        if (size && block[size - 1] == '\n') {
            line->size -= 1 + (size_t)(line->size > 1 && line->bytes[line->size - 2] == '\r');
            if (line->size == 0 || line->bytes[line->size - 1] != '\\') {
                break;
            }
            line->bytes[line->size - 1] = '\n';
        }
    }
    return any && text_append(line, "", 1);
}

static int talk(chat *c) {
    text line = {0};
    for (;;) {
        if (c->interactive) {
            fputs("> ", stdout);
            fflush(stdout);
        }
        if (!read_line(&line)) {
            break;
        }
        if (line.bytes[0]) {
            handle(c, &line);
        }
        if (c->ended) {
            break;
        }
    }
    text_free(&line);
    return c->status;
}

// The model's own, or the one asked for; a template that is not known is told, and plain is taken.
static void choose_family(chat *c) {
    const char *own = tern_model_chat_template(c->model.model);
    c->family = c->options->family ? tern_chat_find(c->options->family) : tern_chat_recognise(own);
    if (!c->family) {
        c->family = tern_chat_find("plain");
        fprintf(stderr,
                "%s: the model has %s; going on with --template plain (others: see --help)\n",
                CHAT_PROGRAM, own ? "a chat template of no known family" : "no chat template");
    }
}

static bool start(chat *c) {
    const chat_options *o = c->options;
    uint32_t most = c->model.model_info.context;
    uint32_t context = o->context ? o->context : most < DEFAULT_CONTEXT ? most : DEFAULT_CONTEXT;
    choose_family(c);
    if (o->load && !conversation_load(&c->talk, CHAT_PROGRAM, o->load)) {
        return false;
    }
    if (o->system && !conversation_set_system(&c->talk, o->system)) {
        return chat_out_of_memory();
    }
    if (!loaded_start(&c->model, c->host, o->model, &o->model_options, context) ||
        !sampling_open(&c->draws, c->host, &o->sampling, &c->model)) {
        return false;
    }
    if (c->interactive) {
        printf("%s on %s (%s), template %s. /help lists commands.\n",
               c->model.model_info.name[0] ? c->model.model_info.name : o->model,
               c->model.device_info.backend, c->model.device_info.name, tern_chat_name(c->family));
    }
    return true;
}

int command_chat(int argc, char **argv) {
    chat_options o = {.sampling = SAMPLING_DEFAULTS, .tokens = DEFAULT_TOKENS};
    int status = parse(&o, argc, argv);
    if (status >= 0) {
        return status;
    }
    o.model = o.model ? o.model : default_model_path();
    host h;
    chat c = {.options = &o, .host = &h, .interactive = terminal_is_stdin()};
    status = EXIT_FAILED;
    interrupt_watch();
    if (host_open(&h, CHAT_PROGRAM, o.backend)) {
        if (loaded_open(&c.model, &h, o.model, &o.model_options) && start(&c)) {
            status = talk(&c);
        }
        sampling_close(&c.draws);
        loaded_close(&c.model);
        host_close(&h);
    }
    conversation_free(&c.talk);
    text_free(&c.answer);
    return status;
}
