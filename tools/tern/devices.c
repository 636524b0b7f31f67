// tern devices: what was found, loaded, rejected, and why.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/tern/command.h"
#include "tools/tern/placements.h"

static const char *const state_names[] = {"?", "ready", "unavailable", "rejected"};
static const char *const type_names[] = {"?",     "discrete GPU", "integrated GPU", "CPU",
                                         "other", "software",     "reference"};
static const char *const numerics_names[] = {"unknown", "exact", "tolerant"};

typedef struct options {
    const char *backend;
    bool json, ops;
} options;

#define NAME_OF(table, index)                                                                      \
    ((index) < sizeof(table) / sizeof(table)[0] ? (table)[index] : (table)[0])

// Opens device |index| of |backend| to learn its numerics and what it does of each op.
static bool ask_device(const host *h, const tern_backend_info *backend, uint32_t index,
                       tern_device_info *info, placements *where) {
    char name[96];
    snprintf(name, sizeof name, "%s:%" PRIu32, backend->name, index);
    tern_device *device = NULL;
    if (tern_context_set_option(h->context, "TERN_BACKEND", name) != TERN_STATUS_OK ||
        tern_device_open(h->context, NULL, &device) != TERN_STATUS_OK) {
        snprintf(where->problem, sizeof where->problem, "%s", tern_last_error_message());
        return false;
    }
    tern_device_describe(device, info);
    placements_find(device, where);
    tern_device_close(device);
    return true;
}

static void print_ops(const placements *where) {
    if (where->problem[0]) {
        printf("    %s\n", where->problem);
    }
    for (uint32_t i = 0; i < where->count; i++) {
        const placement *op = &where->ops[i];
        printf("    %-16s %-9s %s\n", op->name, op->place, op->detail);
    }
}

static void print_device(const tern_device_info *info, const placements *where) {
    char memory[32];
    format_bytes(info->memory_bytes, memory, sizeof memory);
    printf("  %s:%" PRIu32 "  %s (%s)\n", info->backend, info->index, info->name,
           NAME_OF(type_names, info->type));
    printf("    driver %s; memory %s%s%s; numerics %s\n", info->driver,
           info->memory_bytes ? memory : "unknown", info->features[0] ? "; " : "", info->features,
           info->numerics ? NAME_OF(numerics_names, info->numerics) : "not probed yet");
    if (where) {
        print_ops(where);
    }
}

static cJSON *ops_json(const placements *where) {
    cJSON *array = cJSON_CreateArray();
    for (uint32_t i = 0; i < where->count; i++) {
        const placement *op = &where->ops[i];
        cJSON *object = cJSON_CreateObject();
        cJSON_AddStringToObject(object, "op", op->name);
        cJSON_AddStringToObject(object, "placement", op->place);
        cJSON_AddItemToObject(object, "detail", json_text(op->detail, strlen(op->detail)));
        cJSON_AddItemToArray(array, object);
    }
    return array;
}

static void add_text(cJSON *object, const char *key, const char *text) {
    cJSON_AddItemToObject(object, key, json_text(text, strlen(text)));
}

static cJSON *device_json(const tern_device_info *info, const placements *where) {
    cJSON *object = cJSON_CreateObject();
    cJSON_AddNumberToObject(object, "index", info->index);
    add_text(object, "name", info->name);
    add_text(object, "driver", info->driver);
    cJSON_AddStringToObject(object, "type", NAME_OF(type_names, info->type));
    cJSON_AddStringToObject(object, "numerics", NAME_OF(numerics_names, info->numerics));
    cJSON_AddItemToObject(object, "memory_bytes", json_u64(info->memory_bytes));
    cJSON_AddItemToObject(object, "max_buffer_bytes", json_u64(info->max_buffer_bytes));
    add_text(object, "features", info->features);
    if (where) {
        add_text(object, "problem", where->problem);
        cJSON_AddItemToObject(object, "ops", ops_json(where));
    }
    return object;
}

static void print_backend(const tern_backend_info *info) {
    printf("%s: %s%s%s%s%s\n", info->name, NAME_OF(state_names, info->state),
           info->reason[0] ? ": " : "", info->reason, info->description[0] ? "; " : "",
           info->description);
    if (info->path[0]) {
        printf("  plugin %s, ABI %" PRIu32 "\n", info->path, info->abi);
    }
}

