// The header of model.safetensors, from what the tensors are to become.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/model/convert/export.h"
#include "runtime/model/files/archive.h"
#include "runtime/model/tensors/look.h"
#include "runtime/status.h"

enum { LENGTH_BYTES = 8 };

// The type of numbers that keeps them, and the answers of the network.
static const tern__ggml_type *type_of(const tern__export_form *form, const tern_tensor_info *info) {
    const tern__ggml_type *own = tern__ggml_type_of(info);
    bool rounded = form->matrix && own->dtype == TERN_DTYPE_F16; // by every load
    return tern__ggml_is_float(own)                     ? own
           : (form->types & TERN__HOLDS_F16) || rounded ? tern__ggml_type_named("F16")
           : (form->types & TERN__HOLDS_BF16)           ? tern__ggml_type_named("BF16")
                                                        : tern__ggml_type_named("F32");
}

static void put_entry(tern__export *e, const char *name, const char *type, uint64_t rows,
                      uint64_t cols, uint64_t bytes) {
    tern__writer *w = &e->header;
    tern__put_format(w, ", \"%.200s\": {\"dtype\": \"%s\", \"shape\": [", name, type);
    if (rows) {
        tern__put_format(w, "%" PRIu64 ", ", rows);
    }
    tern__put_format(w, "%" PRIu64 "], \"data_offsets\": [%" PRIu64 ", %" PRIu64 "]}", cols,
                     e->size, e->size + bytes);
    e->size += bytes;
}

// Ternary values have their answers whatever holds them; others that float32 alone holds have not.
static tern_status check_answers(const tern__export *e, const tern__export_form *form,
                                 const tern_tensor_info *info, const tern__ggml_type *type) {
    bool changes = form->matrix && !form->ternary && type->dtype == TERN_DTYPE_F32;
    if (!changes || (e->c->desc->flags & TERN_CONVERT_LOSSY)) {
        return TERN_STATUS_OK;
    }
    return tern__fail(
        e->c->context, TERN_STATUS_INVALID_ARGUMENT,
        "tensor '%s': %s in a folder becomes F32, which keeps its values, but not the "
        "answers; --lossy (TERN_CONVERT_LOSSY) allows that",
        info->name, info->type_name);
}

// One tensor of a folder: all of |info|, or of a stack one matrix.
static tern_status put_part(tern__export *e, const tern__hf_model *model,
                            const tern__export_form *form, const tern_tensor_info *info,
                            uint32_t expert) {
    char name[192];
    uint64_t cols = info->shape[0], rows = info->rank > 1 ? info->shape[1] : 0;
    if (!tern__hf_unname(model, info->name, expert, name, sizeof name - sizeof "_scale")) {
        return tern__fail(e->c->context, TERN_STATUS_UNSUPPORTED,
                          "tensor '%s' has no name in a folder of safetensors", info->name);
    }
    if (form->packed) {
        uint64_t quarter = (rows + 3) / 4;
        put_entry(e, name, "U8", quarter, cols, quarter * cols);
        memcpy(name + strlen(name), "_scale", sizeof "_scale");
        put_entry(e, name, "F32", 0, 1, sizeof(float));
        return TERN_STATUS_OK;
    }
    const tern__ggml_type *type = type_of(form, info);
    TERN_TRY(check_answers(e, form, info, type));
    put_entry(e, name, type->name, rows, cols, (rows ? rows : 1) * cols * type->block_bytes);
    return TERN_STATUS_OK;
}

// A scale goes into what it multiplies.
static bool is_scale(const char *name) {
    size_t length = strlen(name), suffix = strlen(".scale");
    return length > suffix && strcmp(name + length - suffix, ".scale") == 0;
}

tern_status tern__export_header(tern__export *e, const tern__hf_model *model) {
    const tern_archive *archive = e->c->archive;
    tern__writer *w = &e->header;
    tern__put_int(w, 0, LENGTH_BYTES);
    tern__put_format(w, "{\"__metadata__\": {\"format\": \"pt\"}");
    for (uint64_t i = 0; i < tern_archive_tensor_count(archive); i++) {
        tern_tensor_info info = {sizeof info};
        TERN_TRY(tern_archive_tensor(archive, i, &info));
        uint32_t experts = info.rank == 3 ? (uint32_t)info.shape[2] : 1;
        for (uint32_t x = 0; x < experts && !is_scale(info.name); x++) {
            TERN_TRY(put_part(e, model, &e->forms[i], &info, x));
        }
    }
    tern__put_format(w, "}");
    while (!w->full && w->size % LENGTH_BYTES != 0) {
        tern__put(w, " ", 1);
    }
    if (w->full) {
        return tern__fail_memory(e->c->context, w->size, "a header of safetensors");
    }
    size_t end = w->size;
    w->size = 0;
    tern__put_int(w, end - LENGTH_BYTES, LENGTH_BYTES);
    w->size = end;
    e->size += end;
    return TERN_STATUS_OK;
}
