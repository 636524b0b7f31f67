// tern bench: measures, and says what share of the device's own limits was reached.
#include "tools/tern/bench/bench.h"

#include <stdio.h>
#include <string.h>

typedef struct subcommand {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} subcommand;

static const subcommand subcommands[] = {
    {"roofline", bench_roofline, "what the device can do: memory, multiply-adds, launches, copies"},
    {"ops", bench_ops, "every op at the shapes that models have"},
    {"growth", bench_growth, "how time grows with rows, K, N, context and threads"},
    {"model", bench_model, "a whole model: prefill, decode, load, memory"},
    {"device", bench_device, "all that is asked of a GPU, one report a part, by one command"},
    {"compare", bench_compare, "ratios of several reports, and a page with charts"},
};

enum { SUBCOMMAND_COUNT = sizeof subcommands / sizeof subcommands[0] };

static void print_help(void) {
    printf(
        "usage: tern bench COMMAND [options]\n"
        "Measures a device, and compares what its ops reach with what it can do.\n\ncommands:\n");
    for (int i = 0; i < SUBCOMMAND_COUNT; i++) {
        printf("  %-10s %s\n", subcommands[i].name, subcommands[i].summary);
    }
    printf("\ntern bench COMMAND --help lists its options.\n");
}

static void list_names(char *out, size_t capacity) {
    size_t used = 0;
    for (int i = 0; i < SUBCOMMAND_COUNT && used < capacity; i++) {
        used += (size_t)snprintf(out + used, capacity - used, "%s%s", i ? ", " : "",
                                 subcommands[i].name);
    }
}

int command_bench(int argc, char **argv) {
    char names[128];
    list_names(names, sizeof names);
    if (argc < 1) {
        args_complain("tern bench", "a command is missing: %s", names);
        return EXIT_USAGE;
    }
    if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) {
        print_help();
        return EXIT_DONE;
    }
    for (int i = 0; i < SUBCOMMAND_COUNT; i++) {
        if (strcmp(argv[0], subcommands[i].name) == 0) {
            return subcommands[i].run(argc - 1, argv + 1);
        }
    }
    args_complain("tern bench", "unknown command '%s'; have: %s", argv[0], names);
    return EXIT_USAGE;
}
