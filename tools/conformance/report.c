#include "tools/conformance/report.h"

#include <stdio.h>
#include <string.h>

#ifndef TERN_NO_JSON
#include "tools/common/json.h"
#endif

static const char *const placement_names[4] = {"", "native", "composed", "fallback"};
static const char *const level_names[] = {"tiny", "quick", "full"};

uint32_t report_next(suite_result *self) {
    return ++self->tests;
}

const char *report_name(const suite_result *self) {
    return self->name;
}

static void add_text(report_texts *texts, const char *text) {
    for (uint32_t i = 0; i < texts->used; i++) {
        if (strcmp(texts->items[i].text, text) == 0) {
            texts->items[i].count++;
            return;
        }
    }
    if (texts->used == REPORT_TEXTS) {
        texts->more++;
        return;
    }
    size_t size = strlen(text) < REPORT_TEXT_SIZE ? strlen(text) : REPORT_TEXT_SIZE - 1;
    memcpy(texts->items[texts->used].text, text, size);
    texts->items[texts->used].text[size] = '\0';
    texts->items[texts->used++].count = 1;
}

void report_placement(suite_result *self, const tern_op_report *report) {
    if ((self->kind && self->kind != report->kind) || report->placement >= 4) {
        return;
    }
    self->placements[report->placement]++;
    if (report->placement != TERN_PLACEMENT_FALLBACK && report->kernel[0]) {
        add_text(&self->kernels, report->kernel);
    }
}

void report_test(suite_result *self, const suite_test *test) {
    char line[REPORT_TEXT_SIZE];
    switch (test->verdict) {
    case VERDICT_PASSED:
        self->passed++;
        return;
    case VERDICT_SKIPPED:
        self->skipped++;
        add_text(&self->reasons, test->message);
        return;
    default:
        self->failed++;
        snprintf(line, sizeof line, "%s %u (%s): %s", self->name, test->number, test->label,
                 test->message);
        add_text(&self->failures, line);
        // One broken kernel fails every test of its op; the first few say which.
        if (!self->quiet && self->failed <= REPORT_TEXTS) {
            printf("FAILED %s\n", line);
            fflush(stdout);
        }
        return;
    }
}

void report_where(const suite_result *self, char *out, size_t capacity) {
    size_t used = 0;
    out[0] = '\0';
    for (uint32_t p = 1; p < 4 && used < capacity; p++) {
        if (self->placements[p]) {
            used += (size_t)snprintf(out + used, capacity - used, "%s%s %u", used ? ", " : "",
                                     placement_names[p], self->placements[p]);
        }
    }
    for (uint32_t i = 0; i < self->kernels.used && used < capacity; i++) {
        used += (size_t)snprintf(out + used, capacity - used, "%s%s", i ? ", " : ": ",
                                 self->kernels.items[i].text);
    }
    if (self->kernels.more && used < capacity) {
        snprintf(out + used, capacity - used, ", ...");
    }
}

static const char *numerics_name(tern_numerics numerics) {
    return numerics == TERN_NUMERICS_EXACT      ? "exact"
           : numerics == TERN_NUMERICS_TOLERANT ? "tolerant"
                                                : "unknown";
}

void report_device(const suite *self) {
    printf("tern-conformance %s: %s:%u, %s, driver %s, numerics %s, %s suite%s\n", tern_version(),
           self->info.backend, self->info.index, self->info.name, self->info.driver,
           numerics_name(self->info.numerics), level_names[self->level],
           self->ftz ? ", flush-to-zero on" : "");
    fflush(stdout);
}

static void print_row(const suite_result *row) {
    char where[512];
    report_where(row, where, sizeof where);
    printf("%-16s %6u passed %5u skipped %5u failed  %s\n", row->name, row->passed, row->skipped,
           row->failed, where);
    for (uint32_t i = 0; i < row->reasons.used; i++) {
        printf("%-16s   skipped %u: %s\n", "", row->reasons.items[i].count,
               row->reasons.items[i].text);
    }
}

typedef struct sums {
    uint32_t passed, skipped, failed;
} sums;

static sums add_up(const suite_result *rows, uint32_t count) {
    sums total = {0, 0, 0};
    for (uint32_t i = 0; i < count; i++) {
        total.passed += rows[i].passed;
        total.skipped += rows[i].skipped;
        total.failed += rows[i].failed;
    }
    return total;
}

uint32_t report_print(const suite *self, const suite_result *rows, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].tests) {
            print_row(&rows[i]);
        }
    }
    sums total = add_up(rows, count);
    printf("%u passed, %u skipped, %u failed%s\n", total.passed, total.skipped, total.failed,
           self->lost ? "; the device was lost" : "");
    return total.failed;
}

#ifdef TERN_NO_JSON

uint32_t report_json(const suite *self, const suite_result *rows, uint32_t count) {
    (void)self;
    return add_up(rows, count).failed;
}

#else

static cJSON *texts_json(const report_texts *texts) {
    cJSON *array = cJSON_CreateArray();
    for (uint32_t i = 0; i < texts->used; i++) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddItemToObject(item, "text",
                              json_text(texts->items[i].text, strlen(texts->items[i].text)));
        cJSON_AddNumberToObject(item, "count", texts->items[i].count);
        cJSON_AddItemToArray(array, item);
    }
    return array;
}

static cJSON *row_json(const suite_result *row) {
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "op", row->name);
    cJSON_AddNumberToObject(object, "passed", row->passed);
    cJSON_AddNumberToObject(object, "skipped", row->skipped);
    cJSON_AddNumberToObject(object, "failed", row->failed);
    for (uint32_t p = 1; p < 4; p++) {
        cJSON_AddNumberToObject(object, placement_names[p], row->placements[p]);
    }
    cJSON_AddItemToObject(object, "kernels", texts_json(&row->kernels));
    cJSON_AddItemToObject(object, "skip_reasons", texts_json(&row->reasons));
    cJSON_AddItemToObject(object, "failures", texts_json(&row->failures));
    return object;
}

uint32_t report_json(const suite *self, const suite_result *rows, uint32_t count) {
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "version", tern_version());
    cJSON_AddStringToObject(object, "backend", self->info.backend);
    cJSON_AddNumberToObject(object, "index", self->info.index);
    cJSON_AddItemToObject(object, "device", json_text(self->info.name, strlen(self->info.name)));
    cJSON_AddItemToObject(object, "driver",
                          json_text(self->info.driver, strlen(self->info.driver)));
    cJSON_AddStringToObject(object, "numerics", numerics_name(self->info.numerics));
    cJSON_AddStringToObject(object, "level", level_names[self->level]);
    cJSON_AddBoolToObject(object, "flush_to_zero", self->ftz);
    cJSON_AddBoolToObject(object, "lost", self->lost);
    cJSON *ops = cJSON_AddArrayToObject(object, "ops");
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].tests) {
            cJSON_AddItemToArray(ops, row_json(&rows[i]));
        }
    }
    sums total = add_up(rows, count);
    cJSON_AddNumberToObject(object, "passed", total.passed);
    cJSON_AddNumberToObject(object, "skipped", total.skipped);
    cJSON_AddNumberToObject(object, "failed", total.failed);
    json_print(object);
    return total.failed;
}

#endif
