// What a device can do at most: how fast it reads, and multiplies and adds in registers. Results go
// to |out| only so that the work is not left out.
//
// Work-groups: measure_read of processors, one work-item for each |count| vectors; of others 64,
// in strides of all work-items. The others: of any size, each work-item for itself.
#define TILE 1
#ifdef VECTOR_UNITS
#define VECTORS 1u
#else
#define LANES 64u
#define SLICES 1u
#endif
#include "shaders/opencl/include/activations.clh"
#include "shaders/opencl/include/tensor.clh"

typedef struct input {
    ACT const int *act[TILE];
} input;

#ifdef VECTOR_UNITS
#include "shaders/opencl/include/ternary_vectors.clh"
#else
#include "shaders/opencl/include/ternary_lanes.clh"
#endif

#ifdef VECTOR_UNITS

#if AHEAD && defined(__x86_64__)
#define FETCH_AHEAD(p) __builtin_prefetch((const void *)(size_t)((p) + AHEAD / 64))
#else
#define FETCH_AHEAD(p)
#endif

kernel void measure_read(global const int16 *data, uint count, global int *out) {
    global const int16 *from = data + (ulong)get_global_id(0) * count;
    int16 sums[4] = {(int16)(0), (int16)(0), (int16)(0), (int16)(0)};
    for (uint i = 0; i < count; i += 4u) {
#pragma unroll
        for (uint j = 0; j < 4u; j++) {
            FETCH_AHEAD(from + i + j);
            sums[j] ^= from[i + j];
        }
    }
    int16 all = sums[0] ^ sums[1] ^ sums[2] ^ sums[3];
    int8 half_ = all.lo ^ all.hi;
    out[get_global_id(0)] = half_.s0 ^ half_.s1 ^ half_.s2 ^ half_.s3 ^ half_.s4 ^ half_.s5 ^
                            half_.s6 ^ half_.s7;
}

#else

kernel void measure_read(global const int4 *data, uint count, global int *out) {
    int4 sum = (int4)(0);
    for (uint i = 0; i < count; i++) {
        sum ^= data[(ulong)i * get_global_size(0) + get_global_id(0)];
    }
    out[get_global_id(0)] = sum.x ^ sum.y ^ sum.z ^ sum.w;
}

#endif

// Independent sums, so that latency is hidden.
#define CHAINS 12

#ifdef VECTOR_UNITS

// 64 multiply-adds a chain and round.
kernel void measure_int8(uint rounds, global int *out) {
    sums_v sums[CHAINS];
    int16 codes[CHAINS];
    int q = (int)get_global_id(0);
    for (int j = 0; j < CHAINS; j++) {
        sums[j] = NO_SUMS;
        int16 lane = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        codes[j] = (lane + j + q) & 0x03030303;
    }
    for (uint i = 0; i < rounds; i++) {
#pragma unroll
        for (int j = 0; j < CHAINS; j++) {
            sums[j] = add_products(sums[j], codes[j], q);
        }
        q = q * 5 + 1;
    }
    int16 all = (int16)(0);
    for (int j = 0; j < CHAINS; j++) {
        all ^= widen(sums[j]);
    }
    out[get_global_id(0)] = all.s0 ^ all.s1 ^ all.s2 ^ all.s3 ^ all.s4 ^ all.s5 ^ all.s6 ^ all.s7 ^
                            all.s8 ^ all.s9 ^ all.sa ^ all.sb ^ all.sc ^ all.sd ^ all.se ^ all.sf;
}

#else

// 4 multiply-adds a chain and round where the device multiplies bytes, else 2.
kernel void measure_int8(uint rounds, global int *out) {
    uint sums[CHAINS];
    uint q = get_global_id(0) + 1u;
    for (uint j = 0; j < CHAINS; j++) {
        sums[j] = 0;
    }
    for (uint i = 0; i < rounds; i++) {
#pragma unroll
        for (uint j = 0; j < CHAINS; j++) {
#ifdef INTEGER_DOT
            sums[j] += (uint)DOT_FOUR(0x02010002u ^ j, q);
#else
            sums[j] += (0x00020001u ^ j) * q;
#endif
        }
        q = q * 5u + sums[0];
    }
    uint all = 0;
    for (uint j = 0; j < CHAINS; j++) {
        all ^= sums[j];
    }
    out[get_global_id(0)] = (int)all;
}

#endif

// PER_VECTOR multiplications and additions, each rounded, a chain and round.
kernel void measure_f32(uint rounds, global int *out) {
    float_v sums[CHAINS];
    float_v x = (float_v)(0.5f + 1e-6f * (float)get_global_id(0));
    for (int j = 0; j < CHAINS; j++) {
        sums[j] = x + (float)j;
    }
    for (uint i = 0; i < rounds; i++) {
#pragma unroll
        for (int j = 0; j < CHAINS; j++) {
            float_v product = sums[j] * x;
            sums[j] = product + x;
        }
    }
    float_v all = sums[0];
    for (int j = 1; j < CHAINS; j++) {
        all = all + sums[j];
    }
    float values[PER_VECTOR];
    STORE(all, values);
    float sum = 0.0f;
    for (int j = 0; j < PER_VECTOR; j++) {
        sum = sum + values[j];
    }
    out[get_global_id(0)] = as_int(sum);
}
