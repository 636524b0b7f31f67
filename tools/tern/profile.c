// What the ops of a device took, as a table.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/tern/command.h"

enum { ROWS_MAX = 256 };

static int longest_first(const void *a, const void *b) {
    const tern_profile_row *left = a;
    const tern_profile_row *right = b;
    return (left->ns < right->ns) - (left->ns > right->ns);
}

static const char *clock_text(tern_clock clock) {
    static const char *const texts[] = {"not timed", "by the host's clock",
                                        "by the device's clock"};
    return texts[clock <= TERN_CLOCK_DEVICE ? clock : 0];
}

static void print_row(const tern_profile_row *row, double total_ns) {
    double ns = (double)row->ns;
    fprintf(stderr, "%10.3f %6.1f %10" PRIu64 " %10.2f  %-16s %s: %s, %s\n", ns * 1e-6,
            total_ns > 0.0 ? ns * 100.0 / total_ns : 0.0, row->runs,
            row->runs ? ns * 1e-3 / (double)row->runs : 0.0, tern_op_describe(row->kind)->name,
            row->backend, row->kernel, clock_text(row->clock));
}

void profile_print(tern_device *device) {
    const char *option = tern_context_option(tern_device_context(device), "TERN_PROFILE");
    if (!option || option[0] != '1') {
        return;
    }
    static tern_profile_row rows[ROWS_MAX];
    uint32_t count = 0;
    double total_ns = 0.0;
    rows[0].struct_size = sizeof rows[0];
    while (count < ROWS_MAX && tern_device_profile(device, count, &rows[count]) == TERN_STATUS_OK) {
        total_ns += (double)rows[count++].ns;
        if (count < ROWS_MAX) {
            rows[count].struct_size = sizeof rows[0];
        }
    }
    qsort(rows, count, sizeof rows[0], longest_first);
    fprintf(stderr, "%10s %6s %10s %10s  %-16s %s\n", "ms", "%", "runs", "us each", "op",
            "backend: kernel");
    for (uint32_t i = 0; i < count; i++) {
        print_row(&rows[i], total_ns);
    }
}
