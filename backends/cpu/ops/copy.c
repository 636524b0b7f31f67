#include <string.h>

#include "backends/common/sizes.h"
#include "backends/cpu/ops/rows.h"

// Converted through float32, this many elements at a time.
enum { CHUNK = 256 };

static uint8_t *row_of(const tern_tensor *tensor, uint32_t row) {
    return tern_cpu_tensor_data(tensor) +
           (size_t)row * tensor->strides[0] * tern_element_bytes(tensor->dtype);
}

static const float *widen(const struct tern_cpu_kernels *kernels, tern_dtype dtype, const void *x,
                          uint32_t n, float *wide) {
    switch (dtype) {
    case TERN_DTYPE_F16:
        kernels->f32_from_f16.fn(x, n, wide);
        return wide;
    case TERN_DTYPE_BF16:
        kernels->f32_from_bf16.fn(x, n, wide);
        return wide;
    default:
        return x;
    }
}

static void narrow(const struct tern_cpu_kernels *kernels, tern_dtype dtype, const float *wide,
                   uint32_t n, void *out) {
    switch (dtype) {
    case TERN_DTYPE_F16:
        kernels->f16_from_f32.fn(wide, n, out);
        break;
    case TERN_DTYPE_BF16:
        kernels->bf16_from_f32.fn(wide, n, out);
        break;
    default:
        memcpy(out, wide, n * sizeof *wide);
    }
}

static void convert(const struct tern_cpu_kernels *kernels, const tern_copy_desc *d,
                    const uint8_t *x, uint8_t *out) {
    uint32_t cols = d->x.shape[1];
    for (uint32_t i = 0; i < cols; i += CHUNK) {
        uint32_t n = cols - i < CHUNK ? cols - i : CHUNK;
        float wide[CHUNK];
        const float *values = widen(kernels, d->x.dtype, x, n, wide);
        narrow(kernels, d->out.dtype, values, n, out);
        x += (size_t)n * tern_element_bytes(d->x.dtype);
        out += (size_t)n * tern_element_bytes(d->out.dtype);
    }
}

static void part(const void *user, uint32_t first, uint32_t end, uint32_t task) {
    const struct tern_cpu_rows *rows = user;
    const tern_copy_desc *d = rows->desc;
    (void)task;
    for (uint32_t r = first; r < end; r++) {
        uint32_t from = r;
        if (d->rows.buffer) {
            from = tern_cpu_clamp(tern_cpu_i32(&d->rows)[r], d->x.shape[0]);
        }
        const uint8_t *x = row_of(&d->x, from);
        uint8_t *out = row_of(&d->out, r);
        if (d->x.dtype == d->out.dtype) {
            memcpy(out, x, (size_t)d->x.shape[1] * tern_element_bytes(d->x.dtype));
        } else {
            convert(rows->kernels, d, x, out);
        }
    }
}

static void run(const struct tern_cpu_run *run, const tern_op_header *desc) {
    const tern_copy_desc *d = (const tern_copy_desc *)desc;
    tern_cpu_for_rows(run, desc, d->out.shape[1] / 4, part);
}

static struct tern_cpu_pick kernel(const struct tern_cpu_kernels *kernels,
                                   const tern_op_header *desc) {
    const tern_copy_desc *d = (const tern_copy_desc *)desc;
    if (d->x.dtype == d->out.dtype) {
        return (struct tern_cpu_pick){"copy", TERN_CPU_scalar};
    }
    switch (d->out.dtype) {
    case TERN_DTYPE_F16:
        return TERN_CPU_PICK(kernels, f16_from_f32);
    case TERN_DTYPE_BF16:
        return TERN_CPU_PICK(kernels, bf16_from_f32);
    default:
        return d->x.dtype == TERN_DTYPE_F16 ? TERN_CPU_PICK(kernels, f32_from_f16)
                                            : TERN_CPU_PICK(kernels, f32_from_bf16);
    }
}

const struct tern_cpu_op tern_cpu_op_copy = {
    .desc_size = sizeof(tern_copy_desc),
    .rows = offsetof(tern_copy_desc, out),
    .run = run,
    .kernel = kernel,
};
