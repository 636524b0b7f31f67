// How well texts are predicted. All of it in double precision by our own code, in one order.
#include <tern/perplexity.h>

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/elementary.h"
#include "runtime/model/session/session.h"
#include "runtime/status.h"
#include "shaders/common/exp.h"

enum { DEFAULT_CONTEXT = 512, LEAST_CONTEXT = 4, MAX_BEST = 1024 };

// Also of NaN, whose integer part nobody may ask for.
static float weight_of(float logit, float most) {
    float x = logit - most;
    return x >= -34.0f ? t_exp(x) : 0.0f;
}

// NaN is below all.
static float known(float logit) {
    return isnan(logit) ? -INFINITY : logit;
}

static tern_status check_logits(const float *logits, uint32_t count, const int32_t *ids,
                                uint32_t id_count, const double *out) {
    if (!logits || (!out && id_count)) {
        return tern__fail(NULL, TERN_STATUS_INVALID_ARGUMENT, "log probs: %s is NULL",
                          logits ? "out" : "logits");
    }
    for (uint32_t i = 0; ids && i < id_count; i++) {
        if (ids[i] < 0 || (uint32_t)ids[i] >= count) {
            return tern__fail(NULL, TERN_STATUS_OUT_OF_RANGE,
                              "log probs: id %d of %u logits does not exist", ids[i], count);
        }
    }
    return TERN_STATUS_OK;
}

tern_status tern_log_probs(const float *logits, uint32_t count, const int32_t *ids,
                           uint32_t id_count, double *out) {
    id_count = ids ? id_count : count;
    TERN_TRY(check_logits(logits, count, ids, id_count, out));
    float most = -FLT_MAX;
    double sum = 0.0;
    for (uint32_t i = 0; i < count; i++) {
        most = logits[i] > most ? logits[i] : most;
    }
    for (uint32_t i = 0; i < count; i++) {
        sum += weight_of(logits[i], most);
    }
    if (!(sum >= 1.0) || !(most <= FLT_MAX)) {
        return tern__fail(NULL, TERN_STATUS_INVALID_ARGUMENT,
                          "log probs: the largest of %u logits is not finite", count);
    }
    double log_sum = tern__natural_log(sum);
    for (uint32_t i = 0; i < id_count; i++) {
        out[i] = (double)known(logits[ids ? ids[i] : (int32_t)i]) - (double)most - log_sum;
    }
    return TERN_STATUS_OK;
}

tern_status tern_top_log_probs(const float *logits, uint32_t count, uint32_t best, int32_t *out_ids,
                               double *out_log_probs) {
    if (best > count || best > MAX_BEST || (best && !out_ids)) {
        return tern__fail(
            NULL, best && !out_ids ? TERN_STATUS_INVALID_ARGUMENT : TERN_STATUS_OUT_OF_RANGE,
            "log probs: the %u best of %u, expected at most all and %d, and out_ids", best, count,
            MAX_BEST);
    }
    uint32_t found = 0;
    for (uint32_t id = 0; logits && id < count; id++) {
        uint32_t at = found;
        while (at > 0 && known(logits[id]) > known(logits[out_ids[at - 1]])) {
            at--;
        }
        if (at == best) {
            continue;
        }
        found += found < best;
        memmove(out_ids + at + 1, out_ids + at, (found - at - 1) * sizeof *out_ids);
        out_ids[at] = (int32_t)id;
    }
    return best ? tern_log_probs(logits, count, out_ids, best, out_log_probs) : TERN_STATUS_OK;
}

typedef struct measure {
    tern_model *model;
    tern_context *context;
    const tern_perplexity_desc *desc;
    tern_perplexity_result *result;
    tern_session *session;
    int32_t bos;    // in the place of a window's first id; -1: none
    uint32_t first; // id of a window to be scored
    tern_row *rows;
    float *logits; // of TERN__MAX_SELECTED rows
    double sum;
    double squares;
} measure;

