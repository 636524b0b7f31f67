// Checks that several ops share.
#include "runtime/buffer.h"
#include "runtime/ops/ops.h"
#include "runtime/status.h"
#include "runtime/weights.h"

// More than any buffer has, and small enough to add an offset to.
#define EXTENT_MAX (UINT64_C(1) << 62)

static uint32_t element_bytes(tern_dtype dtype) {
    switch (dtype) {
    case TERN_DTYPE_I8:
        return 1;
    case TERN_DTYPE_F16:
    case TERN_DTYPE_BF16:
        return 2;
    default:
        return 4;
    }
}

uint64_t tern__tensor_extent(const tern_tensor *tensor) {
    uint64_t last = 0;
    for (uint32_t i = 0; i < tensor->rank; i++) {
        uint64_t step = (uint64_t)(tensor->shape[i] - 1) * tensor->strides[i];
        if (step >= EXTENT_MAX / 4 || last + step >= EXTENT_MAX / 4) {
            return EXTENT_MAX;
        }
        last += step;
    }
    // Rows of narrow types own their padding, so that whole words can be read and written.
    uint64_t bytes = (last + 1) * element_bytes(tensor->dtype);
    return (bytes + 3) / 4 * 4;
}

// Two matrices whose rows interleave, such as halves of one fused matrix.
static bool columns_are_disjoint(const tern_tensor *a, const tern_tensor *b) {
    if (a->rank != 2 || b->rank != 2) {
        return false;
    }
    uint64_t pitch = (uint64_t)a->strides[0] * element_bytes(a->dtype);
    if (pitch != (uint64_t)b->strides[0] * element_bytes(b->dtype)) {
        return false;
    }
    const tern_tensor *low = a->offset <= b->offset ? a : b;
    const tern_tensor *high = low == a ? b : a;
    uint64_t shift = (high->offset - low->offset) % pitch;
    return shift >= tern_dtype_row_bytes(low->dtype, low->shape[1]) &&
           shift + tern_dtype_row_bytes(high->dtype, high->shape[1]) <= pitch;
}

bool tern__tensor_overlaps(const tern_tensor *a, const tern_tensor *b) {
    if (!a->buffer || a->buffer != b->buffer) {
        return false;
    }
    uint64_t a_end = a->offset + tern__tensor_extent(a);
    uint64_t b_end = b->offset + tern__tensor_extent(b);
    return a->offset < b_end && b->offset < a_end && !columns_are_disjoint(a, b);
}

static bool same_view(const tern_tensor *a, const tern_tensor *b) {
    bool same = a->buffer == b->buffer && a->offset == b->offset && a->dtype == b->dtype &&
                a->rank == b->rank;
    for (uint32_t i = 0; same && i < a->rank; i++) {
        same = a->shape[i] == b->shape[i] && (a->shape[i] == 1 || a->strides[i] == b->strides[i]);
    }
    return same;
}

static tern_status check_strides(const tern__check *check, const char *name,
                                 const tern_tensor *tensor) {
    uint32_t last = tensor->rank - 1;
    if (tensor->strides[last] != 1) {
        return tern__fail(check->context, TERN_STATUS_INVALID_ARGUMENT,
                          "%s: %s: innermost stride is %u, must be 1", check->op, name,
                          tensor->strides[last]);
    }
    uint32_t align = 4 / element_bytes(tensor->dtype);
    for (uint32_t i = last; i-- > 0;) {
        uint64_t inner = (uint64_t)tensor->strides[i + 1] * tensor->shape[i + 1];
        if (tensor->strides[i] < inner || tensor->strides[i] % align) {
            return tern__fail(check->context, TERN_STATUS_INVALID_ARGUMENT,
                              "%s: %s: stride %u of dimension %u must be at least %llu and a "
                              "multiple of %u for %s",
                              check->op, name, tensor->strides[i], i, (unsigned long long)inner,
                              align, tern_dtype_name(tensor->dtype));
        }
    }
    return TERN_STATUS_OK;
}

static tern_status check_extent(const tern__check *check, const char *name,
                                const tern_tensor *tensor) {
    uint64_t size = tensor->buffer->size;
    uint64_t extent = tern__tensor_extent(tensor);
    if (tensor->offset % 4 || tensor->offset > size ||
        extent > (size + 3) / 4 * 4 - tensor->offset) {
        return tern__fail(check->context, TERN_STATUS_INVALID_ARGUMENT,
                          "%s: %s: bytes %llu to %llu must start at a multiple of 4 and lie in the "
                          "buffer of %llu",
                          check->op, name, (unsigned long long)tensor->offset,
                          (unsigned long long)(tensor->offset + extent), (unsigned long long)size);
    }
    return TERN_STATUS_OK;
}

