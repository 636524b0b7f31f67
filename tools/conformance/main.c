// tern-conformance: runs the suite against one device of any backend or plugin.
#include <stdio.h>
#include <string.h>

#include "tools/common/args.h"
#include "tools/common/host.h"
#include "tools/conformance/ftz.h"
#include "tools/conformance/ops.h"
#include "tools/conformance/report.h"

#define PROGRAM "tern-conformance"
#define EXIT_UNAVAILABLE 77 // what CTest and automake count as skipped

typedef struct entry {
    const char *name;
    tern_op_kind kind;
    void (*run)(suite *self);
} entry;

static const entry entries[] = {
#define X(stem, kind) {#stem, kind, suite_##stem},
#include "tools/conformance/ops.inc"
#undef X
};

#define ENTRY_COUNT ((uint32_t)(sizeof entries / sizeof entries[0]))

typedef struct options {
    const char *backend;
    const char *plugin;
    const char *op;
    const char *feature;
    uint32_t only;
    bool tiny, quick, full, ftz, exact, json, list, version;
} options;

static arg_result parse(options *o, int argc, char **argv) {
    const arg table[] = {
        {"--backend", NULL, ARG_TEXT, &o->backend, NULL, 0, 0, "NAME[:INDEX]",
         "the device to test, as TERN_BACKEND; with --plugin: the plugin's"},
        {"--plugin", NULL, ARG_TEXT, &o->plugin, NULL, 0, 0, "PATH",
         "test this plugin, and load no other"},
        {"--feature", NULL, ARG_TEXT, &o->feature, NULL, 0, 0, "WORD",
         "only a device that has it, say avx2: otherwise the exit status is 77"},
        {"--op", NULL, ARG_TEXT, &o->op, NULL, 0, 0, "OP", "only this line of --list"},
        {"--case", NULL, ARG_U32, &o->only, NULL, 1, 1e9, "N", "only test N of each op"},
        {"--tiny", NULL, ARG_FLAG, &o->tiny, NULL, 0, 0, NULL, "the least: for simulators"},
        {"--quick", NULL, ARG_FLAG, &o->quick, NULL, 0, 0, NULL, "under a minute (the default)"},
        {"--full", NULL, ARG_FLAG, &o->full, NULL, 0, 0, NULL, "every combination"},
        {"--ftz", NULL, ARG_FLAG, &o->ftz, NULL, 0, 0, NULL,
         "with the calling thread's flush-to-zero on"},
        {"--exact", NULL, ARG_FLAG, &o->exact, NULL, 0, 0, NULL,
         "compare bits even on a device that reports tolerant numerics"},
        {"--json", NULL, ARG_FLAG, &o->json, NULL, 0, 0, NULL, "one object on stdout"},
        {"--list", NULL, ARG_FLAG, &o->list, NULL, 0, 0, NULL, "list what is tested"},
        {"--version", NULL, ARG_FLAG, &o->version, NULL, 0, 0, NULL, "print the version"},
    };
    const arg_table spec = {PROGRAM,
                            "[--backend NAME[:INDEX]] [--plugin PATH] [options]",
                            "Runs every op on a device and on the reference backend and compares "
                            "bits.\nExit status: 0 all passed, 1 a test failed, 2 usage, 77 the "
                            "device is not available.",
                            table,
                            sizeof table / sizeof table[0],
                            NULL,
                            NULL};
    arg_result result = args_parse(&spec, argc - 1, argv + 1);
    if (result == ARGS_OK && o->tiny + o->quick + o->full > 1) {
        args_complain(PROGRAM, "--tiny, --quick and --full exclude each other");
        return ARGS_WRONG;
    }
    return result;
}

static bool op_known(const char *op) {
    for (uint32_t i = 0; i < ENTRY_COUNT; i++) {
        if (strcmp(op, entries[i].name) == 0) {
            return true;
        }
    }
    char known[512] = "";
    for (uint32_t i = 0, used = 0; i < ENTRY_COUNT && used < sizeof known; i++) {
        used += (uint32_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "",
                                   entries[i].name);
    }
    args_complain(PROGRAM, "unknown op '%s'; have: %s", op, known);
    return false;
}

// The name of the plugin that came from |path|, which --backend then defaults to.
static bool find_plugin(const host *h, const char *path, tern_backend_info *info) {
    for (uint32_t i = tern_context_backend_count(h->context); i-- > 0;) {
        *info = (tern_backend_info){.struct_size = sizeof *info};
        if (tern_context_backend_describe(h->context, i, info) == TERN_STATUS_OK && info->path[0] &&
            strstr(path, info->path) && info->state != TERN_BACKEND_REJECTED) {
            return true;
        }
    }
    return false;
}

