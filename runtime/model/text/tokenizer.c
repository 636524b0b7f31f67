#include "runtime/model/text/tokenizer.h"

#include <inttypes.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/files/archive.h"
#include "runtime/model/text/normalize.h"
#include "runtime/model/files/source.h"
#include "runtime/model/text/tokenizer_added.h"
#include "runtime/model/text/tokenizer_split.h"
#include "runtime/status.h"

static const tern__tokenizer_kind kinds[] = {
    {"llama", tern__bpe_finish, tern__bpe_encode, tern__bpe_destroy}, // SentencePiece BPE
    {"gpt2", tern__bpe_finish, tern__bpe_encode, tern__bpe_destroy},  // byte-level BPE
    {"t5", tern__unigram_finish, tern__unigram_encode, tern__unigram_destroy},
    {"bert", tern__wordpiece_finish, tern__wordpiece_encode, tern__wordpiece_destroy},
    {"word", NULL, tern__words_encode, NULL},
};

static tern_status check_arguments(tern_context *context, const void *a, const void *b,
                                   const char *names) {
    if (!a || !b) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT, "tokenizer: %s must not be NULL",
                          names);
    }
    return TERN_STATUS_OK;
}

static tern_status find_kind(tern_tokenizer *tokenizer) {
    const tern__vocabulary *v = &tokenizer->v;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].name, v->kind) == 0) {
            tokenizer->kind = &kinds[i];
            return TERN_STATUS_OK;
        }
    }
    return tern__fail(v->context, TERN_STATUS_UNSUPPORTED,
                      "%s: tokenizers of the kind '%.64s' are not supported", v->file, v->kind);
}

static tern_status check_ids(const tern__vocabulary *v) {
    const int32_t ids[] = {v->bos,    v->eos, v->unknown, v->end_of_turn, v->end_of_message,
                           v->padding};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        if (ids[i] >= 0 && (size_t)ids[i] >= v->token_count) {
            return tern__fail(v->context, TERN_STATUS_CORRUPT_DATA,
                              "%s: an id with a meaning is %" PRId32
                              ", but the vocabulary has %zu tokens",
                              v->file, ids[i], v->token_count);
        }
    }
    for (uint32_t i = 0; i < v->before.count + v->after.count; i++) {
        int32_t id = i < v->before.count ? v->before.ids[i] : v->after.ids[i - v->before.count];
        if (id < 0 || (size_t)id >= v->token_count) {
            return tern__fail(v->context, TERN_STATUS_CORRUPT_DATA,
                              "%s: id %" PRId32 " goes around texts, but the vocabulary has %zu "
                              "tokens",
                              v->file, id, v->token_count);
        }
    }
    return TERN_STATUS_OK;
}

static void index_bytes(tern_tokenizer *tokenizer) {
    memset(tokenizer->bytes, 0xff, sizeof tokenizer->bytes);
    for (uint32_t id = 0; id < tokenizer->v.token_count; id++) {
        const tern__token *token = &tokenizer->v.tokens[id];
        int byte = tern__token_byte(tokenizer->v.text + token->start, token->size);
        if (byte >= 0 && token->type == TERN__TOKEN_BYTE) {
            tokenizer->bytes[byte] = (int32_t)id;
        }
    }
}

static int32_t find_control(const tern__vocabulary *v, const char *name) {
    int32_t id = tern__vocabulary_find_any(v, name, strlen(name));
    return id >= 0 && v->tokens[id].type == TERN__TOKEN_CONTROL ? id : -1;
}

// Few files say which tokens end a turn or a message: the control tokens called so do.
static void find_ends(tern__vocabulary *v) {
    static const char *const turns[] = {"<|eot_id|>", "<|im_end|>", "<end_of_turn>", "<|end|>"};
    for (size_t i = 0; i < sizeof turns / sizeof turns[0] && v->end_of_turn < 0; i++) {
        v->end_of_turn = find_control(v, turns[i]);
    }
    if (v->end_of_message < 0) {
        v->end_of_message = find_control(v, "<|eom_id|>");
    }
}

// Tokens that are looked for in normalised text are normalised themselves.
static tern_status spell_added(tern__vocabulary *v, const tern__splitter *patterns) {
    const tern__normalizing how = {v, patterns, NULL, 0, v->normal_late, true};
    for (size_t id = 0; id < v->token_count; id++) {
        tern__token *token = &v->tokens[id];
        if (token->spelling.size == 0) {
            token->spelling = (tern__span){token->start, token->size};
        }
        if (!(token->added & TERN__ADDED_NORMALIZED) || (token->added & TERN__ADDED_AS_SPELLED) ||
            v->normal_late == 0) {
            continue;
        }
        tern__text text = {.context = v->context};
        tern_status status =
            tern__normalize(&how, v->text + token->spelling.start, token->spelling.size, &text);
        if (status == TERN_STATUS_OK) {
            status = tern__vocabulary_keep(v, text.bytes, text.size, &token->spelling);
        }
        tern__text_finish(&text);
        TERN_TRY(status);
    }
    return TERN_STATUS_OK;
}

