// A network's weights, from the archive to the device: one walk to count, one to load.
#include <math.h>

#include "runtime/allocator.h"
#include "runtime/model/files/archive.h"
#include "runtime/model/network/lower_bounds.h"
#include "runtime/model/tensors/ggml_decode.h"
#include "runtime/model/tensors/matrix.h"
#include "runtime/status.h"
#include "shaders/common/float.h"

// Vectors are gathered on the host and uploaded together at the end.
typedef struct vectors {
    float *values;
    uint64_t count; // of all
    uint64_t used;
} vectors;

typedef struct load {
    tern__loader loader;
    tern__network *network;
    vectors vectors;
} load;

static tern_status count_part(void *user, const tern__part *part) {
    load *l = user;
    l->loader.total += part->info.size;
    l->loader.claimed += part->factors ? 0 : tern__part_bytes(part, true); // those stay here
    l->network->parameters += part->is_copy ? 0 : (uint64_t)part->rows * part->cols;
    if (part->vector || part->bounds) {
        l->vectors.count += tern__part_bytes(part, true) / sizeof(float);
    }
    return TERN_STATUS_OK;
}

// |raw| has room for what the file has of the vector.
static tern_status read_raw(load *l, const tern__part *part, void *raw, float *out) {
    TERN_TRY(tern__archive_read(l->loader.archive, &part->info, 0, raw, (size_t)part->info.size));
    uint32_t count = part->rows * part->cols;
    tern__ggml_values(part->type, 0, count, raw, out);
    for (uint32_t i = 0; i < count; i++) {
        if (!isfinite(out[i])) {
            return tern__fail(l->loader.context, TERN_STATUS_CORRUPT_DATA,
                              "tensor '%s': element %u is %g, expected a finite number",
                              part->info.name, i, (double)out[i]);
        }
        out[i] = t_flush(out[i]);
    }
    return tern__loader_advance(&l->loader, part->info.size);
}

static tern_status read_values(load *l, const tern__part *part, float *out) {
    tern_context *context = l->loader.context;
    void *raw = tern__alloc(context, (size_t)part->info.size);
    if (!raw) {
        return tern__fail_memory(context, part->info.size, part->info.name);
    }
    tern_status status = read_raw(l, part, raw, out);
    tern__free(context, raw);
    return status;
}

static tern_status read_vector(load *l, const tern__part *part, float *out) {
    TERN_TRY(read_values(l, part, out));
    for (uint32_t i = 0; part->added != 0.0f && i < part->cols; i++) {
        out[i] = t_flush(out[i] + part->added);
    }
    return TERN_STATUS_OK;
}

static tern_status load_factors(load *l, const tern__part *part) {
    float *factors = tern__calloc(l->loader.context, part->cols, sizeof(float));
    *part->factors = factors;
    if (!factors) {
        return tern__fail_memory(l->loader.context, part->cols * sizeof(float), part->info.name);
    }
    TERN_TRY(read_values(l, part, factors));
    for (uint32_t i = 0; i < part->cols; i++) {
        if (!(factors[i] > 0.0f)) {
            return tern__fail(l->loader.context, TERN_STATUS_CORRUPT_DATA,
                              "tensor '%s': factor %u is %g, expected more than 0", part->info.name,
                              i, (double)factors[i]);
        }
    }
    return TERN_STATUS_OK;
}

// Room for |size| floats among the vectors; |*out| is a view of them on the device.
static float *take_vector(load *l, uint32_t size, tern_tensor *out) {
    float *values = l->vectors.values + l->vectors.used;
    *out = tern_tensor_make(l->network->vectors, l->vectors.used * sizeof(float), TERN_DTYPE_F32, 1,
                            &size);
    l->vectors.used += size;
    return values;
}

static tern_status load_bounds(load *l, const tern__part *part) {
    tern__network *network = l->network;
    float *ones = take_vector(l, part->cols, &network->ones);
    float *values = l->vectors.values + l->vectors.used;
    for (uint32_t i = 0; i < part->cols; i++) {
        ones[i] = 1.0f;
    }
    for (uint32_t i = 0; i < part->rows; i++) {
        take_vector(l, part->cols, &network->layers[i].unbound);
    }
    TERN_TRY(read_values(l, part, values));
    tern__lower_bounds_rest(values, part->rows, part->cols);
    network->weight_bytes += tern__part_bytes(part, true);
    return TERN_STATUS_OK;
}

