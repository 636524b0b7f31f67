// tern inspect: the metadata and tensors of a model file.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/tern/command.h"

#define PROGRAM "tern inspect"
#define SHOWN_ELEMENTS 6 // of an array, in text

static const char *const type_names[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                         "bool", "string", "array", "u64", "i64", "f64"};

static const char *type_name(tern_value_type type) {
    return type <= TERN_VALUE_F64 ? type_names[type] : "?";
}

static cJSON *scalar_json(const tern_value *value) {
    switch (value->type) {
    case TERN_VALUE_STRING:
        return json_text(value->string, value->count);
    case TERN_VALUE_BOOL:
        return cJSON_CreateBool(value->u != 0);
    case TERN_VALUE_F32:
        return json_float((float)value->f);
    case TERN_VALUE_F64:
        return cJSON_CreateNumber(value->f);
    case TERN_VALUE_I8:
    case TERN_VALUE_I16:
    case TERN_VALUE_I32:
    case TERN_VALUE_I64:
        return json_i64(value->i);
    default:
        return json_u64(value->u);
    }
}

// The first |limit| elements of an array.
static cJSON *array_json(const tern_archive *archive, const tern_value *value, uint64_t limit) {
    cJSON *array = cJSON_CreateArray();
    for (uint64_t i = 0; i < value->count && i < limit; i++) {
        tern_value element = {.struct_size = sizeof element};
        if (tern_archive_element(archive, value->key, i, &element) != TERN_STATUS_OK) {
            break;
        }
        cJSON_AddItemToArray(array, scalar_json(&element));
    }
    return array;
}

static void print_json_inline(cJSON *item) {
    char *printed = cJSON_PrintUnformatted(item);
    printf("%s", printed ? printed : "");
    cJSON_free(printed);
    cJSON_Delete(item);
}

static void print_value(const tern_archive *archive, const tern_value *value) {
    printf("  %-44s ", value->key);
    if (value->type == TERN_VALUE_ARRAY) {
        printf("%s[%" PRIu64 "] ", type_name(value->element), value->count);
        print_json_inline(array_json(archive, value, SHOWN_ELEMENTS));
        puts(value->count > SHOWN_ELEMENTS ? " ..." : "");
        return;
    }
    printf("%s ", type_name(value->type));
    print_json_inline(scalar_json(value));
    puts("");
}

static void print_tensor(const tern_tensor_info *info) {
    char shape[96];
    size_t used = 0;
    for (uint32_t d = 0; d < info->rank && used < sizeof shape; d++) {
        used += (size_t)snprintf(shape + used, sizeof shape - used, "%s%" PRIu64, d ? " x " : "",
                                 info->shape[d]);
    }
    printf("  %-44s %-6s %-20s %12" PRIu64 " bytes at %" PRIu64 "%s\n", info->name, info->type_name,
           shape, info->size, info->offset, info->supported ? "" : "  (type not supported)");
}

static cJSON *tensor_json(const tern_tensor_info *info) {
    cJSON *object = cJSON_CreateObject();
    cJSON_AddItemToObject(object, "name", json_text(info->name, strlen(info->name)));
    cJSON_AddStringToObject(object, "type", info->type_name);
    cJSON *shape = cJSON_AddArrayToObject(object, "shape");
    for (uint32_t d = 0; d < info->rank; d++) {
        cJSON_AddItemToArray(shape, json_u64(info->shape[d]));
    }
    cJSON_AddItemToObject(object, "file", json_text(info->file, strlen(info->file)));
    cJSON_AddItemToObject(object, "offset", json_u64(info->offset));
    cJSON_AddItemToObject(object, "size", json_u64(info->size));
    cJSON_AddBoolToObject(object, "supported", info->supported != 0);
    return object;
}

// What running it would take; nothing where it cannot be run.
static void print_estimate(const host *h, const tern_archive *archive) {
    tern_memory_estimate estimate = {.struct_size = sizeof estimate};
    char weights[32], cache[32], scratch[32];
    if (tern_model_estimate(h->context, archive, NULL, NULL, &estimate) != TERN_STATUS_OK) {
        printf("cannot be run: %s\n", tern_last_error_message());
        return;
    }
    format_bytes(estimate.weight_bytes, weights, sizeof weights);
    format_bytes(estimate.cache_bytes, cache, sizeof cache);
    format_bytes(estimate.scratch_bytes, scratch, sizeof scratch);
    printf("memory to run it: weights %s, cache %s, scratch %s\n", weights, cache, scratch);
}

static cJSON *estimate_json(const host *h, const tern_archive *archive) {
    tern_memory_estimate estimate = {.struct_size = sizeof estimate};
    if (tern_model_estimate(h->context, archive, NULL, NULL, &estimate) != TERN_STATUS_OK) {
        return cJSON_CreateNull();
    }
    cJSON *object = cJSON_CreateObject();
    cJSON_AddItemToObject(object, "weight_bytes", json_u64(estimate.weight_bytes));
    cJSON_AddItemToObject(object, "cache_bytes", json_u64(estimate.cache_bytes));
    cJSON_AddItemToObject(object, "scratch_bytes", json_u64(estimate.scratch_bytes));
    return object;
}