static tern_status check(const measure *m) {
    const tern_perplexity_desc *desc = m->desc;
    const tern_perplexity_result *r = m->result;
    TERN_TRY(tern__check_reserved(m->context, "tern_perplexity_desc", desc->reserved));
    if (r->context < LEAST_CONTEXT || r->stride > r->context) {
        return tern__fail(m->context, TERN_STATUS_INVALID_ARGUMENT,
                          "perplexity: windows of %u ids every %u, expected %u at least and a "
                          "stride within them",
                          r->context, r->stride, LEAST_CONTEXT);
    }
    if (!desc->ids || desc->id_count < r->context) {
        return tern__fail(m->context, TERN_STATUS_INVALID_ARGUMENT,
                          "perplexity: a text of %llu ids is less than one window of %u; windows "
                          "may be shorter (--context, tern_perplexity_desc.context)",
                          (unsigned long long)(desc->ids ? desc->id_count : 0), r->context);
    }
    return TERN_STATUS_OK;
}

// Before hours of work, not after them.
static tern_status check_ids(const measure *m) {
    const tern_perplexity_result *r = m->result;
    uint32_t vocabulary = m->model->network.hyper.vocabulary;
    size_t looked_at = (size_t)(r->windows - 1) * r->stride + r->context;
    for (size_t i = 0; i < looked_at; i++) {
        int32_t id = m->desc->ids[i];
        if (id < 0 || (uint32_t)id >= vocabulary) {
            return tern__fail(m->context, TERN_STATUS_OUT_OF_RANGE,
                              "perplexity: id %d at %llu of the text is none of the model, which "
                              "has 0 to %u",
                              id, (unsigned long long)i, vocabulary - 1);
        }
    }
    return TERN_STATUS_OK;
}

// Defaults, and what follows from them.
static tern_status plan(measure *m) {
    tern_perplexity_result *r = m->result;
    uint32_t most = m->model->network.hyper.context;
    uint32_t usual = most < DEFAULT_CONTEXT ? most : DEFAULT_CONTEXT;
    *r = (tern_perplexity_result){.struct_size = r->struct_size};
    r->context = m->desc->context ? m->desc->context : usual;
    r->stride = m->desc->stride ? m->desc->stride : r->context;
    TERN_TRY(check(m));
    uint64_t windows = (m->desc->id_count - r->context) / r->stride + 1;
    if (windows > UINT32_MAX) {
        return tern__fail(m->context, TERN_STATUS_INVALID_ARGUMENT,
                          "perplexity: more than 2^32 windows");
    }
    bool halves = r->stride == r->context;
    r->windows = (uint32_t)windows;
    m->first = halves ? r->context / 2 + 1 : r->context - r->stride;
    r->total = windows * (r->context - m->first);
    return check_ids(m);
}

static tern_status make_room(measure *m) {
    tern_tokenizer_info info = {.struct_size = sizeof info};
    TERN_TRY(tern_tokenizer_describe(m->model->tokenizer, &info));
    m->bos = info.add_bos ? info.bos : -1;
    uint64_t row = m->model->network.hyper.vocabulary * sizeof(float);
    m->rows = tern__calloc(m->context, m->result->context, sizeof *m->rows);
    m->logits = tern__alloc(m->context, (size_t)row * TERN__MAX_SELECTED);
    if (!m->rows || !m->logits) {
        return tern__fail_memory(m->context, row * TERN__MAX_SELECTED, "perplexity");
    }
    tern_session_desc desc = TERN_SESSION_DESC_INIT;
    desc.context = m->result->context;
    desc.kv = m->desc->kv;
    desc.max_rows = m->desc->max_rows;
    return tern_session_create(m->model, &desc, &m->session);
}

