// The normalizer of a tokenizer.json.
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/text/base64.h"
#include "runtime/model/text/normalize.h"
#include "runtime/model/text/vocabulary_json.h"
#include "runtime/status.h"

static tern_status add(tern__vocabulary *v, tern__normal_form form) {
    return tern__vocabulary_normal(v, form, NULL, NULL, 0);
}

static tern_status add_text(tern__vocabulary *v, tern__normal_form form, const char *pattern,
                            const char *content) {
    return tern__vocabulary_normal(v, form, pattern, content, strlen(content));
}

static tern_status read_nfc(tern__vocabulary *v, const tern__json *step) {
    (void)step;
    return add(v, TERN__NORMAL_NFC);
}

static tern_status read_nfd(tern__vocabulary *v, const tern__json *step) {
    (void)step;
    return add(v, TERN__NORMAL_NFD);
}

static tern_status read_nfkc(tern__vocabulary *v, const tern__json *step) {
    (void)step;
    return add(v, TERN__NORMAL_NFKC);
}

static tern_status read_nfkd(tern__vocabulary *v, const tern__json *step) {
    (void)step;
    return add(v, TERN__NORMAL_NFKD);
}

static tern_status read_lowercase(tern__vocabulary *v, const tern__json *step) {
    (void)step;
    return add(v, TERN__NORMAL_LOWERCASE);
}

static tern_status read_strip_accents(tern__vocabulary *v, const tern__json *step) {
    (void)step;
    return add(v, TERN__NORMAL_STRIP_ACCENTS);
}

static tern_status read_nmt(tern__vocabulary *v, const tern__json *step) {
    (void)step;
    return add(v, TERN__NORMAL_NMT);
}

static tern_status read_replace(tern__vocabulary *v, const tern__json *step) {
    const char *plain;
    const char *regex;
    const char *content;
    TERN_TRY(tern__json_want_pattern(v, step, &plain, &regex));
    TERN_TRY(tern__json_want_string(v, step, "content", NULL, &content));
    return plain ? add_text(v, TERN__NORMAL_REPLACE, plain, content)
                 : add_text(v, TERN__NORMAL_REPLACE_PATTERN, regex, content);
}

static tern_status read_prepend(tern__vocabulary *v, const tern__json *step) {
    const char *content;
    TERN_TRY(tern__json_want_string(v, step, "prepend", NULL, &content));
    return add_text(v, TERN__NORMAL_PREPEND, NULL, content);
}

static tern_status read_strip(tern__vocabulary *v, const tern__json *step) {
    bool left;
    bool right;
    TERN_TRY(tern__json_want_bool(v, step, "strip_left", true, &left));
    TERN_TRY(tern__json_want_bool(v, step, "strip_right", true, &right));
    TERN_TRY(left ? add(v, TERN__NORMAL_STRIP_LEFT) : TERN_STATUS_OK);
    return right ? add(v, TERN__NORMAL_STRIP_RIGHT) : TERN_STATUS_OK;
}

tern_status tern__vocabulary_bert_normals(tern__vocabulary *v, tern__bert_normals n) {
    TERN_TRY(n.clean ? add(v, TERN__NORMAL_BERT_CLEAN) : TERN_STATUS_OK);
    TERN_TRY(n.chinese ? add(v, TERN__NORMAL_BERT_CHINESE) : TERN_STATUS_OK);
    if (n.strip_accents) {
        TERN_TRY(add(v, TERN__NORMAL_NFD));
        TERN_TRY(add(v, TERN__NORMAL_BERT_ACCENTS));
    }
    return n.lowercase ? add(v, TERN__NORMAL_LOWERCASE) : TERN_STATUS_OK;
}

static tern_status read_bert_normalizer(tern__vocabulary *v, const tern__json *step) {
    tern__bert_normals n;
    TERN_TRY(tern__json_want_bool(v, step, "clean_text", true, &n.clean));
    TERN_TRY(tern__json_want_bool(v, step, "handle_chinese_chars", true, &n.chinese));
    TERN_TRY(tern__json_want_bool(v, step, "lowercase", true, &n.lowercase));
    TERN_TRY(tern__json_want_bool(v, step, "strip_accents", n.lowercase, &n.strip_accents));
    return tern__vocabulary_bert_normals(v, n);
}

static tern_status add_map(tern__vocabulary *v, const char *map, size_t size) {
    if (size == 0) {
        return TERN_STATUS_OK;
    }
    TERN_TRY(tern__charsmap_check(v, map, size));
    return tern__vocabulary_normal(v, TERN__NORMAL_CHARSMAP_GRAPHEMES, NULL, map, size);
}

static tern_status read_precompiled(tern__vocabulary *v, const tern__json *step) {
    const char *encoded;
    TERN_TRY(tern__json_want_string(v, step, "precompiled_charsmap", NULL, &encoded));
    size_t size = strlen(encoded);
    char *map = tern__alloc(v->context, size);
    if (!map) {
        return tern__fail_memory(v->context, size, "a vocabulary");
    }
    tern_status status =
        tern__base64_decode(encoded, size, map, &size)
            ? add_map(v, map, size)
            : tern__fail(v->context, TERN_STATUS_CORRUPT_DATA,
                         "%s: the precompiled character map is not base64", v->file);
    tern__free(v->context, map);
    return status;
}

// Splits see the letters that bytes are written as; so would steps after this one.
static tern_status read_byte_level(tern__vocabulary *v, const tern__json *step) {
    (void)step;
    v->byte_level = true;
    v->split_letters = 0;
    return TERN_STATUS_OK;
}

static tern_status read_normalizers(tern__vocabulary *v, const tern__json *step) {
    return tern__json_read_list(v, step, "normalizers", tern__json_read_normalizer);
}

tern_status tern__json_read_normalizer(tern__vocabulary *v, const tern__json *normalizer) {
    static const tern__json_entry entries[] = {{"Sequence", read_normalizers},
                                               {"NFC", read_nfc},
                                               {"NFD", read_nfd},
                                               {"NFKC", read_nfkc},
                                               {"NFKD", read_nfkd},
                                               {"Lowercase", read_lowercase},
                                               {"StripAccents", read_strip_accents},
                                               {"Replace", read_replace},
                                               {"Prepend", read_prepend},
                                               {"Strip", read_strip},
                                               {"BertNormalizer", read_bert_normalizer},
                                               {"Precompiled", read_precompiled},
                                               {"Nmt", read_nmt},
                                               {"ByteLevel", read_byte_level},
                                               {NULL, NULL}};
    return v->byte_level && !tern__json_is_none(normalizer)
               ? tern__json_refuse(v, "normalizer after another one", "ByteLevel")
               : tern__json_read_step(v, normalizer, "normalizer", entries);
}
