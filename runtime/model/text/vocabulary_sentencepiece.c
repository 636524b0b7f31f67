// Reads the tokenizer.model that SentencePiece trains: a protocol buffer with the pieces, how they
// were trained and what is done to a text first (sentencepiece_model.proto; arXiv 1808.06226).
#include <float.h>
#include <inttypes.h>
#include <string.h>

#include "runtime/model/text/normalize.h"
#include "runtime/model/files/protobuf.h"
#include "runtime/model/text/vocabulary.h"
#include "runtime/status.h"

enum { MODEL_PIECE = 1, MODEL_TRAINER = 2, MODEL_NORMALIZER = 3 };
enum { PIECE_TEXT = 1, PIECE_SCORE = 2, PIECE_TYPE = 3 };
enum {
    TRAINER_MODEL_TYPE = 3,
    TRAINER_SUFFIX = 24,
    TRAINER_BYTE_FALLBACK = 35,
    TRAINER_UNK_PIECE = 45,
    TRAINER_BOS_PIECE = 46,
    TRAINER_EOS_PIECE = 47,
    TRAINER_PAD_PIECE = 48
};
enum { RULE_NAME = 1, RULE_CHARSMAP = 2, RULE_PREFIX = 3, RULE_SQUEEZE = 4, RULE_ESCAPE = 5 };
enum { UNIGRAM = 1, BPE = 2, WORD = 3, CHAR = 4 };

static const char space_mark[] = "\xe2\x96\x81";

typedef struct name {
    const char *text;
    size_t size;
} name;

// What the file says, with what it means where it says nothing.
typedef struct model {
    tern__vocabulary *v;
    uint32_t pieces;
    uint64_t type;
    bool suffix;
    bool byte_fallback;
    name bos, eos, pad;
    name charsmap;
    bool prefix, squeeze, escape;
    double best; // score of a normal piece
} model;

static tern_status broken(const model *m, const char *what, size_t at) {
    return tern__fail(m->v->context, TERN_STATUS_CORRUPT_DATA,
                      "%s: %s is no protocol buffer message from byte %zu on", m->v->file, what,
                      at);
}

static tern_status read_piece(model *m, const tern__field *field) {
    tern__message piece = {field->bytes, field->size, 0, false};
    tern__field f;
    name text = {"", 0};
    double score = 0;
    uint64_t type = TERN__TOKEN_NORMAL;
    while (tern__message_next(&piece, &f)) {
        if (f.number == PIECE_TEXT && f.wire == TERN__WIRE_BYTES) {
            text = (name){f.bytes, f.size};
        } else if (f.number == PIECE_SCORE && f.wire == TERN__WIRE_32) {
            score = (double)tern__field_float(&f);
        } else if (f.number == PIECE_TYPE && f.wire == TERN__WIRE_VARINT) {
            type = f.value;
        }
    }
    if (piece.broken) {
        return broken(m, "a piece", piece.at);
    }
    int32_t number = type > TERN__TOKEN_BYTE ? -1 : (int32_t)type;
    if (type == TERN__TOKEN_NORMAL && score > m->best) {
        m->best = score;
    }
    return tern__vocabulary_set(m->v, m->pieces++, text.text, text.size, score, number);
}

static tern_status read_trainer(model *m, const tern__field *field) {
    tern__message trainer = {field->bytes, field->size, 0, false};
    tern__field f;
    while (tern__message_next(&trainer, &f)) {
        if (f.wire == TERN__WIRE_VARINT) {
            m->type = f.number == TRAINER_MODEL_TYPE ? f.value : m->type;
            m->suffix = f.number == TRAINER_SUFFIX ? f.value != 0 : m->suffix;
            m->byte_fallback = f.number == TRAINER_BYTE_FALLBACK ? f.value != 0 : m->byte_fallback;
        } else if (f.wire == TERN__WIRE_BYTES) {
            name text = {f.bytes, f.size};
            m->bos = f.number == TRAINER_BOS_PIECE ? text : m->bos;
            m->eos = f.number == TRAINER_EOS_PIECE ? text : m->eos;
            m->pad = f.number == TRAINER_PAD_PIECE ? text : m->pad;
        }
    }
    return trainer.broken ? broken(m, "the trainer's part", trainer.at) : TERN_STATUS_OK;
}

static tern_status read_normalizer(model *m, const tern__field *field) {
    tern__message rules = {field->bytes, field->size, 0, false};
    tern__field f;
    while (tern__message_next(&rules, &f)) {
        if (f.wire == TERN__WIRE_VARINT) {
            m->prefix = f.number == RULE_PREFIX ? f.value != 0 : m->prefix;
            m->squeeze = f.number == RULE_SQUEEZE ? f.value != 0 : m->squeeze;
            m->escape = f.number == RULE_ESCAPE ? f.value != 0 : m->escape;
        } else if (f.number == RULE_CHARSMAP && f.wire == TERN__WIRE_BYTES) {
            m->charsmap = (name){f.bytes, f.size};
        }
    }
    return rules.broken ? broken(m, "the normalizer's part", rules.at) : TERN_STATUS_OK;
}

