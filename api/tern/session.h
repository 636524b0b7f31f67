// Copyright (c) 2026 the tern authors
// SPDX-License-Identifier: MIT
#ifndef TERN_SESSION_H_
#define TERN_SESSION_H_

#include <tern/cancel.h>
#include <tern/commands.h>
#include <tern/model.h>
#include <tern/sampler.h>
#include <tern/sink.h>

/**
 * One conversation with a model: its positions and its KV cache, or the states of a recurrent
 * network.
 *
 * Ownership: destroy before the model.
 * Threads:   one at a time; different sessions of one model from different threads.
 */
typedef struct tern_session tern_session;

/** How a session is made. Zero is a sensible value of every member. */
typedef struct tern_session_desc {
    uint32_t struct_size; /**< sizeof(tern_session_desc) */
    tern_kv_type kv;
    uint32_t context;  /**< positions to make room for; 0: the model's own; more than that is
                          OUT_OF_RANGE */
    uint32_t max_rows; /**< largest row bucket to use: 1, 8, 32, 128 or 512; 0: 128. Never changes a
                          result. */
} tern_session_desc;

#define TERN_SESSION_DESC_INIT                                                                     \
    { sizeof(tern_session_desc), 0, 0, 0 }

enum {
    TERN_ROW_LOGITS = 1u << 0, /**< this row's logits are wanted */
    TERN_ROW_HIDDEN = 1u << 1  /**< this row's hidden state, after the last norm, is wanted */
};

/** One token at the next position of a session. Rows of one session follow each other in order. */
typedef struct tern_row {
    tern_session *session;
    int32_t token;
    uint32_t flags; /**< TERN_ROW_* */
} tern_row;

/** Several rows of one or several sessions of the same model, in one pass over the weights. */
typedef struct tern_eval_desc {
    uint32_t struct_size; /**< sizeof(tern_eval_desc) */
    uint32_t row_count;
    const tern_row *rows;
    float *logits; /**< receives vocabulary floats for each row that wants them, in order; NULL if
                      none does */
    float *hidden; /**< likewise, width floats each */
    /** Polled between submits from the calling thread; non-zero stops with CANCELLED, rows done so
     * far stay. May call the library, for other sessions too. NULL: never stops. */
    int32_t (*cancel)(void *user);
    void *cancel_user;
    /** Stops it from another thread, also within a submit: CANCELLED. Rows of finished submits
     * stay, the others are not there: a session goes on from its position as if they had never been
     * asked for. NULL: never. */
    const tern_cancel *cancelled_by;
} tern_eval_desc;

/** One session's part in a batch. What a call is told and what it answers. */
typedef struct tern_batch_item {
    tern_session *session;
    const int32_t *tokens; /**< at its next positions: the id picked last, or a whole prompt */
    uint32_t token_count;  /**< at least 1 */
    tern_status status;    /**< out: what became of this item */
    int32_t next;          /**< out: the likeliest id to follow; the lowest of several */
    uint32_t reserved;
} tern_batch_item;

/** Several sessions of one model, each one step ahead. Zero is a sensible value of every member. */
typedef struct tern_batch_desc {
    uint32_t struct_size; /**< sizeof(tern_batch_desc) */
    uint32_t item_count;
    tern_batch_item *items; /**< sessions all different */
    float
        *logits; /**< receives vocabulary floats for each item, after its last token, for a sampler
                      of the caller's; NULL: not wanted */
    const tern_cancel *cancelled_by; /**< as in tern_eval_desc; may be NULL */
} tern_batch_desc;

/** Receives text as it is generated: whole UTF-8 characters, |size| bytes, not terminated. 0 stops:
 * "callback". */
typedef int32_t (*tern_text_fn)(void *user, const char *text, size_t size);

/** Why a generation ended. */
typedef uint32_t tern_stop;

enum {
    TERN_STOP_EOS = 1,    /**< the model ended its text */
    TERN_STOP_LENGTH = 2, /**< max_tokens were generated */
    TERN_STOP_STRING = 3, /**< a stop string appeared; neither it nor what follows was delivered */
    TERN_STOP_CALLBACK = 4, /**< on_text asked for it */
    TERN_STOP_GRAMMAR = 5   /**< the sampler's grammar is complete and allows no more */
};