// A pre-tokenizer that was asked for has been put to use.
static tern_status check_pretokenizer(const tern__vocabulary *v) {
    if (!v->pretokenizer || v->named_splits) {
        return TERN_STATUS_OK;
    }
    return tern__fail(v->context, TERN_STATUS_UNSUPPORTED,
                      "%s: the pre-tokenizer '%.64s' was asked for, but how this vocabulary (kind "
                      "'%s') cuts a text is not told by a name: leave it out",
                      v->file, v->pretokenizer, v->kind);
}

static tern_status finish(tern_tokenizer *tokenizer) {
    tern__vocabulary *v = &tokenizer->v;
    TERN_TRY(find_kind(tokenizer));
    if (v->token_count == 0) {
        return tern__fail(v->context, TERN_STATUS_CORRUPT_DATA, "%s: there are no tokens", v->file);
    }
    TERN_TRY(check_pretokenizer(v));
    TERN_TRY(check_ids(v));
    TERN_TRY(tern__vocabulary_index(v));
    find_ends(v);
    TERN_TRY(tern__splitter_create(v, &tokenizer->splitter));
    TERN_TRY(spell_added(v, tokenizer->splitter));
    TERN_TRY(tern__added_create(v, TERN__ADDED_IN_TEXT, &tokenizer->added));
    TERN_TRY(tern__added_create(v, TERN__ADDED_IN_NORMAL, &tokenizer->added_normal));
    TERN_TRY(tern__added_create(v, TERN__ADDED_IN_MAP, &tokenizer->kept));
    index_bytes(tokenizer);
    return tokenizer->kind->finish ? tokenizer->kind->finish(tokenizer) : TERN_STATUS_OK;
}

tern_status tern__tokenizer_make(tern__vocabulary *v, tern_tokenizer **out_tokenizer) {
    tern_tokenizer *tokenizer = tern__calloc(v->context, 1, sizeof *tokenizer);
    *out_tokenizer = NULL;
    if (!tokenizer) {
        tern_context *context = v->context;
        tern__vocabulary_finish(v);
        return tern__fail_memory(context, sizeof *tokenizer, "a tokenizer");
    }
    tokenizer->v = *v;
    *v = (tern__vocabulary){0};
    tern_status status = finish(tokenizer);
    tokenizer->v.file = NULL;
    tokenizer->v.pretokenizer = NULL;
    if (status != TERN_STATUS_OK) {
        tern_tokenizer_destroy(tokenizer);
        return status;
    }
    *out_tokenizer = tokenizer;
    return TERN_STATUS_OK;
}

tern_status tern__tokenizer_check_desc(tern_context *context, const tern_tokenizer_desc *desc) {
    if (!desc) {
        return TERN_STATUS_OK;
    }
    TERN_TRY(tern__check_size(context, "tern_tokenizer_desc", desc->struct_size, sizeof *desc));
    return tern__check_reserved(context, "tern_tokenizer_desc", desc->reserved);
}

tern_status tern_tokenizer_create(tern_context *context, const tern_archive *archive,
                                  const tern_tokenizer_desc *desc, tern_tokenizer **out_tokenizer) {
    if (!context || !archive || !out_tokenizer) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT,
                          "tokenizer: context, archive and out_tokenizer must not be NULL");
    }
    *out_tokenizer = NULL;
    TERN_TRY(tern__tokenizer_check_desc(context, desc));
    tern__vocabulary v;
    tern__vocabulary_init(&v, context, tern__archive_name(archive));
    v.pretokenizer = desc ? desc->pretokenizer : NULL;
    tern_value kind = {.struct_size = sizeof kind};
    bool has_keys = tern_archive_find(archive, "tokenizer.ggml.model", &kind) == TERN_STATUS_OK;
    tern_status status = has_keys ? tern__vocabulary_read_gguf(&v, archive)
                                  : tern__vocabulary_read_folder(&v, archive);
    if (status == TERN_STATUS_OK) {
        status = tern__tokenizer_make(&v, out_tokenizer);
    }
    tern__vocabulary_finish(&v);
    return status;
}

void tern_tokenizer_destroy(tern_tokenizer *tokenizer) {
    if (!tokenizer) {
        return;
    }
    tern_context *context = tokenizer->v.context;
    if (tokenizer->kind && tokenizer->kind->destroy) {
        tokenizer->kind->destroy(tokenizer);
    }
    tern__added_destroy(tokenizer->added, context);
    tern__added_destroy(tokenizer->added_normal, context);
    tern__added_destroy(tokenizer->kept, context);
    tern__splitter_destroy(tokenizer->splitter, context);
    tern__vocabulary_finish(&tokenizer->v);
    tern__free(context, tokenizer);
}

