// out[r] = x[r], or x[rows[r]]: words and halves as they are, or converted between float types.
//
// Work-groups of 64 x 1: columns, rows.
#include "shaders/opencl/include/tensor.clh"

// TERN_DTYPE_*.
#define DTYPE_F32 1u
#define DTYPE_F16 2u

#define OPERANDS(type)                                                                             \
    ROWS, MATRIX(const type, x), uint x_rows, VECTOR(const int, index), uint has_index,            \
        MATRIX(type, out), uint cols

#define BEGIN                                                                                      \
    uint k = get_global_id(0);                                                                     \
    uint r = get_global_id(1);                                                                     \
    if (r >= LIVE_ROWS || k >= cols) {                                                             \
        return;                                                                                    \
    }                                                                                              \
    uint from = has_index ? clamp_index(AT(index, r), x_rows) : r;

GROUP_KERNEL void copy_words(OPERANDS(uint)) {
    BEGIN
    ROW(out, r)[k] = ROW(x, from)[k];
}

GROUP_KERNEL void copy_halves(OPERANDS(ushort)) {
    BEGIN
    ROW(out, r)[k] = ROW(x, from)[k];
}

static float load(global const void *x, ulong at, uint dtype) {
    if (dtype == DTYPE_F32) {
        return ((global const float *)x)[at];
    }
    uint bits = ((global const ushort *)x)[at];
    return dtype == DTYPE_F16 ? t_f16_to_f32(bits) : t_bf16_to_f32(bits);
}

static void store(global void *out, ulong at, uint dtype, float value) {
    if (dtype == DTYPE_F32) {
        ((global float *)out)[at] = t_flush(value);
    } else {
        uint bits = dtype == DTYPE_F16 ? t_f16_from_f32(value) : t_bf16_from_f32(value);
        ((global ushort *)out)[at] = (ushort)bits;
    }
}

GROUP_KERNEL void copy_convert(OPERANDS(void), uint x_dtype, uint out_dtype) {
    BEGIN
    float value = load(x, x_at + (ulong)from * x_stride + k, x_dtype);
    store(out, out_at + (ulong)r * out_stride + k, out_dtype, value);
}
