// Rotates pairs of the first |dims| elements of each head by the angles of the row's position; the
// rest is copied. A row of the table is dims / 2 cosines, then as many sines.
//
// Work-groups of 64 x 1 x 1: pairs and then single elements of a head, heads, rows.
#include "shaders/opencl/include/tensor.clh"

GROUP_KERNEL void rotary(ROWS, MATRIX(const float, x), MATRIX(const float, table), uint positions,
                         VECTOR(const int, position), MATRIX(float, out), uint head_dim, uint dims,
                         uint interleaved) {
    uint pairs = dims / 2u;
    uint i = get_global_id(0);
    uint head = get_global_id(1);
    uint r = get_global_id(2);
    if (r >= LIVE_ROWS || i >= head_dim - pairs) {
        return;
    }
    global const float *from = ROW(x, r) + head * head_dim;
    global float *to = ROW(out, r) + head * head_dim;
    if (i >= pairs) {
        to[pairs + i] = from[pairs + i];
        return;
    }
    uint first = interleaved ? 2u * i : i;
    uint second = interleaved ? first + 1u : first + pairs;
    global const float *angles = ROW(table, clamp_index(AT(position, r), positions));
    float c = angles[i];
    float s = angles[pairs + i];
    float a = from[first];
    float b = from[second];
    float ac = a * c;
    float bs = b * s;
    float bc = b * c;
    float as = a * s;
    float x0 = ac - bs;
    float x1 = bc + as;
    to[first] = t_flush(x0);
    to[second] = t_flush(x1);
}
