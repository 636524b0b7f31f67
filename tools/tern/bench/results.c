#include "tools/tern/bench/results.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tern/version.h>

#include "tools/common/json.h"
#include "tools/tern/text.h"

bench_result bench_result_make(const char *name, const char *type) {
    bench_result r = {.us = NAN,
                      .us_spread = NAN,
                      .gb_s = NAN,
                      .gmac_s = NAN,
                      .tok_s = NAN,
                      .share = NAN,
                      .host_us = NAN,
                      .submits = NAN,
                      .dispatches = NAN,
                      .host_bytes = NAN,
                      .device_bytes = NAN};
    snprintf(r.name, sizeof r.name, "%s", name);
    snprintf(r.type, sizeof r.type, "%s", type);
    return r;
}

bool bench_report_add(bench_report *self, const bench_result *result) {
    if (self->count == self->capacity) {
        size_t capacity = self->capacity ? self->capacity * 2 : 64;
        bench_result *grown = realloc(self->results, capacity * sizeof *grown);
        if (!grown) {
            return false;
        }
        self->results = grown;
        self->capacity = capacity;
    }
    self->results[self->count++] = *result;
    return true;
}

void bench_report_free(bench_report *self) {
    free(self->results);
    *self = (bench_report){0};
}

// Members of a result, once for writing and reading. Those of an op stand in each of its results.
typedef enum member_kind { TEXT, COUNT, SHAPE, NUMBER } member_kind;

typedef struct member {
    const char *key;
    member_kind kind;
    bool op; // of an op: written even where it was not measured
    size_t offset, size;
} member;

#define MEMBER(key, kind, op, name)                                                                \
    { key, kind, op, offsetof(bench_result, name), sizeof((bench_result *)0)->name }

static const member members[] = {
    MEMBER("name", TEXT, true, name),
    MEMBER("type", TEXT, true, type),
    MEMBER("k", SHAPE, true, k),
    MEMBER("n", SHAPE, true, n),
    MEMBER("rows", COUNT, true, rows),
    MEMBER("context", COUNT, false, context),
    MEMBER("window", COUNT, false, window),
    MEMBER("us", NUMBER, true, us),
    MEMBER("us_spread", NUMBER, true, us_spread),
    MEMBER("gb_s", NUMBER, true, gb_s),
    MEMBER("gmac_s", NUMBER, true, gmac_s),
    MEMBER("tok_s", NUMBER, false, tok_s),
    MEMBER("share", NUMBER, true, share),
    MEMBER("host_us", NUMBER, false, host_us),
    MEMBER("submits", NUMBER, false, submits),
    MEMBER("dispatches", NUMBER, false, dispatches),
    MEMBER("host_bytes", NUMBER, false, host_bytes),
    MEMBER("device_bytes", NUMBER, false, device_bytes),
    MEMBER("threads", COUNT, false, threads),
    MEMBER("series", TEXT, false, series),
    MEMBER("model", TEXT, false, model),
    MEMBER("kernel", TEXT, false, kernel),
    MEMBER("clock", TEXT, false, clock),
};

enum { MEMBER_COUNT = sizeof members / sizeof members[0] };

static cJSON *text_json(const char *string) {
    return json_text(string, strlen(string));
}

// Six digits: more is noise.
static cJSON *number_json(double value) {
    char string[32];
    if (!isfinite(value)) {
        return cJSON_CreateNull();
    }
    snprintf(string, sizeof string, fabs(value) >= 1e6 ? "%.0f" : "%.6g", value);
    return cJSON_CreateRaw(string);
}

static void add_member(cJSON *object, const bench_result *result, const member *m) {
    const void *at = (const char *)result + m->offset;
    bool needed = m->op && result->is_op;
    if (m->kind == TEXT) {
        if (needed || *(const char *)at) {
            cJSON_AddItemToObject(object, m->key, text_json(at));
        }
    } else if (m->kind == NUMBER) {
        if (needed || isfinite(*(const double *)at)) {
            cJSON_AddItemToObject(object, m->key, number_json(*(const double *)at));
        }
    } else if (needed || *(const uint32_t *)at) {
        cJSON_AddItemToObject(object, m->key, json_u64(*(const uint32_t *)at));
    }
}

static cJSON *result_json(const bench_result *result) {
    cJSON *object = cJSON_CreateObject();
    for (int i = 0; i < MEMBER_COUNT; i++) {
        add_member(object, result, &members[i]);
    }
    // Depth 0 is a context like any other, where there is one.
    if (strcmp(result->name, "decode") == 0 && !result->context) {
        cJSON_AddItemToObject(object, "context", json_u64(0));
    }
    if (result->checked) {
        cJSON_AddBoolToObject(object, "ok", result->ok);
    }
    return object;
}

char *bench_report_text(const bench_report *self) {
    cJSON *object = cJSON_CreateObject();
    cJSON_AddItemToObject(object, "tern", text_json(self->tern));
    cJSON_AddItemToObject(object, "date", text_json(self->date));
    cJSON *device = cJSON_AddObjectToObject(object, "device");
    cJSON_AddItemToObject(device, "backend", text_json(self->backend));
    cJSON_AddItemToObject(device, "name", text_json(self->device));
    cJSON_AddItemToObject(device, "driver", text_json(self->driver));
    cJSON *roofline = cJSON_AddObjectToObject(object, "roofline");
    cJSON_AddItemToObject(roofline, "read_gb_s", number_json(self->read_gb_s));
    cJSON_AddItemToObject(roofline, "int8_gmac_s", number_json(self->int8_gmac_s));
    cJSON_AddItemToObject(roofline, "f32_gmac_s", number_json(self->f32_gmac_s));
    cJSON *results = cJSON_AddArrayToObject(object, "results");
    for (size_t i = 0; i < self->count; i++) {
        cJSON_AddItemToArray(results, result_json(&self->results[i]));
    }
    char *string = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    return string;
}

