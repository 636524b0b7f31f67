#include "backends/cpu/kernels/kernels.h"

#include <string.h>

#include "backends/cpu/kernels/arm/half_neon.h"
#include "backends/cpu/kernels/arm/sum_neon.h"
#include "backends/cpu/kernels/attend_scales.h"
#include "backends/cpu/kernels/sum.h"

enum { LANES = TERN_CPU_LANES, VECTORS = TERN_CPU_VECTORS, CHUNK = TERN_CPU_SUM_PARTS };

// Four elements of a row, and the last |n| < 4 of one, zeros after them.
typedef float32x4_t load_fn(const uint8_t *at);
typedef float32x4_t load_some_fn(const uint8_t *at, uint32_t n);

// What differs between the types of a cache. |fused|: products are exact.
struct type {
    size_t bytes;
    load_fn *load;
    load_some_fn *load_some;
    int fused;
};

TERN_CPU_INLINE float32x4_t load_f16(const uint8_t *at) {
    return tern_cpu_widen(vld1_u16((const uint16_t *)(const void *)at));
}

TERN_CPU_INLINE float32x4_t load_some_f16(const uint8_t *at, uint32_t n) {
    uint8_t four[2 * LANES] = {0};
    memcpy(four, at, 2 * n);
    return load_f16(four);
}

TERN_CPU_INLINE float32x4_t load_f32(const uint8_t *at) {
    return vld1q_f32((const float *)(const void *)at);
}

TERN_CPU_INLINE float32x4_t load_some_f32(const uint8_t *at, uint32_t n) {
    uint8_t four[4 * LANES] = {0};
    memcpy(four, at, 4 * n);
    return load_f32(four);
}

TERN_CPU_INLINE float32x4_t load_i8(const uint8_t *at) {
    uint32_t four;
    memcpy(&four, at, sizeof four);
    int16x8_t wide = vmovl_s8(vreinterpret_s8_u32(vdup_n_u32(four)));
    return vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide)));
}

TERN_CPU_INLINE float32x4_t load_some_i8(const uint8_t *at, uint32_t n) {
    uint8_t four[LANES] = {0};
    memcpy(four, at, n);
    return load_i8(four);
}

#define TYPE_F16                                                                                   \
    (struct type) {                                                                                \
        2, load_f16, load_some_f16, 1                                                              \
    }
#define TYPE_F32                                                                                   \
    (struct type) {                                                                                \
        4, load_f32, load_some_f32, 0                                                              \
    }

#define TYPE_I8                                                                                    \
    (struct type) {                                                                                \
        1, load_i8, load_some_i8, 1                                                                \
    }

TERN_CPU_INLINE float32x4_t add_product(struct type t, float32x4_t a, float32x4_t b,
                                        float32x4_t to) {
    return t.fused ? vfmaq_f32(to, a, b) : vaddq_f32(to, vmulq_f32(a, b));
}

// The last |left| < 64 elements of a row, added to its partial sums.
TERN_CPU_INLINE void add_rest(struct type t, const uint8_t *row, const float *q, uint32_t left,
                              float32x4_t *parts) {
    for (uint32_t i = 0; i < VECTORS; i++) {
        if (left >= LANES) {
            parts[i] = add_product(t, vld1q_f32(q), t.load(row), parts[i]);
        } else if (left > 0) {
            float32x4_t some = load_some_f32((const uint8_t *)q, left);
            parts[i] = add_product(t, some, t.load_some(row, left), parts[i]);
        }
        left = left >= LANES ? left - LANES : 0;
        row += LANES * t.bytes;
        q += LANES;
    }
}

