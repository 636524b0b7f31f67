// What `tern bench` measured, as data and as its JSON: every command writes it, `compare` reads it.
#ifndef TERN_TOOLS_TERN_BENCH_RESULTS_H_
#define TERN_TOOLS_TERN_BENCH_RESULTS_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// One measured thing. A number that was not measured or has no meaning is NAN, and null or absent
// in JSON; a count that has no meaning is 0 and absent, but for the shape of an op.
typedef struct bench_result {
    char name[32]; // an op, or "prefill", "decode", "first_token", "load", "memory", "launch", ...
    char type[16]; // of the weights, or of what the op works on: "t2", "f16", "f32"
    char series[16]; // "": a result by itself; "rows", "k", "n", "context", "threads": a point of
                     // the curve that shows how time grows with that
    char model[64];  // shape or file of a model, and what else was asked for; "": an op
    char kernel[64]; // what the device ran, as it reports it
    char clock[8];   // "host" or "device": whose
    bool is_op;
    uint32_t k, n;    // inputs and outputs of an op; n is 0 for ops by rows
    uint32_t rows;    // rows of an op, tokens of a prompt
    uint32_t context; // positions before
    uint32_t window;  // positions that a row of attention sees; 0: all
    uint32_t threads; // of the series "threads"
    double us;        // median
    double us_spread; // from the 25th to the 75th percentile
    double gb_s;
    double gmac_s;
    double tok_s;
    double share;      // of the roofline: the least time possible there / the time measured
    double host_us;    // of a token, outside the driver of the device
    double submits;    // to that driver, for a token
    double dispatches; // of kernels, for a token and a layer, what lies outside of layers included
    double host_bytes; // peaks
    double device_bytes;
    bool checked, ok; // whether the bits were compared, and were those of the reference
} bench_result;

typedef struct bench_report {
    char tern[32]; // version
    char date[32]; // ISO 8601, UTC
    char backend[64], device[128], driver[400];
    double read_gb_s, int8_gmac_s, f32_gmac_s;
    bench_result *results;
    size_t count, capacity;
} bench_report;

// A result with nothing measured yet.
bench_result bench_result_make(const char *name, const char *type);

// False if memory is out.
bool bench_report_add(bench_report *self, const bench_result *result);
void bench_report_free(bench_report *self);

// The JSON text, to be released with free(); NULL if memory is out.
char *bench_report_text(const bench_report *self);

// Reads what bench_report_text wrote. False after one line in |problem|: no JSON, not of this
// format, or from another version of tern, which is named.
bool bench_report_parse(bench_report *self, const char *string, char *problem, size_t capacity);

// The same from a file, which the line names.
bool bench_report_read(bench_report *self, const char *path, char *problem, size_t capacity);

#endif
