// Strict command lines: a table of options, one line for every mistake, help from the same table.
#ifndef TERN_TOOLS_COMMON_ARGS_H_
#define TERN_TOOLS_COMMON_ARGS_H_

#include <stdbool.h>
#include <stddef.h>

typedef enum arg_kind {
    ARG_FLAG,  // bool
    ARG_TEXT,  // const char *
    ARG_TEXTS, // arg_texts; the option may be repeated
    ARG_U32,   // uint32_t
    ARG_U64,   // uint64_t
    ARG_FLOAT  // float
} arg_kind;

#define ARG_TEXTS_MAX 32

typedef struct arg_texts {
    const char *items[ARG_TEXTS_MAX];
    size_t count;
} arg_texts;

typedef struct arg {
    const char *name;   // "--prompt"
    const char *letter; // "-p", or NULL
    arg_kind kind;
    void *out;         // of the type that |kind| names
    bool *given;       // set when the option appears; may be NULL
    double low, high;  // range of a number
    const char *value; // what help calls the value
    const char *help;
} arg;

typedef struct arg_table {
    const char *program; // "tern run"
    const char *usage;   // what follows it in the first line of the help
    const char *summary;
    const arg *args;
    size_t count;
    const char *operand;      // what an argument without an option is; NULL: none is allowed
    const char **operand_out; // where the one that must be goes
    arg_texts *operands_out;  // or where one or more go
    const bool *alone;        // a flag with which none need be; may be NULL
} arg_table;

typedef enum arg_result { ARGS_OK, ARGS_HELP, ARGS_WRONG } arg_result;

// Reads |argv| from index 0. ARGS_HELP: the help was printed, nothing else is to be done.
// ARGS_WRONG: one line on stderr said why; the exit status is 2.
arg_result args_parse(const arg_table *table, int argc, char **argv);

// Prints one line "|program|: message (see |program| --help)" on stderr.
void args_complain(const char *program, const char *format, ...);

// Reads a whole list "1,403,407" of numbers in [0, 2^31); returns how many, or -1 if it is none.
// |out| has room for |capacity|; more are counted and not written.
long args_number_list(const char *text, int *out, size_t capacity);

#endif
