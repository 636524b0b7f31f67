// Reads the header of a GGUF file. Nothing in it is believed: every count is held against the bytes
// that are left before anything is allocated for it.
#include "runtime/model/files/gguf.h"

#include <inttypes.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/files/source.h"
#include "runtime/status.h"

enum {
    FIRST_READ = 64 * 1024,
    MIN_ENTRY = 8 + 4 + 1,          // key, type, one byte
    MIN_TENSOR = 8 + 4 + 8 + 4 + 8, // name, rank, one dimension, type, offset
    MAX_NAME = 65535,
    DEFAULT_ALIGNMENT = 32
};

typedef struct reader {
    tern_archive *archive;
    const char *file;
    uint64_t size;     // of the source
    uint64_t position; // of what is read next
    size_t loaded;     // bytes of archive->header that are there
    size_t capacity;   // of archive->header
} reader;

static tern_status corrupt_at(reader *r, uint64_t offset, const char *what) {
    return tern__fail(r->archive->context, TERN_STATUS_CORRUPT_DATA, "%s: %s at offset %" PRIu64,
                      r->file, what, offset);
}

// Makes the header hold at least |end| bytes, and some more, so that a file is read in few pieces.
static tern_status load(reader *r, uint64_t end) {
    if (end <= r->loaded) {
        return TERN_STATUS_OK;
    }
    tern_archive *archive = r->archive;
    uint64_t wanted = r->capacity < FIRST_READ ? FIRST_READ : (uint64_t)r->capacity * 2;
    wanted = wanted < end ? end : wanted;
    wanted = wanted > r->size ? r->size : wanted;
    uint8_t *grown = wanted <= SIZE_MAX ? tern__alloc(archive->context, (size_t)wanted) : NULL;
    if (!grown) {
        return tern__fail_memory(archive->context, wanted, r->file);
    }
    if (r->loaded > 0) {
        memcpy(grown, archive->header, r->loaded);
    }
    tern__free(archive->context, archive->header);
    archive->header = grown;
    r->capacity = (size_t)wanted;
    TERN_TRY(tern__source_read(archive->context, archive->source, r->loaded, grown + r->loaded,
                               r->capacity - r->loaded));
    r->loaded = r->capacity;
    return TERN_STATUS_OK;
}

static tern_status need(reader *r, uint64_t bytes, const char *what) {
    uint64_t left = r->size - r->position;
    if (bytes > left) {
        return tern__fail(r->archive->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: %s at offset %" PRIu64 " takes %" PRIu64
                          " bytes, but the file ends after %" PRIu64,
                          r->file, what, r->position, bytes, left);
    }
    return load(r, r->position + bytes);
}

static tern_status read_u32(reader *r, const char *what, uint32_t *out) {
    TERN_TRY(need(r, 4, what));
    *out = tern__load_u32(r->archive->header + r->position);
    r->position += 4;
    return TERN_STATUS_OK;
}

static tern_status read_u64(reader *r, const char *what, uint64_t *out) {
    TERN_TRY(need(r, 8, what));
    *out = tern__load_u64(r->archive->header + r->position);
    r->position += 8;
    return TERN_STATUS_OK;
}

// A count of things of at least |min_size| bytes each, which must fit into what is left.
static tern_status read_count(reader *r, const char *what, uint64_t min_size, size_t *out) {
    uint64_t count;
    TERN_TRY(read_u64(r, what, &count));
    uint64_t most = (r->size - r->position) / min_size;
    if (count > most || count > SIZE_MAX / 256) {
        return tern__fail(r->archive->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: %s at offset %" PRIu64 " is %" PRIu64
                          ", but the rest of the file holds at most %" PRIu64,
                          r->file, what, r->position - 8, count, most);
    }
    *out = (size_t)count;
    return TERN_STATUS_OK;
}

// Takes a string and gives it its form in memory (gguf.h).
static tern_status read_string(reader *r, const char *what, size_t *out) {
    size_t start = (size_t)r->position;
    uint64_t length;
    TERN_TRY(read_u64(r, what, &length));
    TERN_TRY(need(r, length, what));
    if (length >> 56 != 0) {
        return corrupt_at(r, start, "an impossible string length");
    }
    uint8_t *p = r->archive->header + start;
    memmove(p + 7, p + 8, (size_t)length);
    p[7 + length] = 0;
    r->position += length;
    *out = start;
    return TERN_STATUS_OK;
}