static tern_status load_part(void *user, const tern__part *part) {
    load *l = user;
    tern__network *network = l->network;
    if (part->factors) {
        return load_factors(l, part);
    }
    if (part->bounds) {
        return load_bounds(l, part);
    }
    if (part->vector) {
        float *values = take_vector(l, part->cols, part->vector);
        network->weight_bytes += part->cols * sizeof(float);
        return read_vector(l, part, values);
    }
    uint64_t bytes = 0;
    TERN_TRY(tern__matrix_load(&l->loader, part, part->matrix, &bytes));
    if (part->experts && !part->matrix->ternary) {
        return tern__fail(l->loader.context, TERN_STATUS_UNSUPPORTED,
                          "tensor '%s' is of type %s and not ternary, expected experts that are",
                          part->info.name, part->info.type_name);
    }
    network->weight_bytes += bytes;
    network->staged |= part->normed || (part->projection && !part->matrix->ternary);
    return TERN_STATUS_OK;
}

static tern_status make_room(load *l) {
    tern__network *network = l->network;
    tern_context *context = l->loader.context;
    size_t bytes = 0;
    if (!tern__mul_size((size_t)l->vectors.count, sizeof(float), &bytes)) {
        return tern__fail_memory(context, UINT64_MAX, "norms");
    }
    l->vectors.values = tern__alloc(context, bytes);
    if (!l->vectors.values) {
        return tern__fail_memory(context, bytes, "norms");
    }
    return tern_buffer_create(l->loader.device, bytes, &network->vectors);
}

static tern_status load_all(load *l) {
    tern__network *network = l->network;
    const tern_archive *archive = l->loader.archive;
    TERN_TRY(tern__layout_visit(network, archive, count_part, l));
    TERN_TRY(tern__loader_check_budget(&l->loader));
    TERN_TRY(tern__check_memory(l->loader.device, "model", l->loader.claimed));
    TERN_TRY(make_room(l));
    TERN_TRY(tern__layout_visit(network, archive, load_part, l));
    if (!network->head.weights) {
        network->head = network->embedding;
    }
    return tern_buffer_upload(network->vectors, 0, l->vectors.values,
                              l->vectors.count * sizeof(float));
}

tern_status tern__network_load(tern__network *network, const tern_archive *archive,
                               const tern_model_desc *desc) {
    load l = {.network = network};
    network->staged = tern__hyper_has(&network->hyper, TERN__POST_NORMS | TERN__EXPERTS);
    network->head_q8 = (desc->flags & TERN_MODEL_HEAD_Q8) != 0;
    l.loader.context = network->context;
    l.loader.device = network->device;
    l.loader.archive = archive;
    l.loader.desc = desc;
    network->layers =
        tern__calloc(network->context, network->hyper.layers, sizeof *network->layers);
    if (!network->layers) {
        return tern__fail_memory(network->context, network->hyper.layers * sizeof(tern__layer),
                                 "layers");
    }
    tern_status status = load_all(&l);
    tern__loader_finish(&l.loader);
    tern__free(network->context, l.vectors.values);
    return status;
}

void tern__network_unload(tern__network *network) {
    for (uint32_t i = 0; network->layers && i < network->hyper.layers; i++) {
        tern__layer *layer = &network->layers[i];
        tern__matrix *matrices[] = {&layer->q,  &layer->k,    &layer->v,      &layer->i,
                                    &layer->f,  &layer->g,    &layer->output, &layer->gate,
                                    &layer->up, &layer->down, &layer->router};
        for (size_t k = 0; k < sizeof matrices / sizeof matrices[0]; k++) {
            tern_weights_destroy(matrices[k]->weights);
        }
    }
    if (network->head.weights != network->embedding.weights) {
        tern_weights_destroy(network->head.weights);
    }
    tern_weights_destroy(network->embedding.weights);
    tern_buffer_destroy(network->vectors);
    tern__free(network->context, network->layers);
    tern__free(network->context, network->rotary_factors);
    *network = (tern__network){.context = network->context, .device = network->device};
}
