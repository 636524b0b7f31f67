// Rotary position embedding: include/rotary.clh.
//
// Work-groups of 64 x 1 x 1: pairs and then single elements of a head, heads, rows.
#include "shaders/opencl/include/rotary.clh"

GROUP_KERNEL void rotary(ROWS, MATRIX(const float, x), MATRIX(const float, angles), uint angle_rows,
                         VECTOR(const int, positions), MATRIX(float, out), uint head_dim, uint dims,
                         uint interleaved) {
    uint i = get_global_id(0);
    uint head = get_global_id(1);
    uint r = get_global_id(2);
    if (r >= LIVE_ROWS || i >= head_dim - dims / 2u) {
        return;
    }
    rotary_place at = rotary_place_of(i, dims, interleaved);
    global const float *angle = ROW(angles, clamp_index(AT(positions, r), angle_rows));
    float2 y = rotary_load(ROW(x, r) + head * head_dim, at);
    rotary_store(ROW(out, r) + head * head_dim, at, rotate(y, at, angle, dims));
}
