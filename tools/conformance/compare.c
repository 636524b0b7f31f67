// What both devices left in memory: elements first, for the message, then every other byte.
#include "tools/conformance/suite.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

// Of a device that reports TOLERANT: relative to the largest magnitude of the operand, and never
// stricter than this.
#define TOLERANCE_RELATIVE 1e-3f
#define TOLERANCE_ABSOLUTE 1e-6f

typedef struct element {
    char text[48];
    float value;
    bool whole; // an integer
} element;

static element read_element(tern_dtype dtype, const uint8_t *bytes) {
    element e = {{0}, 0.0f, false};
    uint32_t word = 0;
    uint16_t half = 0;
    switch (dtype) {
    case TERN_DTYPE_I8:
        e.value = (float)(int8_t)bytes[0];
        e.whole = true;
        snprintf(e.text, sizeof e.text, "%d", (int8_t)bytes[0]);
        break;
    case TERN_DTYPE_I32:
        memcpy(&word, bytes, 4);
        e.value = (float)(int32_t)word;
        e.whole = true;
        snprintf(e.text, sizeof e.text, "%" PRId32, (int32_t)word);
        break;
    case TERN_DTYPE_F32:
        memcpy(&word, bytes, 4);
        e.value = fill_float(word);
        snprintf(e.text, sizeof e.text, "%.9g (%08" PRIx32 ")", (double)e.value, word);
        break;
    default:
        memcpy(&half, bytes, 2);
        e.value = dtype == TERN_DTYPE_F16 ? fill_f16_value(half) : fill_bf16_value(half);
        snprintf(e.text, sizeof e.text, "%.9g (%04x)", (double)e.value, half);
        break;
    }
    return e;
}

static uint32_t bytes_of(tern_dtype dtype) {
    return dtype == TERN_DTYPE_I8 ? 1 : dtype == TERN_DTYPE_F16 || dtype == TERN_DTYPE_BF16 ? 2 : 4;
}

static uint64_t element_count(const tern_tensor *view) {
    uint64_t count = 1;
    for (uint32_t d = 0; d < view->rank; d++) {
        count *= view->shape[d];
    }
    return count;
}

static bool close_enough(const suite_test *test, const tern_tensor *view, element got, element want,
                         float largest) {
    if (suite_exact(test->suite) || isnan(got.value)) {
        return false;
    }
    float difference = fabsf(got.value - want.value);
    if (view->dtype == TERN_DTYPE_I8) {
        return difference <= 1.0f; // a quotient may round to the other side of a tie
    }
    return !want.whole && difference <= largest * TOLERANCE_RELATIVE + TOLERANCE_ABSOLUTE;
}

static float largest_of(const suite_operand *operand, const uint8_t *memory) {
    float largest = 0.0f;
    for (uint64_t i = 0; i < element_count(&operand->view); i++) {
        uint64_t at =
            (uint64_t)((uint8_t *)suite_element(&operand->view, i) - operand->memory->before);
        largest = fmaxf(largest, fabsf(read_element(operand->view.dtype, memory + at).value));
    }
    return largest;
}

static void describe_index(const tern_tensor *view, uint64_t index, char *out, size_t capacity) {
    uint64_t rest[TERN_MAX_RANK] = {0};
    for (uint32_t d = view->rank; d-- > 0;) {
        rest[d] = index % view->shape[d];
        index /= view->shape[d];
    }
    size_t used = 0;
    for (uint32_t d = 0; d < view->rank && used < capacity; d++) {
        used += (size_t)snprintf(out + used, capacity - used, "%s%" PRIu64, d ? "," : "", rest[d]);
    }
}

// Compares one operand; true if every element may be as it is.
static bool compare_operand(suite_test *test, const suite_operand *operand) {
    const suite_memory *memory = operand->memory;
    const uint8_t *got_bytes = memory->after[SIDE_TESTED];
    const uint8_t *want_bytes = memory->after[SIDE_REFERENCE];
    uint32_t size = bytes_of(operand->view.dtype);
    uint64_t wrong = 0;
    uint64_t first = 0;
    float largest = -1.0f;
    for (uint64_t i = 0; i < element_count(&operand->view); i++) {
        uint64_t at = (uint64_t)((uint8_t *)suite_element(&operand->view, i) - memory->before);
        const uint8_t *expected =
            memory->rule[at] == RULE_KEEP ? memory->before + at : want_bytes + at;
        if (memcmp(got_bytes + at, expected, size) == 0) {
            continue;
        }
        largest = largest < 0.0f ? largest_of(operand, want_bytes) : largest;
        element got = read_element(operand->view.dtype, got_bytes + at);
        element want = read_element(operand->view.dtype, expected);
        if (memory->rule[at] == RULE_KEEP ||
            !close_enough(test, &operand->view, got, want, largest)) {
            first = wrong ? first : i;
            wrong++;
        }
    }
    if (!wrong) {
        return true;
    }
    uint64_t at = (uint64_t)((uint8_t *)suite_element(&operand->view, first) - memory->before);
    bool kept = memory->rule[at] == RULE_KEEP;
    char index[64];
    describe_index(&operand->view, first, index, sizeof index);
    suite_decide(test, VERDICT_FAILED,
                 "%s[%s] is %s, expected %s%s; %" PRIu64 " of %" PRIu64 " elements differ",
                 operand->name, index, read_element(operand->view.dtype, got_bytes + at).text,
                 read_element(operand->view.dtype, (kept ? memory->before : want_bytes) + at).text,
                 kept ? " as it was before" : "", wrong, element_count(&operand->view));
    return false;
}

// Compares what lies between operands; elements are correct already.
static void compare_rest(suite_test *test, uint32_t number) {
    const suite_memory *memory = &test->memories[number];
    for (int side = 0; side < SIDES; side++) {
        for (uint64_t i = 0; i < memory->size; i++) {
            if (memory->rule[i] == RULE_KEEP && memory->after[side][i] != memory->before[i]) {
                suite_decide(test, VERDICT_FAILED,
                             "%sbyte %" PRIu64 " of buffer %u, which no op may write, was %02x and "
                             "is %02x",
                             side == SIDE_REFERENCE ? "reference: " : "", i, number,
                             memory->before[i], memory->after[side][i]);
                return;
            }
        }
    }
    const uint8_t *got = memory->after[SIDE_TESTED];
    const uint8_t *want = memory->after[SIDE_REFERENCE];
    for (uint64_t i = 0; i < memory->size; i++) {
        // Of a tolerant device only padding is left to compare, and that is 0.
        bool exact = suite_exact(test->suite);
        if (exact && memory->rule[i] == RULE_COMPARE && got[i] != want[i]) {
            suite_decide(test, VERDICT_FAILED,
                         "padding byte %" PRIu64 " of buffer %u is %02x, expected %02x", i, number,
                         got[i], want[i]);
            return;
        }
    }
}

void suite_compare(suite_test *test) {
    for (uint32_t i = 0; i < test->operand_count; i++) {
        if (!compare_operand(test, &test->operands[i])) {
            return;
        }
    }
    for (uint32_t i = 0; i < test->memory_count; i++) {
        compare_rest(test, i);
    }
}
