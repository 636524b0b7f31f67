// Four signed bytes times four bytes from 0 to 3, added. INT_DOT: by the device's packed integer
// dot product (VK_KHR_shader_integer_dot_product), which this compiler reaches only as a raw SPIR-V
// instruction: OpSDot, with packed format 0 (4 x 8 bits).
#ifndef TERN_SHADERS_VULKAN_DOT_GLSL_
#define TERN_SHADERS_VULKAN_DOT_GLSL_

#ifdef INT_DOT

spirv_instruction(extensions = ["SPV_KHR_integer_dot_product"], capabilities = [ 6018, 6019 ],
                  id = 4450) int packed_dot(uint a, uint b, spirv_literal int packed_format);

int dot4(uint q, uint codes) {
    return packed_dot(q, codes, 0);
}

#else

int dot4(uint q, uint codes) {
    int a = int(q);
    int b = int(codes);
    return bitfieldExtract(a, 0, 8) * (b & 3) + bitfieldExtract(a, 8, 8) * ((b >> 8) & 3) +
           bitfieldExtract(a, 16, 8) * ((b >> 16) & 3) + (a >> 24) * ((b >> 24) & 3);
}

#endif

#endif
