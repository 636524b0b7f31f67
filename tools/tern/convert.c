// tern convert: a model in another file, its matrices in another type.
#include <stdio.h>
#include <string.h>

#include "tools/tern/command.h"
#include "tools/tern/terminal.h"

#define PROGRAM "tern convert"

static const char summary[] =
    "Writes the model IN as the GGUF file OUT, which appears when it is whole. Without --type "
    "every\n"
    "tensor stays as it is. Ternary types take the matrices that are ternary, f32, f16, bf16 and\n"
    "q8_0 all. Where a value would change, it says which and stops, unless --lossy allows it.\n"
    "Where OUT ends in / it is a folder of safetensors: the one that IN was made of, or one like "
    "it.";

static int32_t on_progress(void *user, uint64_t done, uint64_t total) {
    progress_bar_show(user, "converting", done, total);
    return !interrupt_seen();
}

typedef struct output {
    tern_context *context;
    const char *path;
    uint32_t flags;   // TERN_SINK_*
    bool made;        // the folder, which was not there before
    char inner[4096]; // a folder in it that was made; "": none
} output;

static tern_status write_file(const output *out, const tern_archive *archive,
                              const tern_convert_desc *desc) {
    tern_sink sink = {0};
    tern_status status = tern_sink_open_file(out->context, out->path, out->flags, &sink);
    if (status == TERN_STATUS_OK) {
        status = tern_convert(out->context, archive, desc, &sink);
        tern_status closed = tern_sink_close(&sink, status == TERN_STATUS_OK);
        status = status == TERN_STATUS_OK ? closed : status;
    }
    return status;
}

// The folders that the file |path| lies in. If one cannot be made, opening the file says why.
static void make_folders(output *out, const char *path) {
    const char *slash = strchr(path + strlen(out->path), '/');
    char inner[sizeof out->inner];
    out->made |= folder_make_new(out->path);
    if (slash) {
        snprintf(inner, sizeof inner, "%.*s", (int)(slash - path), path);
        if (folder_make_new(inner)) {
            memcpy(out->inner, inner, sizeof inner);
        }
    }
}

static void remove_folders(const output *out) {
    if (out->inner[0]) {
        folder_remove(out->inner);
    }
    if (out->made) {
        folder_remove(out->path);
    }
}

// tern_sink_open_fn: a file of the folder, which is made for the first.
static tern_status open_in_folder(void *user, const char *name, tern_sink *out_sink) {
    output *out = user;
    char path[4096];
    int length = snprintf(path, sizeof path, "%s%s", out->path, name);
    if (length < 0 || (size_t)length >= sizeof path || name[0] == '/' || strpbrk(name, "\\:") ||
        strstr(name, "..")) {
        return TERN_STATUS_IO;
    }
    make_folders(out, path);
    return tern_sink_open_file(out->context, path, out->flags, out_sink);
}

static bool is_folder(const char *path) {
    size_t length = strlen(path);
    return length > 0 && (path[length - 1] == '/' || path[length - 1] == '\\');
}

// A shard, an index or a tokenizer that stayed beside the new files could be read in their place.
static bool check_folder(const output *out) {
    if (!is_folder(out->path) || out->flags & TERN_SINK_REPLACE || !folder_has_files(out->path)) {
        return true;
    }
    fprintf(stderr, "%s: %s: has files in it already; --force writes among them\n", PROGRAM,
            out->path);
    return false;
}

static tern_status convert(output *out, const char *in, tern_convert_desc *desc) {
    tern_archive *archive = NULL;
    progress_bar bar = progress_bar_make();
    desc->progress = on_progress;
    desc->progress_user = &bar;
    tern_status status = tern_archive_open_path(out->context, in, &archive);
    if (status == TERN_STATUS_OK) {
        status = is_folder(out->path)
                     ? tern_convert_folder(out->context, archive, desc, open_in_folder, out)
                     : write_file(out, archive, desc);
    }
    if (status != TERN_STATUS_OK) {
        remove_folders(out);
    }
    progress_bar_clear(&bar);
    tern_archive_destroy(archive);
    return status;
}

static bool read_scale(const char *text, tern_convert_scale *out) {
    static const char *const names[] = {"tensor", "row", "group"};
    for (uint32_t i = 0; i < 3; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = i;
            return true;
        }
    }
    args_complain(PROGRAM, "--scale is '%s', expected tensor, row or group", text);
    return false;
}

// What the options say together; false after a usage error.
static bool check(const arg_texts *paths, const char *scale, tern_convert_desc *desc) {
    if (paths->count != 2) {
        args_complain(PROGRAM, "expected IN and OUT, got %zu name%s", paths->count,
                      paths->count == 1 ? "" : "s");
        return false;
    }
    if (scale && !(desc->flags & TERN_CONVERT_ABSMEAN)) {
        args_complain(PROGRAM, "--scale says what --absmean makes, which is not given");
        return false;
    }
    return command_i2s_block(PROGRAM, desc->i2s_block) &&
           (!scale || read_scale(scale, &desc->scale));
}

int command_convert(int argc, char **argv) {
    tern_convert_desc desc = TERN_CONVERT_DESC_INIT;
    const char *scale = NULL;
    bool lossy = false, absmean = false, force = false;
    arg_texts paths = {0};
    const arg table[] = {
        {"--type", NULL, ARG_TEXT, &desc.type, NULL, 0, 0, "TYPE",
         "tq1_0, tq2_0, i2_s, q2_0, pq2_0, ptq1_0, f32, f16, bf16 or q8_0"},
        {"--absmean", NULL, ARG_FLAG, &absmean, NULL, 0, 0, NULL,
         "make float matrices of layers ternary, as BitNet b1.58 does (tq2_0 without --type)"},
        {"--scale", NULL, ARG_TEXT, &scale, NULL, 0, 0, "tensor|row|group",
         "what --absmean makes one scale for; tensor if not given"},
        ARG_I2S_BLOCK(&desc.i2s_block),
        {"--lossy", NULL, ARG_FLAG, &lossy, NULL, 0, 0, NULL, "go on where values change"},
        {"--force", NULL, ARG_FLAG, &force, NULL, 0, 0, NULL, "replace OUT if it is there"},
    };
    const arg_table spec = {.program = PROGRAM,
                            .usage = "IN OUT [--type TYPE] [options]",
                            .summary = summary,
                            .args = table,
                            .count = sizeof table / sizeof table[0],
                            .operand = "IN OUT",
                            .operands_out = &paths};
    int status = command_parsed(args_parse(&spec, argc, argv));
    host h;
    if (status >= 0) {
        return status;
    }
    desc.flags = (lossy ? TERN_CONVERT_LOSSY : 0u) | (absmean ? TERN_CONVERT_ABSMEAN : 0u);
    if (!check(&paths, scale, &desc)) {
        return EXIT_USAGE;
    }
    output out = {.path = paths.items[1], .flags = force ? TERN_SINK_REPLACE : 0u};
    if (!check_folder(&out) || !host_open(&h, PROGRAM, NULL)) {
        return EXIT_FAILED;
    }
    out.context = h.context;
    interrupt_watch();
    terminate_watch();
    bool done = convert(&out, paths.items[0], &desc) == TERN_STATUS_OK;
    status = done ? EXIT_DONE : host_failed_in(&h, paths.items[0]);
    host_close(&h);
    return status;
}
