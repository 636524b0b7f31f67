#include "runtime/model/text/vocabulary.h"

#include <inttypes.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/status.h"

void tern__vocabulary_init(tern__vocabulary *v, tern_context *context, const char *file) {
    *v = (tern__vocabulary){.context = context,
                            .file = file,
                            .kind = "",
                            .split_letters = SIZE_MAX,
                            .bos = -1,
                            .eos = -1,
                            .unknown = -1,
                            .end_of_turn = -1,
                            .end_of_message = -1,
                            .padding = -1};
}

void tern__vocabulary_finish(tern__vocabulary *v) {
    if (!v->context) {
        return;
    }
    tern__free(v->context, v->text);
    tern__free(v->context, v->tokens);
    tern__free(v->context, v->slots);
    tern__free(v->context, v->merges);
    tern__free(v->context, v->splits);
    tern__free(v->context, v->normals);
    *v = (tern__vocabulary){0};
}

static tern_status no_memory(const tern__vocabulary *v, size_t count, size_t each) {
    return tern__fail_memory(v->context, (uint64_t)count * each, "a vocabulary");
}

tern_status tern__vocabulary_keep(tern__vocabulary *v, const char *text, size_t size,
                                  tern__span *out) {
    if (size >= UINT32_MAX - v->text_size) {
        return tern__fail(v->context, TERN_STATUS_UNSUPPORTED,
                          "%s: the tokens take more than 4 GiB, which is not supported", v->file);
    }
    size_t needed = v->text_size + size + 1;
    if (!tern__grow(v->context, (void **)&v->text, &v->text_capacity, needed, 1)) {
        return no_memory(v, needed, 1);
    }
    if (size > 0) {
        memcpy(v->text + v->text_size, text, size);
    }
    v->text[v->text_size + size] = '\0';
    *out = (tern__span){(uint32_t)v->text_size, (uint32_t)size};
    v->text_size = needed;
    return TERN_STATUS_OK;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int tern__token_byte(const char *text, size_t size) {
    if (size != 6 || memcmp(text, "<0x", 3) != 0 || text[5] != '>') {
        return -1;
    }
    int high = hex_digit(text[3]);
    int low = hex_digit(text[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static tern_status check_token(const tern__vocabulary *v, uint32_t id, const char *text,
                               size_t size, double score, int32_t type) {
    if (id >= TERN__MAX_TOKENS) {
        return tern__fail(v->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: a token has the id %" PRIu32 ", expected less than %d", v->file, id,
                          TERN__MAX_TOKENS);
    }
    if (type < TERN__TOKEN_UNDEFINED || type > TERN__TOKEN_BYTE) {
        return tern__fail(v->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: token %" PRIu32 " is of type %" PRId32 ", expected 0 to 6", v->file,
                          id, type);
    }
    if (type == TERN__TOKEN_BYTE && tern__token_byte(text, size) < 0) {
        return tern__fail(v->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: token %" PRIu32 " is a byte, but not spelled <0x00> to <0xFF>",
                          v->file, id);
    }
    if (score != score) {
        return tern__fail(v->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: the score of token %" PRIu32 " is NaN", v->file, id);
    }
    return TERN_STATUS_OK;
}

tern_status tern__vocabulary_set(tern__vocabulary *v, uint32_t id, const char *text, size_t size,
                                 double score, int32_t type) {
    TERN_TRY(check_token(v, id, text, size, score, type));
    tern__span span;
    TERN_TRY(tern__vocabulary_keep(v, text, size, &span));
    if (!tern__grow(v->context, (void **)&v->tokens, &v->token_capacity, (size_t)id + 1,
                    sizeof *v->tokens)) {
        return no_memory(v, (size_t)id + 1, sizeof *v->tokens);
    }
    while (v->token_count <= id) {
        v->tokens[v->token_count++] = (tern__token){.type = TERN__TOKEN_UNUSED};
    }
    v->tokens[id] = (tern__token){
        .start = span.start, .size = span.size, .score = score, .type = (uint8_t)type};
    return TERN_STATUS_OK;
}

// FNV-1a, its high half folded in.
static uint32_t hash_of(const char *text, size_t size) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ (uint8_t)text[i]) * 0x100000001b3u;
    }
    return (uint32_t)(hash ^ hash >> 32);
}

// The slot that holds this text, or the free one where it belongs.
static uint32_t slot_of(const tern__vocabulary *v, const char *text, size_t size) {
    uint32_t slot = hash_of(text, size) & v->slot_mask;
    while (v->slots[slot] != 0) {
        const tern__token *token = &v->tokens[v->slots[slot] - 1];
        if (token->size == size && memcmp(v->text + token->start, text, size) == 0) {
            break;
        }
        slot = (slot + 1) & v->slot_mask;
    }
    return slot;
}

int32_t tern__vocabulary_find(const tern__vocabulary *v, const char *text, size_t size) {
    return v->slots ? (int32_t)v->slots[slot_of(v, text, size)] - 1 : -1;
}

int32_t tern__vocabulary_find_any(const tern__vocabulary *v, const char *text, size_t size) {
    for (size_t id = 0; id < v->token_count; id++) {
        const tern__token *token = &v->tokens[id];
        if (size > 0 && token->size == size && memcmp(v->text + token->start, text, size) == 0) {
            return (int32_t)id;
        }
    }
    return -1;
}

// Control, unknown and byte tokens have a meaning that text must not be able to spell.
static bool is_spelled(const tern__token *token) {
    return token->size > 0 && !(token->added & TERN__ADDED_ONLY) &&
           token->type != TERN__TOKEN_CONTROL && token->type != TERN__TOKEN_UNKNOWN &&
           token->type != TERN__TOKEN_BYTE;
}

tern_status tern__vocabulary_index(tern__vocabulary *v) {
    uint32_t slots = 16;
    while (slots / 2 < v->token_count) {
        slots *= 2;
    }
    tern__free(v->context, v->slots);
    v->slots = tern__calloc(v->context, slots, sizeof *v->slots);
    if (!v->slots) {
        return no_memory(v, slots, sizeof *v->slots);
    }
    v->slot_mask = slots - 1;
    for (uint32_t id = 0; id < v->token_count; id++) {
        const tern__token *token = &v->tokens[id];
        if (is_spelled(token)) {
            v->slots[slot_of(v, v->text + token->start, token->size)] = id + 1;
        }
    }
    return TERN_STATUS_OK;
}

// What |left| and |right| make, or -1.
static tern_status find_joined(tern__vocabulary *v, const char *left, size_t left_size,
                               const char *right, size_t right_size, int32_t *out) {
    char small[256];
    size_t skipped = v->continuing.size;
    if (right_size >= skipped && memcmp(right, v->text + v->continuing.start, skipped) == 0) {
        right += skipped;
        right_size -= skipped;
    }
    size_t size = left_size + right_size;
    char *joined = size <= sizeof small ? small : tern__alloc(v->context, size);
    if (!joined) {
        return no_memory(v, size, 1);
    }
    memcpy(joined, left, left_size);
    memcpy(joined + left_size, right, right_size);
    *out = tern__vocabulary_find(v, joined, size);
    if (joined != small) {
        tern__free(v->context, joined);
    }
    return TERN_STATUS_OK;
}

tern_status tern__vocabulary_merge(tern__vocabulary *v, const char *left, size_t left_size,
                                   const char *right, size_t right_size) {
    int32_t a = tern__vocabulary_find(v, left, left_size);
    int32_t b = tern__vocabulary_find(v, right, right_size);
    int32_t result = -1;
    TERN_TRY(find_joined(v, left, left_size, right, right_size, &result));
    if (a < 0 || b < 0 || result < 0) {
        return tern__fail(v->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: merge %zu is of '%.*s' and '%.*s', but %s is no token", v->file,
                          v->merge_count, (int)(left_size < 40 ? left_size : 40), left,
                          (int)(right_size < 40 ? right_size : 40), right,
                          a < 0   ? "the first"
                          : b < 0 ? "the second"
                                  : "what they make");
    }
    if (v->merge_count >= TERN__MAX_TOKENS) {
        return tern__fail(v->context, TERN_STATUS_UNSUPPORTED,
                          "%s: more than %d merges are not supported", v->file, TERN__MAX_TOKENS);
    }
    if (!tern__grow(v->context, (void **)&v->merges, &v->merge_capacity, v->merge_count + 1,
                    sizeof *v->merges)) {
        return no_memory(v, v->merge_count + 1, sizeof *v->merges);
    }
    v->merges[v->merge_count++] = (tern__merge){(uint32_t)a, (uint32_t)b, (uint32_t)result};
    return TERN_STATUS_OK;
}

tern_status tern__vocabulary_split(tern__vocabulary *v, const char *pattern,
                                   tern__split_behaviour behaviour, bool inverted) {
    tern__split split = {.behaviour = (uint8_t)behaviour, .inverted = inverted};
    TERN_TRY(tern__vocabulary_keep(v, pattern, strlen(pattern), &split.pattern));
    if (!tern__grow(v->context, (void **)&v->splits, &v->split_capacity, v->split_count + 1,
                    sizeof *v->splits)) {
        return no_memory(v, v->split_count + 1, sizeof *v->splits);
    }
    v->splits[v->split_count++] = split;
    return TERN_STATUS_OK;
}

tern_status tern__vocabulary_normal(tern__vocabulary *v, tern__normal_form form,
                                    const char *pattern, const char *content, size_t content_size) {
    tern__normal normal = {.form = form};
    TERN_TRY(tern__vocabulary_keep(v, pattern ? pattern : "", pattern ? strlen(pattern) : 0,
                                   &normal.pattern));
    TERN_TRY(tern__vocabulary_keep(v, content ? content : "", content ? content_size : 0,
                                   &normal.content));
    if (!tern__grow(v->context, (void **)&v->normals, &v->normal_capacity, v->normal_count + 1,
                    sizeof *v->normals)) {
        return no_memory(v, v->normal_count + 1, sizeof *v->normals);
    }
    v->normals[v->normal_count++] = normal;
    return TERN_STATUS_OK;
}
