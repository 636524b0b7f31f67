#include "tests/models/support.h"

#include "tests/harness/data.h"

setup setups[MAX_SETUPS];
int setup_count;
const setup reference_setup = {"reference", "", "1", "reference", false};

static void add_setup(const char *backend, const char *mask, const char *threads,
                      const char *name) {
    if (setup_count < MAX_SETUPS) {
        setup *s = &setups[setup_count++];
        snprintf(s->backend, sizeof s->backend, "%s", backend);
        s->mask = mask;
        s->threads = threads;
        snprintf(s->label, sizeof s->label, "%s %s%s%s%s%s", backend, name, mask[0] ? ", " : "",
                 mask, threads[0] ? ", threads: " : "", threads);
    }
}

// A sanitizer, which takes ten times as long, sees every level once.
static void add_cpu(const char *spec, const char *name) {
    static const char *const masks[] = {"", "scalar", "avx2"};
    static const char *const threads[] = {"2", "1", "3"};
    const char *sanitized = getenv("TERN_TESTS_SANITIZED");
    int step = sanitized && sanitized[0] ? 3 : 1;
    for (int k = 0; k < 9; k += step) {
        add_setup(spec, masks[k / 3], threads[k % 3], name);
    }
}

static void add_devices(tern_context *context, uint32_t backend, const tern_backend_info *found,
                        const char *text) {
    for (uint32_t i = 0; i < found->device_count; i++) {
        char spec[80];
        tern_device_info info = {.struct_size = sizeof info};
        assert_ok(tern_context_device_describe(context, backend, i, &info));
        if (!strstr(info.name, text) && !strstr(info.driver, text)) {
            continue;
        }
        snprintf(spec, sizeof spec, "%s:%u", found->name, i);
        if (strcmp(found->name, "cpu") == 0) {
            add_cpu(spec, info.name);
        } else {
            add_setup(spec, "", "", info.name);
            setups[setup_count - 1].slow = info.type == TERN_DEVICE_SOFTWARE;
        }
    }
}

int find_setups(const char *backend, const char *text, char *reason, size_t capacity) {
    tern_context *context = NULL;
    snprintf(reason, capacity, "not built in");
    assert_ok(tern_context_create(NULL, &context));
    for (uint32_t i = 0; i < tern_context_backend_count(context); i++) {
        tern_backend_info info = {.struct_size = sizeof info};
        assert_ok(tern_context_backend_describe(context, i, &info));
        if (strcmp(info.name, backend) == 0) {
            snprintf(reason, capacity, "%s", info.reason[0] ? info.reason : "no such device");
            add_devices(context, i, &info, text);
        }
    }
    tern_context_destroy(context);
    return setup_count > 0;
}

// Errors are expected by many tests; warnings are for whoever reads the log, validation messages
// among them.
static void log_warnings(void *user, tern_log_level level, const char *message) {
    if (level == TERN_LOG_WARNING) {
        tern_log_stderr(user, level, message);
    }
}

bed bed_open(const setup *s) {
    bed b = {NULL, NULL};
    tern_context_desc desc = TERN_CONTEXT_DESC_INIT;
    desc.log = log_warnings;
    assert_ok(tern_context_create(&desc, &b.context));
    assert_ok(tern_context_set_option(b.context, "TERN_BACKEND", s->backend));
    assert_ok(tern_context_set_option(b.context, "TERN_CPU_MASK", s->mask));
    assert_ok(tern_context_set_option(b.context, "TERN_THREADS", s->threads[0] ? s->threads : "0"));
    assert_ok(tern_device_open(b.context, NULL, &b.device));
    return b;
}

void bed_close(bed *b) {
    tern_device_close(b->device);
    tern_context_destroy(b->context);
}

static bed shared_bed;

bed default_bed(void) {
    if (!shared_bed.context) {
        shared_bed = bed_open(&setups[0]);
    }
    return shared_bed;
}

void close_default_bed(void) {
    bed_close(&shared_bed);
}

void assert_ok_(tern_status status, const char *call, const char *file, int line) {
    if (status != TERN_STATUS_OK) {
        print_error("%s: %s: %s\n", call, tern_status_name(status), tern_last_error_message());
        _fail(file, line);
    }
}

void assert_fails_(tern_status got, tern_status wanted, const char *words, const char *file,
                   int line) {
    if (got != wanted || !strstr(tern_last_error_message(), words)) {
        print_error("got %s: %s\nexpected %s with '%s'\n", tern_status_name(got),
                    tern_last_error_message(), tern_status_name(wanted), words);
        _fail(file, line);
    }
}

