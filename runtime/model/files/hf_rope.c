// How positions turn heads, by config.json: rope_theta and rope_scaling, or rope_parameters.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "runtime/model/files/hf.h"
#include "runtime/model/files/hf_values.h"
#include "runtime/status.h"

#define PREFIX "tern.rope.scaling."

static const char original[] = "original_max_position_embeddings";

typedef struct scaling_key {
    const char *config;
    const char *gguf; // NULL: read elsewhere
    const char *type; // of scaling that has it; NULL: all
} scaling_key;

static const scaling_key keys[] = {
    {"type", NULL, NULL},
    {"rope_type", NULL, NULL},
    {"rope_theta", NULL, NULL},
    {"partial_rotary_factor", NULL, NULL},
    {"factor", PREFIX "factor", NULL},
    {"low_freq_factor", PREFIX "low_freq_factor", "llama3"},
    {"high_freq_factor", PREFIX "high_freq_factor", "llama3"},
    {"beta_fast", PREFIX "yarn_beta_fast", "yarn"},
    {"beta_slow", PREFIX "yarn_beta_slow", "yarn"},
    {"attention_factor", NULL, "yarn"},
    {original, NULL, NULL},
};

typedef struct reader {
    tern__builder *builder;
    tern__hf_values values; // of the object about scaling
    const char *architecture;
    const char *type;
    double rotary_part; // of each head's size
} reader;

static const scaling_key *find_key(const reader *r, const char *name) {
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (strcmp(keys[i].config, name) == 0 &&
            (!keys[i].type || strcmp(keys[i].type, r->type) == 0)) {
            return &keys[i];
        }
    }
    return NULL;
}

static tern_status check_keys(const reader *r) {
    const tern__json *object = r->values.object;
    for (const tern__json *c = tern__json_first(object); c; c = tern__json_next(object, c)) {
        if (c->type != TERN__JSON_NULL && !find_key(r, c->key)) {
            return tern__fail(r->values.context, TERN_STATUS_UNSUPPORTED,
                              "%s: key '%.60s' of rope_scaling is not known for type %s",
                              r->values.file, c->key, r->type);
        }
    }
    return TERN_STATUS_OK;
}

// What the arithmetic of a type cannot do without.
static tern_status check_needed(const reader *r) {
    static const char *const needed[] = {"factor", "low_freq_factor", "high_freq_factor", original};
    size_t count = strcmp(r->type, "llama3") == 0 ? sizeof needed / sizeof needed[0] : 1;
    for (size_t i = 0; i < count; i++) {
        if (!tern__hf_get(&r->values, needed[i])) {
            return tern__fail(r->values.context, TERN_STATUS_NOT_FOUND,
                              "%s: key '%s' of rope_scaling is missing, which type %s needs",
                              r->values.file, needed[i], r->type);
        }
    }
    return TERN_STATUS_OK;
}

// Wherever it is said, it is what the heads were read with.
static tern_status check_part(const reader *r) {
    static const char name[] = "partial_rotary_factor";
    double factor = 1.0;
    TERN_TRY(tern__hf_f32(&r->values, name, r->rotary_part, &factor));
    return factor == r->rotary_part
               ? TERN_STATUS_OK
               : tern__hf_refuse(&r->values, name, "what the rest of the file says");
}

static tern_status put_numbers(const reader *r) {
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        double value = 0.0;
        if (keys[i].gguf && tern__hf_get(&r->values, keys[i].config)) {
            TERN_TRY(tern__hf_f32(&r->values, keys[i].config, 0.0, &value));
            TERN_TRY(tern__build_f32(r->builder, keys[i].gguf, (float)value));
        }
    }
    return TERN_STATUS_OK;
}

// The configuration has the whole factor of the attention, GGUF what it differs by from the usual.
static tern_status put_attention(const reader *r) {
    double factor = 1.0, whole = 0.0;
    if (strcmp(r->type, "yarn") != 0 || !tern__hf_get(&r->values, "attention_factor")) {
        return TERN_STATUS_OK;
    }
    TERN_TRY(tern__hf_f32(&r->values, "factor", 1.0, &factor));
    TERN_TRY(tern__hf_f32(&r->values, "attention_factor", 1.0, &whole));
    double usual = factor > 1.0 ? 0.1 * log(factor) + 1.0 : 1.0;
    return tern__build_f32(r->builder, PREFIX "attn_factor", (float)(whole / usual));
}

