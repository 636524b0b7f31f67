#version 450
#extension GL_GOOGLE_include_directive : require
// out = flush(flush(activation(min(gate, limit))) * clamp(up, -limit, limit)), elementwise; the
// limit is the largest float where there is none.
//
// bindings        0 params, 1 gate (a), 2 up (b), 3 out
// push constants  Push (struct tern_vk_push_binary)
// specialisation  0 activation
// workgroup       64 columns; x columns, y rows
#include "shaders/common/activation.h"
#include "shaders/vulkan/include/binary.glsl"

layout(constant_id = 0) const uint ACTIVATION = 0u;

void main() {
    uint live = live_rows(push.rows);
    for (uint row = gl_WorkGroupID.y; row < live; row += gl_NumWorkGroups.y) {
        for (uint k = gl_GlobalInvocationID.x; k < push.cols; k += 64u * gl_NumWorkGroups.x) {
            float gate = min(a[push.a.offset + row * push.a.stride + k], push.limit);
            float up = b[push.b.offset + row * push.b.stride + k];
            precise float y = t_flush(t_activation(ACTIVATION, gate)) *
                              min(max(up, -push.limit), push.limit);
            result[push.result.offset + row * push.result.stride + k] = t_flush(y);
        }
    }
}
