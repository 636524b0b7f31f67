// The decoder and the post_processor of a tokenizer.json.
#include <string.h>

#include "runtime/model/text/vocabulary_json.h"
#include "runtime/status.h"

#define MARK "\xe2\x96\x81"

static tern_status decode_bytes(tern__vocabulary *v, const tern__json *step) {
    (void)v;
    (void)step;
    return TERN_STATUS_OK; // tokens are kept as the bytes that they stand for, and joined
}

// Older files say add_prefix_space.
static tern_status decode_metaspace(tern__vocabulary *v, const tern__json *step) {
    bool old;
    const char *mark;
    const char *scheme;
    TERN_TRY(tern__json_want_string(v, step, "replacement", MARK, &mark));
    TERN_TRY(tern__json_want_bool(v, step, "add_prefix_space", true, &old));
    TERN_TRY(tern__json_want_string(v, step, "prepend_scheme", old ? "always" : "never", &scheme));
    if (strcmp(mark, MARK) != 0) {
        return tern__json_refuse(v, "Metaspace replacement", mark);
    }
    v->decoder = TERN__DECODE_MARKED;
    v->prefix = strcmp(scheme, "never") == 0 ? TERN__PREFIX_NEVER : TERN__PREFIX_EACH;
    return TERN_STATUS_OK;
}

static tern_status decode_wordpiece(tern__vocabulary *v, const tern__json *step) {
    const char *prefix;
    TERN_TRY(tern__json_want_bool(v, step, "cleanup", true, &v->clean_spaces));
    TERN_TRY(tern__json_want_string(v, step, "prefix", "##", &prefix));
    v->decoder = TERN__DECODE_WORDPIECE;
    return tern__vocabulary_keep(v, prefix, strlen(prefix), &v->joint);
}

static tern_status decode_ended(tern__vocabulary *v, const tern__json *step) {
    const char *suffix;
    TERN_TRY(tern__json_want_string(v, step, "suffix", "</w>", &suffix));
    v->decoder = TERN__DECODE_ENDED;
    return tern__vocabulary_keep(v, suffix, strlen(suffix), &v->joint);
}

static tern_status decode_replace(tern__vocabulary *v, const tern__json *step) {
    const char *plain;
    const char *regex;
    const char *content;
    TERN_TRY(tern__json_want_pattern(v, step, &plain, &regex));
    TERN_TRY(tern__json_want_string(v, step, "content", NULL, &content));
    if (!plain || strcmp(plain, MARK) != 0 || strcmp(content, " ") != 0) {
        return tern__json_refuse(v, "decoder Replace of", plain ? plain : regex);
    }
    v->decoder = TERN__DECODE_MARKED;
    return TERN_STATUS_OK;
}

// The first space of a text.
static tern_status decode_strip(tern__vocabulary *v, const tern__json *step) {
    const char *content;
    const tern__json *start = tern__json_get(step, "start");
    const tern__json *stop = tern__json_get(step, "stop");
    TERN_TRY(tern__json_want_string(v, step, "content", NULL, &content));
    if (strcmp(content, " ") != 0 || !start || !stop || tern__json_number_of(start) != 1 ||
        tern__json_number_of(stop) != 0) {
        return tern__json_refuse(v, "decoder Strip of", content);
    }
    v->prefix = TERN__PREFIX_EACH;
    return TERN_STATUS_OK;
}

static tern_status decode_sequence(tern__vocabulary *v, const tern__json *step) {
    return tern__json_read_list(v, step, "decoders", tern__json_read_decoder);
}

tern_status tern__json_read_decoder(tern__vocabulary *v, const tern__json *decoder) {
    static const tern__json_entry entries[] = {
        {"Sequence", decode_sequence},   {"ByteLevel", decode_bytes},
        {"ByteFallback", decode_bytes},  {"Fuse", decode_bytes},
        {"Metaspace", decode_metaspace}, {"WordPiece", decode_wordpiece},
        {"BPEDecoder", decode_ended},    {"Replace", decode_replace},
        {"Strip", decode_strip},         {NULL, NULL}};
    return tern__json_read_step(v, decoder, "decoder", entries);
}