enum {
    /** The prompt is the whole text from position 0 on: what the session holds of its beginning is
     * not evaluated again, all else in the session is forgotten. Same result as in an empty one. */
    TERN_GENERATE_REUSE = 1u << 0,
    /** When the context is full, tern_session_drop forgets half of what lies after the first |keep|
     * positions (more, if a prompt needs more), as often as it takes: |max_tokens| has no limit. */
    TERN_GENERATE_SHIFT = 1u << 1
};

/** What to generate. */
typedef struct tern_generate_desc {
    uint32_t struct_size; /**< sizeof(tern_generate_desc) */
    uint32_t max_tokens;
    const int32_t *prompt; /**< at least 1 id */
    size_t prompt_count;
    tern_sampler *sampler;           /**< NULL: greedy */
    const char *const *stop_strings; /**< may be NULL */
    uint32_t stop_string_count;
    uint32_t flags;       /**< TERN_GENERATE_* */
    tern_text_fn on_text; /**< may be NULL */
    void *user;
    int32_t *out_ids;                /**< room for max_tokens ids; may be NULL */
    const tern_cancel *cancelled_by; /**< as in tern_eval_desc; may be NULL */
    uint32_t keep;                   /**< with TERN_GENERATE_SHIFT; less than the context */
    uint32_t reserved;
    /** Receives, for each id picked (one that ends the text too), the |count| logits that it was
     * picked from: see tern_log_probs and tern_top_log_probs. NULL: not wanted. */
    void (*on_logits)(void *user, int32_t id, const float *logits, uint32_t count);
} tern_generate_desc;

/** What came of it. Times in nanoseconds. Plain data. */
typedef struct tern_generate_result {
    uint32_t struct_size; /**< set by the caller */
    tern_stop stop;
    uint32_t count;     /**< ids generated, an ending one not counted */
    uint32_t reused;    /**< ids of the prompt that the session held, with TERN_GENERATE_REUSE */
    uint64_t prompt_ns; /**< until the first id was picked */
    uint64_t decode_ns; /**< the rest */
} tern_generate_result;

/** How much device memory loading and running would take. Plain data. */
typedef struct tern_memory_estimate {
    uint32_t struct_size; /**< set by the caller */
    uint32_t reserved;
    uint64_t weight_bytes;
    uint64_t cache_bytes;   /**< of one session */
    uint64_t scratch_bytes; /**< activations and tables, once a model */
} tern_memory_estimate;

TERN_BEGIN_DECLS

/**
 * What a model of |archive| loaded as |model| says would take, and one session made as |session|
 * says (each NULL: all defaults). Weights count as canonical rows: what a backend adds to align
 * them, and what it needs to run ops, is its own. 32 rows of a matrix are read to tell what a load
 * would make of it: whether dense values are ternary ones, and what scales it would keep. A matrix
 * whose other rows are of another kind takes more or less than is said. Fails as tern_model_load
 * and tern_session_create do for what they would refuse, as far as it shows without the weights.
 */
TERN_API tern_status tern_model_estimate(tern_context *context, const tern_archive *archive,
                                         const tern_model_desc *model,
                                         const tern_session_desc *session,
                                         tern_memory_estimate *out_estimate);

/** OUT_OF_MEMORY says how much the cache needs; OUT_OF_RANGE for more context than the model has;
 * UNSUPPORTED for a type of cache that its heads cannot have. */
TERN_API tern_status tern_session_create(tern_model *model, const tern_session_desc *desc,
                                         tern_session **out_session);

/** Accepts NULL. */
TERN_API void tern_session_destroy(tern_session *session);

/** Positions filled so far. */
TERN_API uint32_t tern_session_position(const tern_session *session);

/** Positions there is room for. */
TERN_API uint32_t tern_session_context(const tern_session *session);

/** The ids at the positions filled so far. Borrowed: valid until the session is used again. */
TERN_API const int32_t *tern_session_ids(const tern_session *session);

/** How many of |count| ids, from the first on, are those at the session's first positions. */
TERN_API uint32_t tern_session_common_prefix(const tern_session *session, const int32_t *ids,
                                             size_t count);

/**
 * Forgets everything from |position| on; OUT_OF_RANGE past what is filled. OUT_OF_MEMORY only where
 * cache shared with a fork is gone back over; nothing has changed then. A recurrent network
 * (hgrn-bit) knows its state at the last position alone, so that going back to another one than 0
 * is UNSUPPORTED; a fork there and a drop that does not begin at 0 are, too.
 */
TERN_API tern_status tern_session_rewind(tern_session *session, uint32_t position);

