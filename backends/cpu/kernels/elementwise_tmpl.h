// Everything that works element by element, or row by row with simple sums, for one level.
#include "backends/cpu/kernels/template.h"

#include "backends/cpu/kernels/sum.h"
#include "shaders/common/activation.h"
#include "shaders/common/divide.h"
#include "shaders/common/exp.h"
#include "shaders/common/float.h"

void TERN_CPU_FN(add)(const float *a, const float *b, uint32_t n, float *out) {
    for (uint32_t i = 0; i < n; i++) {
        out[i] = t_flush(a[i] + b[i]);
    }
}

void TERN_CPU_FN(mul)(const float *a, const float *b, uint32_t n, float *out) {
    for (uint32_t i = 0; i < n; i++) {
        out[i] = t_flush(a[i] * b[i]);
    }
}

void TERN_CPU_FN(scale)(const float *x, float factor, uint32_t n, float *out) {
    for (uint32_t i = 0; i < n; i++) {
        out[i] = t_flush(x[i] * factor);
    }
}

TERN_CPU_INLINE void activate(const float *x, tern_activation kind, uint32_t n, float *out) {
    for (uint32_t i = 0; i < n; i++) {
        out[i] = t_flush(t_activation(kind, x[i]));
    }
}

TERN_CPU_INLINE float at_most(float x, float limit) {
    return x < limit ? x : limit;
}

TERN_CPU_INLINE void gate_by(const float *gate, const float *up, tern_activation kind, float limit,
                             uint32_t n, float *out) {
    for (uint32_t i = 0; i < n; i++) {
        float a = t_flush(t_activation(kind, at_most(gate[i], limit)));
        float u = up[i] > -limit ? up[i] : -limit;
        out[i] = t_flush(a * at_most(u, limit));
    }
}

#define EACH_ACTIVATION(X)                                                                         \
    X(LINEAR) X(RELU) X(RELU2) X(SILU) X(SIGMOID) X(TANH) X(GELU) X(GELU_TANH)