tern_status tern_tokenizer_describe(const tern_tokenizer *tokenizer,
                                    tern_tokenizer_info *out_info) {
    TERN_TRY(check_arguments(NULL, tokenizer, out_info, "tokenizer and out_info"));
    const tern__vocabulary *v = &tokenizer->v;
    TERN_TRY(tern__check_size(v->context, "tern_tokenizer_info", out_info->struct_size,
                              sizeof *out_info));
    *out_info = (tern_tokenizer_info){.struct_size = sizeof *out_info,
                                      .size = (uint32_t)v->token_count,
                                      .bos = v->bos,
                                      .eos = v->eos,
                                      .unknown = v->unknown,
                                      .add_bos = v->before.count > 0};
    memcpy(out_info->kind, tokenizer->kind->name, strlen(tokenizer->kind->name));
    return TERN_STATUS_OK;
}

static tern_status check_id(const tern__vocabulary *v, int32_t id) {
    if (id < 0 || (size_t)id >= v->token_count) {
        return tern__fail(v->context, TERN_STATUS_OUT_OF_RANGE,
                          "tokenizer: id %" PRId32 " of %zu tokens", id, v->token_count);
    }
    return TERN_STATUS_OK;
}

tern_status tern_tokenizer_token(const tern_tokenizer *tokenizer, int32_t id,
                                 tern_token_info *out_info) {
    TERN_TRY(check_arguments(NULL, tokenizer, out_info, "tokenizer and out_info"));
    const tern__vocabulary *v = &tokenizer->v;
    TERN_TRY(
        tern__check_size(v->context, "tern_token_info", out_info->struct_size, sizeof *out_info));
    TERN_TRY(check_id(v, id));
    const tern__token *token = &v->tokens[id];
    *out_info = (tern_token_info){.struct_size = sizeof *out_info,
                                  .type = token->type,
                                  .text = token->size ? v->text + token->start : "",
                                  .size = token->size,
                                  .score = token->score};
    return TERN_STATUS_OK;
}

int32_t tern_tokenizer_is_end(const tern_tokenizer *tokenizer, int32_t id) {
    if (!tokenizer || id < 0) {
        return 0;
    }
    const tern__vocabulary *v = &tokenizer->v;
    bool ends = id == v->eos || id == v->end_of_turn || id == v->end_of_message;
    for (uint32_t i = 0; i < v->end_count; i++) {
        ends |= id == v->ends[i];
    }
    return ends;
}

// Not logged: asking with too little room is how a caller learns how much it needs.
static tern_status too_small(const char *what, size_t needed, size_t capacity) {
    return tern__fail(NULL, TERN_STATUS_OUT_OF_RANGE,
                      "tokenizer: %zu %s are needed, but there is room for %zu", needed, what,
                      capacity);
}

static void add_affix(tern__ids *out, const tern__affix *affix, bool wanted) {
    for (uint32_t i = 0; wanted && i < affix->count; i++) {
        tern__ids_add(out, affix->ids[i]);
    }
}

tern_status tern_tokenizer_encode(const tern_tokenizer *tokenizer, const char *text, size_t size,
                                  uint32_t flags, int32_t *out_ids, size_t capacity,
                                  size_t *out_count) {
    const uint32_t known = TERN_TOKENIZE_BOS | TERN_TOKENIZE_SPECIAL | TERN_TOKENIZE_EOS;
    TERN_TRY(check_arguments(NULL, tokenizer, out_count, "tokenizer and out_count"));
    *out_count = 0;
    const tern__vocabulary *v = &tokenizer->v;
    TERN_TRY(check_arguments(v->context, size ? text : "", capacity ? (void *)out_ids : out_count,
                             "text and out_ids"));
    if (flags & ~known) {
        return tern__fail(v->context, TERN_STATUS_INVALID_ARGUMENT,
                          "tokenizer: flags 0x%" PRIx32 ", expected TERN_TOKENIZE_*", flags);
    }
    tern__ids out = {out_ids, capacity, 0};
    add_affix(&out, &v->before, (flags & TERN_TOKENIZE_BOS) != 0);
    TERN_TRY(tern__encode(tokenizer, text, size, (flags & TERN_TOKENIZE_SPECIAL) != 0, &out));
    add_affix(&out, &v->after, (flags & TERN_TOKENIZE_EOS) != 0);
    *out_count = out.count;
    return out.count > capacity ? too_small("ids", out.count, capacity) : TERN_STATUS_OK;
}

tern_status tern_tokenizer_decode(const tern_tokenizer *tokenizer, int32_t id, int32_t first,
                                  char *out_bytes, size_t capacity, size_t *out_size) {
    TERN_TRY(check_arguments(NULL, tokenizer, out_size, "tokenizer and out_size"));
    *out_size = 0;
    TERN_TRY(check_arguments(tokenizer->v.context, tokenizer,
                             capacity ? (void *)out_bytes : out_size, "out_bytes"));
    TERN_TRY(check_id(&tokenizer->v, id));
    *out_size = tern__token_bytes(tokenizer, id, first != 0, out_bytes, capacity);
    return *out_size > capacity ? too_small("bytes", *out_size, capacity) : TERN_STATUS_OK;
}
