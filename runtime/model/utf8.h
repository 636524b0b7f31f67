// Characters of UTF-8 (RFC 3629; Unicode, table 3-7).
#ifndef TERN_RUNTIME_MODEL_UTF8_H_
#define TERN_RUNTIME_MODEL_UTF8_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TERN__UTF8_MOST = 4, TERN__UTF8_LAST = 0x10ffff };

// Bytes of the well-formed character that |left| > 0 bytes at |text| start with; 0 if they start
// with none. |*out_cut|, unless NULL: whether more bytes could make it one.
size_t tern__utf8_size(const char *text, size_t left, bool *out_cut);

// The well-formed character of |size| bytes at |text|.
int32_t tern__utf8_decode(const char *text, size_t size);

// Writes a character up to TERN__UTF8_LAST as at most TERN__UTF8_MOST bytes; returns how many.
size_t tern__utf8_encode(uint32_t character, char *out);

#endif