void TERN_CPU_FN(activation)(const float *x, tern_activation kind, uint32_t n, float *out) {
    switch (kind) {
#define CASE(name)                                                                                 \
    case TERN_ACTIVATION_##name:                                                                   \
        activate(x, TERN_ACTIVATION_##name, n, out);                                               \
        break;
        EACH_ACTIVATION(CASE)
#undef CASE
    }
}

void TERN_CPU_FN(gated)(const float *gate, const float *up, tern_activation kind, float limit,
                        uint32_t n, float *out) {
    switch (kind) {
#define CASE(name)                                                                                 \
    case TERN_ACTIVATION_##name:                                                                   \
        gate_by(gate, up, TERN_ACTIVATION_##name, limit, n, out);                                  \
        break;
        EACH_ACTIVATION(CASE)
#undef CASE
    }
}

// Columns whose sums are under way together.
enum { COMBINE_COLS = 64 };

TERN_CPU_INLINE void combine_some(const struct tern_cpu_combine *job, uint32_t first, uint32_t n,
                                  uint32_t count, float *out) {
    float y[COMBINE_COLS] = {0};
    for (uint32_t s = 0; s < job->slots; s++) {
        const float *x = job->x + (size_t)s * n + first;
        float w = job->weights[s];
        for (uint32_t i = 0; i < count; i++) {
            float product = x[i] * w;
            y[i] = y[i] + product;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        float sum = t_flush(y[i]);
        out[first + i] = job->residual ? t_flush(sum + job->residual[first + i]) : sum;
    }
}

void TERN_CPU_FN(combine)(const struct tern_cpu_combine *job, uint32_t n, float *out) {
    uint32_t first = 0;
    for (; n - first >= COMBINE_COLS; first += COMBINE_COLS) {
        combine_some(job, first, n, COMBINE_COLS, out);
    }
    if (first < n) {
        combine_some(job, first, n, n - first, out);
    }
}

void TERN_CPU_FN(bf16_from_f32)(const float *x, uint32_t n, uint16_t *out) {
    for (uint32_t i = 0; i < n; i++) {
        out[i] = (uint16_t)t_bf16_from_f32(x[i]);
    }
}

void TERN_CPU_FN(f32_from_bf16)(const uint16_t *x, uint32_t n, float *out) {
    for (uint32_t i = 0; i < n; i++) {
        out[i] = t_flush(t_bf16_to_f32(x[i]));
    }
}

void TERN_CPU_FN(rms_norm)(const float *x, uint32_t k, const float *weight, float eps, float *out) {
    float mean = tern_cpu_sum_products(x, x, k) / (float)k;
    float root = t_sqrt(mean + eps);
    float inverse = 1.0f / root;
    if (weight) {
        for (uint32_t i = 0; i < k; i++) {
            float y = x[i] * inverse;
            out[i] = t_flush(y * weight[i]);
        }
    } else {
        for (uint32_t i = 0; i < k; i++) {
            out[i] = t_flush(x[i] * inverse);
        }
    }
}

void TERN_CPU_FN(layer_norm)(const float *x, uint32_t k, const float *weight, const float *bias,
                             float eps, float *out) {
    float mean = tern_cpu_sum(x, k) / (float)k;
    for (uint32_t i = 0; i < k; i++) {
        out[i] = t_flush(x[i] - mean);
    }
    float variance = tern_cpu_sum_products(out, out, k) / (float)k;
    float root = t_sqrt(variance + eps);
    float inverse = 1.0f / root;
    for (uint32_t i = 0; i < k; i++) {
        float y = out[i] * inverse;
        y = weight ? y * weight[i] : y;
        y = bias ? y + bias[i] : y;
        out[i] = t_flush(y);
    }
}

void TERN_CPU_FN(recurrence)(const float *f, const float *in, uint32_t n, float *state,
                             float *out) {
    for (uint32_t i = 0; i < n; i++) {
        float kept = t_flush(f[i] * state[i]);
        state[i] = t_flush(kept + in[i]);
    }
    for (uint32_t i = 0; i < n; i++) {
        out[i] = state[i];
    }
}

float TERN_CPU_FN(exp_scaled)(float *x, uint32_t n, float scale) {
    for (uint32_t i = 0; i < n; i++) {
        x[i] = x[i] * scale;
    }
    float m = tern_cpu_largest(x, n);
    for (uint32_t i = 0; i < n; i++) {
        x[i] = t_exp(x[i] - m);
    }
    return m;
}

void TERN_CPU_FN(softmax)(const float *x, uint32_t k, float *out) {
    float m = tern_cpu_largest(x, k);
    for (uint32_t i = 0; i < k; i++) {
        out[i] = t_exp(x[i] - m);
    }
    float inverse = 1.0f / tern_cpu_sum(out, k);
    for (uint32_t i = 0; i < k; i++) {
        out[i] = t_flush(out[i] * inverse);
    }
}

uint32_t TERN_CPU_FN(argmax)(const float *x, uint32_t k) {
    float m = tern_cpu_largest(x, k);
    for (uint32_t i = 0; i < k; i++) {
        if (x[i] == m) {
            return i;
        }
    }
    return 0;
}

void TERN_CPU_FN(rotary)(const struct tern_cpu_rotary *job, const float *x, float *out) {
    uint32_t half = job->dims / 2;
    // Pair i is (first + step * i, second + step * i).
    uint32_t step = job->pairs == 1 ? 2 : 1;
    uint32_t second = job->pairs == 1 ? 1 : half;
    for (uint32_t i = 0; i < half; i++) {
        float a = x[step * i];
        float b = x[second + step * i];
        float c = job->table[i];
        float s = job->table[half + i];
        float ac = a * c, bs = b * s, bc = b * c, as = a * s;
        out[step * i] = t_flush(ac - bs);
        out[second + step * i] = t_flush(bc + as);
    }
    for (uint32_t i = job->dims; i < job->head_dim; i++) {
        out[i] = x[i];
    }
}
