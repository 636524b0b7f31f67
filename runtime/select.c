#include "runtime/select.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/context.h"
#include "runtime/device.h"
#include "runtime/log.h"

// A device that an item of the list could mean.
typedef struct device_choice {
    tern__entry *entry;
    uint32_t order; // of its backend in the registry
    tern_device_info info;
} device_choice;

// One item of the list: "vulkan", "vulkan:1", "opencl:PoCL", "auto".
typedef struct list_item {
    char text[128];
    char name[128];
    const char *selector; // in text, after the colon; NULL: none
} list_item;

typedef struct search_state {
    tern_context *context;
    const tern_native *native;
    tern_device **out_device;
    device_choice *candidates;
    size_t count;
    size_t capacity;
    char reasons[TERN__MESSAGE_CAPACITY]; // per item why not, separated by "; "
} search_state;

static void append(char *text, size_t capacity, const char *format, ...) TERN__PRINTF(3, 4);

static void append(char *text, size_t capacity, const char *format, ...) {
    size_t length = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + length, capacity - length, format, args);
    va_end(args);
}

// Remembers, and logs, why |who| is skipped.
static void note(search_state *search, const char *who, const char *why) {
    tern__log(search->context, TERN_LOG_INFO, "skipped %s: %s", who, why);
    append(search->reasons, sizeof search->reasons, "%s%s: %s", search->reasons[0] ? "; " : "", who,
           why);
}

// Smaller is better: the order of tern_device_type, strangers as OTHER.
static uint32_t rank(const device_choice *candidate) {
    tern_device_type type = candidate->info.type;
    return type >= TERN_DEVICE_DISCRETE && type <= TERN_DEVICE_REFERENCE ? type : TERN_DEVICE_OTHER;
}

static int compare_u32(uint32_t a, uint32_t b) {
    return (a > b) - (a < b);
}

static int compare_candidates(const void *a, const void *b) {
    const device_choice *x = a;
    const device_choice *y = b;
    int by_rank = compare_u32(rank(x), rank(y));
    int by_order = compare_u32(x->order, y->order);
    if (by_rank) {
        return by_rank;
    }
    return by_order ? by_order : compare_u32(x->info.index, y->info.index);
}

static tern_status add_candidate(search_state *search, const device_choice *candidate) {
    void *array = search->candidates;
    bool grown = tern__grow(search->context, &array, &search->capacity, search->count + 1,
                            sizeof *candidate);
    search->candidates = array;
    if (!grown) {
        return tern__fail_memory(search->context, sizeof *candidate, "the list of devices");
    }
    search->candidates[search->count++] = *candidate;
    return TERN_STATUS_OK;
}

// A device of the host could belong to any backend; only opening it tells.
static tern_status collect_native(search_state *search, tern__entry *entry, uint32_t order) {
    device_choice candidate = {.entry = entry, .order = order};
    candidate.info.type = TERN_DEVICE_OTHER;
    snprintf(candidate.info.name, sizeof candidate.info.name, "the host's device");
    return add_candidate(search, &candidate);
}

// Describes one device quietly and adds it. OUT_OF_MEMORY; what else fails is noted.
static tern_status collect_device(search_state *search, device_choice *candidate, uint32_t index) {
    char reason[TERN__MESSAGE_CAPACITY];
    tern__quiet quiet;
    tern__quiet_begin(&quiet);
    tern_status status = tern__entry_device(candidate->entry, index, &candidate->info);
    tern__quiet_end_with(&quiet, status, reason);
    if (status == TERN_STATUS_OK) {
        return add_candidate(search, candidate);
    }
    if (status == TERN_STATUS_OUT_OF_MEMORY) {
        return tern__fail(search->context, status, "%s", reason);
    }
    note(search, candidate->entry->name, reason);
    return TERN_STATUS_OK;
}

