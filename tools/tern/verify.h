// What `tern verify` shares between its files: lines of results, and the stored values.
#ifndef TERN_TOOLS_TERN_VERIFY_H_
#define TERN_TOOLS_TERN_VERIFY_H_

#include "tools/tern/command.h"

typedef struct verify {
    const char *model, *data; // paths; |data| may be NULL
    const host *host;
    loaded loaded;
    tern_archive *archive;
    uint32_t passed, failed, skipped;
} verify;

// One line each: "pass  WHAT", "FAIL  WHAT: ...", "skip  WHAT: ...".
void verify_line(verify *self, bool passed, const char *what, const char *format, ...);
void verify_skip(verify *self, const char *what, const char *why);

// A JSON file of the folder of data, plain or with ".gz" after its name; NULL, and a line that says
// it was skipped, if there is none.
cJSON *verify_json(verify *self, const char *name, const char *what);

// Embedding rows, the first norm and the first projections, against stored values.
void verify_values(verify *self);

#endif