static tern_status read_fields(model *m, const char *data, size_t size) {
    tern__message file = {data, size, 0, false};
    tern__field f;
    while (tern__message_next(&file, &f)) {
        if (f.wire != TERN__WIRE_BYTES) {
            continue;
        }
        if (f.number == MODEL_PIECE) {
            TERN_TRY(read_piece(m, &f));
        } else if (f.number == MODEL_TRAINER) {
            TERN_TRY(read_trainer(m, &f));
        } else if (f.number == MODEL_NORMALIZER) {
            TERN_TRY(read_normalizer(m, &f));
        }
    }
    return file.broken ? broken(m, "the file", file.at) : TERN_STATUS_OK;
}

static tern_status check(const model *m) {
    const char *what = m->type == WORD   ? "word tokens"
                       : m->type == CHAR ? "character tokens"
                       : m->type > CHAR  ? "tokens of an unknown kind"
                       : m->suffix       ? "white space as a suffix"
                       : !m->escape      ? "spaces that are not escaped"
                                         : NULL;
    if (!what) {
        return TERN_STATUS_OK;
    }
    return tern__fail(m->v->context, TERN_STATUS_UNSUPPORTED,
                      "%s: a SentencePiece model with %s, which is not supported", m->v->file,
                      what);
}

static tern_status set_normals(model *m) {
    if (m->charsmap.size > 0) {
        TERN_TRY(tern__charsmap_check(m->v, m->charsmap.text, m->charsmap.size));
        TERN_TRY(tern__vocabulary_normal(m->v, TERN__NORMAL_CHARSMAP, NULL, m->charsmap.text,
                                         m->charsmap.size));
    }
    if (m->squeeze) {
        TERN_TRY(tern__vocabulary_normal(m->v, TERN__NORMAL_SQUEEZE_SPACES, NULL, NULL, 0));
    }
    if (m->prefix) {
        TERN_TRY(tern__vocabulary_normal(m->v, TERN__NORMAL_PREPEND, NULL, " ", 1));
    }
    m->v->prefix = m->prefix ? TERN__PREFIX_EACH : TERN__PREFIX_NEVER;
    m->v->decoder = TERN__DECODE_MARKED;
    TERN_TRY(tern__vocabulary_normal(m->v, TERN__NORMAL_REPLACE, " ", space_mark,
                                     sizeof space_mark - 1));
    m->v->normal_late = m->v->normal_count;
    return TERN_STATUS_OK;
}

// In a unigram model a user's token takes part like any other, at a score so good that it wins; in
// BPE it is cut out of the text before. Either is looked for in the text as it is, too.
static void set_user_defined(const model *m) {
    for (size_t id = 0; id < m->v->token_count; id++) {
        tern__token *token = &m->v->tokens[id];
        token->added |= token->type == TERN__TOKEN_USER_DEFINED ? TERN__ADDED_KEPT : 0;
        if (token->type == TERN__TOKEN_USER_DEFINED && m->type == UNIGRAM) {
            token->type = TERN__TOKEN_UNDEFINED;
            token->score = (double)((float)token->size * (float)m->best) - 0.1;
        } else if (token->type == TERN__TOKEN_USER_DEFINED) {
            token->added |= TERN__ADDED_NORMALIZED | TERN__ADDED_AS_SPELLED;
        } else if (token->type == TERN__TOKEN_BYTE && !m->byte_fallback) {
            token->type = TERN__TOKEN_UNUSED;
        }
    }
}

static void set_ids(const model *m) {
    tern__vocabulary *v = m->v;
    const name names[] = {m->bos, m->eos, m->pad};
    int32_t *const ids[] = {&v->bos, &v->eos, &v->padding};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        int32_t id = tern__vocabulary_find_any(v, names[i].text, names[i].size);
        *ids[i] = id >= 0 && v->tokens[id].type == TERN__TOKEN_CONTROL ? id : -1;
    }
    for (size_t id = 0; id < v->token_count && v->unknown < 0; id++) {
        v->unknown = v->tokens[id].type == TERN__TOKEN_UNKNOWN ? (int32_t)id : -1;
    }
    if (v->bos >= 0) {
        v->before.ids[v->before.count++] = v->bos;
    }
}

tern_status tern__vocabulary_read_sentencepiece(tern__vocabulary *v, const char *data,
                                                size_t size) {
    model m = {.v = v,
               .type = UNIGRAM,
               .bos = {"<s>", 3},
               .eos = {"</s>", 4},
               .pad = {"<pad>", 5},
               .prefix = true,
               .squeeze = true,
               .escape = true,
               .best = FLT_MIN}; // as SentencePiece begins, though all scores are below
    TERN_TRY(read_fields(&m, data, size));
    TERN_TRY(check(&m));
    v->kind = m.type == BPE ? "llama" : "t5";
    v->single_scores = true;
    v->fuse_unknown = true;
    v->join_by_score = m.type == BPE;
    TERN_TRY(set_normals(&m));
    set_user_defined(&m);
    set_ids(&m);
    return TERN_STATUS_OK;
}
