#include "runtime/model/text/tokenizer_class.h"

#include <pcre2.h>
#include <string.h>

// Names without case, spaces, hyphens and underscores, as properties are told apart.
enum { LONGEST = 32 };

// Since 10.40 the name of a script means what is used with it too.
#if PCRE2_MAJOR > 10 || PCRE2_MINOR >= 40
#define SCRIPT "\\p{sc:"
#else
#define SCRIPT "\\p{"
#endif

static const char scripts[] =
    " adlam ahom anatolianhieroglyphs arabic armenian avestan balinese bamum bassavah batak "
    "bengali bhaiksuki bopomofo brahmi braille buginese buhid canadianaboriginal carian "
    "caucasianalbanian chakma cham cherokee chorasmian common coptic cuneiform cypriot "
    "cyprominoan cyrillic deseret devanagari divesakuru dogra duployan egyptianhieroglyphs "
    "elbasan elymaic ethiopic georgian glagolitic gothic grantha greek gujarati gunjalagondi "
    "gurmukhi han hangul hanifirohingya hanunoo hatran hebrew hiragana imperialaramaic "
    "inherited inscriptionalpahlavi inscriptionalparthian javanese kaithi kannada katakana "
    "kayahli kharoshthi khitansmallscript khmer khojki khudawadi lao latin lepcha limbu "
    "lineara linearb lisu lycian lydian mahajani makasar malayalam mandaic manichaean "
    "marchen masaramgondi medefaidrin meeteimayek mendekikakui meroiticcursive "
    "meroitichieroglyphs miao modi mongolian mro multani myanmar nabataean nandinagari newa "
    "newtailue nko nushu nyiakengpuachuehmong ogham olchiki oldhungarian olditalic "
    "oldnortharabian oldpermic oldpersian oldsogdian oldsoutharabian oldturkic olduyghur "
    "oriya osage osmanya pahawhhmong palmyrene paucinhau phagspa phoenician psalterpahlavi "
    "rejang runic samaritan saurashtra sharada shavian siddham signwriting sinhala sogdian "
    "sorasompeng soyombo sundanese sylotinagri syriac tagalog tagbanwa taile taitham taiviet "
    "takri tamil tangsa tangut telugu thaana thai tibetan tifinagh tirhuta toto ugaritic vai "
    "vithkuqi wancho warangciti yezidi yi zanabazarsquare ";

typedef struct known_set {
    const char *name;
    const char *set;
} known_set;

static const known_set known[] = {
    {"alnum", "\\p{Alphabetic}\\p{Nd}"},
    {"alpha", "\\p{Alphabetic}"},
    {"ascii", "\\x{0}-\\x{7f}"},
    {"blank", "\\p{Zs}\\x{9}"},
    {"cntrl", "\\p{Cc}"},
    {"digit", "\\p{Nd}"},
    {"graph", "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}\\p{Cf}\\p{Co}"},
    {"lower", "\\p{Lowercase}"},
    {"print", "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}\\p{Cf}\\p{Co}\\p{Zs}"},
    {"punct", "\\p{P}"},
    {"space", TERN__SPACES},
    {"upper", "\\p{Uppercase}"},
    {"word", TERN__LETTERS},
    {"xdigit", "0-9A-Fa-f"},
    {"letter", "\\p{L}"},
    {"mark", "\\p{M}"},
    {"number", "\\p{N}"},
    {"punctuation", "\\p{P}"},
    {"symbol", "\\p{S}"},
    {"separator", "\\p{Z}"},
};

bool tern__set_of_escape(char letter, bool in_class, tern__set *out) {
    *out = (tern__set){.before = "", .name = "", .after = "", .negated = letter <= 'Z'};
    switch (letter) {
    case 's':
    case 'S':
        out->before = TERN__SPACES;
        return true;
    case 'h':
    case 'H':
        out->before = "0-9A-Fa-f";
        return true;
    case 'w':
    case 'W':
        out->before = in_class ? TERN__LETTERS : TERN__LETTERS_ALONE;
        return true;
    default:
        return false;
    }
}

// |name| between spaces, as names are told apart; false if it is too long for one.
static bool simplify(const char *name, size_t size, char out[LONGEST + 3]) {
    size_t length = 0;
    out[length++] = ' ';
    for (size_t i = 0; i < size; i++) {
        if (length > LONGEST) {
            return false;
        }
        if (!strchr(" -_", name[i])) {
            out[length++] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 32) : name[i];
        }
    }
    out[length++] = ' ';
    out[length] = '\0';
    return length > 2;
}

bool tern__set_of_property(const char *name, size_t size, bool negated, tern__set *out) {
    char simple[LONGEST + 3];
    if (size > 0 && name[0] == '^') {
        return tern__set_of_property(name + 1, size - 1, !negated, out);
    }
    *out = (tern__set){.before = "", .name = "", .after = "", .negated = negated};
    if (!simplify(name, size, simple)) {
        return false;
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        size_t length = strlen(known[i].name);
        if (strlen(simple) == length + 2 && memcmp(simple + 1, known[i].name, length) == 0) {
            out->before = known[i].set;
            return true;
        }
    }
    if (!strstr(scripts, simple)) {
        return false;
    }
    *out = (tern__set){
        .before = SCRIPT, .name = name, .name_size = size, .after = "}", .negated = negated};
    return true;
}

// The same but for punctuation, which takes symbols in.
bool tern__set_of_class(const char *name, size_t size, bool negated, tern__set *out) {
    bool known_name = tern__set_of_property(name, size, negated, out);
    if (size == 5 && memcmp(name, "punct", size) == 0) {
        out->after = "\\p{S}";
    }
    return known_name;
}

void tern__set_add(const tern__set *set, tern__text *out) {
    tern__text_add(out, set->before, strlen(set->before));
    tern__text_add(out, set->name, set->name_size);
    tern__text_add(out, set->after, strlen(set->after));
}
