// q = clamp(round(x * (127 / m)), -128, 127), scale = m / 127, m = max(max |x|, 1e-5), of x or of
// its RMSNorm, in one of the forms of quantize.clh.
//
// A row of x may be |parts| rows side by side: each becomes a row of its own.
//
// Work-groups of 64 x 1, or of one work-item (SINGLE): one row.
#include "shaders/opencl/include/quantize.clh"

#define PART(x, r, parts, cols) (ROW(x, (r) / (parts)) + (ulong)((r) % (parts)) * (cols))

#ifdef SINGLE

kernel void quantize_act(ROWS, MATRIX(const float, x), VECTOR(const float, weight), uint norm,
                         float eps, MATRIX(int, q), VECTOR(float, scale), uint cols, uint parts) {
    uint r = get_global_id(1);
    if (r >= LIVE_ROWS * parts) {
        return;
    }
    row_source from = {PART(x, r, parts, cols), weight + weight_at, norm, eps, cols};
    AT(scale, r) = quantize_row(&from, ROW(q, r));
}

#else

GROUP_KERNEL void quantize_act(ROWS, MATRIX(const float, x), VECTOR(const float, weight), uint norm,
                               float eps, MATRIX(int, q), VECTOR(float, scale), uint cols,
                               uint parts) {
    local float part[ITEMS];
    FOR_ROWS(r, LIVE_ROWS * parts) {
        row_source from = {PART(x, r, parts, cols), weight + weight_at, norm, eps, cols};
        float row_scale = quantize_row(part, &from, ROW(q, r));
        if (get_local_id(0) == 0) {
            AT(scale, r) = row_scale;
        }
    }
}

#endif