// True if the context knows a backend of the name that |text| begins with: then a failure to open
// it is the machine's, and the run is skipped rather than failed.
static bool backend_known(const host *h, const char *text) {
    size_t length = strcspn(text, ":,");
    for (uint32_t i = 0; i < tern_context_backend_count(h->context); i++) {
        tern_backend_info info = {.struct_size = sizeof info};
        if (tern_context_backend_describe(h->context, i, &info) == TERN_STATUS_OK &&
            strlen(info.name) == length && strncmp(info.name, text, length) == 0) {
            return true;
        }
    }
    return length == 4 && strncmp(text, "auto", 4) == 0;
}

// A word of the features.
static bool has_feature(const char *features, const char *word) {
    size_t length = strlen(word);
    const char *at = features;
    while (*at && !(strncmp(at, word, length) == 0 && (at[length] == ' ' || !at[length]))) {
        at += strcspn(at, " ");
        at += strspn(at, " ");
    }
    return *at != '\0';
}

static int check_feature(const options *o, const tern_device_info *info) {
    if (!o->feature || has_feature(info->features, o->feature)) {
        return 0;
    }
    fprintf(stderr, "%s: skipped: %s, %s, has no %s, but: %s\n", PROGRAM, info->backend, info->name,
            o->feature, info->features);
    return EXIT_UNAVAILABLE;
}

static int open_tested(host *h, const options *o, suite *self) {
    tern_backend_info plugin;
    const char *backend = o->backend;
    if (o->plugin) {
        if (tern_context_load_plugin(h->context, o->plugin) != TERN_STATUS_OK) {
            return host_failed(h);
        }
        if (!backend && find_plugin(h, o->plugin, &plugin)) {
            backend = plugin.name;
        }
    }
    if (backend && tern_context_set_option(h->context, "TERN_BACKEND", backend) != TERN_STATUS_OK) {
        return host_failed(h);
    }
    tern_status status = tern_device_open(h->context, NULL, &self->device[SIDE_TESTED]);
    if (status == TERN_STATUS_OK) {
        self->info.struct_size = sizeof self->info;
        status = tern_device_describe(self->device[SIDE_TESTED], &self->info);
        return status == TERN_STATUS_OK ? check_feature(o, &self->info) : host_failed(h);
    }
    bool absent = status == TERN_STATUS_UNAVAILABLE && (!backend || backend_known(h, backend));
    host_failed(h);
    return absent ? EXIT_UNAVAILABLE : 1;
}

static int run_suite(suite *self, const options *o) {
    static suite_result rows[ENTRY_COUNT];
    if (!o->json) {
        report_device(self);
    }
    for (uint32_t i = 0; i < ENTRY_COUNT; i++) {
        rows[i].name = entries[i].name;
        rows[i].kind = entries[i].kind;
        rows[i].quiet = o->json;
        if (!o->op || strcmp(o->op, entries[i].name) == 0) {
            self->row = &rows[i];
            entries[i].run(self);
        }
    }
    uint32_t failed =
        o->json ? report_json(self, rows, ENTRY_COUNT) : report_print(self, rows, ENTRY_COUNT);
    return failed ? 1 : 0;
}

static int run(const options *o) {
    host tested;
    host reference = {.program = PROGRAM};
    suite self = {.level = o->full   ? LEVEL_FULL
                           : o->tiny ? LEVEL_TINY
                                     : LEVEL_QUICK,
                  .ftz = o->ftz,
                  .exact = o->exact,
                  .only = o->only};
    // The same plugin is likely to be in TERN_PLUGIN_PATH too, and would have the name already.
    if (!host_open_with(&tested, PROGRAM, NULL, o->plugin ? 0 : TERN_CONTEXT_ALLOW_PLUGINS)) {
        return 1;
    }
    int status = open_tested(&tested, o, &self);
    if (status == 0 && !host_open_reference(&reference, PROGRAM, &self.device[SIDE_REFERENCE])) {
        status = 1;
    }
    if (status == 0) {
        status = run_suite(&self, o);
    }
    tern_device_close(self.device[SIDE_TESTED]);
    tern_device_close(self.device[SIDE_REFERENCE]);
    host_close(&tested);
    host_close(&reference);
    return status;
}

int main(int argc, char **argv) {
    options o = {0};
    arg_result parsed = parse(&o, argc, argv);
    if (parsed != ARGS_OK || (o.op && !op_known(o.op))) {
        return parsed == ARGS_HELP ? 0 : 2;
    }
    if (o.json && !REPORT_HAS_JSON) {
        fprintf(stderr, PROGRAM ": --json: this program was built without cJSON\n");
        return 2;
    }
    if (o.version) {
        printf("tern-conformance %s\n", tern_version());
        return 0;
    }
    if (o.list) {
        for (uint32_t i = 0; i < ENTRY_COUNT; i++) {
            puts(entries[i].name);
        }
        return 0;
    }
    if (o.ftz && !ftz_available()) {
        fprintf(stderr, "%s: this processor has no flush-to-zero setting that is known\n", PROGRAM);
        return EXIT_UNAVAILABLE;
    }
    return run(&o);
}
