// Signed bytes times codes from 0 to 3, added, four or sixteen at a time. INT_DOT: by the device's
// packed integer dot product (VK_KHR_shader_integer_dot_product), which this compiler reaches only
// as a raw SPIR-V instruction: OpSDot, with packed format 0 (4 x 8 bits).
#ifndef TERN_SHADERS_VULKAN_DOT_GLSL_
#define TERN_SHADERS_VULKAN_DOT_GLSL_

#ifdef INT_DOT

spirv_instruction(extensions = ["SPV_KHR_integer_dot_product"], capabilities = [ 6018, 6019 ],
                  id = 4450) int packed_dot(uint a, uint b, spirv_literal int packed_format);

int dot4(uint q, uint codes) {
    return packed_dot(q, codes, 0);
}

int byte_sum(uint q) {
    return packed_dot(q, 0x01010101u, 0);
}

// Sixteen activations as dot16 wants them.
struct Sixteen {
    uvec4 q;
};

Sixteen spread(uvec4 q) {
    return Sixteen(q);
}

// Sixteen codes of a word as ternary_matmul.comp describes it.
struct Trits {
    uvec4 of;
};

Trits unpack(uint word) {
    return Trits((uvec4(word) >> uvec4(0u, 2u, 4u, 6u)) & 0x03030303u);
}

// In the order of instructions that add to a sum.
int add_codes(int sum, Sixteen a, Trits c) {
    sum += dot4(a.q.x, c.of.x);
    sum += dot4(a.q.y, c.of.y);
    sum += dot4(a.q.z, c.of.z);
    return sum + dot4(a.q.w, c.of.w);
}

#else

int dot4(uint q, uint codes) {
    int a = int(q);
    int b = int(codes);
    return bitfieldExtract(a, 0, 8) * (b & 3) + bitfieldExtract(a, 8, 8) * ((b >> 8) & 3) +
           bitfieldExtract(a, 16, 8) * ((b >> 16) & 3) + (a >> 24) * ((b >> 24) & 3);
}

int byte_sum(uint q) {
    int a = int(q);
    return bitfieldExtract(a, 0, 8) + bitfieldExtract(a, 8, 8) + bitfieldExtract(a, 16, 8) +
           (a >> 24);
}

// Bytes 0 and 2, and bytes 1 and 3, as pairs of signed numbers: low + high * 2^16 modulo 2^32.
struct Sixteen {
    uvec4 even;
    uvec4 odd;
};

Sixteen spread(uvec4 q) {
    return Sixteen(((q ^ 0x00800080u) & 0x00ff00ffu) - 0x00800080u,
                   (((q >> 8) ^ 0x00800080u) & 0x00ff00ffu) - 0x00800080u);
}

// Codes in pairs as far apart, the halves exchanged.
struct Trits {
    uvec4 even;
    uvec4 odd;
};

Trits unpack(uint word) {
    uint exchanged = (word << 16) | (word >> 16);
    return Trits((uvec4(exchanged) >> uvec4(0u, 2u, 4u, 6u)) & 0x00030003u,
                 (uvec4(exchanged) >> uvec4(8u, 10u, 12u, 14u)) & 0x00030003u);
}

// Two products by one multiplication: (c2 + c0 2^16) (q0 + q2 2^16) has q0 c0 + q2 c2 in its upper
// half, and in its lower half q0 c2, whose sign must be taken back. Eight of them add up to less
// than 2^12.
int add_codes(int sum, Sixteen a, Trits c) {
    uvec4 products = c.even * a.even + c.odd * a.odd;
    int both = int(products.x + products.y + products.z + products.w);
    return sum + ((both - bitfieldExtract(both, 0, 16)) >> 16);
}

#endif

int dot16(Sixteen a, uint word) {
    return add_codes(0, a, unpack(word));
}

#endif
