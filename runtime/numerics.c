#include "runtime/numerics.h"

#include <stdio.h>
#include <string.h>

#include <tern/commands.h>

#include "runtime/allocator.h"
#include "runtime/context.h"
#include "runtime/log.h"
#include "runtime/status.h"

enum { ROWS = 3, COLS = 200, OUTPUTS = 70, HEADS = 2, HEAD_DIM = 100 };

// Floats in the input buffer: a matrix, weights of a norm, a cache of one block, row parameters.
enum {
    AT_X = 0,
    AT_GAIN = AT_X + ROWS * COLS,
    AT_POSITIONS = AT_GAIN + COLS,
    AT_SEQUENCES = AT_POSITIONS + 4,
    AT_TABLE = AT_SEQUENCES + 4,
    AT_CACHE = AT_TABLE + 4,
    CACHE_WORDS = HEADS * TERN_KV_BLOCK * HEAD_DIM / 2,
    AT_OUT = AT_CACHE + 2 * CACHE_WORDS,
    OUT_WORDS = ROWS * COLS,
    WORDS = AT_OUT + OUT_WORDS
};

// The same memory and weights on one device.
typedef struct probe {
    tern_device *device;
    tern_buffer *buffer;
    tern_weights *ternary;
    tern_weights *dense;
} probe;

typedef struct tern__numerics_entry {
    char backend[64];
    char name[128];
    char driver[128];
    tern_numerics numerics;
} numerics_entry;

