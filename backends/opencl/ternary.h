// The packing of ternary rows that weights.h describes, on the host.
#ifndef TERN_OPENCL_TERNARY_H_
#define TERN_OPENCL_TERNARY_H_

#include <stdint.h>

// A row of |cols| canonical t2 codes to words[0], words[64], ...; what lies past the last element
// becomes weights of 0.
void tern_cl_ternary_pack(const uint8_t *codes, uint32_t cols, uint32_t *words);
// The inverse; codes past the last element in the last byte are weights of 0.
void tern_cl_ternary_unpack(const uint32_t *words, uint32_t cols, uint8_t *codes);
// Sum of the weights of |count| packed words, 64 apart.
int32_t tern_cl_ternary_sum(const uint32_t *words, uint32_t count);

#endif
