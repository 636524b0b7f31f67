// Reads the vocabulary of a Hugging Face folder: tokenizer.json, else tokenizer.model, else
// vocab.json with merges.txt, and what the files beside it say of ids with a meaning.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/files/archive.h"
#include "runtime/model/files/gguf.h"
#include "runtime/model/files/hf_values.h"
#include "runtime/model/text/vocabulary_json.h"
#include "runtime/status.h"

typedef struct folder {
    tern__vocabulary *v;
    const tern_archive *archive;
    size_t own;           // tokens of the file of tokens
    bool unmarked;        // that file does not say which of its tokens are special
    bool space_first;     // a space goes before a text
    char class_name[128]; // of the tokenizer
} folder;

typedef tern_status (*use)(folder *f, const tern__json *file);

typedef struct reading {
    folder *f;
    use read;
} reading;

// tern__hf_use
static tern_status read_root(void *user, const char *name, const tern__json *root) {
    const reading *r = user;
    const char *file = r->f->v->file;
    r->f->v->file = name;
    tern_status status = r->read(r->f, root);
    r->f->v->file = file;
    return status;
}

// Has |read| see the file |name|; one that is not there is none.
static tern_status read_file(folder *f, const char *name, use read) {
    reading r = {f, read};
    return tern__hf_read(f->archive, name, read_root, &r);
}

static void find_text(const folder *f, const char *text, int32_t *out) {
    int32_t id = tern__vocabulary_find_any(f->v, text, strlen(text));
    *out = id >= 0 ? id : *out;
    if (id >= 0 && f->unmarked) {
        f->v->tokens[id].type = TERN__TOKEN_CONTROL;
    }
}

// A token by its text: a string, or the object of an added token.
static tern_status find_token(const folder *f, const tern__json *file, const char *key,
                              int32_t *out) {
    const tern__json *value = tern__json_get(file, key);
    const char *text;
    if (tern__json_is_none(value) || value->type == TERN__JSON_BOOL) { // false: there is none
        return TERN_STATUS_OK;
    }
    TERN_TRY(value->type == TERN__JSON_OBJECT
                 ? tern__json_want_string(f->v, value, "content", NULL, &text)
                 : tern__json_want_string(f->v, file, key, NULL, &text));
    find_text(f, text, out);
    return TERN_STATUS_OK;
}

// A list of tokens that are special and mean nothing else.
static tern_status read_additional(const folder *f, const tern__json *file) {
    const tern__json *list = tern__json_get(file, "additional_special_tokens");
    int32_t id = -1;
    if (tern__json_is_none(list) || list->type != TERN__JSON_ARRAY) {
        return TERN_STATUS_OK;
    }
    for (const tern__json *t = tern__json_first(list); t; t = tern__json_next(list, t)) {
        if (t->type == TERN__JSON_OBJECT) {
            TERN_TRY(find_token(f, t, "content", &id));
        } else if (t->type == TERN__JSON_STRING) {
            find_text(f, t->as.string, &id);
        }
    }
    return TERN_STATUS_OK;
}

static tern_status read_special(folder *f, const tern__json *file) {
    int32_t unknown = -1; // as the others it is no part of a text; the model has its own
    TERN_TRY(find_token(f, file, "bos_token", &f->v->bos));
    TERN_TRY(find_token(f, file, "eos_token", &f->v->eos));
    TERN_TRY(find_token(f, file, "unk_token", &unknown));
    TERN_TRY(read_additional(f, file));
    return find_token(f, file, "pad_token", &f->v->padding);
}

// Takes |id| out of |affix|, or puts it there, at its beginning or its end.
static tern_status set_affix(const folder *f, const tern__json *file, const char *key, int32_t id,
                             bool first, tern__affix *affix) {
    bool wanted;
    uint32_t kept = 0;
    bool was = false;
    if (tern__json_is_none(tern__json_get(file, key)) || id < 0) {
        return TERN_STATUS_OK;
    }
    TERN_TRY(tern__json_want_bool(f->v, file, key, false, &wanted));
    for (uint32_t i = 0; i < affix->count; i++) {
        was |= affix->ids[i] == id;
        if (wanted || affix->ids[i] != id) {
            affix->ids[kept++] = affix->ids[i];
        }
    }
    affix->count = kept;
    if (!wanted || was || kept == TERN__MAX_AFFIX) {
        return TERN_STATUS_OK;
    }
    uint32_t at = first ? 0 : kept;
    memmove(affix->ids + at + 1, affix->ids + at, (kept - at) * sizeof *affix->ids);
    affix->ids[at] = id;
    affix->count++;
    return TERN_STATUS_OK;
}