/**
 * A session of the same model, type of cache and context that holds the first |position| positions
 * of |session|, and goes on by itself: several continuations of one text, or a prompt that many
 * share. Blocks of 64 positions are shared, not copied, until one of them is gone back over.
 * |session| may be destroyed first. OUT_OF_RANGE past what is filled, OUT_OF_MEMORY.
 */
TERN_API tern_status tern_session_fork(tern_session *session, uint32_t position,
                                       tern_session **out_session);

/**
 * Context shift: forgets |count| positions from |first| on, and evaluates the ids after them anew
 * at the positions they move to. Then the session is to the bit one that was only ever given the
 * ids that are left; that costs a pass over those from |first| on. OUT_OF_RANGE past what is
 * filled, OUT_OF_MEMORY. If the pass does not end well (CANCELLED, the device, memory for what it
 * runs on), the session holds the first of the ids that are left, the others are forgotten.
 */
TERN_API tern_status tern_session_drop(tern_session *session, uint32_t first, uint32_t count,
                                       const tern_cancel *cancelled_by);

/** How many bytes tern_session_save writes. */
TERN_API uint64_t tern_session_saved_bytes(const tern_session *session);

/**
 * Writes what the session holds: its ids and its cache, bytes that are the same whatever the
 * backend, with a version, the model's fingerprint and a checksum. Sampler and text are the
 * caller's. What |sink| fails with, and how much it took, is up to it; the session is as before.
 * Other sessions of the model run meanwhile, however slow |sink| is: this one may even use them.
 */
TERN_API tern_status tern_session_save(tern_session *session, const tern_sink *sink);

/** The same to a file: whoever opens |path| at any time finds the old one or the new one, whole.
 * Takes tern_session_saved_bytes of host memory meanwhile: OUT_OF_MEMORY. IO, or NOT_FOUND where
 * there is no such folder. */
TERN_API tern_status tern_session_save_file(tern_session *session, const char *path);

/**
 * Replaces what |session| holds by what tern_session_save wrote, on any backend: it goes on with
 * the same bits. |source| is read twice, the first time to check it all. CORRUPT_DATA for bytes
 * that were not written so or are damaged, INCOMPATIBLE for another version, another model (file,
 * or flags it was loaded with) or type of cache, OUT_OF_RANGE for more positions than the session's
 * context: then the session is as before. If reading fails the second time, or the device, it is
 * empty. Other sessions run meanwhile, and this source may call the library for them.
 */
TERN_API tern_status tern_session_restore(tern_session *session, const tern_source *source);

/**
 * Runs rows. OUT_OF_RANGE, before anything runs, if a session's context would be passed (the
 * message has limit and request) or a token is no id of the model. Sessions must belong to |model|
 * and none may be in use elsewhere.
 */
TERN_API tern_status tern_model_eval(tern_model *model, const tern_eval_desc *desc);

/**
 * Evaluates the tokens of several sessions, in as few passes over the weights as |max_rows| of the
 * sessions allows (32 items at most in one), and picks an id for each. Bits are those of each
 * session alone. An item that is wrong (OUT_OF_RANGE: its context is full, or a token is no id of
 * the model; INVALID_ARGUMENT: no session, one of another model, one that came before, no token)
 * keeps nobody else from going on: its session, next and logits stay as they are. A failure of the
 * device is the status of all items that were not done. Returns the status of the first item that
 * failed, with its message. No session may be in use elsewhere. A cancel is the status of the items
 * that were not done: their sessions hold what of their tokens was.
 */
TERN_API tern_status tern_decode_batch(tern_model *model, const tern_batch_desc *desc);

/**
 * Evaluates the prompt after what the session holds, then picks ids until something ends it.
 * OUT_OF_RANGE, before anything runs or is forgotten, if prompt and max_tokens do not fit; with
 * TERN_GENERATE_SHIFT, if |keep| and the prompt alone do not; or if an id is none of the model. The
 * last id picked is not evaluated. Recent ids, for a sampler, are those that the session holds.
 * CANCELLED leaves in |*out_result| what was generated by then, with stop 0, and the text of it
 * delivered but for what may begin a stop string.
 */
TERN_API tern_status tern_session_generate(tern_session *session, const tern_generate_desc *desc,
                                           tern_generate_result *out_result);

/** Describes what op |index| of the one-row program became (see tern_program_report). OUT_OF_RANGE
 * past the end. */
TERN_API tern_status tern_session_report(tern_session *session, uint32_t index,
                                         tern_op_report *out_report);

TERN_END_DECLS

#endif
