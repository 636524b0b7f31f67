#include "shaders/common/activation.h"

#include "backends/reference/ops/ops.h"

_Static_assert(T_ACTIVATION_LINEAR == TERN_ACTIVATION_LINEAR, "number of linear");
_Static_assert(T_ACTIVATION_RELU == TERN_ACTIVATION_RELU, "number of relu");
_Static_assert(T_ACTIVATION_RELU2 == TERN_ACTIVATION_RELU2, "number of relu2");
_Static_assert(T_ACTIVATION_SILU == TERN_ACTIVATION_SILU, "number of silu");
_Static_assert(T_ACTIVATION_SIGMOID == TERN_ACTIVATION_SIGMOID, "number of sigmoid");
_Static_assert(T_ACTIVATION_TANH == TERN_ACTIVATION_TANH, "number of tanh");
_Static_assert(T_ACTIVATION_GELU == TERN_ACTIVATION_GELU, "number of gelu");
_Static_assert(T_ACTIVATION_GELU_TANH == TERN_ACTIVATION_GELU_TANH, "number of gelu_tanh");
_Static_assert(T_ACTIVATION_GELU_TANH + 1 == TERN_ACTIVATION_COUNT_, "no activation is missing");

static int known(const void *desc) {
    const tern_activation_desc *d = desc;
    return d->activation < TERN_ACTIVATION_COUNT_;
}

static void run(const tern_ref_run *r, const void *desc) {
    const tern_activation_desc *d = desc;
    uint32_t rows = tern_ref_live(r, &d->head, d->x.shape[0]);
    for (uint32_t row = 0; row < rows; row++) {
        const float *x = tern_ref_f32_row(&d->x, row);
        float *out = tern_ref_f32_row(&d->out, row);
        for (uint32_t k = 0; k < d->x.shape[1]; k++) {
            out[k] = t_flush(t_activation(d->activation, x[k]));
        }
    }
}

const tern_ref_op tern_ref_op_activation = {
    .desc_size = sizeof(tern_activation_desc), .known = known, .run = run};