static tern_status refuse_added(const folder *f, const char *token, size_t most) {
    return tern__fail(f->v->context, TERN_STATUS_CORRUPT_DATA,
                      "%s: added token '%.40s', expected an id up to %zu", f->v->file, token, most);
}

// {"32000": {"content": "<|user|>", ...}, ...}; only for files that do not say it themselves.
static tern_status read_added(const folder *f, const tern__json *file) {
    const tern__json *added = tern__json_get(file, "added_tokens_decoder");
    for (const tern__json *t = added ? tern__json_first(added) : NULL; t;
         t = tern__json_next(added, t)) {
        char *end = NULL;
        size_t most = f->own + added->size;
        unsigned long id = t->key ? strtoul(t->key, &end, 10) : 0;
        if (!t->key || *end || end == t->key || id > most) {
            return refuse_added(f, t->key ? t->key : "", most);
        }
        TERN_TRY(tern__json_read_added(f->v, t, (uint32_t)id, f->own));
        if (!f->unmarked) { // SentencePiece has them before it normalises
            f->v->tokens[id].added &= (uint8_t)~TERN__ADDED_NORMALIZED;
        }
    }
    return TERN_STATUS_OK;
}

// The older form, {"<|user|>": 32000, ...}, which does not say what is special: all are.
static tern_status read_old_added(folder *f, const tern__json *file) {
    size_t most = f->own + file->size;
    if (f->own == 0 || file->type != TERN__JSON_OBJECT) {
        return TERN_STATUS_OK;
    }
    for (const tern__json *t = tern__json_first(file); t; t = tern__json_next(file, t)) {
        uint32_t id;
        TERN_TRY(tern__json_to_id(f->v, t, t->key, &id));
        if (id > most) {
            return refuse_added(f, t->key, most);
        }
        if (id >= f->own) {
            TERN_TRY(tern__vocabulary_set(f->v, id, t->key, t->key_size, 0.0, TERN__TOKEN_CONTROL));
            f->v->tokens[id].added = TERN__ADDED_ONLY;
        }
    }
    return TERN_STATUS_OK;
}

static tern_status read_config(folder *f, const tern__json *file) {
    if (f->own > 0) {
        TERN_TRY(read_added(f, file));
    }
    TERN_TRY(read_special(f, file));
    TERN_TRY(set_affix(f, file, "add_bos_token", f->v->bos, true, &f->v->before));
    return set_affix(f, file, "add_eos_token", f->v->eos, false, &f->v->after);
}

static tern_status add_end(folder *f, const tern__json *value) {
    uint32_t id;
    TERN_TRY(tern__json_to_id(f->v, value, "eos_token_id", &id));
    if (f->v->end_count == TERN__MAX_ENDS) {
        return tern__json_refuse(f->v, "eos_token_id", "with that many ids");
    }
    f->v->ends[f->v->end_count++] = (int32_t)id;
    return TERN_STATUS_OK;
}

// eos_token_id: a number, or a list of them.
static tern_status read_ends(folder *f, const tern__json *file) {
    const tern__json *value = tern__json_get(file, "eos_token_id");
    if (tern__json_is_none(value) || f->v->end_count > 0) {
        return TERN_STATUS_OK;
    }
    if (value->type != TERN__JSON_ARRAY) {
        return add_end(f, value);
    }
    for (const tern__json *id = tern__json_first(value); id; id = tern__json_next(value, id)) {
        TERN_TRY(add_end(f, id));
    }
    return TERN_STATUS_OK;
}