// Rows |begin| to |end| of the window that has |ids|.
static tern_status evaluate(measure *m, const int32_t *ids, uint32_t begin, uint32_t end,
                            uint32_t flags) {
    for (uint32_t i = begin; i < end; i++) {
        int32_t id = i == 0 && m->bos >= 0 ? m->bos : ids[i];
        m->rows[i] = (tern_row){m->session, id, flags};
    }
    tern_eval_desc eval = {.struct_size = sizeof eval,
                           .row_count = end - begin,
                           .rows = m->rows + begin,
                           .logits = m->logits,
                           .cancelled_by = m->desc->cancelled_by};
    return tern__model_eval(m->model, &eval, NULL);
}

static void summarise(measure *m) {
    tern_perplexity_result *r = m->result;
    double n = (double)r->scored;
    double mean = m->sum / n;
    double variance = m->squares / n - mean * mean;
    bool spread = r->scored > 1 && variance > 0.0;
    r->nll = mean;
    r->nll_error = spread ? sqrt(variance / (n - 1.0)) : 0.0;
    r->perplexity = mean < 600.0 ? tern__exponential(mean) : HUGE_VAL;
    r->perplexity_error = r->perplexity * r->nll_error;
}

// The row before an id tells how likely it was.
static tern_status score(measure *m, const int32_t *ids, uint32_t begin, uint32_t end) {
    uint32_t vocabulary = m->model->network.hyper.vocabulary;
    TERN_TRY(evaluate(m, ids, begin - 1, end - 1, TERN_ROW_LOGITS));
    for (uint32_t i = begin; i < end; i++) {
        double log_prob = 0.0;
        const float *row = m->logits + (size_t)(i - begin) * vocabulary;
        TERN_TRY(tern_log_probs(row, vocabulary, &ids[i], 1, &log_prob));
        m->sum -= log_prob;
        m->squares += log_prob * log_prob;
        m->result->scored++;
    }
    summarise(m);
    if (m->desc->progress && !m->desc->progress(m->desc->progress_user, m->result)) {
        return tern__fail(
            m->context, TERN_STATUS_CANCELLED, "perplexity: cancelled after %llu of %llu ids",
            (unsigned long long)m->result->scored, (unsigned long long)m->result->total);
    }
    return TERN_STATUS_OK;
}

static tern_status run_window(measure *m, const int32_t *ids) {
    TERN_TRY(tern_session_rewind(m->session, 0));
    TERN_TRY(evaluate(m, ids, 0, m->first - 1, 0));
    for (uint32_t begin = m->first; begin < m->result->context; begin += TERN__MAX_SELECTED) {
        uint32_t left = m->result->context - begin;
        uint32_t count = left < TERN__MAX_SELECTED ? left : (uint32_t)TERN__MAX_SELECTED;
        TERN_TRY(score(m, ids, begin, begin + count));
    }
    return TERN_STATUS_OK;
}

static tern_status run(measure *m) {
    TERN_TRY(plan(m));
    TERN_TRY(make_room(m));
    for (uint32_t w = 0; w < m->result->windows; w++) {
        TERN_TRY(run_window(m, m->desc->ids + (size_t)w * m->result->stride));
    }
    return TERN_STATUS_OK;
}

tern_status tern_perplexity(tern_model *model, const tern_perplexity_desc *desc,
                            tern_perplexity_result *out_result) {
    if (!model || !desc || !out_result) {
        return tern__fail(model ? model->context : NULL, TERN_STATUS_INVALID_ARGUMENT,
                          "perplexity: %s is NULL",
                          !model  ? "model"
                          : !desc ? "desc"
                                  : "out_result");
    }
    tern_context *context = model->context;
    TERN_TRY(tern__check_size(context, "tern_perplexity_desc", desc->struct_size, sizeof *desc));
    TERN_TRY(tern__check_size(context, "tern_perplexity_result", out_result->struct_size,
                              sizeof *out_result));
    measure m = {.model = model, .context = context, .desc = desc, .result = out_result};
    tern_status status = run(&m);
    tern_session_destroy(m.session);
    tern__free(context, m.logits);
    tern__free(context, m.rows);
    return status;
}