static tern_status show_text(const host *h, const tern_archive *archive, const char *path) {
    uint64_t values = tern_archive_value_count(archive);
    uint64_t tensors = tern_archive_tensor_count(archive);
    printf("%s: %" PRIu64 " metadata entries, %" PRIu64 " tensors\nmetadata:\n", path, values,
           tensors);
    for (uint64_t i = 0; i < values; i++) {
        tern_value value = {.struct_size = sizeof value};
        tern_status status = tern_archive_value(archive, i, &value);
        if (status != TERN_STATUS_OK) {
            return status;
        }
        print_value(archive, &value);
    }
    printf("tensors:\n");
    char file[512] = "";
    for (uint64_t i = 0; i < tensors; i++) {
        tern_tensor_info info = {.struct_size = sizeof info};
        tern_status status = tern_archive_tensor(archive, i, &info);
        if (status != TERN_STATUS_OK) {
            return status;
        }
        // Files that are not the one that was named, before their tensors.
        if (strcmp(info.file, path) != 0 && strncmp(info.file, file, sizeof file - 1) != 0) {
            printf(" in %s:\n", info.file);
            snprintf(file, sizeof file, "%s", info.file);
        }
        print_tensor(&info);
    }
    print_estimate(h, archive);
    return TERN_STATUS_OK;
}

static tern_status fill_json(const tern_archive *archive, cJSON *metadata, cJSON *tensors) {
    for (uint64_t i = 0; i < tern_archive_value_count(archive); i++) {
        tern_value value = {.struct_size = sizeof value};
        tern_status status = tern_archive_value(archive, i, &value);
        if (status != TERN_STATUS_OK) {
            return status;
        }
        cJSON *item = value.type == TERN_VALUE_ARRAY ? array_json(archive, &value, UINT64_MAX)
                                                     : scalar_json(&value);
        cJSON *key = json_text(value.key, strlen(value.key));
        cJSON_AddItemToObject(metadata, cJSON_GetStringValue(key), item);
        cJSON_Delete(key);
    }
    for (uint64_t i = 0; i < tern_archive_tensor_count(archive); i++) {
        tern_tensor_info info = {.struct_size = sizeof info};
        tern_status status = tern_archive_tensor(archive, i, &info);
        if (status != TERN_STATUS_OK) {
            return status;
        }
        cJSON_AddItemToArray(tensors, tensor_json(&info));
    }
    return TERN_STATUS_OK;
}

static tern_status show_json(const host *h, const tern_archive *archive, const char *path) {
    cJSON *object = cJSON_CreateObject();
    cJSON_AddItemToObject(object, "model", json_text(path, strlen(path)));
    cJSON *metadata = cJSON_AddObjectToObject(object, "metadata");
    cJSON *tensors = cJSON_AddArrayToObject(object, "tensors");
    tern_status status = fill_json(archive, metadata, tensors);
    if (status != TERN_STATUS_OK) {
        cJSON_Delete(object);
        return status;
    }
    cJSON_AddItemToObject(object, "memory", estimate_json(h, archive));
    json_print(object);
    return TERN_STATUS_OK;
}

static int inspect(const host *h, const char *path, bool json) {
    tern_archive *archive = NULL;
    tern_status status = tern_archive_open_path(h->context, path, &archive);
    if (status == TERN_STATUS_OK) {
        status = json ? show_json(h, archive, path) : show_text(h, archive, path);
    }
    int result = status == TERN_STATUS_OK ? EXIT_DONE : host_failed_in(h, path);
    tern_archive_destroy(archive);
    return result;
}

static int list_architectures(void) {
    const char *name;
    for (uint32_t i = 0; (name = tern_architecture_name(i)) != NULL; i++) {
        puts(name);
    }
    return EXIT_DONE;
}

int command_inspect(int argc, char **argv) {
    const char *path = NULL;
    const char *backend = NULL;
    bool json = false, architectures = false;
    const arg table[] = {
        ARG_BACKEND(&backend),
        {"--architectures", NULL, ARG_FLAG, &architectures, NULL, 0, 0, NULL,
         "list those that can be run, as models name them, and end"},
        {"--json", NULL, ARG_FLAG, &json, NULL, 0, 0, NULL, "one object on stdout"},
    };
    const arg_table spec = {
        PROGRAM,
        "MODEL [--json] | --architectures",
        "Shows the metadata and the tensors of a model: a GGUF file or a Hugging Face folder.",
        table,
        sizeof table / sizeof table[0],
        "MODEL",
        &path,
        NULL,
        &architectures};
    int status = command_parsed(args_parse(&spec, argc, argv));
    host h;
    if (status >= 0) {
        return status;
    }
    if (architectures) {
        return list_architectures();
    }
    if (!host_open(&h, PROGRAM, backend)) {
        return EXIT_FAILED;
    }
    status = inspect(&h, path, json);
    host_close(&h);
    return status;
}
