// Which layers see a window only, and how positions turn heads.
#include <stdio.h>
#include <string.h>

#include "runtime/model/files/archive.h"
#include "runtime/model/network/hyper.h"
#include "runtime/status.h"

static void set_windowed(tern__hyper *hyper, uint32_t layer) {
    hyper->windowed[layer / 8] |= (uint8_t)(1u << (layer % 8));
}

// A bool for each layer, true for those with a window.
static tern_status read_pattern_array(const tern_archive *archive, const char *name,
                                      tern__hyper *hyper) {
    tern__array pattern;
    TERN_TRY(tern__archive_array(archive, name, TERN_VALUE_BOOL, &pattern));
    if (pattern.count != hyper->layers) {
        return tern__fail(tern__archive_context(archive), TERN_STATUS_CORRUPT_DATA,
                          "key '%s' has %llu elements, expected one for each of %u layers", name,
                          (unsigned long long)pattern.count, hyper->layers);
    }
    for (uint32_t i = 0; i < hyper->layers; i++) {
        if (pattern.data[i]) {
            set_windowed(hyper, i);
        }
    }
    return TERN_STATUS_OK;
}

// Every so many layers one is global.
static tern_status read_period(const tern_archive *archive, const char *name, tern__hyper *hyper) {
    uint32_t period = 0;
    TERN_TRY(tern__archive_u32(archive, name, hyper->architecture->window_period, &period));
    if (period == 0) {
        return tern__fail(tern__archive_context(archive), TERN_STATUS_CORRUPT_DATA,
                          "key '%s' is 0, expected 1 or more", name);
    }
    for (uint32_t i = 0; i < hyper->layers; i++) {
        if ((i + 1) % period != 0) {
            set_windowed(hyper, i);
        }
    }
    return TERN_STATUS_OK;
}

static tern_status read_pattern(const tern_archive *archive, tern__hyper *hyper) {
    tern__key name = tern__hyper_key(hyper, "attention.sliding_window_pattern");
    tern_value value = {.struct_size = sizeof value};
    bool is_array = tern_archive_find(archive, name.name, &value) == TERN_STATUS_OK &&
                    value.type == TERN_VALUE_ARRAY;
    return is_array ? read_pattern_array(archive, name.name, hyper)
                    : read_period(archive, name.name, hyper);
}

tern_status tern__hyper_read_windows(const tern_archive *archive, tern__hyper *hyper) {
    tern__key name = tern__hyper_key(hyper, "attention.sliding_window");
    TERN_TRY(tern__archive_u32(archive, name.name, 0, &hyper->window));
    hyper->has_kind[TERN__GLOBAL] = true;
    if (hyper->architecture->window_period == 0) {
        if (hyper->window != 0 && hyper->window < hyper->context) {
            return tern__fail(tern__archive_context(archive), TERN_STATUS_UNSUPPORTED,
                              "key '%s' is %u, expected 0: architecture %s has no windows",
                              name.name, hyper->window, hyper->architecture->name);
        }
        return TERN_STATUS_OK;
    }
    if (hyper->window == 0) {
        return tern__fail(tern__archive_context(archive), TERN_STATUS_NOT_FOUND,
                          "key '%s' is missing or 0", name.name);
    }
    TERN_TRY(read_pattern(archive, hyper));
    hyper->window = hyper->window < hyper->context ? hyper->window : 0; // no position is outside
    hyper->has_kind[TERN__GLOBAL] = false;
    for (uint32_t i = 0; i < hyper->layers; i++) {
        hyper->has_kind[tern__hyper_kind(hyper, i)] = true;
    }
    return TERN_STATUS_OK;
}

static tern_status read_base(const tern_archive *archive, const char *name, double fallback,
                             double *out) {
    float base = 0.0f;
    TERN_TRY(tern__archive_f32(archive, name, (float)fallback, &base));
    if (!(base >= 1.0f && base <= 1e30f)) {
        return tern__fail(tern__archive_context(archive), TERN_STATUS_CORRUPT_DATA,
                          "key '%s' is %g, expected 1 to 1e30", name, (double)base);
    }
    *out = base;
    return TERN_STATUS_OK;
}

