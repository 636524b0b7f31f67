// A choice among kernels that give the same bits: the fastest one by measurement, which is
// remembered in the user's cache folder (TERN_CACHE) from one start to the next.
#ifndef TERN_BACKENDS_COMMON_CHOICE_H_
#define TERN_BACKENDS_COMMON_CHOICE_H_

#include <stdbool.h>

#include <tern/backend.h>

// Choices that were made already, which count even where nothing may be kept. Zeroed to begin with.
enum { TERN_CHOICES_MAX = 128 };

typedef struct tern_choices {
    uint32_t count; // further ones are not remembered here
    struct {
        uint64_t name; // its hash
        uint32_t index;
    } items[TERN_CHOICES_MAX];
} tern_choices;

typedef struct tern_choice {
    const tern_host *host;
    tern_choices *made; // of the device, or NULL
    // All that the choice depends on: backend, device, driver, a hash of the sources, the shape. Up
    // to 1023 bytes; tern_choice_hash helps.
    const char *name;
    uint32_t count; // of candidates
    // How long candidate |index| takes. UNSUPPORTED leaves it out; any other failure ends the
    // choice.
    tern_status (*measure)(void *user, uint32_t index, uint64_t *out_ns);
    void *user;
} tern_choice;

// The candidate that was found fastest, of equals the first. Nothing is measured where there is
// only one, or where it is remembered; what is damaged, or of another number of candidates, is
// measured again. Any number of processes may choose at once. UNSUPPORTED if no candidate runs.
tern_status tern_choose(const tern_choice *choice, uint32_t *out_index);

// A device's candidate is best measured as a list of so many, so that a submit weighs little.
enum { TERN_CHOICE_STEPS = 16 };

// Runs what is measured, and says how long that took.
typedef tern_status tern_choice_run(void *user, uint64_t *out_ns);
// The shortest of some runs, few where one is long; the first, which warms up, does not count.
tern_status tern_choice_time(tern_choice_run *run, void *user, uint64_t *out_ns);

// FNV-1a of |size| bytes, from |hash| on; TERN_CHOICE_HASH to begin with.
#define TERN_CHOICE_HASH UINT64_C(0xcbf29ce484222325)
uint64_t tern_choice_hash(uint64_t hash, const void *data, size_t size);

#endif
