// The loop of generation: evaluate, pick, deliver, until something ends it.
#include "runtime/allocator.h"
#include "runtime/model/sampling/grammar.h"
#include "runtime/model/session/session.h"
#include "runtime/model/text/textstream.h"
#include "runtime/model/text/tokenizer.h"
#include "runtime/status.h"

typedef struct generation {
    tern_session *session;
    tern_model *model;
    tern_context *context;
    const tern_generate_desc *desc;
    tern_generate_result *result;
    tern__textstream text;
    uint32_t token_count; // of the tokenizer; ids beyond have no text
    bool greedy;          // the device picks
    bool at_start;        // no text yet, neither in the prompt nor generated
    float *logits;        // unless greedy and nobody wants them
    char *piece;
    size_t piece_capacity;
} generation;

static tern_status check_desc(const tern_session *session, const tern_generate_desc *desc,
                              const tern_generate_result *result) {
    tern_context *context = session->model->context;
    TERN_TRY(tern__check_size(context, "tern_generate_desc", desc->struct_size, sizeof *desc));
    TERN_TRY(tern__check_reserved(context, "tern_generate_desc", desc->reserved));
    if (desc->flags & ~(uint32_t)(TERN_GENERATE_REUSE | TERN_GENERATE_SHIFT)) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT,
                          "generate: flags 0x%x, expected TERN_GENERATE_*", desc->flags);
    }
    TERN_TRY(
        tern__check_size(context, "tern_generate_result", result->struct_size, sizeof *result));
    if (!desc->prompt || desc->prompt_count == 0) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT,
                          "generate: the prompt is empty, expected at least 1 id");
    }
    if (desc->stop_string_count && !desc->stop_strings) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT,
                          "generate: %u stop strings, but no array of them",
                          desc->stop_string_count);
    }
    for (uint32_t i = 0; i < desc->stop_string_count; i++) {
        if (!desc->stop_strings[i]) {
            return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT,
                              "generate: stop string %u of %u is NULL", i, desc->stop_string_count);
        }
    }
    return TERN_STATUS_OK;
}

// How much of the prompt need not be evaluated; its last id always is.
static uint32_t reusable(const tern_session *session, const tern_generate_desc *desc) {
    uint32_t common = tern_session_common_prefix(session, desc->prompt, desc->prompt_count - 1);
    return tern__session_holds(session, common) ? common : 0;
}

static tern_status check_room(const tern_session *session, const tern_generate_desc *desc) {
    bool whole = (desc->flags & TERN_GENERATE_REUSE) != 0;
    bool shift = (desc->flags & TERN_GENERATE_SHIFT) != 0;
    uint32_t before = whole ? 0 : shift ? desc->keep : session->position;
    before = before < session->position ? before : session->position;
    // The last id picked is not evaluated.
    uint64_t evaluated = desc->max_tokens && !shift ? desc->max_tokens - 1 : 0;
    uint64_t room = session->context - before;
    if (shift && desc->keep >= session->context) {
        return tern__fail(session->model->context, TERN_STATUS_OUT_OF_RANGE,
                          "generate: %u positions to keep leave nothing of a context of %u",
                          desc->keep, session->context);
    }
    if (desc->prompt_count > room || evaluated > room - desc->prompt_count) {
        return tern__fail(session->model->context, TERN_STATUS_OUT_OF_RANGE,
                          "generate: %llu prompt ids and %u to generate do not fit after position "
                          "%u of a context of %u",
                          (unsigned long long)desc->prompt_count, desc->max_tokens, before,
                          session->context);
    }
    return TERN_STATUS_OK;
}

// Forgets what stands in the way of |count| more rows.
static tern_status make_room(generation *g, uint32_t count) {
    tern_session *session = g->session;
    uint32_t room = session->context - session->position;
    if (count <= room) {
        return TERN_STATUS_OK;
    }
    uint32_t keep = g->desc->keep < session->position ? g->desc->keep : session->position;
    uint32_t half = (session->position - keep) / 2;
    uint32_t drop = count - room > half ? count - room : half;
    return tern_session_drop(session, keep, drop, g->desc->cancelled_by);
}

