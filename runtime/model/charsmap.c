// SentencePiece's precompiled map from strings to strings: the number of bytes of a double array
// (Aoe 1989, in the units of Darts-clone), the array, and the strings that it points to.
#include <inttypes.h>
#include <string.h>

#include "runtime/model/normalize.h"
#include "runtime/status.h"

enum { HEADER = 4, UNIT = 4 };

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

// Walks as far as the text goes along; the value of the last node that has one.
static size_t walk(const char *array, uint32_t units, const char *text, size_t size,
                   uint32_t *out_value) {
    size_t length = 0;
    uint32_t node = unit_offset(read_u32(array));
    for (size_t i = 0; i < size; i++) {
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

size_t tern__charsmap_find(const char *map, size_t map_size, const char *text, size_t size,
                           const char **out, size_t *out_size) {
    uint32_t bytes = read_u32(map);
    const char *strings = map + HEADER + bytes;
    uint32_t value = 0;
    size_t length = walk(map + HEADER, bytes / UNIT, text, size, &value);
    if (length == 0 || value >= map_size - HEADER - bytes) {
        return 0;
    }
    *out = strings + value;
    *out_size = strlen(strings + value);
    return length;
}
