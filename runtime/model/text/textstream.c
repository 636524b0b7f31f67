#include "runtime/model/text/textstream.h"

#include <stdbool.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/status.h"
#include "runtime/model/utf8.h"

static bool send(const tern__textstream *stream, const char *text, size_t size) {
    return size == 0 || !stream->deliver || stream->deliver(stream->user, text, size) != 0;
}

// Delivers the first |size| held bytes, but for a last character that is not whole unless |final|;
// |*out_used| of them are gone then. False if the receiver wants no more.
static bool deliver(const tern__textstream *stream, size_t size, bool final, size_t *out_used) {
    size_t sent = 0, at = 0;
    *out_used = 0;
    while (at < size) {
        bool is_short = false;
        size_t length = tern__utf8_size(stream->held + at, size - at, &is_short);
        if (length) {
            at += length;
            continue;
        }
        if (is_short && !final) {
            break;
        }
        if (!send(stream, stream->held + sent, at - sent) || !send(stream, "\xef\xbf\xbd", 3)) {
            return false;
        }
        at = is_short ? size : at + 1;
        sent = at;
    }
    *out_used = at;
    return send(stream, stream->held + sent, at - sent);
}

// Where the first stop string begins; the held size if there is none.
static size_t find_stop(const tern__textstream *stream) {
    for (size_t at = 0; at < stream->held_size; at++) {
        for (uint32_t i = 0; i < stream->stop_count; i++) {
            size_t length = strlen(stream->stops[i]);
            if (length && length <= stream->held_size - at &&
                memcmp(stream->held + at, stream->stops[i], length) == 0) {
                return at;
            }
        }
    }
    return stream->held_size;
}

// Where the longest end begins that may be the beginning of a stop string.
static size_t find_start(const tern__textstream *stream) {
    for (size_t at = 0; at < stream->held_size; at++) {
        size_t rest = stream->held_size - at;
        for (uint32_t i = 0; i < stream->stop_count; i++) {
            if (rest < strlen(stream->stops[i]) &&
                memcmp(stream->held + at, stream->stops[i], rest) == 0) {
                return at;
            }
        }
    }
    return stream->held_size;
}

tern_status tern__textstream_add(tern__textstream *stream, const char *bytes, size_t size,
                                 tern_stop *out_stop) {
    size_t needed = stream->held_size + size;
    size_t used = 0;
    *out_stop = 0;
    if (size == 0) {
        return TERN_STATUS_OK;
    }
    if (!tern__grow(stream->context, (void **)&stream->held, &stream->capacity, needed, 1)) {
        return tern__fail_memory(stream->context, needed, "generated text");
    }
    memcpy(stream->held + stream->held_size, bytes, size);
    stream->held_size = needed;
    size_t stop = find_stop(stream);
    if (stop < stream->held_size) {
        stream->held_size = stop;
        tern__textstream_flush(stream, out_stop);
        *out_stop = *out_stop ? *out_stop : TERN_STOP_STRING;
        return TERN_STATUS_OK;
    }
    if (!deliver(stream, find_start(stream), false, &used)) {
        *out_stop = TERN_STOP_CALLBACK;
    }
    stream->held_size -= used;
    memmove(stream->held, stream->held + used, stream->held_size);
    return TERN_STATUS_OK;
}

void tern__textstream_flush(tern__textstream *stream, tern_stop *out_stop) {
    size_t used = 0;
    *out_stop = deliver(stream, stream->held_size, true, &used) ? 0 : TERN_STOP_CALLBACK;
    stream->held_size = 0;
}

void tern__textstream_finish(tern__textstream *stream) {
    tern__free(stream->context, stream->held);
    stream->held = NULL;
}
