// Bindings and push constants of the kernels of ternary_matmul, and how they end.
layout(std430, binding = 1) readonly buffer Q {
    uint q[];
};
layout(std430, binding = 2) readonly buffer Scale {
    float scale[];
};
layout(std430, binding = 3) readonly buffer Codes {
    uint codes[];
};
layout(std430, binding = 4) readonly buffer WeightScales {
    float weight_scales[];
};
layout(std430, binding = 5) readonly buffer Bias {
    float bias[];
};
layout(std430, binding = 6) readonly buffer Residual {
    float residual[];
};
layout(std430, binding = 7) writeonly buffer Result {
    float result[];
};
layout(push_constant) uniform Push {
    Rows rows;
    uint outputs;
    uint q_words; // of a row: ceil(K / 4)
    Ternary weights;
    View q;
    View residual;
    View result;
    uint scale;
    uint bias;
    uint has_bias;
    uint has_residual;
}
push;

// flush(value), flush(value + bias), and where a residual is given flush(that + residual).
void store(uint row, uint n, float value) {
    precise float y = value;
    if (push.has_bias != 0u) {
        y = y + bias[push.bias + n];
    }
    y = t_flush(y);
    if (push.has_residual != 0u) {
        y = y + residual[push.residual.offset + row * push.residual.stride + n];
    }
    result[push.result.offset + row * push.result.stride + n] = t_flush(y);
}
