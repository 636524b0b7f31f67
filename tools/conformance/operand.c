// Operands: where they lie, what is in them, and which of their bytes a test compares.
#include "tools/conformance/suite.h"

#include <stdlib.h>
#include <string.h>

// Four elements of any tensor fill words, so that their row has no padding.
static uint32_t element_bytes(tern_dtype dtype) {
    return (uint32_t)(tern_dtype_row_bytes(dtype, 4) / 4);
}

static bool reserve(suite_memory *memory, uint64_t size) {
    if (size <= memory->capacity) {
        return true;
    }
    uint64_t capacity = size * 2;
    uint8_t *before = realloc(memory->before, capacity);
    memory->before = before ? before : memory->before;
    uint8_t *rule = realloc(memory->rule, capacity);
    memory->rule = rule ? rule : memory->rule;
    if (!before || !rule) {
        return false;
    }
    memory->capacity = capacity;
    return true;
}

// Extends |memory| by |size| bytes of a pattern that is a small negative number in every type.
static bool extend(suite_memory *memory, uint64_t size) {
    if (!reserve(memory, memory->size + size)) {
        return false;
    }
    memset(memory->before + memory->size, 0xa5, size);
    memset(memory->rule + memory->size, RULE_KEEP, size);
    memory->size += size;
    return true;
}

static suite_memory *choose_memory(suite_test *test) {
    bool shared = test->layout == LAYOUT_SHARED;
    if (shared && test->memory_count) {
        return &test->memories[0];
    }
    return test->memory_count < SUITE_MEMORIES ? &test->memories[test->memory_count++] : NULL;
}

// Rows of the view get a gap of up to 32 bytes, a multiple of 4.
static void spread_rows(suite_test *test, tern_tensor *view) {
    if (view->rank == 2 && test->layout != LAYOUT_PACKED) {
        view->strides[0] += rng_below(&test->random, 9) * (4 / element_bytes(view->dtype));
    }
}

static uint64_t view_bytes(const tern_tensor *view) {
    return (uint64_t)view->shape[0] * view->strides[0] * element_bytes(view->dtype);
}

tern_tensor suite_tensor(suite_test *test, const char *name, tern_dtype dtype, suite_shape shape) {
    tern_tensor view = tern_tensor_make(NULL, 0, dtype, shape.rank, shape.dims);
    spread_rows(test, &view);
    suite_memory *memory = choose_memory(test);
    if (!memory || test->operand_count == SUITE_OPERANDS) {
        suite_decide(test, VERDICT_FAILED, "the test has too many operands");
        return view;
    }
    uint64_t gap = test->layout == LAYOUT_PACKED ? 0 : 4 * (uint64_t)rng_below(&test->random, 65);
    view.offset = memory->size + gap;
    // A view of a 16-bit or 8-bit vector ends at a multiple of 4 bytes too.
    uint64_t bytes = (view_bytes(&view) + 3) / 4 * 4;
    if (!extend(memory, gap + bytes)) {
        suite_decide(test, VERDICT_FAILED, "no memory for operand %s", name);
        return view;
    }
    view.buffer = (tern_buffer *)(void *)memory;
    test->operands[test->operand_count++] = (suite_operand){name, memory, view};
    return view;
}

static uint64_t element_offset(const tern_tensor *view, uint64_t index) {
    uint64_t elements = 0;
    for (uint32_t d = view->rank; d-- > 0;) {
        elements += index % view->shape[d] * view->strides[d];
        index /= view->shape[d];
    }
    return view->offset + elements * element_bytes(view->dtype);
}

void *suite_element(const tern_tensor *view, uint64_t index) {
    suite_memory *memory = (suite_memory *)(void *)view->buffer;
    return memory->before + element_offset(view, index);
}

static uint64_t row_count(const tern_tensor *view) {
    uint64_t rows = 1;
    for (uint32_t d = 0; d + 1 < view->rank; d++) {
        rows *= view->shape[d];
    }
    return rows;
}

