// Sessions on their way to bytes and back.
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/hash.h"
#include "runtime/model/session/session.h"
#include "runtime/model/files/source.h"
#include "runtime/platform/platform.h"
#include "runtime/status.h"

// A saved session, its numbers with the low byte first:
//
//     0   "TERNSESS"               8   uint32 version
//     12  uint32 positions         16  uint64 fingerprint of the model
//     24  uint32 type of cache     28  uint32 reserved, 0
//     32  uint64 bytes of the cache's content
//     40  int32 ids, one a position, then the content (runtime/model/network/cache.h)
//     at the end  uint64 checksum of all before
enum {
    AT_VERSION = 8,
    AT_POSITIONS = 12,
    AT_FINGERPRINT = 16,
    AT_KV = 24,
    AT_RESERVED = 28,
    AT_CONTENT = 32,
    HEADER_SIZE = 40,
    CHECKSUM_SIZE = 8,
    VERSION = 1,
    PIECE_BYTES = 65536,
    IDS_AT_ONCE = 256
};

static const char magic[8] = {'T', 'E', 'R', 'N', 'S', 'E', 'S', 'S'};

static void put(uint8_t *to, uint64_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        to[i] = (uint8_t)(value >> 8 * i);
    }
}

static uint64_t get(const uint8_t *from, size_t bytes) {
    uint64_t value = 0;
    for (size_t i = bytes; i-- > 0;) {
        value = value << 8 | from[i];
    }
    return value;
}

static uint64_t content_bytes(const tern_session *session) {
    return tern__cache_content_bytes(tern__session_cache(session), session->position);
}

static uint64_t bytes_in_all(uint64_t positions, uint64_t content) {
    return HEADER_SIZE + positions * sizeof(int32_t) + content + CHECKSUM_SIZE;
}

uint64_t tern_session_saved_bytes(const tern_session *session) {
    return session ? bytes_in_all(session->position, content_bytes(session)) : 0;
}

typedef struct writer {
    tern_context *context;
    const tern_sink *sink;
    uint64_t hash;
} writer;

// A tern__piece_fn.
static tern_status write_piece(void *user, void *data, size_t size) {
    writer *w = user;
    w->hash = tern__hash(w->hash, data, size);
    tern_status status = w->sink->write(w->sink->user, data, size);
    return status == TERN_STATUS_OK
               ? status
               : tern__fail(w->context, status, "%s: a session could not be written: %s",
                            w->sink->name ? w->sink->name : "sink", tern_status_text(status));
}

static tern_status write_ids(writer *w, const tern_session *session) {
    uint8_t bytes[4 * IDS_AT_ONCE];
    for (uint32_t count, done = 0; done < session->position; done += count) {
        uint32_t left = session->position - done;
        count = left < IDS_AT_ONCE ? left : IDS_AT_ONCE;
        for (uint32_t i = 0; i < count; i++) {
            put(bytes + 4 * i, (uint32_t)session->ids[done + i], 4);
        }
        TERN_TRY(write_piece(w, bytes, 4 * count));
    }
    return TERN_STATUS_OK;
}

static tern_status write_all(writer *w, const tern_session *session) {
    uint8_t header[HEADER_SIZE] = {0};
    memcpy(header, magic, sizeof magic);
    put(header + AT_VERSION, VERSION, 4);
    put(header + AT_POSITIONS, session->position, 4);
    put(header + AT_FINGERPRINT, session->model->fingerprint, 8);
    put(header + AT_KV, session->kv, 4);
    put(header + AT_CONTENT, content_bytes(session), 8);
    TERN_TRY(write_piece(w, header, sizeof header));
    TERN_TRY(write_ids(w, session));
    TERN_TRY(tern__cache_read(tern__session_cache(session), &session->model->lock, session->lease,
                              session->position, write_piece, w));
    put(header, w->hash, CHECKSUM_SIZE);
    return write_piece(w, header, CHECKSUM_SIZE);
}

tern_status tern_session_save(tern_session *session, const tern_sink *sink) {
    if (!session || !sink || !sink->write) {
        return tern__fail(session ? session->model->context : NULL, TERN_STATUS_INVALID_ARGUMENT,
                          "session save: %s is NULL",
                          !session ? "session"
                          : !sink  ? "sink"
                                   : "sink's write");
    }
    writer w = {session->model->context, sink, TERN__HASH_START};
    TERN_TRY(tern__check_size(w.context, "tern_sink", sink->struct_size, sizeof *sink));
    return write_all(&w, session);
}