// A key or a tensor's name: looked up as a C string and printed in messages.
static tern_status read_name(reader *r, const char *what, size_t *out) {
    TERN_TRY(read_string(r, what, out));
    const uint8_t *header = r->archive->header;
    size_t size = tern__gguf_string_size(header, *out);
    const char *name = tern__gguf_string(header, *out);
    if (size == 0 || size > MAX_NAME) {
        return tern__fail(r->archive->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: %s at offset %zu has %zu bytes, expected 1 to %d", r->file, what,
                          *out, size, MAX_NAME);
    }
    for (size_t i = 0; i < size; i++) {
        if ((uint8_t)name[i] < 0x20 || name[i] == 0x7f) {
            return tern__fail(r->archive->context, TERN_STATUS_CORRUPT_DATA,
                              "%s: %s at offset %zu contains the control byte 0x%02x", r->file,
                              what, *out, (unsigned)(uint8_t)name[i]);
        }
    }
    return TERN_STATUS_OK;
}

size_t tern__value_size(tern_value_type type) {
    static const uint8_t sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    return type < sizeof sizes ? sizes[type] : 0;
}

const char *tern__value_type_name(tern_value_type type) {
    static const char *const names[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                        "bool", "string", "array", "u64", "i64", "f64"};
    return type < sizeof names / sizeof names[0] ? names[type] : "?";
}

static tern_status bad_type(reader *r, const tern__entry *entry, tern_value_type type) {
    return tern__fail(r->archive->context, TERN_STATUS_CORRUPT_DATA,
                      "%s: key '%.100s' at offset %zu has a value of type %" PRIu32
                      ", expected 0 to 12",
                      r->file, tern__gguf_string(r->archive->header, entry->key), entry->key, type);
}

static tern_status read_strings(reader *r, tern__entry *entry, size_t count) {
    if (count == 0) {
        return TERN_STATUS_OK;
    }
    entry->strings = tern__alloc(r->archive->context, count * sizeof *entry->strings);
    if (!entry->strings) {
        return tern__fail_memory(r->archive->context, count * sizeof *entry->strings, r->file);
    }
    for (size_t i = 0; i < count; i++) {
        TERN_TRY(read_string(r, "a string of an array", &entry->strings[i]));
    }
    return TERN_STATUS_OK;
}

static tern_status read_array(reader *r, tern__entry *entry) {
    TERN_TRY(read_u32(r, "an array's type", &entry->element));
    size_t size = tern__value_size(entry->element);
    if (entry->element == TERN_VALUE_ARRAY) {
        return tern__fail(r->archive->context, TERN_STATUS_UNSUPPORTED,
                          "%s: key '%.100s' at offset %zu is an array of arrays", r->file,
                          tern__gguf_string(r->archive->header, entry->key), entry->key);
    }
    if (size == 0 && entry->element != TERN_VALUE_STRING) {
        return bad_type(r, entry, entry->element);
    }
    size_t count;
    TERN_TRY(read_count(r, "an array's length", size ? size : 8, &count));
    entry->count = count;
    entry->value = (size_t)r->position;
    if (entry->element == TERN_VALUE_STRING) {
        return read_strings(r, entry, count);
    }
    TERN_TRY(need(r, (uint64_t)count * size, "an array"));
    r->position += (uint64_t)count * size;
    return TERN_STATUS_OK;
}

static tern_status read_scalar(reader *r, tern__entry *entry) {
    size_t size = tern__value_size(entry->type);
    if (size == 0) {
        return bad_type(r, entry, entry->type);
    }
    TERN_TRY(need(r, size, "a value"));
    entry->value = (size_t)r->position;
    if (entry->type == TERN_VALUE_BOOL && r->archive->header[entry->value] > 1) {
        return corrupt_at(r, r->position, "a bool that is neither 0 nor 1");
    }
    r->position += size;
    return TERN_STATUS_OK;
}

static tern_status read_entry(reader *r, tern__entry *entry) {
    TERN_TRY(read_name(r, "a key", &entry->key));
    TERN_TRY(read_u32(r, "a value's type", &entry->type));
    switch (entry->type) {
    case TERN_VALUE_ARRAY:
        return read_array(r, entry);
    case TERN_VALUE_STRING:
        return read_string(r, "a string", &entry->value);
    default:
        return read_scalar(r, entry);
    }
}

static tern_status read_tensor(reader *r, tern__tensor *tensor) {
    tensor->position = (size_t)r->position;
    TERN_TRY(read_name(r, "a tensor's name", &tensor->name_at));
    uint64_t at = r->position;
    TERN_TRY(read_u32(r, "a tensor's rank", &tensor->rank));
    if (tensor->rank < 1 || tensor->rank > 4) {
        return tern__fail(
            r->archive->context, TERN_STATUS_CORRUPT_DATA,
            "%s: tensor '%.100s' has rank %" PRIu32 " at offset %" PRIu64 ", expected 1 to 4",
            r->file, tern__gguf_string(r->archive->header, tensor->name_at), tensor->rank, at);
    }
    for (uint32_t d = 0; d < 4; d++) {
        tensor->shape[d] = 1;
        if (d < tensor->rank) {
            TERN_TRY(read_u64(r, "a tensor's dimension", &tensor->shape[d]));
        }
        if (tensor->shape[d] == 0) {
            return tern__fail(r->archive->context, TERN_STATUS_CORRUPT_DATA,
                              "%s: tensor '%.100s': dimension %" PRIu32 " is 0 at offset %" PRIu64,
                              r->file, tern__gguf_string(r->archive->header, tensor->name_at), d,
                              r->position - 8);
        }
    }
    TERN_TRY(read_u32(r, "a tensor's type", &tensor->id));
    return read_u64(r, "a tensor's offset", &tensor->offset);
}

