// The pre-tokenizer: a stretch of text is cut into words by patterns, one after the other. Bytes
// that are no UTF-8 are words of their own.
//
// What patterns may cost is linear in the text; one that wants more fails the call, so that a
// hostile file cannot make it endless, nor take the stack: what the machine code of PCRE2 has no
// stack for, its interpreter does on the heap.
#include "runtime/model/text/tokenizer_split.h"

#include <pcre2.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/text/text.h"
#include "runtime/model/text/tokenizer_find.h"
#include "runtime/status.h"

enum { MAX_SPLITS = 16 };

struct tern__splitter {
    pcre2_general_context *general;
    pcre2_code *codes[2 * MAX_SPLITS]; // of the splits, then of steps of the normaliser
    size_t count;                      // of the splits
    size_t total;
};

static void *allocate(size_t size, void *context) {
    return tern__alloc(context, size);
}

static void release(void *pointer, void *context) {
    if (pointer) {
        tern__free(context, pointer);
    }
}

static tern_status no_memory(tern_context *context) {
    return tern__fail_memory(context, sizeof(tern__splitter), "the patterns of a vocabulary");
}

static tern_status refuse(const tern__vocabulary *v, const char *pattern, int code, size_t at) {
    char message[128] = "";
    if (code == PCRE2_ERROR_NOMEMORY || code == PCRE2_ERROR_HEAP_FAILED) {
        return no_memory(v->context);
    }
    pcre2_get_error_message(code, (PCRE2_UCHAR *)message, sizeof message);
    return tern__fail(v->context, TERN_STATUS_UNSUPPORTED,
                      "%s: the pattern '%.100s' is not understood at %zu: %s", v->file, pattern, at,
                      message);
}

static tern_status compile_text(tern__splitter *splitter, const tern__vocabulary *v,
                                const char *pattern, size_t size) {
    pcre2_compile_context *settings = pcre2_compile_context_create(splitter->general);
    if (!settings) {
        return no_memory(v->context);
    }
    int code = 0;
    PCRE2_SIZE at = 0;
    pcre2_set_parens_nest_limit(settings, 64);
    pcre2_set_newline(settings, PCRE2_NEWLINE_LF);
    pcre2_code *compiled = pcre2_compile(
        (PCRE2_SPTR)pattern, size,
        PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &code, &at, settings);
    pcre2_compile_context_free(settings);
    if (!compiled) {
        return refuse(v, pattern, code, at);
    }
    splitter->codes[splitter->total++] = compiled;
    // Where there is no machine code (no memory that may be executed, another CPU) it is slower.
    pcre2_jit_compile(compiled, TERN__FIND_JIT);
    return TERN_STATUS_OK;
}

static tern_status compile(tern__splitter *splitter, const tern__vocabulary *v,
                           const tern__span *span) {
    tern__text pattern = {.context = v->context};
    tern_status status = tern__pattern_translate(v, span, &pattern);
    tern__text_add(&pattern, "", 1);
    if (status == TERN_STATUS_OK && pattern.failed) {
        status = no_memory(v->context);
    }
    if (status == TERN_STATUS_OK) {
        status = compile_text(splitter, v, pattern.bytes, pattern.size - 1);
    }
    tern__text_finish(&pattern);
    return status;
}

static tern_status compile_all(tern__splitter *splitter, const tern__vocabulary *v) {
    splitter->general = pcre2_general_context_create(allocate, release, v->context);
    if (!splitter->general) {
        return no_memory(v->context);
    }
    for (size_t i = 0; i < v->split_count; i++) {
        TERN_TRY(compile(splitter, v, &v->splits[i].pattern));
    }
    splitter->count = splitter->total;
    for (size_t i = 0; i < v->normal_count; i++) {
        if (v->normals[i].form == TERN__NORMAL_REPLACE_PATTERN) {
            TERN_TRY(compile(splitter, v, &v->normals[i].pattern));
        }
    }
    return TERN_STATUS_OK;
}

// Patterns among the first |end| steps of the normaliser.
static size_t count_normals(const tern__vocabulary *v, size_t end) {
    size_t count = 0;
    for (size_t i = 0; i < end; i++) {
        count += v->normals[i].form == TERN__NORMAL_REPLACE_PATTERN;
    }
    return count;
}

tern_status tern__splitter_create(const tern__vocabulary *v, tern__splitter **out_splitter) {
    *out_splitter = NULL;
    size_t normals = count_normals(v, v->normal_count);
    if (v->split_count == 0 && normals == 0) {
        return TERN_STATUS_OK;
    }
    if (v->split_count > MAX_SPLITS || normals > MAX_SPLITS) {
        return tern__fail(v->context, TERN_STATUS_UNSUPPORTED,
                          "%s: the pre-tokenizer has %zu patterns, the normalizer %zu, at most %d "
                          "are supported",
                          v->file, v->split_count, normals, MAX_SPLITS);
    }
    tern__splitter *splitter = tern__calloc(v->context, 1, sizeof *splitter);
    if (!splitter) {
        return no_memory(v->context);
    }
    tern_status status = compile_all(splitter, v);
    if (status != TERN_STATUS_OK) {
        tern__splitter_destroy(splitter, v->context);
        return status;
    }
    *out_splitter = splitter;
    return TERN_STATUS_OK;
}

