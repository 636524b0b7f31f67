// Rotary tables, the same on every machine: no function of the C library's mathematics is used.
// Angles are kept as the sum of two doubles (Dekker 1971), so that position 2^20 loses nothing.
#include <stdbool.h>

#include <tern/ops.h>

#include "runtime/elementary.h"
#include "runtime/status.h"
#include "shaders/common/float.h"

// hi + lo, |lo| at most half a unit in the last place of hi.
typedef struct pair {
    double hi;
    double lo;
} pair;

static pair quick_sum(double a, double b) {
    double s = a + b;
    return (pair){s, b - (s - a)};
}

static pair sum(double a, double b) {
    double s = a + b;
    double t = s - a;
    return (pair){s, (a - (s - t)) + (b - t)};
}

// The exact product, by halves of 26 bits, for |a|, |b| < 2^990.
static pair product(double a, double b) {
    double a_big = a * 134217729.0; // 2^27 + 1
    double b_big = b * 134217729.0;
    double a1 = a_big - (a_big - a);
    double b1 = b_big - (b_big - b);
    double a2 = a - a1;
    double b2 = b - b1;
    double p = a * b;
    return (pair){p, ((a1 * b1 - p) + a1 * b2 + a2 * b1) + a2 * b2};
}

static pair add(pair a, pair b) {
    pair s = sum(a.hi, b.hi);
    return quick_sum(s.hi, s.lo + (a.lo + b.lo));
}

static pair multiply(pair a, pair b) {
    pair p = product(a.hi, b.hi);
    return quick_sum(p.hi, p.lo + (a.hi * b.lo + a.lo * b.hi));
}

static pair scale(pair a, double b) {
    pair p = product(a.hi, b);
    return quick_sum(p.hi, p.lo + a.lo * b);
}

static pair divide(pair a, pair b) {
    double q = a.hi / b.hi;
    pair rest = add(a, scale(b, -q));
    return quick_sum(q, rest.hi / b.hi);
}

static const pair ln2 = {0.69314718055994530942, 2.3190468138462996e-17};

// Nearest whole number, halves away from zero, for |x| < 2^62.
static int64_t nearest(double x) {
    return x < 0 ? -(int64_t)(0.5 - x) : (int64_t)(x + 0.5);
}

