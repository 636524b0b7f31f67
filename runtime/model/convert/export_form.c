// What becomes of each matrix: bytes of four rows and a scale where the linear layers of the whole
// network are like that, else numbers, whose values then show what is ternary.
#include <stdio.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/convert/export.h"
#include "runtime/model/files/archive.h"
#include "runtime/model/tensors/look.h"
#include "runtime/status.h"

static bool ends_in(const char *name, const char *ending) {
    size_t length = strlen(name), size = strlen(ending);
    return length >= size && strcmp(name + length - size, ending) == 0;
}

// One scale in all of the matrices of a stack, as far as |*known| is of the same one.
static void look_at_scales(const tern__rowsource *source, uint64_t row, float *known,
                           tern__export_form *form) {
    for (uint32_t k = 0; k < source->cols; k++) {
        float scale = source->scales[k / source->group_size];
        if ((source->codes[k / 4] >> 2 * (k % 4) & 3u) == 1) {
            continue;
        }
        scale *= tern__factor_of(&source->factors, row);
        form->packed &= *known == 0.0f || *known == scale;
        if (*known != scale) {
            form->types = tern__look_at_values(&scale, 1, form->types);
        }
        *known = scale;
    }
}

static tern_status look_at_rows(tern__rowsource *source, tern__export_form *form) {
    uint64_t rows = source->info.rank == 3 ? source->info.shape[1] : source->rows;
    float known = 0.0f;
    for (uint64_t r = 0; r < source->rows; r++) {
        known = r % rows == 0 ? 0.0f : known;
        if (form->ternary) {
            TERN_TRY(tern__rowsource_ternary(source, r, &form->ternary));
        }
        if (form->ternary && source->type->scale_kind != TERN_SCALE_NONE) {
            look_at_scales(source, r, &known, form);
            continue;
        }
        TERN_TRY(tern__rowsource_values(source, r));
        form->types = tern__look_at_values(source->values, source->cols, form->types);
    }
    return TERN_STATUS_OK;
}

static tern_status look_at_matrix(const tern__conversion *c, const tern_tensor_info *info,
                                  tern__export_form *form) {
    tern__rowsource source = {.archive = c->archive};
    tern_status status = tern__rowsource_init(&source, c->archive, info, c->i2s_block);
    if (status == TERN_STATUS_OK) {
        form->ternary = form->packed = source.type->scale_kind != TERN_SCALE_NONE;
        form->types = TERN__HOLDS_F16 | TERN__HOLDS_BF16;
        status = look_at_rows(&source, form);
        form->packed &= form->ternary;
    }
    tern__rowsource_finish(&source);
    return status;
}

static bool has_bias(const tern_archive *archive, const char *weight) {
    char name[160];
    tern_tensor_info info = {sizeof info};
    int stem = (int)(strlen(weight) - strlen(".weight"));
    snprintf(name, sizeof name, "%.*s.bias", stem, weight);
    return tern__archive_find_tensor(archive, name, &info) == TERN_STATUS_OK;
}

// Floats stay what they are.
static bool is_looked_at(const tern_tensor_info *info) {
    const tern__ggml_type *type = tern__ggml_type_of(info);
    return ends_in(info->name, ".weight") && info->shape[1] > 1 && !tern__ggml_is_float(type);
}

tern_status tern__export_look(tern__export *e) {
    const tern_archive *archive = e->c->archive;
    uint64_t count = tern_archive_tensor_count(archive);
    bool some = false, all = true;
    e->forms = tern__calloc(e->c->context, (size_t)count, sizeof *e->forms);
    if (!e->forms) {
        return tern__fail_memory(e->c->context, count * sizeof *e->forms, "a folder's tensors");
    }
    for (uint64_t i = 0; i < count; i++) {
        tern_tensor_info info = {sizeof info};
        TERN_TRY(tern_archive_tensor(archive, i, &info));
        e->linear_norms |= ends_in(info.name, "_norm_in.weight");
        if (!is_looked_at(&info)) {
            continue;
        }
        e->forms[i].matrix = true;
        TERN_TRY(look_at_matrix(e->c, &info, &e->forms[i]));
        bool of_layer = strncmp(info.name, "blk.", 4) == 0;
        bool packed = e->forms[i].packed && !has_bias(archive, info.name);
        some |= of_layer && e->forms[i].ternary;
        all &= !of_layer || !e->forms[i].ternary || packed;
    }
    // A folder of hgrn-bit has numbers alone.
    e->packed = some && all && !tern__hyper_has(&e->hyper, TERN__RECURRENT);
    for (uint64_t i = 0; i < count; i++) {
        bool of_layer = strncmp(archive->tensors[i].name, "blk.", 4) == 0;
        e->forms[i].packed &= e->packed && of_layer;
    }
    return TERN_STATUS_OK;
}
