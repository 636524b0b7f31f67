// Sums (rule 4 of the numbers contract) and maxima over a workgroup of 64 invocations that share a
// row. The partial sum of an invocation covers the elements whose index mod 64 is its own.
#ifndef TERN_SHADERS_VULKAN_REDUCE_GLSL_
#define TERN_SHADERS_VULKAN_REDUCE_GLSL_

shared float reduce_part[64];

// The partial sums of one block of 1024, joined by a tree. For all invocations.
float reduce_sum(float partial) {
    uint lane = gl_LocalInvocationID.x;
    barrier();
    reduce_part[lane] = partial;
    barrier();
    for (uint k = 32u; k > 0u; k >>= 1) {
        if (lane < k) {
            precise float s = reduce_part[lane] + reduce_part[lane + k];
            reduce_part[lane] = s;
        }
        barrier();
    }
    return reduce_part[0];
}

float reduce_max(float value) {
    uint lane = gl_LocalInvocationID.x;
    barrier();
    reduce_part[lane] = value;
    barrier();
    for (uint k = 32u; k > 0u; k >>= 1) {
        if (lane < k) {
            reduce_part[lane] = max(reduce_part[lane], reduce_part[lane + k]);
        }
        barrier();
    }
    return reduce_part[0];
}

#endif
