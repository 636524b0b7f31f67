// `tern bench`: what its commands share.
#ifndef TERN_TOOLS_TERN_BENCH_BENCH_H_
#define TERN_TOOLS_TERN_BENCH_BENCH_H_

#include "tools/tern/bench/results.h"
#include "tools/tern/bench/samples.h"
#include "tools/tern/command.h"

// Options of every command that measures.
typedef struct bench_options {
    const char *backend, *out;
    bool json, force, quick, timestamps;
} bench_options;

#define BENCH_ARGS(o)                                                                              \
    ARG_BACKEND(&(o)->backend),                                                                    \
        {"--quick", NULL, ARG_FLAG, &(o)->quick, NULL, 0, 0, NULL, "few shapes, short runs"},      \
        {"--json", NULL, ARG_FLAG, &(o)->json, NULL, 0, 0, NULL, "one object on stdout"},          \
        {"--out", NULL, ARG_TEXT, &(o)->out, NULL, 0, 0, "FILE", "write that object to a file"}, { \
        "--force", NULL, ARG_FLAG, &(o)->force, NULL, 0, 0, NULL, "even if the file exists"        \
    }

// A device, and the one that says what is right.
typedef struct bench {
    const char *program;
    const bench_options *options;
    host h, reference_h;
    tern_device *device, *reference;
    tern_device_info info;
    bench_report report;
    bool timestamps;    // ops are timed by the device's own clock
    uint64_t footprint; // bytes that inputs rotate through
    uint32_t wrong;     // results whose bits were not those of the reference
} bench;

// False after one line on stderr if |path| exists, unless |force|, or cannot be written: before
// minutes are spent on measuring. NULL is no file.
bool bench_may_write(const char *program, const char *path, bool force);

// Opens the devices. False after one line on stderr: also if options->out exists and may not be
// overwritten, before anything is measured. bench_close either way.
bool bench_open(bench *self, const char *program, const bench_options *options);

// Opens another device of the same kind with |threads| threads of its own, in |*h|.
bool bench_open_threads(const bench *self, uint32_t threads, host *h, tern_device **out);

// Measures what the device can do, into the report; false after one line on stderr.
bool bench_measure_roofline(bench *self, bool with_copies);

// Keeps a result, and prints it unless JSON is wanted.
bool bench_add(bench *self, const bench_result *result);

// Digits after the point with which three of a number count, more or less.
int bench_decimals(double value);

// Prints one line that is no result, unless JSON is wanted.
void bench_note(const bench *self, const char *format, ...);

// A stream of runs for about as long as the options want.
samples *bench_samples(const bench *self);

// The least seconds that so many bytes, and multiply-adds of |peak|, take on the device; NAN where
// it was not measured.
double bench_bound(const bench *self, double bytes, double macs, tern_measure_kind peak);

// Writes the report where it is wanted. The exit status.
int bench_finish(bench *self);
void bench_close(bench *self);

int bench_roofline(int argc, char **argv);
int bench_ops(int argc, char **argv);
int bench_growth(int argc, char **argv);
int bench_model(int argc, char **argv);
int bench_device(int argc, char **argv);
int bench_compare(int argc, char **argv);

#endif