typedef struct memory {
    uint8_t *bytes;
    size_t used;
} memory;

static tern_status append(void *user, const void *data, size_t size) {
    memory *m = user;
    memcpy(m->bytes + m->used, data, size);
    m->used += size;
    return TERN_STATUS_OK;
}

static tern_status replace_file(tern_context *context, const char *path, const memory *m) {
    const tern__bytes part = {m->bytes, m->used};
    char why[256];
    int code = tern__file_replace(path, &part, 1);
    if (code == 0) {
        return TERN_STATUS_OK;
    }
    tern__file_error(code, why, sizeof why);
    return tern__fail(context, tern__file_error_status(code),
                      "%s: a session could not be written: %s", path, why);
}

tern_status tern_session_save_file(tern_session *session, const char *path) {
    if (!session || !path) {
        return tern__fail(session ? session->model->context : NULL, TERN_STATUS_INVALID_ARGUMENT,
                          "session save: %s is NULL", session ? "path" : "session");
    }
    tern_context *context = session->model->context;
    uint64_t size = tern_session_saved_bytes(session);
    memory m = {size <= SIZE_MAX ? tern__alloc(context, (size_t)size) : NULL, 0};
    if (!m.bytes) {
        return tern__fail_memory(context, size, "a saved session");
    }
    const tern_sink sink = {.struct_size = sizeof sink, .name = path, .user = &m, .write = append};
    tern_status status = tern_session_save(session, &sink);
    if (status == TERN_STATUS_OK) {
        status = replace_file(context, path, &m);
    }
    tern__free(context, m.bytes);
    return status;
}

typedef struct reader {
    tern_session *session;
    tern_context *context;
    const tern_source *source;
    const char *name;
    uint64_t at;
    uint32_t positions;
    uint8_t header[HEADER_SIZE];
} reader;

// A tern__piece_fn. Every range lies in the source, whose size has been compared.
static tern_status read_piece(void *user, void *data, size_t size) {
    reader *r = user;
    TERN_TRY(tern__source_read(r->context, r->source, r->at, data, size));
    r->at += size;
    return TERN_STATUS_OK;
}

static tern_status check_header(reader *r) {
    uint64_t size = r->source->size;
    if (size < HEADER_SIZE + CHECKSUM_SIZE) {
        return tern__fail(r->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: %llu bytes are too few for a saved session, which has %u at least",
                          r->name, (unsigned long long)size, HEADER_SIZE + CHECKSUM_SIZE);
    }
    TERN_TRY(read_piece(r, r->header, HEADER_SIZE));
    if (memcmp(r->header, magic, sizeof magic) != 0) {
        return tern__fail(r->context, TERN_STATUS_CORRUPT_DATA, "%s: no saved session", r->name);
    }
    uint32_t version = (uint32_t)get(r->header + AT_VERSION, 4);
    if (version != VERSION) {
        return tern__fail(r->context, TERN_STATUS_INCOMPATIBLE,
                          "%s: a session saved in version %u of the format, %u is known", r->name,
                          version, VERSION);
    }
    r->positions = (uint32_t)get(r->header + AT_POSITIONS, 4);
    uint64_t content = get(r->header + AT_CONTENT, 8);
    if (content > size || bytes_in_all(r->positions, content) != size) {
        return tern__fail(r->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: a saved session of %llu bytes, which its header contradicts: cut "
                          "off or damaged",
                          r->name, (unsigned long long)size);
    }
    return TERN_STATUS_OK;
}

static tern_status check_sum(reader *r) {
    uint64_t hash = tern__hash(TERN__HASH_START, r->header, HEADER_SIZE);
    uint64_t end = r->source->size - CHECKSUM_SIZE;
    uint8_t *piece = tern__alloc(r->context, PIECE_BYTES);
    tern_status status =
        piece ? TERN_STATUS_OK : tern__fail_memory(r->context, PIECE_BYTES, "a saved session");
    while (status == TERN_STATUS_OK && r->at < end) {
        size_t size = end - r->at < PIECE_BYTES ? (size_t)(end - r->at) : PIECE_BYTES;
        status = read_piece(r, piece, size);
        hash = status == TERN_STATUS_OK ? tern__hash(hash, piece, size) : hash;
    }
    tern__free(r->context, piece);
    TERN_TRY(status);
    uint8_t wanted[CHECKSUM_SIZE];
    TERN_TRY(read_piece(r, wanted, sizeof wanted));
    return get(wanted, sizeof wanted) == hash
               ? TERN_STATUS_OK
               : tern__fail(r->context, TERN_STATUS_CORRUPT_DATA,
                            "%s: a saved session whose checksum is wrong: it is damaged", r->name);
}