// The bytes of |id| in |g->piece|.
static tern_status decode(generation *g, int32_t id, size_t *out_size) {
    const tern_tokenizer *tokenizer = g->model->tokenizer;
    *out_size = 0;
    if ((uint32_t)id >= g->token_count) {
        return TERN_STATUS_OK;
    }
    size_t size = tern__token_bytes(tokenizer, id, g->at_start, g->piece, g->piece_capacity);
    if (size > g->piece_capacity) {
        if (!tern__grow(g->context, (void **)&g->piece, &g->piece_capacity, size, 1)) {
            return tern__fail_memory(g->context, size, "text of a token");
        }
        tern__token_bytes(tokenizer, id, g->at_start, g->piece, g->piece_capacity);
    }
    // A space that was dropped has begun the text, too.
    g->at_start = g->at_start && tern__token_bytes(tokenizer, id, false, NULL, 0) == 0;
    *out_size = size;
    return TERN_STATUS_OK;
}

static tern_status prepare_logits(generation *g) {
    size_t bytes = g->model->network.hyper.vocabulary * sizeof(float);
    g->logits = tern__alloc(g->context, bytes);
    return g->logits ? TERN_STATUS_OK : tern__fail_memory(g->context, bytes, "generation");
}

static tern_status prepare(generation *g) {
    tern_tokenizer_info info = {.struct_size = sizeof info};
    size_t size = 0;
    TERN_TRY(tern_tokenizer_describe(g->model->tokenizer, &info));
    g->token_count = info.size;
    g->at_start = (g->desc->flags & TERN_GENERATE_REUSE) || g->session->position == 0;
    for (size_t i = 0; g->at_start && i < g->desc->prompt_count; i++) {
        if (g->desc->prompt[i] >= 0) {
            TERN_TRY(decode(g, g->desc->prompt[i], &size));
        }
    }
    return g->greedy && !g->desc->on_logits ? TERN_STATUS_OK : prepare_logits(g);
}

// Evaluates rows, the last of which picks.
static tern_status evaluate(generation *g, tern_row *rows, uint32_t count, int32_t *out_id) {
    tern_eval_desc eval = {.struct_size = sizeof eval,
                           .row_count = count,
                           .rows = rows,
                           .logits = g->logits,
                           .cancelled_by = g->desc->cancelled_by};
    rows[count - 1].flags = TERN_ROW_LOGITS;
    TERN_TRY(make_room(g, count));
    TERN_TRY(tern__model_eval(g->model, &eval, g->greedy ? out_id : NULL));
    uint32_t vocabulary = g->model->network.hyper.vocabulary;
    if (!g->greedy) {
        TERN_TRY(tern_sampler_pick(g->desc->sampler, g->logits, vocabulary, g->session->ids,
                                   g->session->position, out_id));
    }
    if (g->desc->on_logits) {
        g->desc->on_logits(g->desc->user, *out_id, g->logits, vocabulary);
    }
    return TERN_STATUS_OK;
}

static tern_status evaluate_prompt(generation *g, int32_t *out_id) {
    bool whole = (g->desc->flags & TERN_GENERATE_REUSE) != 0;
    g->result->reused = whole ? reusable(g->session, g->desc) : 0;
    const int32_t *prompt = g->desc->prompt + g->result->reused;
    size_t count = g->desc->prompt_count - g->result->reused;
    tern_row *rows = tern__calloc(g->context, count, sizeof *rows);
    if (!rows) {
        return tern__fail_memory(g->context, count * sizeof *rows, "prompt");
    }
    for (size_t i = 0; i < count; i++) {
        rows[i].session = g->session;
        rows[i].token = prompt[i];
    }
    tern_status status =
        whole ? tern_session_rewind(g->session, g->result->reused) : TERN_STATUS_OK;
    status = status == TERN_STATUS_OK ? evaluate(g, rows, (uint32_t)count, out_id) : status;
    tern__free(g->context, rows);
    return status;
}

