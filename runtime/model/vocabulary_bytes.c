// Byte-level vocabularies write bytes as printable characters: the printable ones of Latin-1 stand
// for themselves, the other 68 are U+0100 and up, in order.
#include "runtime/model/text.h"
#include "runtime/model/vocabulary.h"

// The byte that |character| stands for, or -1.
static int byte_of(int32_t character) {
    if ((character >= 33 && character <= 126) ||
        (character >= 161 && character <= 255 && character != 173)) {
        return character;
    }
    int32_t index = character - 256;
    if (index < 0 || index > 67) {
        return -1;
    }
    return index <= 32 ? index : index <= 66 ? index - 33 + 127 : 173;
}

bool tern__byte_letters(const char *text, size_t size, char *out, size_t *out_size) {
    size_t count = 0;
    uint32_t length;
    for (size_t at = 0; at < size; at += length) {
        int byte = byte_of(tern__character_at(text + at, size - at, &length));
        if (byte < 0) {
            return false;
        }
        out[count++] = (char)byte;
    }
    *out_size = count;
    return true;
}
