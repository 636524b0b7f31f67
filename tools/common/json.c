#include "tools/common/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Bytes of the well-formed UTF-8 character at |s| (Unicode 15, table 3-7), 0 if there is none.
static size_t utf8_length(const unsigned char *s, size_t left) {
    if (s[0] < 0x80) {
        return 1;
    }
    size_t length = s[0] >= 0xc2 && s[0] <= 0xdf   ? 2
                    : s[0] >= 0xe0 && s[0] <= 0xef ? 3
                    : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4
                                                   : 0;
    if (!length || length > left) {
        return 0;
    }
    unsigned char low = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char high = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;
    if (s[1] < low || s[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return length;
}

cJSON *json_text(const char *bytes, size_t size) {
    char *text = malloc(size * 3 + 1);
    if (!text) {
        return NULL;
    }
    size_t used = 0;
    for (size_t i = 0; i < size;) {
        size_t length = bytes[i] ? utf8_length((const unsigned char *)bytes + i, size - i) : 0;
        if (length) {
            memcpy(text + used, bytes + i, length);
            used += length;
            i += length;
        } else {
            memcpy(text + used, "\xef\xbf\xbd", 3);
            used += 3;
            i++;
        }
    }
    text[used] = '\0';
    cJSON *string = cJSON_CreateString(text);
    free(text);
    return string;
}

cJSON *json_float(float value) {
    char text[32];
    if (!isfinite(value)) {
        return cJSON_CreateNull();
    }
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value) {
            break;
        }
    }
    return cJSON_CreateRaw(text);
}

cJSON *json_u64(uint64_t value) {
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, value);
    return cJSON_CreateRaw(text);
}

cJSON *json_i64(int64_t value) {
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, value);
    return cJSON_CreateRaw(text);
}

cJSON *json_measure(double value) {
    char text[64];
    snprintf(text, sizeof text, "%.3f", isfinite(value) ? value : 0.0);
    return cJSON_CreateRaw(text);
}

void json_print(cJSON *object) {
    char *text = cJSON_PrintUnformatted(object);
    if (text) {
        puts(text);
        cJSON_free(text);
    }
    cJSON_Delete(object);
}
