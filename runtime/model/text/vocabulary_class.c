// Folders without a tokenizer.json name the class of their tokenizer; what such a class does to a
// text is known, not written down in the folder.
#include <string.h>

#include "runtime/model/text/vocabulary_json.h"
#include "runtime/status.h"

typedef struct class {
    const char *name;
    const char *pretokenizer; // by the name that GGUF has for it
    bool compose;             // NFC comes first
    bool begins;              // a text begins with the token, where the folder wants one before it
} class;

// Both end a text with it where the folder does not say how.
static const char end_of_text[] = "<|endoftext|>";

static const class classes[] = {
    {"GPT2Tokenizer", "gpt-2", false, true},
    {"CodeGenTokenizer", "gpt-2", false, true},
    {"Qwen2Tokenizer", "qwen2", true, false},
};

// "...Fast" is the same in another implementation.
static const class *find_class(const char *name) {
    size_t size = strlen(name);
    size -= size > 4 && strcmp(name + size - 4, "Fast") == 0 ? 4 : 0;
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (strlen(classes[i].name) == size && memcmp(classes[i].name, name, size) == 0) {
            return &classes[i];
        }
    }
    return NULL;
}

tern_status tern__vocabulary_class(tern__vocabulary *v, const char *name) {
    bool add_bos;
    const class *c = find_class(name);
    if (!c) {
        return tern__fail(v->context, TERN_STATUS_UNSUPPORTED,
                          "%s: the tokenizer_class '%.64s' is not supported without a "
                          "tokenizer.json",
                          v->file, name);
    }
    v->kind = "gpt2";
    v->byte_level = true;
    v->drop_unknown = true;
    TERN_TRY(c->compose ? tern__vocabulary_normal(v, TERN__NORMAL_NFC, NULL, NULL, 0)
                        : TERN_STATUS_OK);
    v->normal_late = v->normal_count;
    return tern__vocabulary_pretokenizer(v, c->pretokenizer, &add_bos);
}

void tern__vocabulary_class_ends(tern__vocabulary *v, const char *name) {
    const class *c = find_class(name);
    v->eos = tern__vocabulary_find_any(v, end_of_text, strlen(end_of_text));
    v->bos = c && c->begins ? v->eos : -1;
    if (v->eos >= 0) {
        v->tokens[v->eos].type = TERN__TOKEN_CONTROL;
    }
}
