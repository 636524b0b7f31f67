#include "backends/common/choice.h"

#include <stdio.h>
#include <string.h>

#include "backends/common/cache.h"
#include "backends/common/report.h"

enum { RECORD = 40, RUNS = 5 };
#define LONG_ENOUGH_NS 50000000u // for all runs together

uint64_t tern_choice_hash(uint64_t hash, const void *data, size_t size) {
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

// What is kept of a choice, for people too.
static size_t make_record(const tern_choice *choice, uint32_t index, char record[RECORD]) {
    return (size_t)snprintf(record, RECORD, "candidate %u of %u", index, choice->count);
}

static bool recall(const tern_choice *choice, uint32_t *out_index) {
    const tern_host *host = choice->host;
    void *data = NULL;
    size_t size = 0;
    bool found = false;
    if (!tern_cache_is_there(host) || !host->cache_read(host, choice->name, &data, &size)) {
        return false;
    }
    for (uint32_t i = 0; i < choice->count && !found; i++) {
        char record[RECORD];
        found = size == make_record(choice, i, record) && memcmp(data, record, size) == 0;
        *out_index = i;
    }
    host->release(host, data);
    return found;
}

static void keep(const tern_choice *choice, uint32_t index) {
    if (tern_cache_is_there(choice->host)) {
        char record[RECORD];
        size_t size = make_record(choice, index, record);
        choice->host->cache_write(choice->host, choice->name, record, size);
    }
}

// The fastest; |*out_index| is the number of candidates if none runs.
static tern_status measure_all(const tern_choice *choice, uint32_t *out_index) {
    uint64_t best = UINT64_MAX;
    *out_index = choice->count;
    for (uint32_t i = 0; i < choice->count; i++) {
        uint64_t ns = 0;
        tern_status status = choice->measure(choice->user, i, &ns);
        if (status != TERN_STATUS_OK && status != TERN_STATUS_UNSUPPORTED) {
            return status;
        }
        if (status == TERN_STATUS_OK) {
            tern_report_log(choice->host, TERN_LOG_DEBUG, "%s: candidate %u takes %llu ns",
                            choice->name, i, (unsigned long long)ns);
        }
        if (status == TERN_STATUS_OK && (ns < best || *out_index == choice->count)) {
            best = ns;
            *out_index = i;
        }
    }
    return TERN_STATUS_OK;
}

static bool was_made(const tern_choices *made, uint64_t name, uint32_t *out_index) {
    for (uint32_t i = 0; made && i < made->count; i++) {
        if (made->items[i].name == name) {
            *out_index = made->items[i].index;
            return true;
        }
    }
    return false;
}

static void remember(tern_choices *made, uint64_t name, uint32_t index) {
    if (made && made->count < TERN_CHOICES_MAX) {
        made->items[made->count].name = name;
        made->items[made->count++].index = index;
    }
}

static tern_status find(const tern_choice *choice, uint32_t *out_index) {
    if (recall(choice, out_index)) {
        return TERN_STATUS_OK;
    }
    TERN_TRY(measure_all(choice, out_index));
    if (*out_index == choice->count) {
        return tern_report_fail(choice->host, TERN_STATUS_UNSUPPORTED,
                                "%s: none of %u candidates runs", choice->name, choice->count);
    }
    keep(choice, *out_index);
    return TERN_STATUS_OK;
}

tern_status tern_choose(const tern_choice *choice, uint32_t *out_index) {
    uint32_t index = 0;
    uint64_t name = tern_choice_hash(TERN_CHOICE_HASH, choice->name, strlen(choice->name));
    if (choice->count != 1 && !was_made(choice->made, name, &index)) {
        TERN_TRY(find(choice, &index));
        remember(choice->made, name, index);
    }
    *out_index = index;
    return TERN_STATUS_OK;
}

tern_status tern_choice_time(tern_choice_run *run, void *user, uint64_t *out_ns) {
    uint64_t ns = 0;
    uint64_t all = 0;
    TERN_TRY(run(user, &ns)); // warms up
    *out_ns = UINT64_MAX;
    for (uint32_t i = 0; i < RUNS && all < LONG_ENOUGH_NS; i++) {
        TERN_TRY(run(user, &ns));
        *out_ns = ns < *out_ns ? ns : *out_ns;
        all += ns;
    }
    return TERN_STATUS_OK;
}
