// What an op is to this backend, and what most of them need: rows of tensors, live rows, sums.
#ifndef TERN_BACKENDS_REFERENCE_OPS_OPS_H_
#define TERN_BACKENDS_REFERENCE_OPS_OPS_H_

#include "backends/reference/reference.h"
#include "shaders/common/divide.h"
#include "shaders/common/float.h"

// One submit.
typedef struct tern_ref_run {
    const int32_t *params; // the parameter block, NULL if there is none
    void *scratch;         // as many bytes as the op asked for
} tern_ref_run;

// Each ops/<op>.c defines one, tern_ref_op_<op>.
typedef struct tern_ref_op {
    uint32_t desc_size;
    int (*known)(const void *desc);        // whether every enumeration is known; NULL: has none
    uint64_t (*scratch)(const void *desc); // bytes; NULL: none
    void (*run)(const tern_ref_run *run, const void *desc);
} tern_ref_op;

#define TERN_REF_OP_DECLARE_(name, number, stem) extern const tern_ref_op tern_ref_op_##stem;
TERN_OP_LIST(TERN_REF_OP_DECLARE_)
#undef TERN_REF_OP_DECLARE_

// How many of |rows| rows to compute.
static inline uint32_t tern_ref_live(const tern_ref_run *run, const tern_op_header *head,
                                     uint32_t rows) {
    if (!head->live) {
        return rows;
    }
    int32_t live = run->params[head->live - 1];
    return live < 0 ? 0 : (uint32_t)live < rows ? (uint32_t)live : rows;
}

// Element |index| of the outermost dimension. A vector is one row, the same for every index.
static inline void *tern_ref_row(const tern_tensor *tensor, uint32_t index, size_t element) {
    size_t stride = tensor->rank > 1 ? tensor->strides[0] : 0;
    return tern_op_buffer(tensor)->data + tensor->offset + index * stride * element;
}

static inline float *tern_ref_f32_row(const tern_tensor *tensor, uint32_t index) {
    return tern_ref_row(tensor, index, sizeof(float));
}

// A vector, or NULL for an optional operand that is absent.
static inline float *tern_ref_f32(const tern_tensor *tensor) {
    return tensor->buffer ? tern_ref_f32_row(tensor, 0) : NULL;
}

static inline int32_t *tern_ref_i32(const tern_tensor *tensor) {
    return tern_ref_row(tensor, 0, sizeof(int32_t));
}

// An index that came from device memory, into [0, count).
static inline uint32_t tern_ref_clamp(int32_t index, uint32_t count) {
    return index < 0 ? 0 : (uint32_t)index < count ? (uint32_t)index : count - 1;
}

// sum_k(a_k * b_k) and sum_k(a_k), as rule 4 of the numbers contract orders them.
float tern_ref_dot(const float *a, const float *b, uint32_t count);
float tern_ref_sum(const float *a, uint32_t count);

// Row |index| of ternary weights as -1, 0, 1; of dense weights as exact floats.
void tern_ref_weights_codes(const tern_backend_weights *weights, uint32_t index, int8_t *codes);
void tern_ref_weights_dense(const tern_backend_weights *weights, uint32_t index, float *values);
// The scale of ternary column |col| of row |index|.
float tern_ref_weights_scale(const tern_backend_weights *weights, uint32_t index, uint32_t col);

// One row of softmax, which route begins with.
void tern_ref_softmax_row(const float *x, uint32_t count, float *out);

// One row each of rms_norm and quantize_act, which bitlinear consists of.
void tern_ref_rms_norm_row(const float *x, const float *weight, float eps, uint32_t count,
                           float *out);
float tern_ref_quantize_row(const float *x, uint32_t count, int8_t *q);

// One output of ternary_matmul: |q| times row |output| of |weights|, whose |codes| are given.
typedef struct tern_ref_ternary {
    const tern_backend_weights *weights;
    const float *bias;   // optional
    const int8_t *codes; // row |output|
    float *terms;        // room for one float per group
    uint32_t output;
} tern_ref_ternary;

float tern_ref_ternary_output(const tern_ref_ternary *t, const int8_t *q, float scale);

#endif
