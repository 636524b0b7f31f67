#include "runtime/model/convert/kept.h"

#include <stdio.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/files/gguf.h"
#include "runtime/model/files/hf.h"
#include "runtime/model/files/safetensors.h"
#include "runtime/model/files/source.h"
#include "runtime/status.h"

const char *tern__kept_file(size_t index) {
    static const char *const names[] = {
        "tokenizer.json",
        "tokenizer.model",
        "vocab.json",
        "merges.txt",
        "added_tokens.json",
        "special_tokens_map.json",
        "tokenizer_config.json",
        "generation_config.json",
        "chat_template.jinja",
        TERN__HF_POOLING,
        "config.json",
        "model.safetensors.index.json",
    };
    return index < sizeof names / sizeof names[0] ? names[index] : NULL;
}

static void put_bytes(tern__writer *w, const char *key, uint64_t count) {
    tern__put_text(w, key, strlen(key));
    tern__put_int(w, TERN_VALUE_ARRAY, 4);
    tern__put_int(w, TERN_VALUE_U8, 4);
    tern__put_int(w, count, 8);
}

static void put_string(tern__writer *w, const char *key, const char *text, size_t size) {
    tern__put_text(w, key, strlen(key));
    tern__put_int(w, TERN_VALUE_STRING, 4);
    tern__put_text(w, text, size);
}

static tern_status put_file(tern__writer *w, const tern__conversion *c, const char *name,
                            uint64_t *count) {
    char key[128];
    char *data = NULL;
    size_t size = 0;
    bool fits = tern__archive_kept_key(name, key, sizeof key);
    if (!fits || tern__archive_entry(c->archive, key)) {
        return TERN_STATUS_OK; // copied with the other keys
    }
    tern_status status = tern__archive_file(c->archive, name, &data, &size);
    if (status != TERN_STATUS_OK) {
        return status == TERN_STATUS_NOT_FOUND ? TERN_STATUS_OK : status;
    }
    if (strncmp(key, "tokenizer.", 10) == 0) {
        put_string(w, key, data, size);
    } else {
        put_bytes(w, key, size);
        tern__put(w, data, size);
    }
    tern__free(c->context, data);
    (*count)++;
    return TERN_STATUS_OK;
}

static const char *last_part(const char *path) {
    const char *name = path;
    for (const char *p = path; *p; p++) {
        name = *p == '/' || *p == '\\' ? p + 1 : name;
    }
    return name;
}

static tern_status put_header(tern__writer *w, const tern__conversion *c,
                              const tern_source *source) {
    uint8_t bytes[8];
    char key[192];
    snprintf(key, sizeof key, TERN__KEPT_HEADER "%s", last_part(tern__source_name(source)));
    TERN_TRY(tern__source_read(c->context, source, 0, bytes, sizeof bytes));
    size_t size = sizeof bytes + (size_t)tern__load_u64(bytes);
    uint8_t *header = tern__alloc(c->context, size);
    if (!header) {
        return tern__fail_memory(c->context, size, "a header of safetensors");
    }
    tern_status status = tern__source_read(c->context, source, 0, header, size);
    if (status == TERN_STATUS_OK) {
        put_bytes(w, key, 8 + size);
        tern__put_int(w, source->size, 8);
        tern__put(w, header, size);
    }
    tern__free(c->context, header);
    return status;
}

tern_status tern__kept_put(tern__writer *w, const tern__conversion *c, uint64_t *count) {
    const tern_archive *archive = c->archive;
    const char *name, *scale = NULL;
    for (size_t i = 0; (name = tern__kept_file(i)) != NULL; i++) {
        TERN_TRY(put_file(w, c, name, count));
    }
    uint64_t headers = 0;
    for (size_t i = 0; i < archive->source_count; i++) {
        if (tern__safetensors_is(c->context, archive->sources[i])) {
            TERN_TRY(put_header(w, c, archive->sources[i]));
            headers++;
        }
    }
    *count += headers;
    TERN_TRY(tern__archive_string(archive, "tern.scale", NULL, &scale));
    if (scale && headers > 0) {
        put_string(w, TERN__KEPT_SCALE, scale, strlen(scale));
        (*count)++;
    }
    return TERN_STATUS_OK;
}