static tern_status add_id(const tern__vocabulary *v, tern__affix *affix, const tern__json *id) {
    uint32_t value;
    TERN_TRY(tern__json_to_id(v, id, "post_processor", &value));
    if (affix->count == TERN__MAX_AFFIX) {
        return tern__json_refuse(v, "post_processor", "with that many tokens");
    }
    affix->ids[affix->count++] = (int32_t)value;
    return TERN_STATUS_OK;
}

static tern_status add_special(const tern__vocabulary *v, const tern__json *processor,
                               const tern__json *name, tern__affix *affix) {
    const tern__json *tokens = tern__json_get(processor, "special_tokens");
    const char *key;
    const tern__json *ids;
    TERN_TRY(tern__json_want_string(v, name, "id", NULL, &key));
    if (!tern__json_get(tokens, key)) {
        return tern__fail(v->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: the post_processor's token '%.64s' is none of its special_tokens",
                          v->file, key);
    }
    TERN_TRY(tern__json_want_list(v, tern__json_get(tokens, key), "ids", &ids));
    for (const tern__json *id = tern__json_first(ids); id; id = tern__json_next(ids, id)) {
        TERN_TRY(add_id(v, affix, id));
    }
    return TERN_STATUS_OK;
}

// Tokens before and after the one sequence.
static tern_status process_template(tern__vocabulary *v, const tern__json *processor) {
    const tern__json *pieces;
    tern__affix *affix = &v->before;
    TERN_TRY(tern__json_want_list(v, processor, "single", &pieces));
    for (const tern__json *p = tern__json_first(pieces); p; p = tern__json_next(pieces, p)) {
        const tern__json *special = tern__json_get(p, "SpecialToken");
        if (special) {
            TERN_TRY(add_special(v, processor, special, affix));
        } else if (tern__json_get(p, "Sequence") && affix == &v->before) {
            affix = &v->after;
        } else {
            return tern__json_refuse(v, "post_processor", "TemplateProcessing of this form");
        }
    }
    return TERN_STATUS_OK;
}

// ["[SEP]", 102]
static tern_status add_pair(const tern__vocabulary *v, const tern__json *processor, const char *key,
                            tern__affix *affix) {
    const tern__json *pair;
    TERN_TRY(tern__json_want_list(v, processor, key, &pair));
    const tern__json *text = tern__json_first(pair);
    return add_id(v, affix, text ? tern__json_next(pair, text) : NULL);
}

static tern_status process_pair(tern__vocabulary *v, const tern__json *processor) {
    TERN_TRY(add_pair(v, processor, "cls", &v->before));
    return add_pair(v, processor, "sep", &v->after);
}

static tern_status process_nothing(tern__vocabulary *v, const tern__json *processor) {
    (void)v;
    (void)processor;
    return TERN_STATUS_OK; // ByteLevel moves offsets, which nobody asks for
}

static tern_status process_sequence(tern__vocabulary *v, const tern__json *processor) {
    return tern__json_read_list(v, processor, "processors", tern__json_read_post_processor);
}

tern_status tern__json_read_post_processor(tern__vocabulary *v, const tern__json *processor) {
    static const tern__json_entry entries[] = {
        {"Sequence", process_sequence},   {"TemplateProcessing", process_template},
        {"BertProcessing", process_pair}, {"RobertaProcessing", process_pair},
        {"ByteLevel", process_nothing},   {NULL, NULL}};
    if (v->before.count + v->after.count > 0 && !tern__json_is_none(processor)) {
        const char *type;
        TERN_TRY(tern__json_want_string(v, processor, "type", NULL, &type));
        return strcmp(type, "ByteLevel") == 0
                   ? TERN_STATUS_OK
                   : tern__json_refuse(v, "post_processor after another one", type);
    }
    return tern__json_read_step(v, processor, "post_processor", entries);
}
