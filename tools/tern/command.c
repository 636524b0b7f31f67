#include "tools/tern/command.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int command_parsed(arg_result result) {
    return result == ARGS_OK ? -1 : result == ARGS_HELP ? EXIT_DONE : EXIT_USAGE;
}

static bool choose_kv(const char *program, const char *text, tern_kv_type *out_kv) {
    static const char *const names[] = {
        [TERN_KV_F16] = "f16", [TERN_KV_F32] = "f32", [TERN_KV_I8] = "i8"};
    for (tern_kv_type kv = 0; kv < sizeof names / sizeof names[0]; kv++) {
        if (strcmp(text, names[kv]) == 0) {
            *out_kv = kv;
            return true;
        }
    }
    args_complain(program, "option '--kv' needs f16, f32 or i8, not '%s'", text);
    return false;
}

bool command_model_options(const char *program, model_options *options) {
    const char *head = options->head_text ? options->head_text : "file";
    options->flags = strcmp(head, "q8") == 0 ? TERN_MODEL_HEAD_Q8 : 0;
    if (!choose_kv(program, options->kv_text ? options->kv_text : "f16", &options->kv)) {
        return false;
    }
    if (strcmp(head, "file") != 0 && strcmp(head, "q8") != 0) {
        args_complain(program, "option '--head' needs file or q8, not '%s'", head);
        return false;
    }
    return command_i2s_block(program, options->i2s_block);
}

bool command_i2s_block(const char *program, uint32_t block) {
    if (block != 0 && block != 64 && block != 128) {
        args_complain(program, "option '--i2s-block' needs 64 or 128, not %u", (unsigned)block);
        return false;
    }
    return true;
}

static volatile sig_atomic_t interrupted;

static tern_cancel *cancelled; // by an interrupt, too; changes while nothing runs

static void on_interrupt(int number) {
    interrupted = 1;
    tern_cancel_request(cancelled);
    signal(number, SIG_DFL);
}

void interrupt_watch(void) {
    interrupted = 0;
    tern_cancel_reset(cancelled);
    signal(SIGINT, on_interrupt);
}

void terminate_watch(void) {
    signal(SIGTERM, on_interrupt);
}

void interrupt_cancels(tern_cancel *cancel) {
    cancelled = cancel;
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

tern_status command_encode(const tern_tokenizer *tokenizer, const char *bytes, size_t size,
                           uint32_t flags, int32_t **out_ids, size_t *out_count) {
    size_t capacity = size + 2; // enough but for odd vocabularies
    tern_status status = TERN_STATUS_OUT_OF_RANGE;
    *out_ids = NULL;
    for (int attempt = 0; attempt < 2 && status == TERN_STATUS_OUT_OF_RANGE; attempt++) {
        free(*out_ids);
        *out_ids = calloc(capacity, sizeof **out_ids);
        if (!*out_ids) {
            return TERN_STATUS_OUT_OF_MEMORY;
        }
        status =
            tern_tokenizer_encode(tokenizer, bytes, size, flags, *out_ids, capacity, out_count);
        capacity = *out_count;
    }
    return status;
}