void tern__splitter_destroy(tern__splitter *splitter, tern_context *context) {
    if (!splitter) {
        return;
    }
    for (size_t i = 0; i < splitter->total; i++) {
        pcre2_code_free(splitter->codes[i]);
    }
    pcre2_general_context_free(splitter->general);
    tern__free(context, splitter);
}

// What one call's matching needs.
typedef struct matcher {
    const tern__splitter *splitter;
    const tern__vocabulary *v;
    tern__finder finder;
} matcher;

static tern_status matcher_init(matcher *m, const tern__splitter *splitter,
                                const tern__vocabulary *v, uint64_t size) {
    *m = (matcher){.splitter = splitter, .v = v};
    return tern__finder_init(&m->finder, splitter->general, size, splitter->total)
               ? TERN_STATUS_OK
               : no_memory(v->context);
}

static void matcher_finish(matcher *m) {
    tern__finder_finish(&m->finder);
}

static tern_status fail_match(const matcher *m, tern__span pattern, int code) {
    char message[128] = "";
    if (code == PCRE2_ERROR_NOMEMORY) {
        return no_memory(m->v->context);
    }
    pcre2_get_error_message(code, (PCRE2_UCHAR *)message, sizeof message);
    return tern__fail(m->v->context, TERN_STATUS_UNSUPPORTED,
                      "tokenizer: the pattern '%.100s' takes too long on this text (%s)",
                      m->v->text + pattern.start, message);
}

// One call's cutting.
typedef struct cutter {
    matcher matcher;
    tern__encoder *encoder;
    tern__text letters; // of a word, for splits that see them
    tern__text bytes;   // of a word of letters, for the model
    bool in_letters;
} cutter;

// A piece of a word: what a pattern matched, or what lies between.
typedef struct piece {
    const char *text; // NULL: none
    uint32_t size;    // 0: where a pattern matched nothing, which may still cut
    bool matched;
} piece;

static tern_status cut(cutter *c, size_t step, const char *text, uint32_t size);

// Joins pieces as one split wants them.
typedef struct joiner {
    cutter *cutter;
    size_t step;
    const tern__split *split;
    piece held; // may still grow
    bool last_matched;
} joiner;

static tern_status send(joiner *j, piece p) {
    return p.size ? cut(j->cutter, j->step + 1, p.text, p.size) : TERN_STATUS_OK;
}

static bool is_joined(const joiner *j, bool matched) {
    if (!j->held.text) {
        return false;
    }
    switch (j->split->behaviour) {
    case TERN__SPLIT_MERGED_WITH_PREVIOUS:
        return matched && !j->last_matched;
    case TERN__SPLIT_MERGED_WITH_NEXT:
        return !matched && j->last_matched;
    case TERN__SPLIT_CONTIGUOUS:
        return matched == j->last_matched;
    default:
        return false;
    }
}

static tern_status add(joiner *j, const char *text, uint32_t size, bool matched) {
    if (size == 0 && !matched) {
        return TERN_STATUS_OK;
    }
    matched = matched != j->split->inverted;
    if (matched && j->split->behaviour == TERN__SPLIT_REMOVED) {
        return TERN_STATUS_OK;
    }
    bool joined = is_joined(j, matched);
    j->last_matched = matched;
    if (joined) {
        j->held.size += size;
        return TERN_STATUS_OK;
    }
    piece before = j->held;
    j->held = (piece){text, size, matched};
    return send(j, before);
}

static tern_status encode_word(cutter *c, const char *text, uint32_t size) {
    const tern__tokenizer_kind *kind = c->encoder->tokenizer->kind;
    if (!c->in_letters) {
        return kind->encode(c->encoder, text, size);
    }
    size_t bytes = 0;
    c->bytes.size = 0;
    if (!tern__text_reserve(&c->bytes, size) ||
        !tern__byte_letters(text, size, c->bytes.bytes, &bytes)) {
        return no_memory(c->encoder->context);
    }
    return kind->encode(c->encoder, c->bytes.bytes, (uint32_t)bytes);
}

// Where matches of one pattern in a text are looked for.
typedef struct search {
    uint32_t at;
    uint32_t done; // the end of the last match
    bool any;
    uint32_t start, end; // of this match
} search;

// The next match. One of nothing counts, but not right behind another.
static int next_match(matcher *m, size_t index, const char *text, uint32_t size, search *s) {
    while (s->at <= size) {
        int result = tern__find(&m->finder, m->splitter->codes[index], text, size, s->at);
        if (result < 0) {
            return result;
        }
        const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(m->finder.match);
        bool astray = ends[1] < ends[0] || ends[0] < s->done; // by \K
        if (!astray && (ends[0] < ends[1] || !s->any || ends[0] > s->done)) {
            s->any = true;
            s->start = (uint32_t)ends[0];
            s->end = s->done = s->at = (uint32_t)ends[1];
            return result;
        }
        s->at += s->at < size ? tern__character_size(text + s->at, size - s->at) : 1;
    }
    return PCRE2_ERROR_NOMATCH;
}

