#include "runtime/model/network/step.h"

#include <stddef.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/status.h"

// A tensor of a step: where it goes, and how many columns it has. 0: the network has no use for it.
typedef struct slot {
    size_t offset;
    uint32_t cols;
    bool per_selected; // a row for each selected row; else for each row
    tern_dtype dtype;
} slot;

enum { SLOT_COUNT = 15 };

static uint32_t widest(const tern__hyper *hyper) {
    uint32_t heads = hyper->heads * hyper->head_dim;
    uint32_t most = heads > hyper->width ? heads : hyper->width;
    return most > hyper->ffn_width ? most : hyper->ffn_width;
}

#define PLACE(member) offsetof(tern__step_tensors, member)

static void list_slots(const tern__hyper *hyper, bool staged, slot slots[SLOT_COUNT]) {
    const tern_dtype f32 = TERN_DTYPE_F32, i32 = TERN_DTYPE_I32;
    uint32_t heads = hyper->heads * hyper->head_dim;
    uint32_t kv_heads = hyper->kv_heads * hyper->head_dim;
    uint32_t used = hyper->experts_used, units = used ? used : 1;
    bool joint = tern__hyper_has(hyper, TERN__JOINT_GATE);
    const slot list[SLOT_COUNT] = {
        {PLACE(x), hyper->width, false, f32},
        {PLACE(q), heads, false, f32},
        {PLACE(k), kv_heads, false, f32},
        {PLACE(v), kv_heads, false, f32},
        {PLACE(attended), heads, false, f32},
        {PLACE(scores), hyper->experts, false, f32},
        {PLACE(experts), used, false, i32},
        {PLACE(shares), used, false, f32},
        {PLACE(gate), (joint ? 2 : units) * hyper->ffn_width, false, f32},
        {PLACE(up), units * hyper->ffn_width, false, f32},
        {PLACE(said), used * hyper->width, false, f32},
        {PLACE(normed), staged ? widest(hyper) : 0, false, f32},
        {PLACE(projected), staged ? hyper->width : 0, false, f32},
        {PLACE(hidden), hyper->width, true, f32},
        {PLACE(logits), hyper->vocabulary, true, f32},
    };
    memcpy(slots, list, sizeof list);
}

uint64_t tern__step_bytes(const tern__hyper *hyper, uint32_t rows, bool staged) {
    slot slots[SLOT_COUNT];
    uint64_t bytes = tern__param_words(rows) * sizeof(int32_t);
    list_slots(hyper, staged, slots);
    for (int i = 0; i < SLOT_COUNT; i++) {
        uint64_t count = slots[i].per_selected ? tern__selected_capacity(rows) : rows;
        bytes += count * slots[i].cols * sizeof(float); // as much as an int32
    }
    return bytes + tern__selected_capacity(rows) * sizeof(int32_t);
}

static tern_status add_buffer(tern__step *step, uint64_t bytes, tern_buffer **out) {
    TERN_TRY(tern_buffer_create(step->device, bytes, out));
    step->buffers[step->buffer_count++] = *out;
    return TERN_STATUS_OK;
}

static tern_status add_tensor(tern__step *step, tern_dtype dtype, uint32_t rank,
                              const uint32_t *shape, tern_tensor *out) {
    tern_buffer *buffer = NULL;
    TERN_TRY(add_buffer(step, tern_tensor_packed_bytes(dtype, rank, shape), &buffer));
    *out = tern_tensor_make(buffer, 0, dtype, rank, shape);
    return TERN_STATUS_OK;
}

static tern_status add_params(tern__step *step, tern_tensor *out) {
    tern__step_tensors *t = &step->tensors;
    uint32_t rows = step->rows;
    uint32_t selected = tern__selected_capacity(rows);
    uint32_t words = tern__param_words(rows);
    TERN_TRY(add_tensor(step, TERN_DTYPE_I32, 1, &words, out));
    const struct {
        tern_tensor *tensor;
        uint32_t word;
        uint32_t count;
    } views[] = {{&t->tokens, tern__param_token(0), rows},
                 {&t->positions, tern__param_position(rows, 0), rows},
                 {&t->sequences, tern__param_sequence(rows, 0), rows},
                 {&t->selected, tern__param_selected(rows, 0), selected}};
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++) {
        *views[i].tensor = tern_tensor_make(out->buffer, views[i].word * sizeof(int32_t),
                                            TERN_DTYPE_I32, 1, &views[i].count);
    }
    t->live = 1 + TERN__PARAM_LIVE;
    t->live_selected = 1 + TERN__PARAM_SELECTED;
    t->live_logits = 1 + TERN__PARAM_LOGITS;
    return add_tensor(step, TERN_DTYPE_I32, 1, &selected, &t->picked);
}

static tern_status add_activations(tern__step *step, const tern__network *network) {
    slot slots[SLOT_COUNT];
    list_slots(&network->hyper, network->staged, slots);
    for (int i = 0; i < SLOT_COUNT; i++) {
        uint32_t rows = slots[i].per_selected ? tern__selected_capacity(step->rows) : step->rows;
        uint32_t shape[2] = {rows, slots[i].cols};
        tern_tensor *place = (tern_tensor *)(void *)((char *)&step->tensors + slots[i].offset);
        if (slots[i].cols) {
            TERN_TRY(add_tensor(step, slots[i].dtype, 2, shape, place));
        }
    }
    return TERN_STATUS_OK;
}

static tern_status compile(tern__step *step, const tern__network *network,
                           const tern_tensor *params) {
    tern_commands_desc desc = {.struct_size = sizeof desc, .params = *params};
    tern_commands *commands = NULL;
    TERN_TRY(tern_commands_create(step->device, &desc, &commands));
    tern_status status = tern__network_forward(network, &step->tensors, commands);
    if (status == TERN_STATUS_OK) {
        status = tern_commands_finish(commands, &step->program);
    }
    tern_commands_destroy(commands);
    return status;
}

static tern_status fill(tern__step *step, const tern__network *network) {
    tern_tensor params = {0};
    TERN_TRY(add_params(step, &params));
    TERN_TRY(add_activations(step, network));
    return compile(step, network, &params);
}

tern_status tern__step_create(const tern__network *network, const tern__cache *cache,
                              const tern_tensor rotary[], uint32_t rows, tern__step **out_step) {
    tern__step *step = tern__calloc(network->context, 1, sizeof *step);
    *out_step = NULL;
    if (!step) {
        return tern__fail_memory(network->context, sizeof *step, "program");
    }
    step->context = network->context;
    step->device = network->device;
    step->rows = rows;
    memcpy(step->tensors.rotary, rotary, sizeof step->tensors.rotary);
    step->tensors.table = cache->table;
    step->tensors.k_cache = cache->keys;
    step->tensors.v_cache = cache->values;
    step->tensors.states = cache->keys;
    tern_status status = fill(step, network);
    if (status != TERN_STATUS_OK) {
        tern__step_destroy(step);
        return status;
    }
    *out_step = step;
    return TERN_STATUS_OK;
}

void tern__step_destroy(tern__step *step) {
    if (!step) {
        return;
    }
    tern_program_destroy(step->program);
    for (uint32_t i = 0; i < step->buffer_count; i++) {
        tern_buffer_destroy(step->buffers[i]);
    }
    tern__free(step->context, step);
}