// Delivers |id|; sets |result->stop| if it is the last.
static tern_status accept(generation *g, int32_t id) {
    tern_generate_result *result = g->result;
    size_t size = 0;
    if (result->count == g->desc->max_tokens) {
        result->stop = TERN_STOP_LENGTH; // only with max_tokens 0
        return TERN_STATUS_OK;
    }
    if ((uint32_t)id < g->token_count && tern_tokenizer_is_end(g->model->tokenizer, id)) {
        result->stop = TERN_STOP_EOS;
        return TERN_STATUS_OK;
    }
    if (g->desc->out_ids) {
        g->desc->out_ids[result->count] = id;
    }
    result->count++;
    TERN_TRY(decode(g, id, &size));
    TERN_TRY(tern__textstream_add(&g->text, g->piece, size, &result->stop));
    const tern_grammar *grammar = tern__sampler_grammar(g->desc->sampler);
    if (!result->stop && grammar && tern_grammar_state(grammar) == TERN_GRAMMAR_MAY_END) {
        result->stop = TERN_STOP_GRAMMAR;
    }
    if (!result->stop && result->count == g->desc->max_tokens) {
        result->stop = TERN_STOP_LENGTH;
    }
    return TERN_STATUS_OK;
}

// What follows |id|, the first that was picked.
static tern_status go_on(generation *g, int32_t id) {
    TERN_TRY(accept(g, id));
    while (!g->result->stop) {
        tern_row row = {.session = g->session, .token = id};
        TERN_TRY(evaluate(g, &row, 1, &id));
        TERN_TRY(accept(g, id));
    }
    return TERN_STATUS_OK;
}

static tern_status run(generation *g) {
    tern_generate_result *result = g->result;
    int32_t id = 0;
    tern_stop stop = 0;
    TERN_TRY(prepare(g));
    uint64_t start = tern__clock_ns();
    TERN_TRY(evaluate_prompt(g, &id));
    uint64_t picked = tern__clock_ns();
    result->prompt_ns = picked - start;
    tern_status status = go_on(g, id);
    result->decode_ns = tern__clock_ns() - picked; // of a cancelled one, too
    TERN_TRY(status);
    if (result->stop != TERN_STOP_STRING && result->stop != TERN_STOP_CALLBACK) {
        tern__textstream_flush(&g->text, &stop);
        result->stop = stop ? stop : result->stop;
    }
    return TERN_STATUS_OK;
}

tern_status tern_session_generate(tern_session *session, const tern_generate_desc *desc,
                                  tern_generate_result *out_result) {
    if (!session || !desc || !out_result) {
        return tern__fail(session ? session->model->context : NULL, TERN_STATUS_INVALID_ARGUMENT,
                          "generate: %s is NULL",
                          !session ? "session"
                          : !desc  ? "desc"
                                   : "out_result");
    }
    TERN_TRY(check_desc(session, desc, out_result));
    TERN_TRY(check_room(session, desc));
    TERN_TRY(tern__session_check_ids(session, "generate", desc->prompt, desc->prompt_count));
    *out_result = (tern_generate_result){.struct_size = out_result->struct_size};
    generation g = {.session = session,
                    .model = session->model,
                    .context = session->model->context,
                    .desc = desc,
                    .result = out_result};
    g.greedy = !desc->sampler || tern_sampler_is_greedy(desc->sampler);
    g.text = (tern__textstream){.context = g.context,
                                .stops = desc->stop_strings,
                                .stop_count = desc->stop_string_count,
                                .deliver = desc->on_text,
                                .user = desc->user};
    tern_status status = run(&g);
    tern__textstream_finish(&g.text);
    tern__free(g.context, g.piece);
    tern__free(g.context, g.logits);
    return status;
}