// Has |read| read the bytes of the file |name|. NOT_FOUND, not reported, if it is not there.
static tern_status read_bytes(folder *f, const char *name,
                              tern_status (*read)(tern__vocabulary *v, const char *data,
                                                  size_t size)) {
    const char *file = f->v->file;
    char *data = NULL;
    size_t size = 0;
    char path[256];
    TERN_TRY(tern__archive_file(f->archive, name, &data, &size));
    tern__archive_path(f->archive, name, path, sizeof path);
    f->v->file = path;
    tern_status status = read(f->v, data, size);
    f->v->file = file;
    tern__free(f->v->context, data);
    return status;
}

static tern_status read_class(folder *f, const tern__json *file) {
    const char *name;
    TERN_TRY(tern__json_want_string(f->v, file, "tokenizer_class", "", &name));
    snprintf(f->class_name, sizeof f->class_name, "%s", name);
    return tern__json_want_bool(f->v, file, "add_prefix_space", false, &f->space_first);
}

static tern_status read_words(folder *f, const tern__json *file) {
    TERN_TRY(tern__vocabulary_class(f->v, f->class_name));
    TERN_TRY(f->space_first ? tern__vocabulary_normal(f->v, TERN__NORMAL_PREPEND_ONCE, NULL, " ", 1)
                            : TERN_STATUS_OK);
    TERN_TRY(tern__vocabulary_read_words(f->v, file));
    f->own = f->v->token_count;
    f->unmarked = true;
    return TERN_STATUS_OK;
}

// vocab.json and merges.txt. Without the first there are no tokens yet.
static tern_status read_merges(folder *f) {
    TERN_TRY(read_file(f, "tokenizer_config.json", read_class));
    TERN_TRY(read_file(f, "vocab.json", read_words));
    if (!f->unmarked) {
        return TERN_STATUS_OK;
    }
    tern_status status = read_bytes(f, "merges.txt", tern__vocabulary_read_merges);
    if (status == TERN_STATUS_NOT_FOUND) {
        return tern__fail(f->v->context, status, "%s: there is a vocab.json, but no merges.txt",
                          f->v->file);
    }
    tern__vocabulary_class_ends(f->v, f->class_name);
    return status;
}

static tern_status read_tokens(folder *f) {
    tern_status status = read_bytes(f, "tokenizer.json", tern__vocabulary_read_file);
    if (status != TERN_STATUS_NOT_FOUND) {
        return status;
    }
    status = read_bytes(f, "tokenizer.model", tern__vocabulary_read_file);
    f->own = f->v->token_count;
    if (status != TERN_STATUS_NOT_FOUND) {
        return status;
    }
    TERN_TRY(read_merges(f));
    return f->unmarked ? TERN_STATUS_OK
                       : tern__fail(f->v->context, TERN_STATUS_NOT_FOUND,
                                    "%s: key 'tokenizer.ggml.model' is missing, and there is no "
                                    "file tokenizer.json or tokenizer.model, nor vocab.json and "
                                    "merges.txt",
                                    f->v->file);
}

// Tokens past the model's last row were added for what it cannot read, as Gemma's for pictures.
static tern_status drop_outside(folder *f) {
    tern__vocabulary *v = f->v;
    const char *architecture;
    char key[128];
    uint32_t size;
    TERN_TRY(tern__archive_string(f->archive, "general.architecture", "", &architecture));
    snprintf(key, sizeof key, "%.100s.vocab_size", architecture);
    TERN_TRY(tern__archive_u32(f->archive, key, UINT32_MAX, &size));
    while (v->token_count > size && (v->tokens[v->token_count - 1].added & TERN__ADDED_ONLY)) {
        v->token_count--;
    }
    return TERN_STATUS_OK;
}

tern_status tern__vocabulary_read_folder(tern__vocabulary *v, const tern_archive *archive) {
    folder f = {.v = v, .archive = archive};
    TERN_TRY(read_tokens(&f));
    TERN_TRY(read_file(&f, "added_tokens.json", read_old_added));
    TERN_TRY(read_file(&f, "special_tokens_map.json", read_special));
    TERN_TRY(read_file(&f, "tokenizer_config.json", read_config));
    TERN_TRY(drop_outside(&f));
    TERN_TRY(read_file(&f, "generation_config.json", read_ends));
    return read_file(&f, "config.json", read_ends);
}
