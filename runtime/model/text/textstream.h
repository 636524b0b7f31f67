// Bytes of tokens become text: whole UTF-8 characters, up to a stop string.
#ifndef TERN_RUNTIME_MODEL_TEXTSTREAM_H_
#define TERN_RUNTIME_MODEL_TEXTSTREAM_H_

#include <tern/session.h>

// Holds back what may still become a stop string or a character. What never becomes a character is
// delivered as U+FFFD, so that the receiver always sees valid UTF-8.
typedef struct tern__textstream {
    tern_context *context;
    const char *const *stops;
    uint32_t stop_count;
    tern_text_fn deliver; // NULL: text goes nowhere, stop strings still count
    void *user;
    char *held;
    size_t held_size;
    size_t capacity;
} tern__textstream;

// Adds |size| bytes. |*out_stop| is 0, TERN_STOP_STRING or TERN_STOP_CALLBACK.
tern_status tern__textstream_add(tern__textstream *stream, const char *bytes, size_t size,
                                 tern_stop *out_stop);

// Delivers what was held back, when nothing follows. |*out_stop| is 0 or TERN_STOP_CALLBACK.
void tern__textstream_flush(tern__textstream *stream, tern_stop *out_stop);

void tern__textstream_finish(tern__textstream *stream);

#endif
