// tern: the library's commands for people.
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tools/tern/command.h"

typedef struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} command;

static const command commands[] = {
    {"devices", command_devices, "list backends and devices, and why one is out"},
    {"run", command_run, "continue a text, streaming"},
    {"chat", command_chat, "talk with a model"},
    {"logits", command_logits, "print logits after given token ids"},
    {"tokenize", command_tokenize, "print the ids of a text, or the text of ids"},
    {"perplexity", command_perplexity, "measure how well a text is predicted"},
    {"embed", command_embed, "turn texts into vectors"},
    {"inspect", command_inspect, "show the metadata and tensors of a model file"},
    {"convert", command_convert, "write a model in another file, its matrices in another type"},
    {"verify", command_verify, "check a published model against its known values"},
    {"bench", command_bench, "measure a device, and what share of it ops and models reach"},
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static void print_help(void) {
    printf("usage: tern COMMAND [options]\n"
           "Runs ternary networks on the CPU, Vulkan, OpenCL or a plugin, with the same bits on "
           "each.\n\ncommands:\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        printf("  %-10s %s\n", commands[i].name, commands[i].summary);
    }
    printf("\ntern COMMAND --help lists its options; tern --version prints the version.\n"
           "Exit status: 0 done, 1 failed (one line on stderr), 2 usage.\n");
}

// "devices, run and bench", of all commands.
static const char *command_names(char *out, size_t capacity) {
    size_t used = 0;
    for (size_t i = 0; i < COMMAND_COUNT && used < capacity; i++) {
        const char *before = i == 0 ? "" : i + 1 < COMMAND_COUNT ? ", " : " and ";
        used += (size_t)snprintf(out + used, capacity - used, "%s%s", before, commands[i].name);
    }
    return out;
}

static int run_command(int argc, char **argv) {
    char names[256];
    if (argc < 2) {
        args_complain("tern", "a command is missing, one of %s",
                      command_names(names, sizeof names));
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help();
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("tern %s\n", tern_version());
        return EXIT_DONE;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].run(argc - 2, argv + 2);
        }
    }
    args_complain("tern", "unknown command '%s'; have: %s", argv[1],
                  command_names(names, sizeof names));
    return EXIT_USAGE;
}

// What was printed may still lie in a buffer: only now shows whether it could be written.
int main(int argc, char **argv) {
#ifdef SIGXFSZ
    signal(SIGXFSZ, SIG_IGN); // a file at its limit is a write that fails, and is cleaned up after
#endif
    int status = run_command(argc, argv);
    bool written = fflush(stdout) == 0 && !ferror(stdout);
    if (status == EXIT_DONE && !written) {
        fprintf(stderr, "tern: the output could not be written to the end\n");
        return EXIT_FAILED;
    }
    return status;
}
