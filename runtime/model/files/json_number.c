#include "runtime/model/files/json_number.h"

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { MOST_DIGITS = 18, MOST_EXPONENT = 400, EXACT_POWERS = 23 };

// A number being read: digits * 10^exponent.
typedef struct decimal {
    uint64_t digits; // the first 18 that count
    int used;        // of them
    int exponent;
    bool negative;
    bool plain; // no fraction and no exponent
} decimal;

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static size_t read_digits(const char *text, size_t size, bool fraction, decimal *d) {
    size_t at = 0;
    for (; at < size && is_digit(text[at]); at++) {
        bool kept = d->used < MOST_DIGITS;
        if (kept) {
            d->digits = d->digits * 10 + (uint64_t)(text[at] - '0');
            d->used += d->digits != 0;
        }
        if (kept == fraction && d->exponent > -1000000 && d->exponent < 1000000) {
            d->exponent += fraction ? -1 : 1;
        }
    }
    return at;
}

static size_t read_exponent(const char *text, size_t size, decimal *d) {
    size_t at = 1;
    bool negative = false;
    if (at < size && (text[at] == '+' || text[at] == '-')) {
        negative = text[at++] == '-';
    }
    size_t start = at;
    int value = 0;
    for (; at < size && is_digit(text[at]); at++) {
        value = value < 1000000 ? value * 10 + (text[at] - '0') : value;
    }
    d->exponent += negative ? -value : value;
    return at == start ? 0 : at;
}

// The grammar: an optional minus, digits without a zero before others, fraction, exponent.
static size_t read_decimal(const char *text, size_t size, decimal *d) {
    size_t at = 0;
    d->plain = true;
    if (at < size && text[at] == '-') {
        d->negative = true;
        at++;
    }
    size_t whole = read_digits(text + at, size - at, false, d);
    if (whole == 0 || (whole > 1 && text[at] == '0')) {
        return 0;
    }
    at += whole;
    if (at < size && text[at] == '.') {
        size_t count = read_digits(text + at + 1, size - at - 1, true, d);
        if (count == 0) {
            return 0;
        }
        d->plain = false;
        at += 1 + count;
    }
    if (at < size && (text[at] == 'e' || text[at] == 'E')) {
        size_t count = read_exponent(text + at, size - at, d);
        d->plain = false;
        return count == 0 ? 0 : at + count;
    }
    return at;
}

// The unevaluated sum of two doubles, times or by ten: 10 x is 8 x + 2 x, both of them exact, and
// what their sum rounds off is found exactly.
typedef struct pair {
    double high, low;
} pair;

static pair times_ten(pair p) {
    double sum = 8 * p.high + 2 * p.high;
    double error = 2 * p.high - (sum - 8 * p.high);
    double low = 10 * p.low + error;
    double high = sum + low;
    return (pair){high, low - (high - sum)};
}

static pair by_ten(pair p) {
    double quotient = p.high / 10;
    double sum = 8 * quotient + 2 * quotient;
    double error = 2 * quotient - (sum - 8 * quotient);
    double low = (((p.high - sum) - error) + p.low) / 10;
    double high = quotient + low;
    return (pair){high, low - (high - quotient)};
}

static double scale(uint64_t digits, int exponent) {
    static const double powers[EXACT_POWERS] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    double value = (double)digits;
    if (digits == 0 || exponent < -MOST_EXPONENT) {
        return 0.0;
    }
    if (exponent > MOST_EXPONENT) {
        return INFINITY;
    }
    if (digits >> 53 == 0 && exponent > -EXACT_POWERS && exponent < EXACT_POWERS) {
        return exponent < 0 ? value / powers[-exponent] : value * powers[exponent];
    }
    pair p = {value, (double)((int64_t)digits - (int64_t)value)};
    for (; exponent > 0 && p.high <= DBL_MAX; exponent--) {
        p = times_ten(p);
    }
    for (; exponent < 0; exponent++) {
        p = by_ten(p);
    }
    return p.high;
}

size_t tern__json_read_number(const char *text, size_t size, tern__json_number *out) {
    decimal d = {0};
    size_t taken = read_decimal(text, size, &d);
    if (taken == 0) {
        return 0;
    }
    double value = scale(d.digits, d.exponent);
    if (!(value <= DBL_MAX)) {
        return 0;
    }
    out->value = d.negative ? -value : value;
    out->is_integer = d.plain && d.exponent == 0;
    out->integer = d.negative ? -(int64_t)d.digits : (int64_t)d.digits;
    return taken;
}

// The host's locale may have any bytes, one character or not, where JSON has a point.
static void set_point(char *text) {
    char *to = text;
    for (const char *at = text; *at; at++) {
        bool digit = is_digit(*at) || *at == '-' || *at == '+' || *at == 'e';
        if (digit) {
            *to++ = *at;
        } else if (to == text || to[-1] != '.') {
            *to++ = '.';
        }
    }
    *to = '\0';
}

static bool is_read_as(const char *text, double value, bool single) {
    tern__json_number again = {0};
    tern__json_read_number(text, strlen(text), &again);
    return single ? (float)again.value == (float)value : again.value == value;
}

static void write_number(double value, int digits, bool single, char *out) {
    do {
        snprintf(out, TERN__JSON_NUMBER_SIZE, "%.*g", digits, value);
        set_point(out);
    } while (!is_read_as(out, value, single) && ++digits <= 17);
}

void tern__json_write_number(double value, char out[TERN__JSON_NUMBER_SIZE]) {
    write_number(value, 15, false, out);
}

void tern__json_write_single(float value, char out[TERN__JSON_NUMBER_SIZE]) {
    write_number(value, 6, true, out);
}