// Starts |entry| and adds its devices. OUT_OF_MEMORY; what else fails is noted.
static tern_status collect(search_state *search, tern__entry *entry, uint32_t order,
                           const char *who) {
    tern_backend_info info = {.struct_size = sizeof info};
    tern_status status = tern__entry_describe(entry, &info);
    if (status == TERN_STATUS_OUT_OF_MEMORY) {
        return tern__fail(search->context, status, "%s: %s", entry->name, info.reason);
    }
    if (search->native && status == TERN_STATUS_OK) {
        return collect_native(search, entry, order);
    }
    if (info.state != TERN_BACKEND_READY) {
        note(search, who, info.reason);
        return TERN_STATUS_OK;
    }
    for (uint32_t i = 0; i < info.device_count; i++) {
        device_choice candidate = {.entry = entry, .order = order};
        TERN_TRY(collect_device(search, &candidate, i));
    }
    return TERN_STATUS_OK;
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool contains(const char *text, const char *part) {
    for (; *text; text++) {
        size_t i = 0;
        while (part[i] && lower(text[i]) == lower(part[i])) {
            i++;
        }
        if (!part[i]) {
            return true;
        }
    }
    return false;
}

static bool is_index(const char *text) {
    return text[0] && text[strspn(text, "0123456789")] == '\0';
}

static bool matches(const device_choice *candidate, const char *selector) {
    if (is_index(selector)) {
        return strtoull(selector, NULL, 10) == candidate->info.index;
    }
    return contains(candidate->info.name, selector) || contains(candidate->info.driver, selector);
}

// Notes that |item| selects none of the |count| candidates, and which there are.
static void note_unmatched(search_state *search, const list_item *item, size_t count) {
    char why[TERN__MESSAGE_CAPACITY];
    snprintf(why, sizeof why,
             is_index(item->selector) ? "index %s does not exist" : "no device matches \"%s\"",
             item->selector);
    append(why, sizeof why, ", %zu device%s", count, count == 1 ? "" : "s");
    for (size_t i = 0; i < count; i++) {
        const tern_device_info *info = &search->candidates[i].info;
        append(why, sizeof why, "%s%u: %s%s", i ? ", " : " (", (unsigned)info->index, info->name,
               i + 1 == count ? ")" : "");
    }
    note(search, item->text, why);
}

// The backends that can be tried, and the plugins that would be some. None is started for this: a
// backend counts until it is known to have no device.
static void list_available(tern_context *context, char *text, size_t capacity) {
    char rejected[TERN__MESSAGE_CAPACITY] = "";
    const char *separator = "";
    tern__entry *entry = NULL;
    for (uint32_t i = 0; (entry = tern__registry_at(context, i)) != NULL; i++) {
        if (!entry->backend) {
            append(rejected, sizeof rejected, "%s%s",
                   rejected[0] ? ", " : ", rejected plugins: ", entry->name);
        } else if (!tern__entry_is_out(entry)) {
            append(text, capacity, "%s%s", separator, entry->name);
            separator = ", ";
        }
    }
    append(text, capacity, "%s%s", separator[0] ? "" : "nothing", rejected);
}

static void keep_matching(search_state *search, const char *selector) {
    size_t kept = 0;
    for (size_t i = 0; i < search->count; i++) {
        if (matches(&search->candidates[i], selector)) {
            search->candidates[kept++] = search->candidates[i];
        }
    }
    search->count = kept;
}

static tern_status collect_named(search_state *search, const list_item *item) {
    tern__entry *entry = tern__registry_find(search->context, item->name);
    if (!entry) {
        note(search, item->text, "no such backend");
        return TERN_STATUS_OK;
    }
    TERN_TRY(collect(search, entry, 0, item->text));
    if (!item->selector || search->native || search->count == 0) {
        return TERN_STATUS_OK;
    }
    size_t count = search->count;
    keep_matching(search, item->selector);
    if (search->count == 0) {
        note_unmatched(search, item, count); // none has moved
    }
    return TERN_STATUS_OK;
}

static tern_status collect_all(search_state *search) {
    tern__entry *entry = NULL;
    for (uint32_t i = 0; (entry = tern__registry_at(search->context, i)) != NULL; i++) {
        if (!entry->backend) {
            continue;
        }
        TERN_TRY(collect(search, entry, i, entry->name));
    }
    return TERN_STATUS_OK;
}

// Opens |candidate| quietly. |reason| is set on failure.
static tern_status try_open(search_state *search, const device_choice *candidate, char *reason) {
    tern__quiet quiet;
    tern__quiet_begin(&quiet);
    tern_status status = tern__device_open(candidate->entry, candidate->info.index, search->native,
                                           search->out_device);
    tern__quiet_end_with(&quiet, status, reason);
    return status;
}

static const char *type_name(tern_device_type type) {
    static const char *const names[] = {"other", "discrete GPU", "integrated GPU", "processor",
                                        "other", "software",     "reference"};
    return names[type <= TERN_DEVICE_REFERENCE ? type : TERN_DEVICE_OTHER];
}

// What was not needed, so that a user can see that it was there.
static void log_passed_over(const search_state *search, size_t chosen) {
    const device_choice *best = &search->candidates[chosen];
    for (size_t i = chosen + 1; i < search->count; i++) {
        const device_choice *other = &search->candidates[i];
        tern__log(search->context, TERN_LOG_INFO, "skipped %s:%u (%s): %s ranks below %s:%u (%s)",
                  other->entry->name, (unsigned)other->info.index, other->info.name,
                  type_name(other->info.type), best->entry->name, (unsigned)best->info.index,
                  type_name(best->info.type));
    }
}

// Opens the best candidate that works. UNAVAILABLE, not reported, if none does.
static tern_status open_best(search_state *search, const char *who) {
    if (search->count > 1) {
        qsort(search->candidates, search->count, sizeof *search->candidates, compare_candidates);
    }
    for (size_t i = 0; i < search->count; i++) {
        const device_choice *candidate = &search->candidates[i];
        char reason[TERN__MESSAGE_CAPACITY];
        char device[256];
        tern_status status = try_open(search, candidate, reason);
        snprintf(device, sizeof device, "%s:%u (%s)", candidate->entry->name,
                 (unsigned)candidate->info.index, candidate->info.name);
        if (status == TERN_STATUS_OK) {
            log_passed_over(search, i);
            tern__log(search->context, TERN_LOG_INFO, "chose %s for %s", device, who);
            return status;
        }
        if (status == TERN_STATUS_OUT_OF_MEMORY) {
            return tern__fail(search->context, status, "%s: %s", device, reason);
        }
        note(search, device, reason);
    }
    return TERN_STATUS_UNAVAILABLE;
}

// One item of the list. UNAVAILABLE, not reported, means: go on with the next.
static tern_status try_item(search_state *search, const list_item *item) {
    bool automatic = strcmp(item->text, "auto") == 0;
    search->count = 0;
    TERN_TRY(automatic ? collect_all(search) : collect_named(search, item));
    return open_best(search, item->text);
}

// Takes the next item off |*list|, without the blanks around it. False at the end.
static bool next_item(const char **list, list_item *out_item) {
    const char *start = *list + strspn(*list, ", \t");
    size_t length = strcspn(start, ",");
    *list = start + length;
    while (length > 0 && (start[length - 1] == ' ' || start[length - 1] == '\t')) {
        length--;
    }
    if (length == 0) {
        return false;
    }
    snprintf(out_item->text, sizeof out_item->text, "%.*s", (int)length, start);
    size_t name_length = strcspn(out_item->text, ":");
    snprintf(out_item->name, sizeof out_item->name, "%.*s", (int)name_length, out_item->text);
    out_item->selector = out_item->text[name_length] ? out_item->text + name_length + 1 : NULL;
    return true;
}

static bool is_blank(const char *list) {
    return !list || list[strspn(list, ", \t")] == '\0';
}

static tern_status try_list(search_state *search, const char *list) {
    list_item item;
    while (next_item(&list, &item)) {
        tern_status status = try_item(search, &item);
        if (status != TERN_STATUS_UNAVAILABLE) {
            return status;
        }
    }
    return TERN_STATUS_UNAVAILABLE;
}

// Reasons that are too long are cut, not what is available.
static tern_status fail_list(const search_state *search, const char *source, const char *list) {
    char text[TERN__MESSAGE_CAPACITY];
    char available[TERN__MESSAGE_CAPACITY / 2] = "; available: ";
    list_available(search->context, available, sizeof available);
    snprintf(text, sizeof text - strlen(available), "no device for %s \"%s\": %s", source, list,
             search->reasons[0] ? search->reasons : "there are no backends");
    return tern__fail(search->context, TERN_STATUS_UNAVAILABLE, "%s%s", text, available);
}

tern_status tern__select(tern_context *context, const tern_device_desc *desc,
                         tern_device **out_device) {
    search_state search = {.context = context, .native = desc->native, .out_device = out_device};
    const char *list = desc->native ? "" : tern__option_text(context, TERN__OPTION_BACKEND);
    const char *source = "TERN_BACKEND";
    if (is_blank(list)) {
        list = desc->backends;
        source = "backends";
    }
    if (is_blank(list)) {
        list = "auto";
    }
    tern_status status = try_list(&search, list);
    tern__free(context, search.candidates);
    return status == TERN_STATUS_UNAVAILABLE ? fail_list(&search, source, list) : status;
}
