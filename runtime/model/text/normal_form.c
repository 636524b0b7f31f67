// The normal forms of Unicode (UAX #15) in time linear in the text: utf8proc decomposes and
// composes; its own ordering of marks takes quadratic time when somebody writes a million of them.
#include <utf8proc.h>

#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/text/normalize.h"

// More characters than any one decomposes to.
enum { MOST_PARTS = 32, CLASSES = 256 };

typedef struct characters {
    tern_context *context;
    int32_t *items;
    size_t count;
    size_t capacity;
    int32_t *spare; // for ordering
    size_t spare_capacity;
    int last_bound;
    utf8proc_option_t options;
} characters;

static bool decompose(characters *c, int32_t character) {
    if (!tern__grow(c->context, (void **)&c->items, &c->capacity, c->count + MOST_PARTS,
                    sizeof *c->items)) {
        return false;
    }
    utf8proc_ssize_t parts = utf8proc_decompose_char(character, c->items + c->count, MOST_PARTS,
                                                     c->options, &c->last_bound);
    c->count += parts > 0 && parts <= MOST_PARTS ? (size_t)parts : 0;
    return true;
}

static int class_of(int32_t character) {
    return utf8proc_get_property(character)->combining_class & (CLASSES - 1);
}

// Sorts marks by their class, those of one class as they stood.
static bool order_marks(characters *c, int32_t *marks, size_t count) {
    if (!tern__grow(c->context, (void **)&c->spare, &c->spare_capacity, count, sizeof *c->spare)) {
        return false;
    }
    size_t place[CLASSES + 1] = {0};
    for (size_t i = 0; i < count; i++) {
        place[class_of(marks[i]) + 1]++;
    }
    for (int i = 0; i < CLASSES; i++) {
        place[i + 1] += place[i];
    }
    for (size_t i = 0; i < count; i++) {
        c->spare[place[class_of(marks[i])]++] = marks[i];
    }
    memcpy(marks, c->spare, count * sizeof *marks);
    return true;
}

static bool order(characters *c) {
    for (size_t i = 0; i < c->count;) {
        size_t end = i;
        bool sorted = true;
        while (end < c->count && class_of(c->items[end]) != 0) {
            sorted &= end == i || class_of(c->items[end - 1]) <= class_of(c->items[end]);
            end++;
        }
        if (!sorted && !order_marks(c, c->items + i, end - i)) {
            return false;
        }
        i = end + 1;
    }
    return true;
}

static void write_out(characters *c, tern__text *out) {
    utf8proc_ssize_t count = (utf8proc_ssize_t)c->count;
    if (c->options & UTF8PROC_COMPOSE) {
        count = utf8proc_normalize_utf32(c->items, count, c->options);
    }
    for (utf8proc_ssize_t i = 0; i < count; i++) {
        tern__text_add_character(out, c->items[i]);
    }
    c->count = 0;
}

// Characters up to the next byte that is none, or the next letter of ASCII but the first.
static size_t convert(characters *c, const char *text, size_t size, tern__text *out) {
    size_t end = 0;
    c->last_bound = 0;
    while (end < size && (end == 0 || (uint8_t)text[end] >= 0x80)) {
        uint32_t length;
        int32_t character = tern__character_at(text + end, size - end, &length);
        if (character < 0) {
            break;
        }
        out->failed |= !decompose(c, character);
        end += length;
    }
    out->failed |= !order(c);
    write_out(c, out);
    return end;
}

static utf8proc_option_t options_of(tern__normal_form form) {
    switch (form) {
    case TERN__NORMAL_NFC:
        return UTF8PROC_STABLE | UTF8PROC_COMPOSE;
    case TERN__NORMAL_NFKC:
        return UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT;
    case TERN__NORMAL_NFKD:
        return UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT;
    default:
        return UTF8PROC_STABLE | UTF8PROC_DECOMPOSE;
    }
}

void tern__normal_form_add(tern__normal_form form, const char *text, size_t size, tern__text *out) {
    characters c = {.context = out->context, .options = options_of(form)};
    for (size_t i = 0; i < size && !out->failed;) {
        size_t plain = i;
        while (plain < size && (uint8_t)text[plain] < 0x80) {
            plain++;
        }
        // The last letter may take the marks that follow.
        plain -= plain > i && plain < size;
        tern__text_add(out, text + i, plain - i);
        i = plain;
        if (i < size) {
            size_t converted = convert(&c, text + i, size - i, out);
            if (converted == 0) {
                tern__text_add(out, text + i++, 1);
            }
            i += converted;
        }
    }
    tern__free(out->context, c.items);
    tern__free(out->context, c.spare);
}