static tern_status put_scaling(const reader *r) {
    uint32_t positions = 0;
    if (strcmp(r->type, "default") == 0) {
        return check_keys(r);
    }
    if (strcmp(r->type, "linear") != 0 && strcmp(r->type, "yarn") != 0 &&
        strcmp(r->type, "llama3") != 0) {
        return tern__fail(r->values.context, TERN_STATUS_UNSUPPORTED,
                          "%s: rope_scaling of type '%.60s', expected default, linear, yarn or "
                          "llama3",
                          r->values.file, r->type);
    }
    TERN_TRY(check_keys(r));
    TERN_TRY(check_needed(r));
    TERN_TRY(tern__build_string(r->builder, PREFIX "type", r->type));
    TERN_TRY(put_numbers(r));
    TERN_TRY(put_attention(r));
    TERN_TRY(tern__hf_u32(&r->values, original, 0, &positions));
    return positions ? tern__build_u32(r->builder, PREFIX "original_context_length", positions)
                     : TERN_STATUS_OK;
}

static tern_status put_theta(const reader *r, const tern__hf_values *values, const char *suffix) {
    char name[96];
    double theta = 0.0;
    TERN_TRY(tern__hf_f32(values, "rope_theta", 0.0, &theta));
    snprintf(name, sizeof name, "%s.%s", r->architecture, suffix);
    return theta == 0.0 ? TERN_STATUS_OK : tern__build_f32(r->builder, name, (float)theta);
}

// One object, or in newer files of Gemma one for either kind of layer.
static tern_status read_parameters(reader *r, const tern__json *parameters) {
    tern__hf_values config = r->values;
    tern__hf_values outer = {config.context, config.file, parameters};
    const tern__json *windowed = tern__hf_get(&outer, "sliding_attention");
    const tern__json *full = tern__hf_get(&outer, "full_attention");
    r->values.object = full ? full : parameters;
    bool has_theta = tern__hf_get(&r->values, "rope_theta") != NULL;
    TERN_TRY(put_theta(r, has_theta ? &r->values : &config, "rope.freq_base"));
    if (windowed) {
        outer.object = windowed;
        const char *type = NULL;
        TERN_TRY(tern__hf_string(&outer, "rope_type", "default", &type));
        TERN_TRY(strcmp(type, "default") == 0 ? TERN_STATUS_OK
                                              : tern__hf_refuse(&outer, "rope_type", "default"));
        return put_theta(r, &outer, "rope.freq_base_swa");
    }
    return TERN_STATUS_OK;
}

static bool is_same(const tern__json *a, const tern__json *b) {
    return b && a->type == b->type &&
           (a->type == TERN__JSON_STRING ? tern__json_is(b, a->as.string)
                                         : a->type == TERN__JSON_NUMBER &&
                                               tern__json_number_of(a) == tern__json_number_of(b));
}

// The older form beside the newer one: both must say the same, whichever a program reads.
static tern_status check_both(const reader *r, const tern__json *scaling,
                              const tern__json *parameters) {
    const tern__json *c = scaling->type == TERN__JSON_OBJECT ? tern__json_first(scaling) : scaling;
    for (; c; c = c == scaling ? NULL : tern__json_next(scaling, c)) {
        const char *key = c->key && strcmp(c->key, "type") == 0 ? "rope_type" : c->key;
        if (c == scaling ||
            (c->type != TERN__JSON_NULL && !is_same(c, tern__json_get(parameters, key)))) {
            return tern__fail(r->values.context, TERN_STATUS_UNSUPPORTED,
                              "%s: rope_scaling says otherwise than rope_parameters beside it",
                              r->values.file);
        }
    }
    return TERN_STATUS_OK;
}

tern_status tern__hf_rope(tern__builder *builder, const char *file, const tern__json *config,
                          const tern__hf_model *model) {
    reader r = {builder,
                {builder->archive->context, file, config},
                model->family->architecture,
                "default",
                model->rotary_part};
    const tern__json *scaling = tern__hf_get(&r.values, "rope_scaling");
    const tern__json *parameters = tern__hf_get(&r.values, "rope_parameters");
    if (model->family->traits & TERN__HF_HGRN) {
        return TERN_STATUS_OK;
    }
    if (parameters && scaling) {
        TERN_TRY(check_both(&r, scaling, parameters));
    }
    TERN_TRY(parameters ? read_parameters(&r, parameters)
                        : put_theta(&r, &r.values, "rope.freq_base"));
    if (!parameters && !scaling) {
        return TERN_STATUS_OK;
    }
    if (!parameters) {
        r.values.object = scaling;
    }
    if (r.values.object->type != TERN__JSON_OBJECT) {
        return tern__fail(r.values.context, TERN_STATUS_CORRUPT_DATA,
                          "%s: key 'rope_scaling' is %s, expected an object", file,
                          tern__json_type_name(r.values.object));
    }
    TERN_TRY(tern__hf_string(&r.values, "type", "default", &r.type));
    TERN_TRY(tern__hf_string(&r.values, "rope_type", r.type, &r.type));
    TERN_TRY(check_part(&r));
    return put_scaling(&r);
}
