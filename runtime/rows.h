// Rows of a matrix on their way from a source to a device: checked and made canonical as they pass.
#ifndef TERN_RUNTIME_ROWS_H_
#define TERN_RUNTIME_ROWS_H_

#include <stdbool.h>

#include <tern/weights.h>

#include "runtime/status.h"

typedef struct tern__rows {
    tern_context *context;
    const tern_weights_desc *desc;
    const char *name;
    tern_weights_info info; // as devices see it: t2 for t5 and b1, a scale that is not 0
    bool zero_scale;        // the matrix's scale was 0, so every code must be
    uint32_t next;          // first row that was not read yet
    tern_status status;     // of the first failure
    char message[TERN__MESSAGE_CAPACITY];
} tern__rows;

// Checks shape and type. |desc| is borrowed until the last row is read.
tern_status tern__rows_init(tern__rows *rows, tern_context *context, const tern_weights_desc *desc);

// A tern_rows_fn over a tern__rows, for a backend's weights_create.
tern_status tern__rows_read(void *rows, uint32_t first, uint32_t count, void *codes, float *scales);

// In place, on canonical t2, f32, f16, bf16 or q8_0 rows from row |first| of the matrix on:
// CORRUPT_DATA, or pads set and what the numbers contract flushes flushed.
tern_status tern__rows_clean(const tern__rows *rows, uint32_t first, uint32_t count, void *codes,
                             float *scales);

#endif
