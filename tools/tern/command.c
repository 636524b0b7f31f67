#include "tools/tern/command.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

int command_parsed(arg_result result) {
    return result == ARGS_OK ? -1 : result == ARGS_HELP ? EXIT_DONE : EXIT_USAGE;
}

bool command_kv(const char *program, const char *text, tern_kv_type *out) {
    *out = text && strcmp(text, "f32") == 0 ? TERN_KV_F32 : TERN_KV_F16;
    if (text && strcmp(text, "f16") != 0 && strcmp(text, "f32") != 0) {
        args_complain(program, "option '--kv' needs f16 or f32, not '%s'", text);
        return false;
    }
    return true;
}

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number) {
    interrupted = 1;
    signal(number, SIG_DFL);
}

void interrupt_watch(void) {
    signal(SIGINT, on_interrupt);
}

bool interrupt_seen(void) {
    return interrupted != 0;
}

void format_bytes(uint64_t bytes, char *out, size_t capacity) {
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    int unit = -1;
    while (value >= 1024.0 && unit < 3) {
        value /= 1024.0;
        unit++;
    }
    if (unit < 0) {
        snprintf(out, capacity, "%" PRIu64 " bytes", bytes);
    } else {
        snprintf(out, capacity, "%.1f %s", value, units[unit]);
    }
}
