// tern bench device: all that is asked of a GPU, each part with its own JSON, by one command.
#include <stdio.h>
#include <string.h>

#include "tools/tern/bench/bench.h"
#include "tools/tern/terminal.h"

#define PROGRAM "tern bench device"

enum { ARGUMENTS_MAX = 40, PATH_SIZE = 1024 };

typedef struct options {
    const char *folder, *model;
    arg_texts backends;
    bool quick, force;
} options;

// A part of the report: a command of `tern bench`, and its arguments.
typedef struct part {
    const char *name; // of the file, after the backend's
    int (*run)(int argc, char **argv);
    const char *arguments[24];
} part;

// Shapes of models and beyond the caches; prompts, decoding and memory of a whole model.
static const part parts[] = {
    {"roofline", bench_roofline, {NULL}},
    {"ternary",
     bench_ops,
     {"--op", "bitlinear", "--shape", "2560x2560", "--shape", "2560x6912", "--shape", "4096x14336",
      "--shape", "14336x4096", "--shape", "8192x28672", "--rows", "1,2,4,8,32,128,512", NULL}},
    {"others",
     bench_ops,
     {"--op", "attention", "--op", "linear", "--op", "expert_bitlinear", "--rows", "1,8,128",
      NULL}},
    {"model", bench_model, {NULL}},
};

// The same, in seconds on any device.
static const part quick_parts[] = {
    {"roofline", bench_roofline, {NULL}},
    {"ternary", bench_ops, {"--op", "bitlinear", "--shape", "256x256", "--rows", "1,8", NULL}},
    {"model", bench_model, {NULL}},
};

enum {
    PARTS = sizeof parts / sizeof parts[0],
    QUICK_PARTS = sizeof quick_parts / sizeof quick_parts[0]
};

// "FOLDER/opencl-PoCL-model.json" for opencl:PoCL.
static bool make_path(const options *o, const char *backend, const part *p, char *out) {
    int size = snprintf(out, PATH_SIZE, "%s/%s-%s.json", o->folder, backend, p->name);
    for (char *at = out + strlen(o->folder) + 1; size > 0 && size < PATH_SIZE && *at; at++) {
        *at = *at == ':' || *at == '/' || *at == ' ' ? '-' : *at;
    }
    return size > 0 && size < PATH_SIZE;
}

static int run_part(const options *o, const char *backend, const part *p, const char *path) {
    const char *argv[ARGUMENTS_MAX];
    int argc = 0;
    for (int i = 0; p->arguments[i]; i++) {
        argv[argc++] = p->arguments[i];
    }
    argv[argc++] = "--backend";
    argv[argc++] = backend;
    argv[argc++] = "--out";
    argv[argc++] = path;
    if (o->quick) {
        argv[argc++] = "--quick";
    }
    if (o->force) {
        argv[argc++] = "--force";
    }
    if (p->run == bench_model && o->model) {
        argv[argc++] = "-m";
        argv[argc++] = o->model;
    }
    printf("\n%s: %s of %s, to %s\n", PROGRAM, p->name, backend, path);
    fflush(stdout);
    return p->run(argc, (char **)(uintptr_t)argv); // the strings are only read
}

// Every part, even after one that failed: a device too small for the model has its ops measured.
static bool run_backend(const options *o, const char *backend) {
    bool good = true;
    const part *list = o->quick ? quick_parts : parts;
    for (int i = 0; i < (o->quick ? (int)QUICK_PARTS : (int)PARTS); i++) {
        char path[PATH_SIZE];
        if (!make_path(o, backend, &list[i], path)) {
            fprintf(stderr, "%s: the name of folder %s is too long\n", PROGRAM, o->folder);
            return false;
        }
        good = run_part(o, backend, &list[i], path) == EXIT_DONE && good;
        if (!good && i == 0) {
            return false; // no such device
        }
    }
    return good;
}

static int run_all(const options *o) {
    bool good = true;
    for (size_t i = 0; i < o->backends.count; i++) {
        good = run_backend(o, o->backends.items[i]) && good;
    }
    printf("\n%s: ratios and charts: tern bench compare %s/*.json --html page.html\n", PROGRAM,
           o->folder);
    return good ? EXIT_DONE : EXIT_FAILED;
}

static int parse(options *o, int argc, char **argv) {
    const arg table[] = {
        {"--backend", NULL, ARG_TEXTS, &o->backends, NULL, 0, 0, "NAME[:INDEX]",
         "may be repeated (default: vulkan and opencl)"},
        {"--model", "-m", ARG_TEXT, &o->model, NULL, 0, 0, "FILE",
         "a model in place of random weights of 2b-4t"},
        {"--quick", NULL, ARG_FLAG, &o->quick, NULL, 0, 0, NULL, "small shapes, short runs"},
        {"--force", NULL, ARG_FLAG, &o->force, NULL, 0, 0, NULL, "even if files exist"},
    };
    const arg_table spec = {PROGRAM,
                            "FOLDER [--backend NAME[:INDEX]]... [options]",
                            "Measures all that is asked of a GPU, through each backend: its "
                            "limits, ternary products\nand other ops at the shapes of models, a "
                            "model. Writes one report a part into FOLDER.",
                            table,
                            sizeof table / sizeof table[0],
                            "FOLDER",
                            &o->folder,
                            NULL};
    int status = command_parsed(args_parse(&spec, argc, argv));
    if (status < 0 && !o->backends.count) {
        o->backends = (arg_texts){{"vulkan", "opencl"}, 2};
    }
    return status;
}

int bench_device(int argc, char **argv) {
    options o = {0};
    int status = parse(&o, argc, argv);
    if (status >= 0) {
        return status;
    }
    if (!folder_make(o.folder)) {
        fprintf(stderr, "%s: folder %s cannot be made\n", PROGRAM, o.folder);
        return EXIT_FAILED;
    }
    return run_all(&o);
}
