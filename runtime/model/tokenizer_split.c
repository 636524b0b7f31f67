// The pre-tokenizer: a stretch of text is cut into words by patterns, one after the other. Bytes
// that are no UTF-8 are words of their own.
//
// A pattern may cost 64 steps a byte and a bit; one that wants more fails the call, so that a
// hostile file cannot make it endless, nor take the stack: what the machine code of PCRE2 has no
// stack for, its interpreter does on the heap.
#include "runtime/model/tokenizer_split.h"

#include <pcre2.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/text.h"
#include "runtime/status.h"

enum { MAX_SPLITS = 16, STEPS_BASE = 100000, STEPS_PER_BYTE = 64, HEAP_KIB = 64 * 1024 };

struct tern__splitter {
    pcre2_general_context *general;
    pcre2_code *codes[MAX_SPLITS];
    size_t count;
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
                      "%s: the pre-tokenizer's pattern '%.100s' is not understood at %zu: %s",
                      v->file, pattern, at, message);
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
    splitter->codes[splitter->count++] = compiled;
    // Where there is no machine code (no memory that may be executed, another CPU) it is slower.
    pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE);
    return TERN_STATUS_OK;
}

static tern_status compile(tern__splitter *splitter, const tern__vocabulary *v, size_t index) {
    tern__text pattern = {.context = v->context};
    tern_status status = tern__pattern_translate(v, &v->splits[index].pattern, &pattern);
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

tern_status tern__splitter_create(const tern__vocabulary *v, tern__splitter **out_splitter) {
    *out_splitter = NULL;
    if (v->split_count == 0) {
        return TERN_STATUS_OK;
    }
    if (v->split_count > MAX_SPLITS) {
        return tern__fail(v->context, TERN_STATUS_UNSUPPORTED,
                          "%s: the pre-tokenizer has %zu patterns, at most %d are supported",
                          v->file, v->split_count, MAX_SPLITS);
    }
    tern__splitter *splitter = tern__calloc(v->context, 1, sizeof *splitter);
    if (!splitter) {
        return no_memory(v->context);
    }
    tern_status status = TERN_STATUS_OK;
    splitter->general = pcre2_general_context_create(allocate, release, v->context);
    if (!splitter->general) {
        status = no_memory(v->context);
    }
    for (size_t i = 0; i < v->split_count && status == TERN_STATUS_OK; i++) {
        status = compile(splitter, v, i);
    }
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
    for (size_t i = 0; i < splitter->count; i++) {
        pcre2_code_free(splitter->codes[i]);
    }
    pcre2_general_context_free(splitter->general);
    tern__free(context, splitter);
}

// One call's cutting.
typedef struct cutter {
    const tern__splitter *splitter;
    tern__encoder *encoder;
    pcre2_match_context *limits;
    pcre2_match_data *match;
} cutter;

// A piece of a word: what a pattern matched, or what lies between.
typedef struct piece {
    const char *text;
    uint32_t size; // 0: none
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
    if (j->held.size == 0) {
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
    matched = matched != j->split->inverted;
    if (size == 0 || (matched && j->split->behaviour == TERN__SPLIT_REMOVED)) {
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

static tern_status fail_match(const cutter *c, size_t step, int code) {
    const tern__vocabulary *v = &c->encoder->tokenizer->v;
    char message[128] = "";
    if (code == PCRE2_ERROR_NOMEMORY) {
        return no_memory(v->context);
    }
    pcre2_get_error_message(code, (PCRE2_UCHAR *)message, sizeof message);
    return tern__fail(v->context, TERN_STATUS_UNSUPPORTED,
                      "tokenizer: the pattern '%.100s' takes too long on this text (%s)",
                      v->text + v->splits[step].pattern.start, message);
}

// Finds the first match from |at| on. PCRE2_ERROR_NOMATCH, or another error, or 1.
static int find(const cutter *c, size_t step, const char *text, uint32_t size, uint32_t at) {
    const pcre2_code *code = c->splitter->codes[step];
    int result =
        pcre2_match(code, (PCRE2_SPTR)text, size, at, PCRE2_NO_UTF_CHECK, c->match, c->limits);
    if (result == PCRE2_ERROR_JIT_STACKLIMIT) {
        result = pcre2_match(code, (PCRE2_SPTR)text, size, at, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                             c->match, c->limits);
    }
    return result;
}

// Cuts well-formed text with the pattern |step| and those after it.
static tern_status cut(cutter *c, size_t step, const char *text, uint32_t size) {
    if (step == c->splitter->count) {
        return c->encoder->tokenizer->kind->encode(c->encoder, text, size);
    }
    joiner j = {.cutter = c, .step = step, .split = &c->encoder->tokenizer->v.splits[step]};
    uint32_t done = 0;
    for (uint32_t at = 0; at < size;) {
        int result = find(c, step, text, size, at);
        if (result == PCRE2_ERROR_NOMATCH) {
            break;
        }
        if (result < 0) {
            return fail_match(c, step, result);
        }
        const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(c->match);
        uint32_t start = (uint32_t)ends[0];
        uint32_t end = (uint32_t)ends[1];
        if (end <= start || end <= at) { // empty, or \K went astray
            at = start < at ? at : start;
            at += at < size ? tern__character_size(text + at, size - at) : 1;
            continue;
        }
        TERN_TRY(start < done ? TERN_STATUS_OK : add(&j, text + done, start - done, false));
        start = start < done ? done : start;
        TERN_TRY(add(&j, text + start, end - start, true));
        done = at = end;
    }
    TERN_TRY(add(&j, text + done, size - done, false));
    return send(&j, j.held);
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
        TERN_TRY(cut(c, well_formed ? 0 : c->splitter->count, text + at, length));
        at += length;
    }
    return TERN_STATUS_OK;
}

tern_status tern__split_words(tern__encoder *encoder, const char *text, uint32_t size) {
    const tern__splitter *splitter = encoder->tokenizer->splitter;
    if (!splitter) {
        return encoder->tokenizer->kind->encode(encoder, text, size);
    }
    cutter c = {.splitter = splitter, .encoder = encoder};
    uint64_t steps = STEPS_BASE + (uint64_t)STEPS_PER_BYTE * size;
    c.limits = pcre2_match_context_create(splitter->general);
    c.match = pcre2_match_data_create(1, splitter->general);
    tern_status status = c.limits && c.match ? TERN_STATUS_OK : no_memory(encoder->context);
    if (status == TERN_STATUS_OK) {
        pcre2_set_match_limit(c.limits, steps < UINT32_MAX ? (uint32_t)steps : UINT32_MAX);
        pcre2_set_heap_limit(c.limits, HEAP_KIB);
        status = cut_runs(&c, text, size);
    }
    pcre2_match_data_free(c.match);
    pcre2_match_context_free(c.limits);
    return status;
}
