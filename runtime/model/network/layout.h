// Which tensors a network is made of: their names, shapes and places, for loading and estimating.
#ifndef TERN_RUNTIME_MODEL_LAYOUT_H_
#define TERN_RUNTIME_MODEL_LAYOUT_H_

#include "runtime/model/tensors/ggml_types.h"
#include "runtime/model/network/network.h"

// A tensor that the network needs, found in the archive, its type and shape checked.
typedef struct tern__part {
    tern_tensor_info info;
    const tern__ggml_type *type;
    uint32_t rows; // 1 for a vector
    uint32_t cols;
    uint32_t experts;     // as many matrices of |rows| in all, one after the other; 0: it is one
    uint32_t usage;       // TERN_WEIGHTS_*; 0: a vector
    bool projection;      // a matrix of a layer
    bool as_q8;           // held as q8_0, whatever float it is in the file
    bool is_copy;         // a second matrix of a tensor
    bool may_be_ternary;  // dense as stored; its values decide what it becomes,
    bool may_be_half;     // and whether float32 is held in half the bytes (look.h)
    bool absmean;         // dense as stored; a load makes it ternary by its mean size
    bool bounds;          // lower bounds of all layers, beside which a vector of ones is held
    bool normed;          // there is a norm in front of it, of its own
    float added;          // to every value of a vector
    tern__matrix *matrix; // where it goes: this,
    tern_tensor *vector;  // this,
    float **factors;      // or this
} tern__part;

typedef tern_status (*tern__part_fn)(void *user, const tern__part *part);

// Calls |visit| for every tensor of |network|, whose hyper is set, in a fixed order. Places are
// NULL while network->layers is. NOT_FOUND names a missing tensor, UNSUPPORTED its type,
// CORRUPT_DATA a wrong shape; UNSUPPORTED also a tensor that the network has no use for.
tern_status tern__layout_visit(tern__network *network, const tern_archive *archive,
                               tern__part_fn visit, void *user);

// What a matrix is on the device, as far as its first values show; what may be ternary counted as
// such or not. A load goes by all of them.
tern_dtype tern__part_dtype(const tern__part *part, bool as_ternary);
// Bytes of a part, as canonical rows of that.
uint64_t tern__part_bytes(const tern__part *part, bool as_ternary);

#endif
