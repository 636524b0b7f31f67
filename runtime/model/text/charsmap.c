// SentencePiece's precompiled map from strings to strings: the number of bytes of a double array
// (Aoe 1989, in the units of Darts-clone), the array, and the strings that it points to.
#include <inttypes.h>
#include <string.h>

#include <utf8proc.h>

#include "runtime/model/text/normalize.h"
#include "runtime/status.h"

enum { HEADER = 4, UNIT = 4, LONG_GRAPHEME = 6 };

static uint32_t read_u32(const char *bytes) {
    const uint8_t *p = (const uint8_t *)bytes;
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t unit_offset(uint32_t unit) {
    return unit >> 10 << ((unit & 0x200) >> 6);
}

tern_status tern__charsmap_check(const tern__vocabulary *v, const char *map, size_t size) {
    uint32_t array = size >= HEADER ? read_u32(map) : 0;
    if (array == 0 || array % UNIT || array >= size - HEADER) {
        return tern__fail(
            v->context, TERN_STATUS_CORRUPT_DATA,
            "%s: the precompiled character map has %zu bytes and an array of %" PRIu32, v->file,
            size, array);
    }
    if (map[size - 1] != '\0') {
        return tern__fail(v->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: the precompiled character map does not end with a zero byte",
                          v->file);
    }
    return TERN_STATUS_OK;
}

// Walks as far as the text goes along, or to the first node that has a value. Returns the bytes up
// to the last node with one.
static size_t walk(const char *array, uint32_t units, const char *text, size_t size, bool shortest,
                   uint32_t *out_value) {
    size_t length = 0;
    uint32_t node = unit_offset(read_u32(array));
    for (size_t i = 0; i < size && !(shortest && length > 0); i++) {
        node ^= (uint8_t)text[i];
        uint32_t unit = node < units ? read_u32(array + (size_t)node * UNIT) : 0;
        if ((unit & 0x800000ffu) != (uint8_t)text[i]) {
            break;
        }
        node ^= unit_offset(unit);
        if ((unit & 0x100) && node < units) {
            *out_value = read_u32(array + (size_t)node * UNIT) & 0x7fffffff;
            length = i + 1;
        }
    }
    return length;
}

static size_t find(tern__charsmap map, const char *text, size_t size, bool shortest,
                   const char **out) {
    uint32_t bytes = read_u32(map.bytes);
    const char *strings = map.bytes + HEADER + bytes;
    uint32_t value = 0;
    size_t length = walk(map.bytes + HEADER, bytes / UNIT, text, size, shortest, &value);
    if (length == 0 || value >= map.size - HEADER - bytes) {
        return 0;
    }
    *out = strings + value;
    return length;
}

size_t tern__charsmap_add_next(tern__charsmap map, const char *text, size_t size, tern__text *out) {
    const char *to;
    size_t length = find(map, text, size, false, &to);
    if (length > 0) {
        tern__text_add(out, to, strlen(to));
    } else {
        length = tern__character_size(text, size);
        tern__text_add(out, text, length);
    }
    return length;
}

// Bytes of what a reader takes for one character (UAX #29).
static size_t grapheme_size(const char *text, size_t size) {
    uint32_t length;
    utf8proc_int32_t state = 0;
    int32_t last = tern__character_at(text, size, &length);
    size_t end = length;
    while (end < size && last >= 0) {
        int32_t next = tern__character_at(text + end, size - end, &length);
        if (next < 0 || utf8proc_grapheme_break_stateful(last, next, &state)) {
            break;
        }
        last = next;
        end += length;
    }
    return end;
}

// All of |text| becomes what its beginning does.
static bool add_whole(tern__charsmap map, const char *text, size_t size, tern__text *out) {
    const char *to;
    bool found = find(map, text, size, true, &to) > 0;
    if (found) {
        tern__text_add(out, to, strlen(to));
    }
    return found;
}

void tern__charsmap_add_graphemes(tern__charsmap map, const char *text, size_t size,
                                  tern__text *out) {
    for (size_t i = 0; i < size;) {
        size_t end = i + grapheme_size(text + i, size - i);
        if (end - i < LONG_GRAPHEME && add_whole(map, text + i, end - i, out)) {
            i = end;
        }
        while (i < end) {
            uint32_t length = tern__character_size(text + i, end - i);
            if (!add_whole(map, text + i, length, out)) {
                tern__text_add(out, text + i, length);
            }
            i += length;
        }
    }
}
