// Bytes in letters (RFC 4648, with padding).
#ifndef TERN_RUNTIME_MODEL_BASE64_H_
#define TERN_RUNTIME_MODEL_BASE64_H_

#include <stdbool.h>
#include <stddef.h>

// |out| has room for |size| bytes. False if the text is not that.
bool tern__base64_decode(const char *text, size_t size, char *out, size_t *out_size);

#endif