// A fixed sequence; the low bits of a linear congruential generator are not used.
static uint32_t next_random(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

// Values over 24 binary orders of magnitude.
static float random_float(uint32_t *state) {
    float value = (float)(int32_t)(next_random(state) - (1u << 23)) / (float)(1u << 23);
    uint32_t shrink = next_random(state) % 24;
    return value / (float)(1u << shrink) * 8.0f;
}

static void fill_input(float *words) {
    uint32_t state = 1;
    memset(words, 0, WORDS * sizeof *words);
    for (uint32_t i = 0; i < AT_POSITIONS; i++) {
        words[i] = random_float(&state);
    }
    const int32_t positions[ROWS] = {0, 1, 2};
    memcpy(words + AT_POSITIONS, positions, sizeof positions);
}

static tern_status make_weights(tern_device *device, tern_dtype dtype, tern_weights **out_weights) {
    uint8_t codes[OUTPUTS * COLS * 2];
    uint32_t state = 2;
    for (uint32_t i = 0; i < sizeof codes; i++) {
        uint32_t r = next_random(&state);
        // t2: four codes below 3. f16: exponents around 1 in the odd bytes.
        codes[i] =
            dtype == TERN_DTYPE_T2
                ? (uint8_t)(r % 3 | (r >> 4) % 3 << 2 | (r >> 8) % 3 << 4 | (r >> 12) % 3 << 6)
            : i % 2 ? (uint8_t)((r & 0x83u) | 0x38u)
                    : (uint8_t)r;
    }
    bool ternary = dtype == TERN_DTYPE_T2;
    tern_weights_desc desc = {.struct_size = sizeof desc,
                              .info = {.struct_size = sizeof desc.info,
                                       .dtype = dtype,
                                       .rows = OUTPUTS,
                                       .cols = COLS,
                                       .scale_kind = ternary ? TERN_SCALE_TENSOR : TERN_SCALE_NONE,
                                       .scale = ternary ? 0.37f : 0.0f,
                                       .usage = TERN_WEIGHTS_MATMUL},
                              .codes = codes,
                              .name = "numerics probe"};
    // Without weights, the ops that need them are not probed.
    tern_status status = tern_weights_create(device, &desc, out_weights);
    return status == TERN_STATUS_UNSUPPORTED ? TERN_STATUS_OK : status;
}

static tern_status probe_open(tern_device *device, probe *p) {
    *p = (probe){.device = device};
    float *words = tern__alloc(device->context, WORDS * sizeof *words);
    if (!words) {
        return tern__fail_memory(device->context, WORDS * sizeof *words, "the numerics probe");
    }
    fill_input(words);
    tern_status status = tern_buffer_create(device, WORDS * sizeof *words, &p->buffer);
    if (status == TERN_STATUS_OK) {
        status = tern_buffer_upload(p->buffer, 0, words, WORDS * sizeof *words);
    }
    tern__free(device->context, words);
    TERN_TRY(status);
    TERN_TRY(make_weights(device, TERN_DTYPE_T2, &p->ternary));
    return make_weights(device, TERN_DTYPE_F16, &p->dense);
}

static void probe_close(probe *p) {
    tern_weights_destroy(p->dense);
    tern_weights_destroy(p->ternary);
    tern_buffer_destroy(p->buffer);
}

static tern_tensor view(const probe *p, uint32_t word, tern_dtype dtype, uint32_t rank,
                        uint32_t rows, uint32_t cols) {
    uint32_t shape[2] = {rows, cols};
    return tern_tensor_make(p->buffer, word * 4ull, dtype, rank, shape);
}

static tern_tensor input(const probe *p) {
    return view(p, AT_X, TERN_DTYPE_F32, 2, ROWS, COLS);
}

static tern_tensor output(const probe *p, uint32_t cols) {
    return view(p, AT_OUT, TERN_DTYPE_F32, 2, ROWS, cols);
}

static tern_tensor cache(const probe *p, uint32_t which) {
    uint32_t shape[4] = {1, HEADS, TERN_KV_BLOCK, HEAD_DIM};
    return tern_tensor_make(p->buffer, (AT_CACHE + which * CACHE_WORDS) * 4ull, TERN_DTYPE_F16, 4,
                            shape);
}

static tern_status add_bitlinear(tern_commands *commands, const probe *p) {
    if (!p->ternary) {
        return TERN_STATUS_UNSUPPORTED;
    }
    tern_bitlinear_desc desc = {.x = input(p),
                                .norm = TERN_NORM_RMS,
                                .norm_eps = 1e-5f,
                                .norm_weight = view(p, AT_GAIN, TERN_DTYPE_F32, 1, COLS, 0),
                                .weights = p->ternary,
                                .out = output(p, OUTPUTS)};
    return tern_cmd_bitlinear(commands, &desc);
}

static tern_status add_linear(tern_commands *commands, const probe *p) {
    if (!p->dense) {
        return TERN_STATUS_UNSUPPORTED;
    }
    tern_linear_desc desc = {.x = input(p), .weights = p->dense, .out = output(p, OUTPUTS)};
    return tern_cmd_linear(commands, &desc);
}

static tern_status add_rms_norm(tern_commands *commands, const probe *p) {
    tern_rms_norm_desc desc = {.x = input(p), .eps = 1e-5f, .out = output(p, COLS)};
    return tern_cmd_rms_norm(commands, &desc);
}

static tern_status add_gated(tern_commands *commands, const probe *p) {
    tern_gated_desc desc = {.gate = input(p),
                            .up = input(p),
                            .activation = TERN_ACTIVATION_SILU,
                            .out = output(p, COLS)};
    return tern_cmd_gated(commands, &desc);
}

static tern_status add_softmax(tern_commands *commands, const probe *p) {
    tern_softmax_desc desc = {.x = input(p), .out = output(p, COLS)};
    return tern_cmd_softmax(commands, &desc);
}

static tern_status add_attention(tern_commands *commands, const probe *p) {
    tern_tensor positions = view(p, AT_POSITIONS, TERN_DTYPE_I32, 1, ROWS, 0);
    tern_tensor sequences = view(p, AT_SEQUENCES, TERN_DTYPE_I32, 1, ROWS, 0);
    tern_tensor table = view(p, AT_TABLE, TERN_DTYPE_I32, 2, 1, 1);
    tern_kv_append_desc append = {.k = input(p),
                                  .v = input(p),
                                  .k_cache = cache(p, 0),
                                  .v_cache = cache(p, 1),
                                  .positions = positions,
                                  .sequences = sequences,
                                  .table = table};
    TERN_TRY(tern_cmd_kv_append(commands, &append));
    tern_attention_desc desc = {.q = input(p),
                                .k_cache = cache(p, 0),
                                .v_cache = cache(p, 1),
                                .positions = positions,
                                .sequences = sequences,
                                .table = table,
                                .scale = 0.1f,
                                .out = output(p, COLS)};
    return tern_cmd_attention(commands, &desc);
}

typedef tern_status (*probe_fn)(tern_commands *commands, const probe *p);

static const probe_fn probes[] = {add_bitlinear, add_linear,  add_rms_norm,
                                  add_gated,     add_softmax, add_attention};

static tern_status run(const probe *p, probe_fn add, uint32_t *out_words) {
    tern_commands *commands = NULL;
    tern_program *program = NULL;
    TERN_TRY(tern_commands_create(p->device, NULL, &commands));
    tern_status status = add(commands, p);
    if (status == TERN_STATUS_OK) {
        status = tern_commands_finish(commands, &program);
    }
    if (status == TERN_STATUS_OK) {
        status = tern_program_submit(program, NULL, NULL);
    }
    if (status == TERN_STATUS_OK) {
        status = tern_buffer_download(p->buffer, AT_OUT * 4ull, out_words, OUT_WORDS * 4ull);
    }
    tern_program_destroy(program);
    tern_commands_destroy(commands);
    return status;
}

static tern_status compare(const probe *device, const probe *reference, tern_numerics *out) {
    uint32_t got[OUT_WORDS];
    uint32_t wanted[OUT_WORDS];
    *out = TERN_NUMERICS_EXACT;
    for (size_t i = 0; i < sizeof probes / sizeof probes[0]; i++) {
        tern_status status = run(device, probes[i], got);
        if (status == TERN_STATUS_UNSUPPORTED) {
            continue;
        }
        TERN_TRY(status);
        TERN_TRY(run(reference, probes[i], wanted));
        if (memcmp(got, wanted, sizeof got) != 0) {
            *out = TERN_NUMERICS_TOLERANT;
        }
    }
    return TERN_STATUS_OK;
}

static tern_status probe_device(tern_device *device, tern_numerics *out) {
    tern_device *companion = NULL;
    TERN_TRY(tern__device_reference(device, &companion));
    probe mine;
    probe theirs = {.device = companion};
    tern_status status = probe_open(device, &mine);
    if (status == TERN_STATUS_OK) {
        status = probe_open(companion, &theirs);
    }
    if (status == TERN_STATUS_OK) {
        status = compare(&mine, &theirs, out);
    }
    probe_close(&theirs);
    probe_close(&mine);
    return status;
}

static bool matches(const numerics_entry *entry, const tern_device_info *info) {
    return !strcmp(entry->backend, info->backend) && !strcmp(entry->name, info->name) &&
           !strcmp(entry->driver, info->driver);
}

static tern_numerics cached(tern_context *context, const tern_device_info *info) {
    tern_numerics numerics = TERN_NUMERICS_UNKNOWN;
    if (!info->driver[0]) {
        return numerics; // not known well enough to be recognised
    }
    tern__mutex_lock(&context->lock);
    for (size_t i = 0; i < context->numerics.count; i++) {
        if (matches(&context->numerics.entries[i], info)) {
            numerics = context->numerics.entries[i].numerics;
        }
    }
    tern__mutex_unlock(&context->lock);
    return numerics;
}

// What cannot be remembered is probed again next time.
static void remember(tern_context *context, const tern_device_info *info, tern_numerics numerics) {
    tern__numerics_cache *cache_of = &context->numerics;
    tern__mutex_lock(&context->lock);
    void *entries = cache_of->entries;
    if (info->driver[0] && tern__grow(context, &entries, &cache_of->capacity, cache_of->count + 1,
                                      sizeof *cache_of->entries)) {
        cache_of->entries = entries;
        numerics_entry *entry = &cache_of->entries[cache_of->count++];
        *entry = (numerics_entry){.numerics = numerics};
        memcpy(entry->backend, info->backend, sizeof entry->backend);
        memcpy(entry->name, info->name, sizeof entry->name);
        memcpy(entry->driver, info->driver, sizeof entry->driver);
    }
    tern__mutex_unlock(&context->lock);
}

tern_status tern__numerics_probe(tern_device *device, tern_numerics *out_numerics) {
    *out_numerics = cached(device->context, &device->info);
    if (*out_numerics != TERN_NUMERICS_UNKNOWN) {
        return TERN_STATUS_OK;
    }
    // That a backend lacks an op is no news here.
    tern__quiet quiet;
    tern__quiet_begin(&quiet);
    char reason[TERN__MESSAGE_CAPACITY];
    tern_status status = probe_device(device, out_numerics);
    tern__quiet_end_with(&quiet, status, reason);
    if (status != TERN_STATUS_OK) {
        return tern__fail(device->context, status, "%s", reason);
    }
    remember(device->context, &device->info, *out_numerics);
    return TERN_STATUS_OK;
}

void tern__numerics_finish(tern_context *context) {
    tern__free(context, context->numerics.entries);
    context->numerics = (tern__numerics_cache){0};
}