// One block of at most 1024 elements, joined to 4 lanes.
TERN_CPU_INLINE float32x4_t dot(struct type t, const uint8_t *row, const float *q, uint32_t dim) {
    float32x4_t parts[VECTORS];
    for (int i = 0; i < VECTORS; i++) {
        parts[i] = vdupq_n_f32(0.0f);
    }
    uint32_t at = 0;
    for (; dim - at >= CHUNK; at += CHUNK) {
        for (uint32_t i = 0; i < VECTORS; i++) {
            float32x4_t x = vld1q_f32(q + at + LANES * i);
            parts[i] = add_product(t, x, t.load(row + (at + LANES * i) * t.bytes), parts[i]);
        }
    }
    if (at < dim) {
        add_rest(t, row + at * t.bytes, q + at, dim - at, parts);
    }
    return tern_cpu_join_vectors(parts);
}

// Four rows at a time, so that their sums are joined together; the last rows may be fewer.
TERN_CPU_INLINE void keys_of_rows(struct type t, const struct tern_cpu_attend *job, uint32_t j,
                                  const float *q, float *out) {
    size_t stride = job->stride * t.bytes;
    uint32_t rows = job->count - j < LANES ? job->count - j : LANES;
    const uint8_t *first = (const uint8_t *)job->rows + j * stride;
    float32x4_t total = vdupq_n_f32(0.0f);
    for (uint32_t base = 0; base < job->dim; base += TERN_CPU_SUM_BLOCK) {
        uint32_t left = job->dim - base;
        uint32_t size = left < TERN_CPU_SUM_BLOCK ? left : TERN_CPU_SUM_BLOCK;
        float32x4_t sums[LANES];
        for (uint32_t i = 0; i < LANES; i++) {
            const uint8_t *row = first + (i < rows ? i : 0) * stride + base * t.bytes;
            sums[i] = dot(t, row, q + base, size);
        }
        total = vaddq_f32(total, tern_cpu_join_lanes(sums));
    }
    float lanes[LANES];
    vst1q_f32(lanes, total);
    memcpy(out + j, lanes, rows * sizeof *out);
}

TERN_CPU_INLINE void keys(struct type t, const struct tern_cpu_attend *job, const float *q,
                          float *out) {
    for (uint32_t j = 0; j < job->count; j += LANES) {
        for (uint32_t i = 0; i < job->queries; i++) {
            keys_of_rows(t, job, j, q + i * job->x_stride, out + i * job->out_stride);
        }
    }
}

void tern_cpu_attend_keys_f16__neon(const struct tern_cpu_attend *job, const float *x, float *out) {
    keys(TYPE_F16, job, x, out);
}

void tern_cpu_attend_keys_f32__neon(const struct tern_cpu_attend *job, const float *x, float *out) {
    keys(TYPE_F32, job, x, out);
}

void tern_cpu_attend_keys_i8__neon(const struct tern_cpu_attend *job, const float *x, float *out) {
    keys(TYPE_I8, job, x, out);
    tern_cpu_scale_keys(job, out);
}

void tern_cpu_attend_weights_i8__neon(const struct tern_cpu_attend *job, const float *p,
                                      float *out) {
    tern_cpu_weigh_values(job, p, out);
}

TERN_CPU_INLINE float32x4_t flush(float32x4_t sum) {
    uint32x4_t keep = vcageq_f32(sum, vdupq_n_f32(0x1p-50f));
    return vreinterpretq_f32_u32(vandq_u32(keep, vreinterpretq_u32_f32(sum)));
}

typedef float32x4_t vector;
#define ZERO vdupq_n_f32(0.0f)
#define SPLAT(p) vld1q_dup_f32(p)
#define STORE(p, v) vst1q_f32(p, v)
#include "backends/cpu/kernels/attend_values_tmpl.h"

void tern_cpu_attend_values_f16__neon(const struct tern_cpu_attend *job, const float *x,
                                      float *out) {
    values(TYPE_F16, job, x, out);
}

void tern_cpu_attend_values_f32__neon(const struct tern_cpu_attend *job, const float *x,
                                      float *out) {
    values(TYPE_F32, job, x, out);
}

void tern_cpu_attend_values_i8__neon(const struct tern_cpu_attend *job, const float *x,
                                     float *out) {
    values(TYPE_I8, job, x, out);
}
