// The parameter block of a step: what changes from submit to submit, as 32-bit words.
//
//     word  0         live rows
//           1         rows whose hidden state is made
//           2         rows of those, the first ones, whose logits are made
//           3         0
//           4         token of each of R rows
//           4 + R     position of each
//           4 + 2R    sequence of each: its row of the cache's block table
//           4 + 3R    L selected rows
//
// Block tables are not here: they change when sessions come and go, not from step to step.
#ifndef TERN_RUNTIME_MODEL_ROWPARAMS_H_
#define TERN_RUNTIME_MODEL_ROWPARAMS_H_

#include <stdint.h>

enum {
    TERN__PARAM_LIVE = 0,
    TERN__PARAM_SELECTED = 1,
    TERN__PARAM_LOGITS = 2,
    TERN__PARAM_ROWS = 4,

    TERN__MAX_ROWS = 512,
    TERN__MAX_SELECTED = 32, // bounds the memory of logits
    TERN__MAX_PARAM_WORDS = TERN__PARAM_ROWS + 3 * TERN__MAX_ROWS + TERN__MAX_SELECTED
};

static inline uint32_t tern__param_token(uint32_t row) {
    return TERN__PARAM_ROWS + row;
}

static inline uint32_t tern__param_position(uint32_t rows, uint32_t row) {
    return TERN__PARAM_ROWS + rows + row;
}

static inline uint32_t tern__param_sequence(uint32_t rows, uint32_t row) {
    return TERN__PARAM_ROWS + 2 * rows + row;
}

static inline uint32_t tern__param_selected(uint32_t rows, uint32_t index) {
    return TERN__PARAM_ROWS + 3 * rows + index;
}

static inline uint32_t tern__selected_capacity(uint32_t rows) {
    return rows < TERN__MAX_SELECTED ? rows : (uint32_t)TERN__MAX_SELECTED;
}

static inline uint32_t tern__param_words(uint32_t rows) {
    return tern__param_selected(rows, tern__selected_capacity(rows));
}

#endif