static tern_status read_pairs(const tern_archive *archive, tern__hyper *hyper) {
    static const char name[] = "tern.rotary_pairs";
    const char *pairs = NULL;
    TERN_TRY(tern__archive_string(archive, name, NULL, &pairs));
    hyper->rotary_pairs = hyper->architecture->rotary_pairs;
    if (!pairs) {
        return TERN_STATUS_OK;
    }
    if (strcmp(pairs, "half_split") != 0 && strcmp(pairs, "interleaved") != 0) {
        return tern__fail(tern__archive_context(archive), TERN_STATUS_UNSUPPORTED,
                          "key '%s' is '%s', expected half_split or interleaved", name, pairs);
    }
    hyper->rotary_pairs =
        strcmp(pairs, "half_split") == 0 ? TERN_ROTARY_HALF_SPLIT : TERN_ROTARY_INTERLEAVED;
    return TERN_STATUS_OK;
}

// Where the keys of scaling are: "tern", or an architecture's name.
typedef struct scaling {
    const tern_archive *archive;
    const char *prefix;
    const char *type;
} scaling;

static tern__key scaling_key(const scaling *s, const char *suffix) {
    tern__key result;
    snprintf(result.name, sizeof result.name, "%s.rope.scaling.%s", s->prefix, suffix);
    return result;
}

static tern_status read_number(const scaling *s, const char *suffix, double fallback, double least,
                               double *out) {
    tern__key name = scaling_key(s, suffix);
    float value = 0.0f;
    TERN_TRY(tern__archive_f32(s->archive, name.name, (float)fallback, &value));
    if (!((double)value >= least && value <= 1e9f)) {
        return tern__fail(tern__archive_context(s->archive), TERN_STATUS_CORRUPT_DATA,
                          "key '%s' is %g, expected %g to 1e9", name.name, (double)value, least);
    }
    *out = value;
    return TERN_STATUS_OK;
}

// Those of networks that scale otherwise.
static tern_status check_number(const scaling *s, const char *suffix, float ours) {
    tern__key name = scaling_key(s, suffix);
    float value = 0.0f;
    TERN_TRY(tern__archive_f32(s->archive, name.name, ours, &value));
    if (value != ours) {
        return tern__fail(tern__archive_context(s->archive), TERN_STATUS_UNSUPPORTED,
                          "key '%s' is %g, expected %g", name.name, (double)value, (double)ours);
    }
    return TERN_STATUS_OK;
}

static tern_status read_turns(const scaling *s, const char *low, const char *high,
                              double high_fallback, tern_rotary_table_desc *out) {
    tern__key context = scaling_key(s, "original_context_length");
    TERN_TRY(tern__archive_u32(s->archive, context.name, out->context, &out->context));
    TERN_TRY(read_number(s, low, 1.0, 1e-9, &out->low));
    TERN_TRY(read_number(s, high, high_fallback, 1e-9, &out->high));
    if (out->context == 0 || out->low >= out->high) {
        return tern__fail(tern__archive_context(s->archive), TERN_STATUS_CORRUPT_DATA,
                          "keys '%s.rope.scaling': %u positions and turns from %g to %g, expected "
                          "1 position or more, and turns that rise",
                          s->prefix, out->context, out->low, out->high);
    }
    return TERN_STATUS_OK;
}

static tern_status read_yarn(const scaling *s, tern_rotary_table_desc *out) {
    double attention = 1.0, yarn_attention = 1.0;
    TERN_TRY(read_number(s, "attn_factor", 1.0, 1e-9, &attention));
    TERN_TRY(read_number(s, "yarn_attn_factor", 1.0, 1e-9, &yarn_attention));
    TERN_TRY(check_number(s, "yarn_log_multiplier", 0.0f));
    TERN_TRY(check_number(s, "yarn_ext_factor", 1.0f));
    if (!(out->base > 1.0)) {
        return tern__fail(tern__archive_context(s->archive), TERN_STATUS_CORRUPT_DATA,
                          "key '%s' is yarn, with a base of %g, expected one above 1",
                          scaling_key(s, "type").name, out->base);
    }
    out->magnitude = attention * yarn_attention;
    out->scaling = TERN_ROTARY_YARN;
    return read_turns(s, "yarn_beta_slow", "yarn_beta_fast", 32.0, out);
}

