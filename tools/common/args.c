#include "tools/common/args.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void args_complain(const char *program, const char *format, ...) {
    va_list list;
    va_start(list, format);
    fprintf(stderr, "%s: ", program);
    vfprintf(stderr, format, list);
    fprintf(stderr, " (see %s --help)\n", program);
    va_end(list);
}

static void print_help(const arg_table *table) {
    printf("usage: %s %s\n%s\n\noptions:\n", table->program, table->usage, table->summary);
    for (size_t i = 0; i < table->count; i++) {
        const arg *option = &table->args[i];
        char left[64];
        snprintf(left, sizeof left, "%s%s%s%s%s", option->letter ? option->letter : "",
                 option->letter ? ", " : "", option->name, option->kind == ARG_FLAG ? "" : " ",
                 option->kind == ARG_FLAG ? "" : option->value);
        printf("  %-26s %s\n", left, option->help);
    }
    printf("  %-26s %s\n", "-h, --help", "print this");
}

// True if |argument| is |name| or begins with "name="; then |*value| is what follows, or NULL.
static bool matches(const char *argument, const char *name, const char **value) {
    size_t length = name ? strlen(name) : 0;
    if (!length || strncmp(argument, name, length) != 0) {
        return false;
    }
    *value = argument[length] == '=' ? argument + length + 1 : NULL;
    return argument[length] == '\0' || argument[length] == '=';
}

static const arg *find(const arg_table *table, const char *argument, const char **value) {
    for (size_t i = 0; i < table->count; i++) {
        if (matches(argument, table->args[i].name, value) ||
            matches(argument, table->args[i].letter, value)) {
            return &table->args[i];
        }
    }
    return NULL;
}

static bool set_whole(const arg_table *table, const arg *option, const char *text) {
    char *end = NULL;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0') {
        args_complain(table->program, "option '%s' needs a whole number, not '%s'", option->name,
                      text);
        return false;
    }
    // As a double, 2^64 - 1 rounds up to the bound itself, so only strtoull can tell an overflow.
    if (errno == ERANGE || (double)number < option->low || (double)number > option->high) {
        uint64_t high = option->high < 0x1p64 ? (uint64_t)option->high : UINT64_MAX;
        args_complain(table->program, "option '%s' needs a number from %.0f to %" PRIu64 ", not %s",
                      option->name, option->low, high, text);
        return false;
    }
    if (option->kind == ARG_U32) {
        *(uint32_t *)option->out = (uint32_t)number;
    } else {
        *(uint64_t *)option->out = number;
    }
    return true;
}

static bool set_float(const arg_table *table, const arg *option, const char *text) {
    char *end = NULL;
    double number = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(number)) {
        args_complain(table->program, "option '%s' needs a number, not '%s'", option->name, text);
        return false;
    }
    if (number < option->low || number > option->high) {
        args_complain(table->program, "option '%s' needs a number from %g to %g, not %s",
                      option->name, option->low, option->high, text);
        return false;
    }
    *(float *)option->out = (float)number;
    return true;
}

static bool set_value(const arg_table *table, const arg *option, const char *text) {
    arg_texts *texts = option->out;
    switch (option->kind) {
    case ARG_U32:
    case ARG_U64:
        return set_whole(table, option, text);
    case ARG_FLOAT:
        return set_float(table, option, text);
    case ARG_TEXTS:
        if (!text[0]) {
            args_complain(table->program, "option '%s' needs a text that is not empty",
                          option->name);
            return false;
        }
        if (texts->count == ARG_TEXTS_MAX) {
            args_complain(table->program, "option '%s' is given more than %d times", option->name,
                          ARG_TEXTS_MAX);
            return false;
        }
        texts->items[texts->count++] = text;
        return true;
    default:
        *(const char **)option->out = text;
        return true;
    }
}

// Handles the option at argv[*index]; moves the index over its value.
static bool take_option(const arg_table *table, int argc, char **argv, int *index) {
    const char *value = NULL;
    const char *other = NULL;
    const arg *option = find(table, argv[*index], &value);
    if (!option) {
        args_complain(table->program, "unknown option '%s'", argv[*index]);
        return false;
    }
    if (option->given) {
        *option->given = true;
    }
    if (option->kind == ARG_FLAG) {
        if (value) {
            args_complain(table->program, "option '%s' takes no value", option->name);
            return false;
        }
        *(bool *)option->out = true;
        return true;
    }
    if (!value) {
        if (*index + 1 >= argc || find(table, argv[*index + 1], &other)) {
            args_complain(table->program, "option '%s' needs a value: %s", argv[*index],
                          option->value);
            return false;
        }
        value = argv[++*index];
    }
    return set_value(table, option, value);
}

static bool take_operand(const arg_table *table, const char *text) {
    arg_texts *several = table->operands_out;
    bool room = several ? several->count < ARG_TEXTS_MAX : table->operand && !*table->operand_out;
    if (!room) {
        args_complain(table->program, "unexpected argument '%s'", text);
        return false;
    }
    if (several) {
        several->items[several->count++] = text;
    } else {
        *table->operand_out = text;
    }
    return true;
}

static bool lacks_operand(const arg_table *table) {
    if (table->alone && *table->alone) {
        return false;
    }
    return table->operands_out ? !table->operands_out->count
                               : table->operand && !*table->operand_out;
}

arg_result args_parse(const arg_table *table, int argc, char **argv) {
    bool options = true;
    for (int i = 0; i < argc; i++) {
        if (options && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
            print_help(table);
            return ARGS_HELP;
        }
        if (options && strcmp(argv[i], "--") == 0) {
            options = false;
            continue;
        }
        bool is_option = options && argv[i][0] == '-' && argv[i][1] != '\0';
        if (!(is_option ? take_option(table, argc, argv, &i) : take_operand(table, argv[i]))) {
            return ARGS_WRONG;
        }
    }
    if (lacks_operand(table)) {
        args_complain(table->program, "%s is missing", table->operand);
        return ARGS_WRONG;
    }
    return ARGS_OK;
}

long args_number_list(const char *text, int *out, size_t capacity) {
    long count = 0;
    for (;;) {
        char *end = NULL;
        errno = 0;
        long number = strtol(text, &end, 10);
        if (*text < '0' || *text > '9' || errno == ERANGE || number > INT_MAX ||
            (*end != ',' && *end != '\0')) {
            return -1;
        }
        if ((size_t)count < capacity) {
            out[count] = (int)number;
        }
        count++;
        if (*end == '\0') {
            return count;
        }
        text = end + 1;
    }
}
