#include "runtime/model/network/lower_bounds.h"

#include "shaders/common/exp.h"

static void finish_column(float *column, uint32_t layers, uint32_t width) {
    float largest = column[0];
    double all = 0.0, bound = 0.0;
    for (uint32_t i = 1; i < layers; i++) {
        float value = column[(uint64_t)i * width];
        largest = value > largest ? value : largest;
    }
    for (uint32_t i = 0; i < layers; i++) {
        float *value = &column[(uint64_t)i * width];
        *value = t_exp(*value - largest);
        all += (double)*value;
    }
    column[0] = 1.0f;
    for (uint32_t i = 1; i < layers; i++) {
        float *value = &column[(uint64_t)i * width];
        bound += (double)*value / all;
        *value = t_flush((float)(1.0 - bound));
    }
}

void tern__lower_bounds_rest(float *values, uint32_t layers, uint32_t width) {
    for (uint32_t i = 0; i < width; i++) {
        finish_column(values + i, layers, width);
    }
}