static tern_status read_type(const scaling *s, tern_rotary_table_desc *out) {
    if (strcmp(s->type, "none") == 0) {
        return TERN_STATUS_OK;
    }
    if (strcmp(s->type, "linear") == 0) {
        // Converters of bitnet write a factor of 1, others one of 0, where nothing is scaled.
        out->scaling = out->factor > 1.0 ? TERN_ROTARY_LINEAR : TERN_ROTARY_PLAIN;
        return TERN_STATUS_OK;
    }
    if (strcmp(s->type, "yarn") == 0) {
        return read_yarn(s, out);
    }
    if (strcmp(s->type, "llama3") == 0) {
        out->scaling = TERN_ROTARY_LLAMA3;
        return read_turns(s, "low_freq_factor", "high_freq_factor", 4.0, out);
    }
    return tern__fail(tern__archive_context(s->archive), TERN_STATUS_UNSUPPORTED,
                      "key '%s' is '%s', expected none, linear, yarn or llama3",
                      scaling_key(s, "type").name, s->type);
}

// A factor without a type is a linear one.
static tern_status read_scaling(const tern_archive *archive, const tern__hyper *hyper,
                                tern_rotary_table_desc *out) {
    scaling s = {archive, "tern", NULL};
    tern__key older = tern__hyper_key(hyper, "rope.scale_linear");
    float factor = 1.0f;
    TERN_TRY(tern__archive_string(archive, scaling_key(&s, "type").name, NULL, &s.type));
    if (!s.type) {
        s.prefix = hyper->architecture->name;
        TERN_TRY(tern__archive_string(archive, scaling_key(&s, "type").name, "linear", &s.type));
    }
    if (strcmp(s.type, "linear") == 0) {
        TERN_TRY(tern__archive_f32(archive, older.name, 1.0f, &factor));
    } else if (strcmp(s.type, "yarn") == 0 || strcmp(s.type, "llama3") == 0) {
        TERN_TRY(tern__archive_need_f32(archive, scaling_key(&s, "factor").name, &factor));
    }
    TERN_TRY(read_number(&s, "factor", (double)factor, 0.0, &out->factor));
    if (out->factor != 0.0 && out->factor < 1.0) {
        return tern__fail(tern__archive_context(archive), TERN_STATUS_CORRUPT_DATA,
                          "key '%s' is %g, expected 1 or more", scaling_key(&s, "factor").name,
                          out->factor);
    }
    out->factor = out->factor == 0.0 ? 1.0 : out->factor;
    return read_type(&s, out);
}

tern_status tern__hyper_read_rotary(const tern_archive *archive, tern__hyper *hyper) {
    if (tern__hyper_has(hyper, TERN__RECURRENT)) {
        return TERN_STATUS_OK;
    }
    tern__key dims = tern__hyper_key(hyper, "rope.dimension_count");
    TERN_TRY(tern__archive_u32(archive, dims.name, hyper->head_dim, &hyper->rotary_dims));
    if (hyper->rotary_dims == 0 || hyper->rotary_dims % 2 || hyper->rotary_dims > hyper->head_dim) {
        return tern__fail(tern__archive_context(archive), TERN_STATUS_CORRUPT_DATA,
                          "key '%s' is %u, expected an even number up to %u", dims.name,
                          hyper->rotary_dims, hyper->head_dim);
    }
    tern_rotary_table_desc *global = &hyper->rotary[TERN__GLOBAL];
    tern_rotary_table_desc *windowed = &hyper->rotary[TERN__WINDOWED];
    *global = (tern_rotary_table_desc){.struct_size = sizeof *global, .dims = hyper->rotary_dims};
    global->context = hyper->context;
    double own_base = hyper->architecture->window_base;
    TERN_TRY(read_base(archive, tern__hyper_key(hyper, "rope.freq_base").name, 1e4, &global->base));
    *windowed = *global;
    TERN_TRY(read_scaling(archive, hyper, global));
    if (own_base == 0.0) {
        *windowed = *global;
    }
    TERN_TRY(read_base(archive, tern__hyper_key(hyper, "rope.freq_base_swa").name,
                       own_base == 0.0 ? global->base : own_base, &windowed->base));
    return read_pairs(archive, hyper);
}

bool tern__hyper_turns(const tern__hyper *hyper, uint32_t kind) {
    return hyper->has_kind[kind] && !tern__hyper_has(hyper, TERN__RECURRENT) &&
           (kind == TERN__WINDOWED || !tern__hyper_has(hyper, TERN__WINDOWED_TURN));
}

bool tern__hyper_has_two_tables(const tern__hyper *hyper) {
    const tern_rotary_table_desc *a = &hyper->rotary[TERN__GLOBAL];
    const tern_rotary_table_desc *b = &hyper->rotary[TERN__WINDOWED];
    return tern__hyper_turns(hyper, TERN__GLOBAL) && tern__hyper_turns(hyper, TERN__WINDOWED) &&
           (a->base != b->base || a->scaling != b->scaling);
}
