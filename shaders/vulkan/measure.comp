#version 450
#extension GL_GOOGLE_include_directive : require
#ifdef INT_DOT
#extension GL_EXT_spirv_intrinsics : require
#endif
// What the device can do at most: reads a buffer again and again, or multiplies and adds what it
// holds in registers. Every invocation writes one word, so that nothing is left out.
//
// bindings        0 params, 1 data (uvec4), 2 result
// push constants  Push (struct tern_vk_push_measure)
// workgroup       64 invocations; x any number
#include "shaders/vulkan/include/dot.glsl"
#include "shaders/vulkan/include/rows.glsl"

layout(local_size_x = 64) in;

layout(std430, binding = 1) readonly buffer Data {
    uvec4 data[];
};
layout(std430, binding = 2) writeonly buffer Result {
    uint result[];
};
layout(push_constant) uniform Push {
    Rows rows;
    uint count; // of data
    uint times;
}
push;

#if defined(INT8)

// 16 products in each of 8 independent sums.
uint work(uint id) {
    uint words[8];
    int sums[8];
    for (uint j = 0u; j < 8u; j++) {
        words[j] = data[j & 3u][j >> 2] ^ id;
        sums[j] = 0;
    }
    uvec4 q = data[id % push.count];
    for (uint i = 0u; i < push.times; i++) {
        q += uvec4(1u);
        Sixteen a = spread(q);
        for (uint j = 0u; j < 8u; j++) {
            sums[j] += dot16(a, words[j]);
        }
    }
    int total = 0;
    for (uint j = 0u; j < 8u; j++) {
        total ^= sums[j];
    }
    return uint(total);
}

#elif defined(F32)

// A multiplication and an addition in each of 32 independent numbers.
uint work(uint id) {
    vec4 factor = uintBitsToFloat((data[0] & 3u) | 0x3f000000u); // about a half
    precise vec4 values[8];
    for (uint j = 0u; j < 8u; j++) {
        values[j] = vec4(float(id + j));
    }
    for (uint i = 0u; i < push.times; i++) {
        for (uint j = 0u; j < 8u; j++) {
            precise vec4 product = values[j] * factor;
            precise vec4 sum = product + factor;
            values[j] = sum;
        }
    }
    uint total = 0u;
    for (uint j = 0u; j < 8u; j++) {
        uvec4 bits = floatBitsToUint(values[j]);
        total ^= bits.x ^ bits.y ^ bits.z ^ bits.w;
    }
    return total;
}

#else

uint work(uint id) {
    uvec4 sum = uvec4(0u);
    uint all = 64u * gl_NumWorkGroups.x;
    for (uint i = 0u; i < push.times; i++) {
        for (uint at = id; at < push.count; at += all) {
            sum = sum * 3u + data[at];
        }
    }
    return sum.x ^ sum.y ^ sum.z ^ sum.w;
}

#endif

void main() {
    uint id = gl_GlobalInvocationID.x;
    result[id] = work(id);
}
