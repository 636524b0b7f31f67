// Bindings and push constants of elementwise ops with two operands.
#include "shaders/vulkan/include/rows.glsl"

layout(local_size_x = 64) in;

layout(std430, binding = 1) readonly buffer A {
    float a[];
};
layout(std430, binding = 2) readonly buffer B {
    float b[];
};
layout(std430, binding = 3) writeonly buffer Result {
    float result[];
};
layout(push_constant) uniform Push {
    Rows rows;
    uint cols;
    View a;
    View b;
    View result;
    float limit; // gated only
}
push;