static cJSON *backend_json(const tern_backend_info *info) {
    cJSON *object = cJSON_CreateObject();
    add_text(object, "name", info->name);
    cJSON_AddStringToObject(object, "state", NAME_OF(state_names, info->state));
    add_text(object, "reason", info->reason);
    add_text(object, "description", info->description);
    add_text(object, "path", info->path);
    cJSON_AddNumberToObject(object, "abi", info->abi);
    return object;
}

// A device that its backend does not describe: it keeps no other from being listed.
static void list_nameless(const tern_backend_info *backend, uint32_t index, cJSON *array) {
    const char *problem = tern_last_error_message();
    if (!array) {
        printf("  %s:%" PRIu32 "  %s\n", backend->name, index, problem);
        return;
    }
    cJSON *object = cJSON_CreateObject();
    cJSON_AddNumberToObject(object, "index", index);
    add_text(object, "problem", problem);
    cJSON_AddItemToArray(array, object);
}

// One device on stdout, or into |array|.
static void list_device(const host *h, const options *o, const tern_backend_info *backend,
                        uint32_t backend_index, uint32_t index, cJSON *array) {
    tern_device_info info = {.struct_size = sizeof info};
    placements where = {0};
    if (tern_context_device_describe(h->context, backend_index, index, &info) != TERN_STATUS_OK) {
        list_nameless(backend, index, array);
        return;
    }
    if (o->ops) {
        ask_device(h, backend, index, &info, &where);
    }
    if (array) {
        cJSON_AddItemToArray(array, device_json(&info, o->ops ? &where : NULL));
    } else {
        print_device(&info, o->ops ? &where : NULL);
    }
}

static bool list_backend(const host *h, const options *o, uint32_t index, cJSON *array) {
    tern_backend_info info = {.struct_size = sizeof info};
    if (tern_context_backend_describe(h->context, index, &info) != TERN_STATUS_OK) {
        return false;
    }
    cJSON *devices = NULL;
    if (array) {
        cJSON *object = backend_json(&info);
        devices = cJSON_AddArrayToObject(object, "devices");
        cJSON_AddItemToArray(array, object);
    } else {
        print_backend(&info);
    }
    for (uint32_t d = 0; info.state == TERN_BACKEND_READY && d < info.device_count; d++) {
        list_device(h, o, &info, index, d, devices);
    }
    return true;
}

// What the automatic choice, or TERN_BACKEND, gives; "" if nothing.
static void find_chosen(const host *h, char *out, size_t capacity) {
    tern_device *device = NULL;
    tern_device_info info = {.struct_size = sizeof info};
    out[0] = '\0';
    if (tern_device_open(h->context, NULL, &device) == TERN_STATUS_OK &&
        tern_device_describe(device, &info) == TERN_STATUS_OK) {
        snprintf(out, capacity, "%s:%" PRIu32, info.backend, info.index);
    }
    tern_device_close(device);
}

static int list_all(const host *h, const options *o) {
    char chosen[96];
    cJSON *array = o->json ? cJSON_CreateArray() : NULL;
    find_chosen(h, chosen, sizeof chosen);
    if (!chosen[0] && o->backend) {
        cJSON_Delete(array);
        return host_failed(h);
    }
    for (uint32_t i = 0; i < tern_context_backend_count(h->context); i++) {
        if (!list_backend(h, o, i, array)) {
            cJSON_Delete(array);
            return host_failed(h);
        }
    }
    if (!o->json) {
        printf("in use: %s\n", chosen[0] ? chosen : "none");
        return EXIT_DONE;
    }
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "version", tern_version());
    add_text(object, "chosen", chosen);
    cJSON_AddItemToObject(object, "backends", array);
    json_print(object);
    return EXIT_DONE;
}

int command_devices(int argc, char **argv) {
    options o = {0};
    const arg table[] = {
        ARG_BACKEND(&o.backend),
        {"--ops", NULL, ARG_FLAG, &o.ops, NULL, 0, 0, NULL,
         "open each device and list where each op runs"},
        {"--json", NULL, ARG_FLAG, &o.json, NULL, 0, 0, NULL, "one object on stdout"},
    };
    const arg_table spec = {"tern devices",
                            "[--backend NAME[:INDEX]] [--ops] [--json]",
                            "Lists backends and devices with the reason for each that is out.",
                            table,
                            sizeof table / sizeof table[0],
                            NULL,
                            NULL};
    int status = command_parsed(args_parse(&spec, argc, argv));
    host h;
    if (status >= 0) {
        return status;
    }
    if (!host_open(&h, spec.program, o.backend)) {
        return EXIT_FAILED;
    }
    status = list_all(&h, &o);
    host_close(&h);
    return status;
}
