#include "backends/cpu/kernels/kernels.h"

#include <immintrin.h>

#include "backends/cpu/kernels/sum.h"

// Sixteen outputs at a time; |lanes| has a bit for each that exists.
enum { LANES = 16 };

// As t_flush: what is smaller than 2^-50, and -0, becomes +0.
static inline __m512 flush(__m512 x) {
    __m512 magnitude = _mm512_abs_ps(x);
    __mmask16 keep = _mm512_cmp_ps_mask(magnitude, _mm512_set1_ps(0x1p-50f), _CMP_NLT_UQ);
    return _mm512_maskz_mov_ps(keep, x);
}

// Sums of products of one group less those of the activations, as numbers.
static inline __m512 differences(const int32_t *sums, int32_t row_sum, __mmask16 lanes) {
    __m512i all = _mm512_maskz_loadu_epi32(lanes, sums);
    return _mm512_cvtepi32_ps(_mm512_sub_epi32(all, _mm512_set1_epi32(row_sum)));
}

// Rule 4 over the groups.
static __m512 sum_groups(const struct tern_cpu_scale_t2 *job, uint32_t at, __mmask16 lanes) {
    __m512 y = _mm512_setzero_ps();
    for (uint32_t base = 0; base < job->groups; base += TERN_CPU_SUM_BLOCK) {
        __m512 parts[TERN_CPU_SUM_PARTS];
        for (int p = 0; p < TERN_CPU_SUM_PARTS; p++) {
            parts[p] = _mm512_setzero_ps();
        }
        uint32_t rest = job->groups - base;
        uint32_t end = base + (rest < TERN_CPU_SUM_BLOCK ? rest : TERN_CPU_SUM_BLOCK);
        for (uint32_t g = base; g < end; g++) {
            __m512 sum =
                differences(job->sums + g * job->sums_stride + at, job->row_sums[g], lanes);
            const float *scale = job->weight_scale + (size_t)g * job->tile + at;
            __m512 term = _mm512_mul_ps(sum, _mm512_maskz_loadu_ps(lanes, scale));
            __m512 *part = &parts[g % TERN_CPU_SUM_PARTS];
            *part = _mm512_add_ps(*part, term);
        }
        for (int half = TERN_CPU_SUM_PARTS / 2; half > 0; half /= 2) {
            for (int p = 0; p < half; p++) {
                parts[p] = _mm512_add_ps(parts[p], parts[p + half]);
            }
        }
        y = _mm512_add_ps(y, parts[0]);
    }
    return y;
}

void tern_cpu_scale_t2__avx512vnni(const struct tern_cpu_scale_t2 *job, float *out) {
    const __m512 act_scale = _mm512_set1_ps(job->act_scale);
    for (uint32_t at = 0; at < job->count; at += LANES) {
        uint32_t left = job->count - at;
        __mmask16 lanes = left < LANES ? (__mmask16)((1u << left) - 1) : (__mmask16)0xffff;
        __m512 y;
        if (job->grouped) {
            y = _mm512_mul_ps(sum_groups(job, at, lanes), act_scale);
        } else {
            y = _mm512_mul_ps(differences(job->sums + at, job->row_sums[0], lanes), act_scale);
            y = _mm512_mul_ps(y, _mm512_maskz_loadu_ps(lanes, job->weight_scale + at));
        }
        if (job->bias) {
            y = _mm512_add_ps(y, _mm512_maskz_loadu_ps(lanes, job->bias + at));
        }
        y = flush(y);
        if (job->residual) {
            y = flush(_mm512_add_ps(y, _mm512_maskz_loadu_ps(lanes, job->residual + at)));
        }
        _mm512_mask_storeu_ps(out + at, lanes, y);
    }
}
