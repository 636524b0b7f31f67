#version 450
#extension GL_GOOGLE_include_directive : require
// out = flush(x * factor), elementwise.
//
// bindings        0 params, 1 x, 2 out
// push constants  Push (struct tern_vk_push_unary)
// workgroup       64 columns; x columns, y rows
#include "shaders/vulkan/include/unary.glsl"

void main() {
    uint live = live_rows(push.rows);
    for (uint row = gl_WorkGroupID.y; row < live; row += gl_NumWorkGroups.y) {
        for (uint k = gl_GlobalInvocationID.x; k < push.cols; k += 64u * gl_NumWorkGroups.x) {
            precise float y = x[push.x.offset + row * push.x.stride + k] * push.factor;
            result[push.result.offset + row * push.result.stride + k] = t_flush(y);
        }
    }
}