static double power_of_two(int exponent) {
    uint64_t bits = (uint64_t)(exponent + 1023) << 52;
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

// For a normal x > 0: x = m 2^e with m near 1, and ln m = 2 atanh((m - 1) / (m + 1)).
static pair natural_log(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int e = (int)(bits >> 52) - 1023;
    double m = x * power_of_two(-e / 2) * power_of_two(-(e - e / 2));
    if (m > 1.4142135623730951) {
        m *= 0.5;
        e += 1;
    }
    pair s = divide((pair){m - 1.0, 0.0}, sum(m, 1.0));
    pair square = multiply(s, s);
    pair series = {0.0, 0.0};
    for (int n = 43; n >= 1; n -= 2) { // the next term is below 2^-106
        series = add(multiply(series, square), divide((pair){1.0, 0.0}, (pair){n, 0.0}));
    }
    return add(scale(ln2, e), scale(multiply(series, s), 2.0));
}

// For |x| < 680.
static pair exponential(pair x) {
    int64_t k = nearest(x.hi / ln2.hi);
    pair r = add(x, scale(ln2, (double)-k));
    pair series = {1.0, 0.0};
    for (int n = 27; n >= 1; n--) {
        series = divide(multiply(series, r), (pair){n, 0.0});
        series = add(series, (pair){1.0, 0.0});
    }
    return scale(series, power_of_two((int)k));
}

double tern__natural_log(double x) {
    return natural_log(x).hi;
}

double tern__exponential(double x) {
    return exponential((pair){x, 0.0}).hi;
}

// x - x^3 / 3! + ... on [-pi/4, pi/4], below half a unit in the last place of 1.
static double sine_small(double x) {
    static const double terms[] = {
        -1.0 / 6,        1.0 / 120,        -1.0 / 5040,          1.0 / 362880,
        -1.0 / 39916800, 1.0 / 6227020800, -1.0 / 1307674368000, 1.0 / 355687428096000};
    double z = x * x;
    double s = 0.0;
    for (int n = 7; n >= 0; n--) {
        s = s * z + terms[n];
    }
    return x + x * (s * z);
}

static double cosine_small(double x) {
    static const double terms[] = {-1.0 / 2,
                                   1.0 / 24,
                                   -1.0 / 720,
                                   1.0 / 40320,
                                   -1.0 / 3628800,
                                   1.0 / 479001600,
                                   -1.0 / 87178291200,
                                   1.0 / 20922789888000,
                                   -1.0 / 6402373705728000};
    double z = x * x;
    double c = 0.0;
    for (int n = 8; n >= 0; n--) {
        c = c * z + terms[n];
    }
    return 1.0 + c * z;
}

// Takes away the nearest multiple of pi/2, held as three doubles, for |angle| < 2^45.
static void sine_cosine(pair angle, double *out_sine, double *out_cosine) {
    static const double half_pi[3] = {1.5707963267948966, 6.123233995736766e-17,
                                      -1.4973849048591698e-33};
    int64_t k = nearest(angle.hi / half_pi[0]);
    pair r = angle;
    for (int i = 0; i < 3; i++) {
        r = add(r, product(half_pi[i], (double)-k));
    }
    double s = sine_small(r.hi);
    double c = cosine_small(r.hi);
    double sine = s + c * r.lo;
    double cosine = c - s * r.lo;
    switch (k & 3) {
    case 0:
        *out_sine = sine, *out_cosine = cosine;
        break;
    case 1:
        *out_sine = cosine, *out_cosine = -sine;
        break;
    case 2:
        *out_sine = -sine, *out_cosine = -cosine;
        break;
    default:
        *out_sine = -cosine, *out_cosine = sine;
        break;
    }
}

// Finite and between 2^-500 and 2^500, so that no step under- or overflows.
static bool is_moderate(double x) {
    return x > 3.0549363634996047e-151 && x < 3.273390607896142e150;
}

static const double two_pi = 6.2831853071795864769;

// base^(-2i / D) / factors[i]
static pair frequency(const tern_rotary_table_desc *desc, pair log_base, uint32_t i) {
    pair exponent = divide(scale(log_base, -2.0 * (double)i), (pair){(double)desc->dims, 0.0});
    pair result = exponential(exponent);
    return desc->factors ? divide(result, (pair){(double)desc->factors[i], 0.0}) : result;
}

static double clamp(double x) {
    return x > 0.0 ? (x < 1.0 ? x : 1.0) : 0.0;
}

// The pair, and what lies between it and the next, that makes |turns| in the first training.
static double pair_with(const tern_rotary_table_desc *desc, pair log_base, double turns) {
    pair ratio = divide(natural_log(desc->context / (two_pi * turns)), log_base);
    return 0.5 * (double)desc->dims * ratio.hi;
}

// |x| rounded down, within [0, most].
static double whole(double x, double most) {
    return x >= most ? most : x > 0.0 ? (double)(int64_t)x : 0.0;
}

// How much of a pair's frequency is left as it is; the rest is divided by the factor.
static double kept(const tern_rotary_table_desc *desc, pair log_base, pair f, uint32_t i) {
    if (desc->scaling == TERN_ROTARY_LLAMA3) {
        return clamp((desc->context * f.hi / two_pi - desc->low) / (desc->high - desc->low));
    }
    if (desc->scaling == TERN_ROTARY_YARN) {
        double most = (double)desc->dims - 1.0;
        double first = whole(pair_with(desc, log_base, desc->high), most);
        double last = most - whole(most - pair_with(desc, log_base, desc->low), most);
        double width = last - first > 0.001 ? last - first : 0.001;
        return 1.0 - clamp(((double)i - first) / width);
    }
    return desc->scaling == TERN_ROTARY_PLAIN ? 1.0 : 0.0;
}

static pair stretched(const tern_rotary_table_desc *desc, pair log_base, uint32_t i) {
    pair f = frequency(desc, log_base, i);
    double share = kept(desc, log_base, f, i);
    if (share == 1.0) {
        return f;
    }
    pair divided = divide(f, (pair){desc->factor, 0.0});
    return add(scale(f, share), scale(divided, 1.0 - share));
}

static double magnitude(const tern_rotary_table_desc *desc) {
    double own = desc->magnitude == 0.0 ? 1.0 : desc->magnitude;
    return desc->scaling == TERN_ROTARY_YARN ? own * (0.1 * natural_log(desc->factor).hi + 1.0)
                                             : own;
}

static tern_status check_scaling(const tern_rotary_table_desc *desc) {
    bool by_turns = desc->scaling == TERN_ROTARY_LLAMA3 || desc->scaling == TERN_ROTARY_YARN;
    const char *wrong = NULL;
    if (desc->scaling > TERN_ROTARY_YARN) {
        wrong = "scaling must be TERN_ROTARY_*";
    } else if (desc->magnitude != 0.0 && !is_moderate(desc->magnitude)) {
        wrong = "magnitude must be 0, or above 0 and finite";
    } else if (desc->scaling && !(desc->factor >= 1.0 && is_moderate(desc->factor))) {
        wrong = "factor must be 1 or more and finite";
    } else if (by_turns && desc->context == 0) {
        wrong = "context must not be 0";
    } else if (by_turns &&
               !(is_moderate(desc->low) && is_moderate(desc->high) && desc->low < desc->high)) {
        wrong = "low and high must be above 0 and finite, low the smaller";
    } else if (desc->scaling == TERN_ROTARY_YARN && !(desc->base > 1.0)) {
        wrong = "base must be above 1 with TERN_ROTARY_YARN";
    }
    return wrong ? tern__fail(NULL, TERN_STATUS_INVALID_ARGUMENT, "rotary table: %s", wrong)
                 : TERN_STATUS_OK;
}

static tern_status check(const tern_rotary_table_desc *desc, uint32_t first, uint32_t count,
                         const float *out_rows) {
    if (!desc || (!out_rows && count)) {
        return tern__fail(NULL, TERN_STATUS_INVALID_ARGUMENT, "rotary table: %s is NULL",
                          desc ? "out_rows" : "desc");
    }
    TERN_TRY(tern__check_size(NULL, "tern_rotary_table_desc", desc->struct_size, sizeof *desc));
    if (desc->dims == 0 || desc->dims % 2) {
        return tern__fail(NULL, TERN_STATUS_INVALID_ARGUMENT,
                          "rotary table: dims must be even and not 0, not %u", desc->dims);
    }
    if (!is_moderate(desc->base)) {
        return tern__fail(NULL, TERN_STATUS_INVALID_ARGUMENT,
                          "rotary table: base must be above 0 and finite, not %g", desc->base);
    }
    if (count && first > UINT32_MAX - (count - 1)) {
        return tern__fail(NULL, TERN_STATUS_INVALID_ARGUMENT,
                          "rotary table: position %u + %u passes 2^32", first, count);
    }
    return check_scaling(desc);
}

tern_status tern_rotary_table(const tern_rotary_table_desc *desc, uint32_t first, uint32_t count,
                              float *out_rows) {
    TERN_TRY(check(desc, first, count, out_rows));
    uint32_t half = desc->dims / 2;
    pair log_base = natural_log(desc->base);
    double size = magnitude(desc);
    for (uint32_t i = 0; i < half; i++) {
        if (desc->factors && !is_moderate(desc->factors[i])) {
            return tern__fail(NULL, TERN_STATUS_INVALID_ARGUMENT,
                              "rotary table: factor %u must be above 0 and finite, not %g", i,
                              (double)desc->factors[i]);
        }
        pair step = stretched(desc, log_base, i);
        if (step.hi * ((double)first + (double)count) >= 35184372088832.0) { // 2^45
            return tern__fail(NULL, TERN_STATUS_INVALID_ARGUMENT,
                              "rotary table: angles of pair %u pass 2^45", i);
        }
        for (uint32_t p = 0; p < count; p++) {
            double sine, cosine;
            sine_cosine(scale(step, (double)first + (double)p), &sine, &cosine);
            float *row = out_rows + (size_t)p * desc->dims;
            row[i] = t_flush((float)(cosine * size));
            row[half + i] = t_flush((float)(sine * size));
        }
    }
    return TERN_STATUS_OK;
}