tern_status tern__check_tensor(const tern__check *check, const char *name,
                               const tern_tensor *tensor, uint32_t dtypes, uint32_t rank) {
    if (!tensor->buffer) {
        return tern__fail(check->context, TERN_STATUS_INVALID_ARGUMENT, "%s: %s is absent",
                          check->op, name);
    }
    if (tensor->buffer->device != check->device) {
        return tern__fail(check->context, TERN_STATUS_INVALID_ARGUMENT,
                          "%s: %s lies on another device than the list", check->op, name);
    }
    if (tensor->dtype >= 32 || !(dtypes >> tensor->dtype & 1)) {
        return tern__fail(check->context, TERN_STATUS_INVALID_ARGUMENT,
                          "%s: %s has dtype %s, which this operand does not take", check->op, name,
                          tern_dtype_name(tensor->dtype));
    }
    if (tensor->rank != rank) {
        return tern__fail(check->context, TERN_STATUS_INVALID_ARGUMENT,
                          "%s: %s has rank %u, must be %u", check->op, name, tensor->rank, rank);
    }
    uint64_t elements = 1;
    for (uint32_t i = 0; i < rank; i++) {
        elements *= tensor->shape[i];
        if (!elements || elements > UINT32_MAX) {
            return tern__fail(check->context, TERN_STATUS_INVALID_ARGUMENT,
                              "%s: %s: dimension %u is %u; sizes must be 1 or more and at most "
                              "2^32 - 1 elements in all",
                              check->op, name, i, tensor->shape[i]);
        }
    }
    TERN_TRY(check_strides(check, name, tensor));
    return check_extent(check, name, tensor);
}

tern_status tern__check_dim(const tern__check *check, const char *name, const tern_tensor *tensor,
                            uint32_t dim, uint32_t wanted, const char *as) {
    if (tensor->shape[dim] != wanted) {
        return tern__fail(check->context, TERN_STATUS_INVALID_ARGUMENT,
                          "%s: %s: dimension %u is %u, must be %u as %s", check->op, name, dim,
                          tensor->shape[dim], wanted, as);
    }
    return TERN_STATUS_OK;
}

tern_status tern__check_matrix(const tern__check *check, const char *name,
                               const tern_tensor *tensor, uint32_t rows, uint32_t cols) {
    TERN_TRY(tern__check_tensor(check, name, tensor, TERN__DTYPE(F32), 2));
    TERN_TRY(tern__check_dim(check, name, tensor, 0, rows, "there are rows"));
    return tern__check_dim(check, name, tensor, 1, cols, "there are columns");
}

tern_status tern__check_vector(const tern__check *check, const char *name,
                               const tern_tensor *tensor, uint32_t dtypes, uint32_t count) {
    TERN_TRY(tern__check_tensor(check, name, tensor, dtypes, 1));
    return tern__check_dim(check, name, tensor, 0, count, "the other operands need");
}

tern_status tern__check_optional_vector(const tern__check *check, const char *name,
                                        const tern_tensor *tensor, uint32_t count) {
    return tensor->buffer ? tern__check_vector(check, name, tensor, TERN__DTYPE(F32), count)
                          : TERN_STATUS_OK;
}

tern_status tern__check_weights(const tern__check *check, const tern_weights *weights,
                                uint32_t dtypes, uint32_t usage) {
    if (!weights) {
        return tern__fail(check->context, TERN_STATUS_INVALID_ARGUMENT, "%s: weights are absent",
                          check->op);
    }
    if (weights->device != check->device) {
        return tern__fail(check->context, TERN_STATUS_INVALID_ARGUMENT,
                          "%s: weights lie on another device than the list", check->op);
    }
    if (!(dtypes >> weights->info.dtype & 1)) {
        return tern__fail(check->context, TERN_STATUS_INVALID_ARGUMENT,
                          "%s: weights of dtype %s, which this op does not take", check->op,
                          tern_dtype_name(weights->info.dtype));
    }
    if (!(weights->info.usage & usage)) {
        return tern__fail(check->context, TERN_STATUS_INVALID_ARGUMENT,
                          "%s: weights were made without usage %s", check->op,
                          usage == TERN_WEIGHTS_MATMUL ? "MATMUL" : "GATHER");
    }
    return TERN_STATUS_OK;
}

tern_status tern__check_alias(const tern__check *check, const tern_tensor *out, const char *name,
                              const tern_tensor *other, bool in_place) {
    if (!other->buffer || !tern__tensor_overlaps(out, other) ||
        (in_place && same_view(out, other))) {
        return TERN_STATUS_OK;
    }
    return tern__fail(check->context, TERN_STATUS_INVALID_ARGUMENT, "%s: the output overlaps %s%s",
                      check->op, name, in_place ? " without being the same view" : "");
}

tern_status tern__check_activation(const tern__check *check, tern_activation activation) {
    if (activation >= TERN_ACTIVATION_COUNT_) {
        return tern__fail(check->context, TERN_STATUS_INVALID_ARGUMENT,
                          "%s: activation %u does not exist, the last is %u", check->op, activation,
                          TERN_ACTIVATION_COUNT_ - 1);
    }
    return TERN_STATUS_OK;
}

tern_status tern__check_eps(const tern__check *check, float eps) {
    if (!(eps >= 0x1p-100f && eps <= 1.0f)) {
        return tern__fail(check->context, TERN_STATUS_INVALID_ARGUMENT,
                          "%s: eps is %g, must be 2^-100 to 1", check->op, (double)eps);
    }
    return TERN_STATUS_OK;
}

tern_status tern__check_binary(const tern__check *check, const tern_tensor *a, const tern_tensor *b,
                               const tern_tensor *out) {
    TERN_TRY(tern__check_tensor(check, "a", a, TERN__DTYPE(F32), 2));
    uint32_t rows = a->shape[0];
    uint32_t cols = a->shape[1];
    bool one_row = b->rank == 1;
    TERN_TRY(one_row ? tern__check_vector(check, "b", b, TERN__DTYPE(F32), cols)
                     : tern__check_matrix(check, "b", b, rows, cols));
    TERN_TRY(tern__check_matrix(check, "out", out, rows, cols));
    TERN_TRY(tern__check_alias(check, out, "a", a, true));
    return tern__check_alias(check, out, "b", b, !one_row);
}
