#version 450
#extension GL_GOOGLE_include_directive : require
// out = flush(a * b), elementwise; b may be one row for all.
//
// bindings        0 params, 1 a, 2 b, 3 out
// push constants  Push (struct tern_vk_push_binary)
// workgroup       64 columns; x columns, y rows
#include "shaders/vulkan/include/binary.glsl"

void main() {
    uint live = live_rows(push.rows);
    for (uint row = gl_WorkGroupID.y; row < live; row += gl_NumWorkGroups.y) {
        for (uint k = gl_GlobalInvocationID.x; k < push.cols; k += 64u * gl_NumWorkGroups.x) {
            precise float y = a[push.a.offset + row * push.a.stride + k] *
                              b[push.b.offset + row * push.b.stride + k];
            result[push.result.offset + row * push.result.stride + k] = t_flush(y);
        }
    }
}
