// What the tests of whole models share: devices of the backend under test, models, golden answers.
#ifndef TERN_TESTS_MODELS_SUPPORT_H_
#define TERN_TESTS_MODELS_SUPPORT_H_

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include <tern/tern.h>

// One way to run the backend under test: a device, or an instruction set and a number of threads.
typedef struct setup {
    char backend[80]; // as TERN_BACKEND takes it
    const char *mask;
    const char *threads;
    char label[256];
    bool slow; // a GPU's interface in software: such devices get the shorter tests
} setup;

enum { MAX_SETUPS = 32 };
extern setup setups[MAX_SETUPS];
extern int setup_count; // the first one is the default
extern const setup reference_setup;

// Fills |setups| with the devices whose name or driver contains |text|; false, with the reason, if
// |backend| has none here.
int find_setups(const char *backend, const char *text, char *reason, size_t capacity);

typedef struct bed {
    tern_context *context;
    tern_device *device;
} bed;

bed bed_open(const setup *s);
void bed_close(bed *b);

// The first setup's, opened once for all tests, because drivers compile every shader anew.
bed default_bed(void);
void close_default_bed(void);

#define assert_ok(call) assert_ok_(call, #call, __FILE__, __LINE__)
void assert_ok_(tern_status status, const char *call, const char *file, int line);

// |call| fails with |status| and a message that contains |words|.
#define assert_fails(call, status, words) assert_fails_(call, status, words, __FILE__, __LINE__)
void assert_fails_(tern_status got, tern_status wanted, const char *words, const char *file,
                   int line);

// A model's file: in tests/golden or tools/models, or among the test data. Ends the test as skipped
// if it is not there.
typedef struct file_path {
    char text[1024];
} file_path;
file_path find_file(const char *name);

tern_model *open_model(tern_device *device, const char *name);
tern_session *open_session(tern_model *model, tern_kv_type kv, uint32_t max_rows);

cJSON *open_golden(const char *name);
// Numbers of the array |name| of |object|; release with free.
int32_t *golden_ids(const cJSON *object, const char *name, int *out_count);
float *golden_floats(const cJSON *array, int *out_count);

// Whole files in memory; release with free.
unsigned char *read_file(const char *path, size_t *out_size);

uint32_t vocabulary(const tern_model *model);

// Feeds |ids| to |session|; logits of every row, or of those whose index is |residue| modulo
// |every| and the last. Returns how many rows of them were written.
uint32_t feed(tern_session *session, tern_model *model, const int32_t *ids, uint32_t count,
              uint32_t every, uint32_t residue, float *logits);

double relative_error(const float *got, const float *wanted, uint32_t count);
int32_t best(const float *logits, uint32_t count);

// The tests, by subject.
extern const struct CMUnitTest golden_tests[], bits_tests[], session_tests[], batch_tests[],
    cancel_tests[], head_tests[], fork_tests[], recurrent_tests[], saved_tests[], generate_tests[],
    loading_tests[], allocator_tests[];
extern const size_t golden_test_count, bits_test_count, session_test_count, batch_test_count,
    cancel_test_count, head_test_count, fork_test_count, recurrent_test_count, saved_test_count,
    generate_test_count, loading_test_count, allocator_test_count;

#endif