// Cuts well-formed text with the pattern |step|, of which there is one, and those after it.
static tern_status cut_step(cutter *c, size_t step, const char *text, uint32_t size) {
    joiner j = {.cutter = c, .step = step, .split = &c->encoder->tokenizer->v.splits[step]};
    search s = {0};
    uint32_t done = 0;
    int result;
    while ((result = next_match(&c->matcher, step, text, size, &s)) >= 0) {
        TERN_TRY(add(&j, text + done, s.start - done, false));
        TERN_TRY(add(&j, text + s.start, s.end - s.start, true));
        done = s.end;
    }
    if (result != PCRE2_ERROR_NOMATCH) {
        return fail_match(&c->matcher, j.split->pattern, result);
    }
    TERN_TRY(add(&j, text + done, size - done, false));
    return send(&j, j.held);
}

// Splits after the step of byte-level pre-tokenizers see the letters that bytes are written as.
static tern_status cut_letters(cutter *c, size_t step, const char *text, uint32_t size) {
    c->letters.size = 0;
    tern__letters_of_bytes(text, size, &c->letters);
    if (c->letters.failed) {
        return no_memory(c->encoder->context);
    }
    c->in_letters = true;
    tern_status status = cut_step(c, step, c->letters.bytes, (uint32_t)c->letters.size);
    c->in_letters = false;
    return status;
}

static tern_status cut(cutter *c, size_t step, const char *text, uint32_t size) {
    if (step == c->matcher.splitter->count) {
        return encode_word(c, text, size);
    }
    return step == c->matcher.v->split_letters && !c->in_letters ? cut_letters(c, step, text, size)
                                                                 : cut_step(c, step, text, size);
}

// The end of the well-formed, or else of the other, bytes that |text| starts with.
static uint32_t run_size(const char *text, uint32_t size, bool *out_well_formed) {
    uint32_t at = 0;
    uint32_t length;
    *out_well_formed = tern__character_at(text, size, &length) >= 0;
    while (at < size &&
           (tern__character_at(text + at, size - at, &length) >= 0) == *out_well_formed) {
        at += length;
    }
    return at;
}

static tern_status cut_runs(cutter *c, const char *text, uint32_t size) {
    for (uint32_t at = 0; at < size;) {
        bool well_formed;
        uint32_t length = run_size(text + at, size - at, &well_formed);
        TERN_TRY(cut(c, well_formed ? 0 : c->matcher.splitter->count, text + at, length));
        at += length;
    }
    return TERN_STATUS_OK;
}

tern_status tern__split_words(tern__encoder *encoder, const char *text, uint32_t size) {
    const tern_tokenizer *tokenizer = encoder->tokenizer;
    const tern__splitter *splitter = tokenizer->splitter;
    if (!splitter || splitter->count == 0) {
        return tokenizer->kind->encode(encoder, text, size);
    }
    cutter c = {.encoder = encoder,
                .letters = {.context = encoder->context},
                .bytes = {.context = encoder->context}};
    tern_status status = matcher_init(&c.matcher, splitter, &tokenizer->v, size);
    if (status == TERN_STATUS_OK) {
        status = cut_runs(&c, text, size);
    }
    tern__text_finish(&c.letters);
    tern__text_finish(&c.bytes);
    matcher_finish(&c.matcher);
    return status;
}

// The same in well-formed text alone.
static tern_status replace_run(matcher *m, size_t index, const tern__normal *n, const char *text,
                               uint32_t size, tern__text *out) {
    search s = {0};
    uint32_t done = 0;
    int result;
    while ((result = next_match(m, index, text, size, &s)) >= 0) {
        tern__text_add(out, text + done, s.start - done);
        tern__text_add(out, m->v->text + n->content.start, n->content.size);
        done = s.end;
    }
    if (result != PCRE2_ERROR_NOMATCH) {
        return fail_match(m, n->pattern, result);
    }
    tern__text_add(out, text + done, size - done);
    return TERN_STATUS_OK;
}

tern_status tern__split_replace(const tern__splitter *splitter, const tern__vocabulary *v,
                                size_t step, const char *text, size_t size, tern__text *out) {
    matcher m;
    size_t index = splitter->count + count_normals(v, step);
    tern_status status = matcher_init(&m, splitter, v, size);
    for (size_t at = 0; at < size && status == TERN_STATUS_OK;) {
        bool well_formed;
        uint32_t length = run_size(text + at, (uint32_t)(size - at), &well_formed);
        if (well_formed) {
            status = replace_run(&m, index, &v->normals[step], text + at, length, out);
        } else {
            tern__text_add(out, text + at, length);
        }
        at += length;
    }
    matcher_finish(&m);
    return status;
}
