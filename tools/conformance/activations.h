// The activations by name, for labels.
#ifndef TERN_TOOLS_CONFORMANCE_ACTIVATIONS_H_
#define TERN_TOOLS_CONFORMANCE_ACTIVATIONS_H_

static const char *const activation_names[] = {"linear",  "relu", "relu2", "silu",
                                               "sigmoid", "tanh", "gelu",  "gelu_tanh"};

#endif