// A report is anybody's: what would steer a terminal becomes '?', in UTF-8 U+0080 to U+009F, too.
static void take_text(const cJSON *object, const char *key, char *out, size_t size) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    snprintf(out, size, "%s", cJSON_IsString(item) ? item->valuestring : "");
    unsigned char before = 0;
    for (; *out; out++) {
        unsigned char c = (unsigned char)*out;
        bool high = (c & 0xe0) == 0x80 && (before == 0xc2 || before < 0x80);
        if (high && before == 0xc2) {
            out[-1] = '?';
        }
        *out = c < ' ' || c == 0x7f || high ? '?' : *out;
        before = (unsigned char)*out;
    }
}

static double take_number(const cJSON *object, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(item) ? item->valuedouble : NAN;
}

static bool is_measure(double number) {
    return isfinite(number) && number >= 0;
}

// False where there is something else than bench writes.
static bool take_member(bench_result *result, const cJSON *object, const member *m) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, m->key);
    bool there = item && !cJSON_IsNull(item);
    void *at = (char *)result + m->offset;
    if (m->kind == TEXT) {
        take_text(object, m->key, at, m->size);
        return !there || cJSON_IsString(item);
    }
    double number = take_number(object, m->key);
    if (m->kind == NUMBER) {
        *(double *)at = number;
        return !there || is_measure(number);
    }
    bool counted = number >= 0 && number <= UINT32_MAX && number == floor(number);
    *(uint32_t *)at = counted ? (uint32_t)number : 0;
    return !there || counted;
}

static bool take_result(bench_report *self, const cJSON *object) {
    bench_result result = bench_result_make("", "");
    for (int i = 0; i < MEMBER_COUNT; i++) {
        if (!take_member(&result, object, &members[i])) {
            return false;
        }
    }
    const cJSON *ok = cJSON_GetObjectItemCaseSensitive(object, "ok");
    result.is_op = cJSON_GetObjectItemCaseSensitive(object, "k") != NULL;
    result.checked = cJSON_IsBool(ok);
    result.ok = cJSON_IsTrue(ok);
    bool known = result.checked || !ok || cJSON_IsNull(ok);
    return known && result.name[0] && bench_report_add(self, &result);
}

static bool take_peak(const cJSON *roofline, const char *key, double *out) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(roofline, key);
    *out = take_number(roofline, key);
    return !item || cJSON_IsNull(item) || is_measure(*out);
}

static bool take_report(bench_report *self, const cJSON *object, char *problem, size_t capacity) {
    take_text(object, "tern", self->tern, sizeof self->tern);
    const cJSON *device = cJSON_GetObjectItemCaseSensitive(object, "device");
    const cJSON *roofline = cJSON_GetObjectItemCaseSensitive(object, "roofline");
    const cJSON *results = cJSON_GetObjectItemCaseSensitive(object, "results");
    if (!self->tern[0] || !cJSON_IsObject(device) || !cJSON_IsObject(roofline) ||
        !cJSON_IsArray(results)) {
        snprintf(problem, capacity, "not what tern bench --json writes");
        return false;
    }
    if (strcmp(self->tern, tern_version()) != 0) {
        snprintf(problem, capacity, "written by tern %s, this is tern %s: measure again",
                 self->tern, tern_version());
        return false;
    }
    take_text(object, "date", self->date, sizeof self->date);
    take_text(device, "backend", self->backend, sizeof self->backend);
    take_text(device, "name", self->device, sizeof self->device);
    take_text(device, "driver", self->driver, sizeof self->driver);
    if (!take_peak(roofline, "read_gb_s", &self->read_gb_s) ||
        !take_peak(roofline, "int8_gmac_s", &self->int8_gmac_s) ||
        !take_peak(roofline, "f32_gmac_s", &self->f32_gmac_s)) {
        snprintf(problem, capacity, "its roofline is not of numbers");
        return false;
    }
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, results) {
        if (!take_result(self, item)) {
            snprintf(problem, capacity, "result %zu cannot be read", self->count);
            return false;
        }
    }
    return true;
}

bool bench_report_parse(bench_report *self, const char *string, char *problem, size_t capacity) {
    *self = (bench_report){0};
    cJSON *object = cJSON_ParseWithOpts(string, NULL, true); // and nothing after it
    bool taken = false;
    if (object) {
        taken = take_report(self, object, problem, capacity);
    } else {
        snprintf(problem, capacity, "not JSON");
    }
    cJSON_Delete(object);
    if (!taken) {
        bench_report_free(self);
    }
    return taken;
}

bool bench_report_read(bench_report *self, const char *path, char *problem, size_t capacity) {
    char why[160] = "cannot be read";
    text content = {0};
    FILE *file = fopen(path, "rb");
    bool read = file && text_read(&content, file) && text_append(&content, "", 1);
    if (file) {
        fclose(file);
    }
    read = read && bench_report_parse(self, content.bytes, why, sizeof why);
    text_free(&content);
    if (!read) {
        snprintf(problem, capacity, "%s: %s", path, why);
    }
    return read;
}