static void fill_narrow(suite_test *test, const tern_tensor *view, fill_kind fill, uint64_t first) {
    uint32_t cols = view->shape[view->rank - 1];
    for (uint32_t i = 0; i < cols; i++) {
        void *element = suite_element(view, first + i);
        uint16_t half = view->dtype == TERN_DTYPE_BF16 ? fill_bf16(&test->random, fill)
                                                       : fill_f16(&test->random, fill);
        uint32_t word = rng_next(&test->random);
        if (view->dtype == TERN_DTYPE_I8) {
            int8_t extreme = word & 256 ? 127 : -128;
            *(int8_t *)element = fill == FILL_ZERO       ? 0
                                 : fill == FILL_SATURATE ? extreme
                                                         : (int8_t)(word & 255);
        } else {
            memcpy(element, &half, sizeof half);
        }
    }
}

void suite_fill(suite_test *test, const tern_tensor *view, fill_kind fill) {
    uint32_t cols = view->shape[view->rank - 1];
    for (uint64_t row = 0; row < row_count(view) && view->buffer; row++) {
        if (view->dtype == TERN_DTYPE_F32) {
            fill_row(&test->random, fill, suite_element(view, row * cols), cols);
        } else {
            fill_narrow(test, view, fill, row * cols);
        }
    }
}

tern_tensor suite_floats(suite_test *test, const char *name, suite_shape shape, fill_kind fill) {
    tern_tensor view = suite_tensor(test, name, TERN_DTYPE_F32, shape);
    suite_fill(test, &view, fill);
    return view;
}

tern_tensor suite_ints(suite_test *test, const char *name, suite_shape shape, int32_t low,
                       int32_t high) {
    tern_tensor view = suite_tensor(test, name, TERN_DTYPE_I32, shape);
    uint64_t count = row_count(&view) * view.shape[view.rank - 1];
    for (uint64_t i = 0; i < count && view.buffer; i++) {
        int32_t value = low + (int32_t)rng_below(&test->random, (uint32_t)(high - low) + 1);
        memcpy(suite_element(&view, i), &value, sizeof value);
    }
    return view;
}

void suite_written(suite_test *test, tern_tensor view) {
    suite_memory *memory = (suite_memory *)(void *)view.buffer;
    uint32_t cols = view.shape[view.rank - 1];
    uint32_t size = element_bytes(view.dtype);
    uint64_t rows = row_count(&view);
    if (test->limited && view.rank == 1) { // one element for each row
        cols = test->live < cols ? test->live : cols;
    } else if (test->limited && view.rank == 2) {
        rows = test->live < rows ? test->live : rows;
    }
    uint64_t row_bytes = (uint64_t)cols * size;
    uint64_t padding = view.rank > 1 ? (4 - row_bytes % 4) % 4 : 0;
    for (uint64_t row = 0; row < rows && memory; row++) {
        uint64_t start = element_offset(&view, row * cols);
        memset(memory->rule + start, RULE_COMPARE, row_bytes);
        memset(memory->rule + start + row_bytes,
               view.dtype == TERN_DTYPE_I8 ? RULE_COMPARE : RULE_ANY, padding);
    }
}

tern_tensor suite_output(suite_test *test, const char *name, tern_dtype dtype, suite_shape shape) {
    tern_tensor view = suite_tensor(test, name, dtype, shape);
    suite_written(test, view);
    return view;
}

void suite_word(suite_test *test, uint32_t word, int32_t value) {
    if (!test->params.buffer) {
        test->params = suite_ints(test, "params", shape1(SUITE_WORDS), -9, -1);
        bool limited = test->limited;
        test->limited = false; // every word is written, whatever rows are live
        suite_written(test, test->params);
        test->limited = limited;
    }
    for (uint32_t s = 0; s < SUITE_SUBMITS; s++) {
        test->words[s][word] = value;
    }
}

void suite_live(suite_test *test, uint32_t rows) {
    suite_word(test, 0, (int32_t)rows);
    test->live = rows;
    test->limited = true;
}
