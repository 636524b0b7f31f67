// Byte-level vocabularies write bytes as printable characters: the printable ones of Latin-1 stand
// for themselves, the other 68 are U+0100 and up, in order.
#include "runtime/model/text/text.h"
#include "runtime/model/text/vocabulary.h"

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

// Byte 173 is the soft hyphen of Latin-1, which is not seen.
static int32_t letter_of(uint8_t byte) {
    if (byte <= 32) {
        return 256 + byte;
    }
    if (byte >= 127 && byte <= 160) {
        return 256 + 33 + byte - 127;
    }
    return byte == 173 ? 256 + 67 : byte;
}

void tern__letters_of_bytes(const char *bytes, size_t size, tern__text *out) {
    for (size_t i = 0; i < size; i++) {
        tern__text_add_character(out, letter_of((uint8_t)bytes[i]));
    }
}
