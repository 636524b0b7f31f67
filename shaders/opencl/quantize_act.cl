// q = clamp(round(x * (127 / m)), -128, 127), scale = m / 127, m = max(max |x|, 1e-5), of x or of
// its RMSNorm. Four values make a word of q, what is past the row is 0; with PACK the words are as
// activations.clh draws them.
//
// Work-groups of 64 x 1: one row.
#include "shaders/opencl/include/activations.clh"
#include "shaders/opencl/include/norm.clh"

// What is quantised: x, or its norm where |factor| is not 0.
typedef struct row_source {
    global const float *x;
    global const float *weight;
    uint has_weight;
    uint norm;
    float factor;
} row_source;

static float value_at(const row_source *from, uint k) {
    if (!from->norm) {
        return from->x[k];
    }
    float w = from->has_weight ? from->weight[k] : 1.0f;
    return rms_value(from->x[k], from->factor, from->has_weight, w);
}

// Four values from column |k| on, as a word.
static uint quantize_word(const row_source *from, uint cols, uint k, float s) {
    uint word = 0;
    for (uint j = 0; j < 4u && k + j < cols; j++) {
        float scaled = value_at(from, k + j) * s;
        int q = clamp((int)t_rint(scaled), -128, 127);
        word |= ((uint)q & 0xffu) << (8u * j);
    }
    return word;
}

static float quantize_row(local float *part, const row_source *from, global int *q, uint cols) {
    float m = 1e-5f;
    for (uint k = get_local_id(0); k < cols; k += GROUP) {
        float a = fabs(value_at(from, k));
        m = a > m ? a : m;
    }
    m = tree_max(part, m);
    float s = t_divide(127.0f, m);
#ifdef PACK
    for (uint i = get_local_id(0); i < PACKED_WORDS(cols) / 2u; i += GROUP) {
        store_packed(q, i, quantize_word(from, cols, i * 4u, s));
    }
#else
    for (uint i = get_local_id(0); i < (cols + 3u) / 4u; i += GROUP) {
        q[i] = (int)quantize_word(from, cols, i * 4u, s);
    }
#endif
    return t_divide(m, 127.0f);
}

GROUP_KERNEL void quantize_act(ROWS, MATRIX(const float, x), MATRIX(int, q), VECTOR(float, scale),
                               uint cols) {
    local float part[GROUP];
    FOR_LIVE_ROWS(r) {
        row_source from = {ROW(x, r), 0, 0, 0, 0.0f};
        float row_scale = quantize_row(part, &from, ROW(q, r), cols);
        if (get_local_id(0) == 0) {
            AT(scale, r) = row_scale;
        }
    }
}

GROUP_KERNEL void rms_norm_quantize_act(ROWS, MATRIX(const float, x), VECTOR(const float, weight),
                                        uint has_weight, float eps, MATRIX(int, q),
                                        VECTOR(float, scale), uint cols) {
    local float part[GROUP];
    FOR_LIVE_ROWS(r) {
        float factor = rms_factor(part, ROW(x, r), cols, eps);
        row_source from = {ROW(x, r), weight + weight_at, has_weight, 1, factor};
        float row_scale = quantize_row(part, &from, ROW(q, r), cols);
        if (get_local_id(0) == 0) {
            AT(scale, r) = row_scale;
        }
    }
}