file_path find_file(const char *name) {
    file_path p;
    static const char *const folders[] = {"tests/golden", "tools/models"};
    for (int i = 0; i < 2; i++) {
        char below[256];
        snprintf(below, sizeof below, "%s/%s", folders[i], name);
        source_path(below, p.text, sizeof p.text);
        FILE *file = fopen(p.text, "rb");
        if (file) {
            fclose(file);
            return p;
        }
    }
    if (!data_path(name, p.text, sizeof p.text)) {
        print_message("skipped: no test data %s\n", name);
        skip();
    }
    return p;
}

tern_model *open_model(tern_device *device, const char *name) {
    file_path p = find_file(name);
    tern_archive *archive = NULL;
    tern_model *model = NULL;
    assert_ok(tern_archive_open_path(tern_device_context(device), p.text, &archive));
    assert_ok(tern_model_load_archive(device, archive, NULL, &model));
    tern_archive_destroy(archive);
    return model;
}

tern_session *open_session(tern_model *model, tern_kv_type kv, uint32_t max_rows) {
    tern_session_desc desc = TERN_SESSION_DESC_INIT;
    tern_session *session = NULL;
    desc.kv = kv;
    desc.max_rows = max_rows;
    assert_ok(tern_session_create(model, &desc, &session));
    return session;
}

unsigned char *read_file(const char *name, size_t *out_size) {
    FILE *file = fopen(name, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *out_size = (size_t)ftell(file);
    rewind(file);
    unsigned char *bytes = malloc(*out_size + 1);
    assert_int_equal(fread(bytes, 1, *out_size, file), *out_size);
    bytes[*out_size] = 0;
    fclose(file);
    return bytes;
}

cJSON *open_golden(const char *name) {
    file_path p = find_file(name);
    size_t size = 0;
    char *text = (char *)read_file(p.text, &size);
    cJSON *json = cJSON_Parse(text);
    free(text);
    assert_non_null(json);
    return json;
}

int32_t *golden_ids(const cJSON *object, const char *name, int *out_count) {
    const cJSON *array = cJSON_GetObjectItem(object, name);
    assert_true(cJSON_IsArray(array));
    *out_count = cJSON_GetArraySize(array);
    int32_t *ids = malloc(sizeof *ids * (size_t)(*out_count + 1));
    int i = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, array) {
        ids[i++] = (int32_t)item->valuedouble;
    }
    return ids;
}

float *golden_floats(const cJSON *array, int *out_count) {
    assert_true(cJSON_IsArray(array));
    *out_count = cJSON_GetArraySize(array);
    float *values = malloc(sizeof *values * (size_t)(*out_count + 1));
    int i = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, array) {
        values[i++] = (float)item->valuedouble;
    }
    return values;
}

uint32_t vocabulary(const tern_model *model) {
    tern_model_info info = {.struct_size = sizeof info};
    assert_ok(tern_model_describe(model, &info));
    return info.vocabulary;
}

uint32_t feed(tern_session *session, tern_model *model, const int32_t *ids, uint32_t count,
              uint32_t every, uint32_t residue, float *logits) {
    tern_row *rows = calloc(count, sizeof *rows);
    uint32_t wanted = 0;
    for (uint32_t i = 0; i < count; i++) {
        rows[i].session = session;
        rows[i].token = ids[i];
        if (i % every == residue || i + 1 == count) {
            rows[i].flags = TERN_ROW_LOGITS;
            wanted++;
        }
    }
    tern_eval_desc eval = {
        .struct_size = sizeof eval, .row_count = count, .rows = rows, .logits = logits};
    assert_ok(tern_model_eval(model, &eval));
    free(rows);
    return wanted;
}

double relative_error(const float *got, const float *wanted, uint32_t count) {
    double error = 0.0, norm = 0.0;
    for (uint32_t i = 0; i < count; i++) {
        double d = (double)got[i] - wanted[i];
        error += d * d;
        norm += (double)wanted[i] * wanted[i];
    }
    return sqrt(error / norm);
}

int32_t best(const float *logits, uint32_t count) {
    uint32_t at = 0;
    for (uint32_t i = 1; i < count; i++) {
        at = logits[i] > logits[at] ? i : at;
    }
    return (int32_t)at;
}
