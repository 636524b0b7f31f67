// The least that forget gates may be (arXiv 2311.04823), from what a file has.
#ifndef TERN_RUNTIME_MODEL_LOWER_BOUNDS_H_
#define TERN_RUNTIME_MODEL_LOWER_BOUNDS_H_

#include <stdint.h>

// |values|, [layers, width], are the logits of a softmax over the layers. They become 1 - bound,
// where a layer's bound is the sum of the shares up to its own, less that of the first layer. The
// same bits on every machine.
void tern__lower_bounds_rest(float *values, uint32_t layers, uint32_t width);

#endif
