// The options that say how the next token is picked, alike in every command that generates.
#ifndef TERN_TOOLS_TERN_SAMPLING_H_
#define TERN_TOOLS_TERN_SAMPLING_H_

#include "tools/tern/command.h"

typedef struct sampling_options {
    tern_sampler_desc desc;
    bool greedy, given;
    arg_texts biases; // "ID=BIAS"
    tern_logit_bias bias_list[ARG_TEXTS_MAX];
    const char *grammar, *schema;
} sampling_options;

#define SAMPLING_DEFAULTS                                                                          \
    {                                                                                              \
        .desc = {                                                                                  \
            .struct_size = sizeof(tern_sampler_desc),                                              \
            .temperature = 0.8f,                                                                   \
            .top_k = 40,                                                                           \
            .top_p = 0.95f                                                                         \
        }                                                                                          \
    }

// Rows of a command's table of options.
#define ARGS_SAMPLING(s)                                                                           \
    {"--greedy", NULL, ARG_FLAG, &(s)->greedy, NULL, 0, 0, NULL, "always the likeliest token"},    \
        {"--temp",                                                                                 \
         NULL,                                                                                     \
         ARG_FLOAT,                                                                                \
         &(s)->desc.temperature,                                                                   \
         &(s)->given,                                                                              \
         0,                                                                                        \
         100,                                                                                      \
         "T",                                                                                      \
         "temperature (default: 0.8; 0: greedy)"},                                                 \
        {"--top-k",        NULL,        ARG_U32,                                                   \
         &(s)->desc.top_k, &(s)->given, 0,                                                         \
         4294967295.0,     "K",         "draw among the K likeliest (default: 40; 0: all)"},       \
        {"--top-p",                                                                                \
         NULL,                                                                                     \
         ARG_FLOAT,                                                                                \
         &(s)->desc.top_p,                                                                         \
         &(s)->given,                                                                              \
         0,                                                                                        \
         1,                                                                                        \
         "P",                                                                                      \
         "draw among the fewest whose probabilities reach P (default: 0.95)"},                     \
        {"--min-p",                                                                                \
         NULL,                                                                                     \
         ARG_FLOAT,                                                                                \
         &(s)->desc.min_p,                                                                         \
         &(s)->given,                                                                              \
         0,                                                                                        \
         1,                                                                                        \
         "P",                                                                                      \
         "leave out what is below P times the likeliest (default: 0)"},                            \
        {"--typical-p",                                                                            \
         NULL,                                                                                     \
         ARG_FLOAT,                                                                                \
         &(s)->desc.typical_p,                                                                     \
         &(s)->given,                                                                              \
         0,                                                                                        \
         1,                                                                                        \
         "P",                                                                                      \
         "draw among the most typical that reach P (default: 0, all)"},                            \
        {"--repeat-penalty",                                                                       \
         NULL,                                                                                     \
         ARG_FLOAT,                                                                                \
         &(s)->desc.repeat_penalty,                                                                \
         NULL,                                                                                     \
         0,                                                                                        \
         100,                                                                                      \
         "R",                                                                                      \
         "make recent tokens less likely (default: 1)"},                                           \
        {"--repeat-last",        NULL, ARG_U32,                                                    \
         &(s)->desc.repeat_last, NULL, 1,                                                          \
         4294967295.0,           "N",  "how many tokens are recent (default: 64)"},                \
        {"--frequency-penalty",                                                                    \
         NULL,                                                                                     \
         ARG_FLOAT,                                                                                \
         &(s)->desc.frequency_penalty,                                                             \
         NULL,                                                                                     \
         -100,                                                                                     \
         100,                                                                                      \
         "F",                                                                                      \
         "take F from a logit for each time its token is recent (default: 0)"},                    \
        {"--presence-penalty",                                                                     \
         NULL,                                                                                     \
         ARG_FLOAT,                                                                                \
         &(s)->desc.presence_penalty,                                                              \
         NULL,                                                                                     \
         -100,                                                                                     \
         100,                                                                                      \
         "F",                                                                                      \
         "take F from it once (default: 0)"},                                                      \
        {"--logit-bias",                                                                           \
         NULL,                                                                                     \
         ARG_TEXTS,                                                                                \
         &(s)->biases,                                                                             \
         NULL,                                                                                     \
         0,                                                                                        \
         0,                                                                                        \
         "ID=B",                                                                                   \
         "add B to the logit of a token id; -inf bans it; may be repeated"},                       \
        {"--grammar",                                                                              \
         NULL,                                                                                     \
         ARG_TEXT,                                                                                 \
         &(s)->grammar,                                                                            \
         NULL,                                                                                     \
         0,                                                                                        \
         0,                                                                                        \
         "FILE",                                                                                   \
         "generate only what this grammar (GBNF) allows"},                                         \
        {"--json-schema",                                                                          \
         NULL,                                                                                     \
         ARG_TEXT,                                                                                 \
         &(s)->schema,                                                                             \
         NULL,                                                                                     \
         0,                                                                                        \
         0,                                                                                        \
         "FILE",                                                                                   \
         "generate only JSON that this schema allows"},                                            \
    {                                                                                              \
        "--seed", NULL, ARG_U64, &(s)->desc.seed, &(s)->given, 0, 18446744073709551615.0, "N",     \
            "of the draws; the same seed gives the same text (default: 0)"                         \
    }

// What exclude each other, and --greedy's meaning. False after a usage error.
bool sampling_check(const char *program, sampling_options *options);

typedef struct sampling {
    tern_sampler *sampler;
    tern_grammar *grammar;
} sampling;

// False after one line on stderr; sampling_close either way.
bool sampling_open(sampling *self, const host *h, const sampling_options *options,
                   const loaded *model);
void sampling_close(sampling *self);

#endif