static const char *kv_name(uint64_t kv) {
    static const char *const names[] = {
        [TERN_KV_F16] = "f16", [TERN_KV_F32] = "f32", [TERN_KV_I8] = "i8"};
    return kv < sizeof names / sizeof names[0] ? names[kv] : "a type not known";
}

// Whether it is one of this session's kind.
static tern_status check_kind(const reader *r) {
    const tern_session *session = r->session;
    if (get(r->header + AT_FINGERPRINT, 8) != session->model->fingerprint) {
        return tern__fail(r->context, TERN_STATUS_INCOMPATIBLE,
                          "%s: a session saved with another model, or with other flags", r->name);
    }
    uint64_t kv = get(r->header + AT_KV, 4);
    if (kv != session->kv) {
        return tern__fail(r->context, TERN_STATUS_INCOMPATIBLE,
                          "%s: a session saved with a cache of %s, this one's is %s", r->name,
                          kv_name(kv), kv_name(session->kv));
    }
    if (r->positions > session->context) {
        return tern__fail(r->context, TERN_STATUS_OUT_OF_RANGE,
                          "%s: a saved session of %u positions, this one's context has %u", r->name,
                          r->positions, session->context);
    }
    if (get(r->header + AT_RESERVED, 4) != 0 ||
        get(r->header + AT_CONTENT, 8) !=
            tern__cache_content_bytes(tern__session_cache(session), r->positions)) {
        return tern__fail(r->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: a saved session whose header contradicts its model", r->name);
    }
    return TERN_STATUS_OK;
}

static tern_status read_id(const reader *r, const uint8_t bytes[4], uint32_t position, bool take) {
    uint32_t vocabulary = r->session->model->network.hyper.vocabulary;
    uint64_t id = get(bytes, 4);
    if (id >= vocabulary) {
        return tern__fail(r->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: a saved session with id %llu at position %u, the model has %u",
                          r->name, (unsigned long long)id, position, vocabulary);
    }
    if (take) {
        r->session->ids[position] = (int32_t)id;
    }
    return TERN_STATUS_OK;
}

// Checks them, and then, once more, takes them.
static tern_status read_ids(reader *r, bool take) {
    uint8_t bytes[4 * IDS_AT_ONCE];
    r->at = HEADER_SIZE;
    for (uint32_t count, done = 0; done < r->positions; done += count) {
        uint32_t left = r->positions - done;
        count = left < IDS_AT_ONCE ? left : IDS_AT_ONCE;
        TERN_TRY(read_piece(r, bytes, 4 * count));
        for (uint32_t i = 0; i < count; i++) {
            TERN_TRY(read_id(r, bytes + 4 * i, done + i, take));
        }
    }
    return TERN_STATUS_OK;
}

static tern_status read_content(reader *r) {
    tern_session *session = r->session;
    TERN_TRY(read_ids(r, false));
    TERN_TRY(tern_session_rewind(session, 0));
    TERN_TRY(read_ids(r, true));
    tern_status status = tern__cache_write(tern__session_cache(session), &session->model->lock,
                                           session->lease, r->positions, read_piece, r);
    session->position = status == TERN_STATUS_OK ? r->positions : 0;
    return status;
}

tern_status tern_session_restore(tern_session *session, const tern_source *source) {
    if (!session || !source) {
        return tern__fail(session ? session->model->context : NULL, TERN_STATUS_INVALID_ARGUMENT,
                          "session restore: %s is NULL", session ? "source" : "session");
    }
    reader r = {.session = session,
                .context = session->model->context,
                .source = source,
                .name = tern__source_name(source)};
    TERN_TRY(tern__source_check(r.context, source));
    TERN_TRY(check_header(&r));
    TERN_TRY(check_sum(&r));
    TERN_TRY(check_kind(&r));
    return read_content(&r);
}