static tern_status read_version(reader *r) {
    tern_context *context = r->archive->context;
    TERN_TRY(need(r, 4, "the magic"));
    if (memcmp(r->archive->header, "GGUF", 4) != 0) {
        return corrupt_at(r, 0, "not a GGUF file: no magic 'GGUF'");
    }
    r->position = 4;
    uint32_t version;
    TERN_TRY(read_u32(r, "the version", &version));
    if (version == 2 || version == 3) {
        return TERN_STATUS_OK;
    }
    if (version != 0 && (version & 0xffffu) == 0) {
        return tern__fail(context, TERN_STATUS_INCOMPATIBLE,
                          "%s: a big-endian GGUF file (version 0x%08" PRIx32
                          " at offset 4), only little-endian ones are read",
                          r->file, version);
    }
    return tern__fail(context, TERN_STATUS_INCOMPATIBLE,
                      "%s: GGUF version %" PRIu32 " at offset 4, expected 2 or 3", r->file,
                      version);
}

// The tables grow with what was really read, so that a count that lies costs nothing.
static tern_status read_entries(reader *r, size_t count) {
    tern_archive *archive = r->archive;
    size_t capacity = 0;
    for (size_t i = 0; i < count; i++) {
        void *entries = archive->entries;
        if (!tern__grow(archive->context, &entries, &capacity, i + 1, sizeof(tern__entry))) {
            return tern__fail_memory(archive->context, (i + 1) * sizeof(tern__entry), r->file);
        }
        archive->entries = entries;
        archive->entries[i] = (tern__entry){0};
        archive->entry_count = i + 1;
        TERN_TRY(read_entry(r, &archive->entries[i]));
    }
    return TERN_STATUS_OK;
}

static tern_status read_tensors(reader *r, size_t count) {
    tern_archive *archive = r->archive;
    size_t capacity = 0;
    for (size_t i = 0; i < count; i++) {
        void *tensors = archive->tensors;
        if (!tern__grow(archive->context, &tensors, &capacity, i + 1, sizeof(tern__tensor))) {
            return tern__fail_memory(archive->context, (i + 1) * sizeof(tern__tensor), r->file);
        }
        archive->tensors = tensors;
        archive->tensors[i] = (tern__tensor){0};
        archive->tensor_count = i + 1;
        TERN_TRY(read_tensor(r, &archive->tensors[i]));
    }
    return TERN_STATUS_OK;
}

static tern_status read_alignment(reader *r) {
    tern_archive *archive = r->archive;
    uint32_t alignment;
    TERN_TRY(tern__archive_u32(archive, "general.alignment", DEFAULT_ALIGNMENT, &alignment));
    if (alignment < 8 || (alignment & (alignment - 1)) != 0) {
        return tern__fail(archive->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: general.alignment is %" PRIu32 ", expected a power of two from 8 on",
                          r->file, alignment);
    }
    archive->alignment = alignment;
    return TERN_STATUS_OK;
}

tern_status tern__gguf_read(tern_archive *archive) {
    reader r = {archive, tern__source_name(archive->source), archive->source->size, 0, 0, 0};
    if (r.size == 0) {
        return tern__fail(archive->context, TERN_STATUS_CORRUPT_DATA, "%s: the file is empty",
                          r.file);
    }
    TERN_TRY(read_version(&r));
    size_t tensors;
    size_t entries;
    TERN_TRY(read_count(&r, "the number of tensors", MIN_TENSOR, &tensors));
    TERN_TRY(read_count(&r, "the number of keys", MIN_ENTRY, &entries));
    TERN_TRY(read_entries(&r, entries));
    TERN_TRY(read_tensors(&r, tensors));
    for (size_t i = 0; i < archive->tensor_count; i++) {
        tern__tensor *tensor = &archive->tensors[i];
        tensor->name = tern__gguf_string(archive->header, tensor->name_at);
        tensor->source = archive->source;
    }
    TERN_TRY(tern__archive_index(archive));
    TERN_TRY(read_alignment(&r));
    return tern__gguf_place(archive, r.position);
}
