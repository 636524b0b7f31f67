// Makes a tokenizer from the tokenizer.* keys of an archive.
#include "runtime/model/tokenizer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/archive.h"
#include "runtime/model/source.h"
#include "runtime/status.h"

#define KEY(name) "tokenizer.ggml." name

// Where files of the kind "llama" without such keys have these tokens.
enum { DEFAULT_UNKNOWN = 0, DEFAULT_BOS = 1, DEFAULT_EOS = 2 };

// What is read from the archive, lent.
typedef struct vocabulary {
    const tern_archive *archive;
    const char *file;
    tern__array tokens;
    tern__array scores; // count 0: none
    tern__array types;  // count 0: none
} vocabulary;

typedef struct ranked {
    uint32_t length;
    uint32_t id;
} ranked;

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int tern__token_byte(const char *text, uint32_t size) {
    if (size != 6 || memcmp(text, "<0x", 3) != 0 || text[5] != '>') {
        return -1;
    }
    int high = hex_digit(text[3]);
    int low = hex_digit(text[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

// FNV-1a, its high half folded in.
static uint32_t hash_of(const char *text, uint32_t size) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (uint32_t i = 0; i < size; i++) {
        hash = (hash ^ (uint8_t)text[i]) * 0x100000001b3u;
    }
    return (uint32_t)(hash ^ hash >> 32);
}

// The slot that holds this text, or the free one where it belongs.
static uint32_t slot_of(const tern_tokenizer *tokenizer, const char *text, uint32_t size) {
    uint32_t slot = hash_of(text, size) & tokenizer->slot_mask;
    while (tokenizer->slots[slot] != 0) {
        uint32_t length;
        const char *token = tern__token_text(tokenizer, tokenizer->slots[slot] - 1, &length);
        if (length == size && memcmp(token, text, size) == 0) {
            break;
        }
        slot = (slot + 1) & tokenizer->slot_mask;
    }
    return slot;
}

int32_t tern__token_find(const tern_tokenizer *tokenizer, const char *text, uint32_t size) {
    return (int32_t)tokenizer->slots[slot_of(tokenizer, text, size)] - 1;
}

// Control, unknown and byte tokens have a meaning that text must not be able to spell.
static bool is_spelled(uint8_t type) {
    return type != TERN__TOKEN_CONTROL && type != TERN__TOKEN_UNKNOWN && type != TERN__TOKEN_BYTE;
}

static bool is_special(uint8_t type) {
    return type == TERN__TOKEN_CONTROL || type == TERN__TOKEN_UNKNOWN ||
           type == TERN__TOKEN_USER_DEFINED;
}

static tern_status contradiction(const vocabulary *v, const char *what, uint64_t got,
                                 uint64_t wanted) {
    return tern__fail(tern__archive_context(v->archive), TERN_STATUS_CORRUPT_DATA,
                      "%s: %s is %" PRIu64 ", but the vocabulary has %" PRIu64 " tokens", v->file,
                      what, got, wanted);
}

// An array with one element for each token, or none.
static tern_status read_column(const vocabulary *v, const char *key, tern_value_type type,
                               tern__array *out) {
    tern_status status = tern__archive_array(v->archive, key, type, out);
    if (status == TERN_STATUS_NOT_FOUND) {
        out->count = 0;
        return TERN_STATUS_OK;
    }
    TERN_TRY(status);
    if (out->count != v->tokens.count) {
        char what[64];
        snprintf(what, sizeof what, "the length of %s", key);
        return contradiction(v, what, out->count, v->tokens.count);
    }
    return TERN_STATUS_OK;
}

static tern_status read_vocabulary(const tern_archive *archive, vocabulary *v) {
    v->archive = archive;
    v->file = tern__source_name(tern__archive_source(archive));
    tern_context *context = tern__archive_context(archive);
    tern_status status = tern__archive_array(archive, KEY("tokens"), TERN_VALUE_STRING, &v->tokens);
    if (status == TERN_STATUS_NOT_FOUND) {
        return tern__fail(context, status, "%s: key '" KEY("tokens") "' is missing", v->file);
    }
    TERN_TRY(status);
    if (v->tokens.count == 0 || v->tokens.count > INT32_MAX / 4) {
        return tern__fail(context, TERN_STATUS_CORRUPT_DATA,
                          "%s: " KEY("tokens") " has %" PRIu64 " tokens, expected 1 to %d", v->file,
                          v->tokens.count, INT32_MAX / 4);
    }
    TERN_TRY(read_column(v, KEY("scores"), TERN_VALUE_F32, &v->scores));
    return read_column(v, KEY("token_type"), TERN_VALUE_I32, &v->types);
}

static tern_status allocate(tern_tokenizer *tokenizer, const vocabulary *v) {
    tern_context *context = tokenizer->context;
    uint64_t text = 0;
    for (uint64_t i = 0; i < v->tokens.count; i++) {
        size_t size;
        tern__array_string(&v->tokens, i, &size);
        text += size; // of disjoint parts of memory: no overflow
    }
    if (text > UINT32_MAX) {
        return tern__fail(context, TERN_STATUS_UNSUPPORTED,
                          "%s: the tokens take %" PRIu64 " bytes, at most 4 GiB are supported",
                          v->file, text);
    }
    uint32_t slots = 16;
    while (slots / 2 < v->tokens.count) {
        slots *= 2;
    }
    size_t count = (size_t)v->tokens.count;
    tokenizer->slot_mask = slots - 1;
    tokenizer->text = tern__alloc(context, (size_t)text);
    tokenizer->starts = tern__calloc(context, count + 1, sizeof *tokenizer->starts);
    tokenizer->scores = tern__calloc(context, count, sizeof *tokenizer->scores);
    tokenizer->types = tern__calloc(context, count, sizeof *tokenizer->types);
    tokenizer->slots = tern__calloc(context, slots, sizeof *tokenizer->slots);
    if (!tokenizer->text || !tokenizer->starts || !tokenizer->scores || !tokenizer->types ||
        !tokenizer->slots) {
        return tern__fail_memory(context, text + (uint64_t)count * 9 + (uint64_t)slots * 4,
                                 "a vocabulary");
    }
    return TERN_STATUS_OK;
}

static tern_status fill_token(tern_tokenizer *tokenizer, const vocabulary *v, uint32_t id) {
    tern_context *context = tokenizer->context;
    size_t size;
    const char *text = tern__array_string(&v->tokens, id, &size);
    memcpy(tokenizer->text + tokenizer->starts[id], text, size);
    tokenizer->starts[id + 1] = tokenizer->starts[id] + (uint32_t)size;
    int byte = tern__token_byte(text, (uint32_t)size);
    int32_t type = byte >= 0 ? TERN__TOKEN_BYTE : TERN__TOKEN_NORMAL;
    type = v->types.count ? tern__array_i32(&v->types, id) : type;
    if (type < TERN__TOKEN_UNDEFINED || type > TERN__TOKEN_BYTE) {
        return tern__fail(context, TERN_STATUS_CORRUPT_DATA,
                          "%s: token %" PRIu32 " is of type %" PRId32 ", expected 0 to 6", v->file,
                          id, type);
    }
    if (type == TERN__TOKEN_BYTE && byte < 0) {
        return tern__fail(context, TERN_STATUS_CORRUPT_DATA,
                          "%s: token %" PRIu32 " is a byte, but not spelled <0x00> to <0xFF>",
                          v->file, id);
    }
    float score = v->scores.count ? tern__array_f32(&v->scores, id) : 0.0f;
    if (score != score) {
        return tern__fail(context, TERN_STATUS_CORRUPT_DATA,
                          "%s: the score of token %" PRIu32 " is NaN", v->file, id);
    }
    tokenizer->types[id] = (uint8_t)type;
    tokenizer->scores[id] = score;
    if (byte >= 0) {
        tokenizer->bytes[byte] = (int32_t)id;
    }
    return TERN_STATUS_OK;
}

static tern_status fill_tokens(tern_tokenizer *tokenizer, const vocabulary *v) {
    memset(tokenizer->bytes, 0xff, sizeof tokenizer->bytes);
    tokenizer->size = (uint32_t)v->tokens.count;
    for (uint32_t id = 0; id < tokenizer->size; id++) {
        TERN_TRY(fill_token(tokenizer, v, id));
    }
    return TERN_STATUS_OK;
}

// |fallback| applies where the key is absent and the vocabulary long enough. All ones means none.
static tern_status read_id(const tern_tokenizer *tokenizer, const vocabulary *v, const char *key,
                           uint32_t fallback, int32_t *out) {
    uint32_t id;
    TERN_TRY(tern__archive_u32(v->archive, key, UINT32_MAX, &id));
    tern_value value = {.struct_size = sizeof value};
    if (tern_archive_find(v->archive, key, &value) == TERN_STATUS_NOT_FOUND &&
        fallback < tokenizer->size) {
        id = fallback;
    }
    *out = -1;
    if (id == UINT32_MAX) {
        return TERN_STATUS_OK;
    }
    if (id >= tokenizer->size) {
        return contradiction(v, key, id, tokenizer->size);
    }
    *out = (int32_t)id;
    return TERN_STATUS_OK;
}

static tern_status read_ids(tern_tokenizer *tokenizer, const vocabulary *v) {
    const uint32_t none = UINT32_MAX;
    TERN_TRY(read_id(tokenizer, v, KEY("bos_token_id"), DEFAULT_BOS, &tokenizer->bos));
    TERN_TRY(read_id(tokenizer, v, KEY("eos_token_id"), DEFAULT_EOS, &tokenizer->eos));
    TERN_TRY(read_id(tokenizer, v, KEY("unknown_token_id"), DEFAULT_UNKNOWN, &tokenizer->unknown));
    TERN_TRY(read_id(tokenizer, v, KEY("eot_token_id"), none, &tokenizer->end_of_turn));
    TERN_TRY(read_id(tokenizer, v, KEY("eom_token_id"), none, &tokenizer->end_of_message));
    TERN_TRY(tern__archive_bool(v->archive, KEY("add_bos_token"), true, &tokenizer->add_bos));
    TERN_TRY(tern__archive_bool(v->archive, KEY("add_space_prefix"), true,
                                &tokenizer->add_space_prefix));
    for (int byte = 0; byte < 256 && tokenizer->unknown < 0; byte++) {
        if (tokenizer->bytes[byte] < 0) {
            return tern__fail(
                tokenizer->context, TERN_STATUS_CORRUPT_DATA,
                "%s: the vocabulary has neither a token <0x%02X> nor an unknown token", v->file,
                (unsigned)byte);
        }
    }
    return TERN_STATUS_OK;
}

// A vocabulary that does not say what its tokens are: these at least are no text.
static void mark_types(tern_tokenizer *tokenizer, const vocabulary *v) {
    if (v->types.count > 0) {
        return;
    }
    const int32_t control[] = {tokenizer->bos, tokenizer->eos, tokenizer->end_of_turn,
                               tokenizer->end_of_message};
    for (size_t i = 0; i < sizeof control / sizeof control[0]; i++) {
        if (control[i] >= 0) {
            tokenizer->types[control[i]] = TERN__TOKEN_CONTROL;
        }
    }
    if (tokenizer->unknown >= 0) {
        tokenizer->types[tokenizer->unknown] = TERN__TOKEN_UNKNOWN;
    }
}

static int compare_ranked(const void *a, const void *b) {
    const ranked *x = a;
    const ranked *y = b;
    if (x->length != y->length) {
        return x->length > y->length ? -1 : 1;
    }
    return (x->id > y->id) - (x->id < y->id);
}

static tern_status index_special(tern_tokenizer *tokenizer, uint32_t count) {
    tern_context *context = tokenizer->context;
    size_t bytes = (size_t)count * (sizeof(ranked) + sizeof *tokenizer->special);
    ranked *order = tern__calloc(context, count, sizeof *order);
    tokenizer->special = tern__calloc(context, count, sizeof *tokenizer->special);
    if (!order || !tokenizer->special) {
        tern__free(context, order);
        return tern__fail_memory(context, bytes, "a vocabulary");
    }
    uint32_t filled = 0;
    for (uint32_t id = 0; id < tokenizer->size; id++) {
        uint32_t length;
        tern__token_text(tokenizer, id, &length);
        if (is_special(tokenizer->types[id]) && length > 0) {
            order[filled++] = (ranked){length, id};
        }
    }
    qsort(order, filled, sizeof *order, compare_ranked);
    for (uint32_t i = 0; i < filled; i++) {
        tokenizer->special[i] = order[i].id;
    }
    tokenizer->special_count = filled;
    tern__free(context, order);
    return TERN_STATUS_OK;
}

static tern_status index_tokens(tern_tokenizer *tokenizer) {
    uint32_t special = 0;
    for (uint32_t id = 0; id < tokenizer->size; id++) {
        uint8_t type = tokenizer->types[id];
        uint32_t length;
        const char *text = tern__token_text(tokenizer, id, &length);
        special += is_special(type);
        tokenizer->has_user_defined |= type == TERN__TOKEN_USER_DEFINED;
        if (is_spelled(type) && length > 0) {
            tokenizer->slots[slot_of(tokenizer, text, length)] = id + 1;
        }
    }
    return index_special(tokenizer, special);
}

static tern_status fill(tern_tokenizer *tokenizer, const tern_archive *archive) {
    vocabulary v;
    TERN_TRY(read_vocabulary(archive, &v));
    TERN_TRY(allocate(tokenizer, &v));
    TERN_TRY(fill_tokens(tokenizer, &v));
    TERN_TRY(read_ids(tokenizer, &v));
    mark_types(tokenizer, &v);
    return index_tokens(tokenizer);
}

tern_status tern_tokenizer_create(tern_context *context, const tern_archive *archive,
                                  tern_tokenizer **out_tokenizer) {
    if (!context || !archive || !out_tokenizer) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT,
                          "tokenizer: context, archive and out_tokenizer must not be NULL");
    }
    *out_tokenizer = NULL;
    const char *kind;
    TERN_TRY(tern__archive_need_string(archive, KEY("model"), &kind));
    if (strcmp(kind, "llama") != 0) {
        return tern__fail(context, TERN_STATUS_UNSUPPORTED,
                          "%s: tokenizer '%.64s' is not supported, expected 'llama'",
                          tern__source_name(tern__archive_source(archive)), kind);
    }
    tern_tokenizer *tokenizer = tern__calloc(context, 1, sizeof *tokenizer);
    if (!tokenizer) {
        return tern__fail_memory(context, sizeof *tokenizer, "a tokenizer");
    }
    tokenizer->context = context;
    memcpy(tokenizer->kind, "llama", sizeof "llama");
    tern_status status = fill(tokenizer, archive);
    if (status != TERN_STATUS_OK) {
        tern_tokenizer_destroy(tokenizer);
        return status;
    }
    *out_tokenizer = tokenizer;
    return TERN_STATUS_OK;
}

void tern_tokenizer_destroy(tern_tokenizer *tokenizer) {
    if (!tokenizer) {
        return;
    }
    tern_context *context = tokenizer->context;
    tern__free(context, tokenizer->special);
    tern__free(context, tokenizer->slots);
    tern__free(context, tokenizer->types);
    tern__free(context, tokenizer->scores);
    tern__free(context, tokenizer->starts);
    tern__free(context, tokenizer->text);
    tern__free(context, tokenizer);
}
