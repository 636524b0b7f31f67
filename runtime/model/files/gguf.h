// How an archive lies in memory, shared by the reader and the accessors.
//
// The header of the file (everything before the tensors' data) is held as read, but for one change
// that lets strings be lent without copies: the bytes of each string are moved down by one, into
// the last byte of its length, which is always zero, and a NUL is put behind them.
//
//     in the file    | length: 8 bytes         | bytes ...        |
//     in memory      | length: 7 bytes | bytes ...        | 0     |
#ifndef TERN_RUNTIME_MODEL_GGUF_H_
#define TERN_RUNTIME_MODEL_GGUF_H_

#include <tern/archive.h>

#include "runtime/model/files/archive.h"
#include "runtime/model/tensors/ggml_types.h"

// Offsets are bytes from the start of the header.
typedef struct tern__entry {
    size_t key;      // a string
    size_t value;    // the scalar, the string, or the array's first element
    uint64_t count;  // of an array
    size_t *strings; // of an array of strings: where each lies
    tern_value_type type;
    tern_value_type element;
} tern__entry;

// Where one of the equal parts of a tensor lies that is stacked from several.
typedef struct tern__piece {
    const tern_source *source;
    uint64_t offset;
} tern__piece;

typedef struct tern__tensor {
    const char *name;
    size_t name_at;  // the same as a string of a header that may still move
    size_t position; // of its description, for messages
    uint32_t rank;
    uint32_t id;
    const tern__ggml_type *type; // NULL: not in the table
    uint64_t shape[4];
    const tern_source *source;
    uint64_t offset; // in |source|; while a GGUF header is read, from the start of the data
    uint64_t size;   // of all pieces
    const tern__piece *pieces; // NULL: it lies in one
    uint32_t piece_count;
} tern__tensor;

// A name and what it names, sorted by name.
typedef struct tern__named {
    const char *name;
    size_t index;
} tern__named;

// The folder of tern_archive_open_path.
typedef struct tern__folder tern__folder;

struct tern_archive {
    tern_context *context;
    const char *name; // for messages
    uint8_t *header;  // what the entries' offsets count in
    size_t entry_count;
    size_t tensor_count;
    tern__entry *entries;
    tern__tensor *tensors;
    tern__named *keys;
    tern__named *names;

    // A GGUF file.
    const tern_source *source;
    uint64_t alignment;
    uint64_t data_start;

    // Several files: where they come from and what must stay open.
    tern_files files; // without |open|: there are none beside the source
    tern__folder *folder;
    tern_source **sources; // each allocated alone, so that tensors can point at it
    size_t source_count;
    tern_archive **parts; // of a split: all but the first; they hold their tensors' names
    size_t part_count;
    tern__piece **stacks; // of stacked tensors, the pieces of each
    size_t stack_count;
};

static inline uint32_t tern__load_u32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t tern__load_u64(const uint8_t *p) {
    return tern__load_u32(p) | (uint64_t)tern__load_u32(p + 4) << 32;
}

// The string at |offset| of |header|, as it lies in memory.
static inline const char *tern__gguf_string(const uint8_t *header, size_t offset) {
    return (const char *)header + offset + 7;
}
static inline size_t tern__gguf_string_size(const uint8_t *header, size_t offset) {
    return (size_t)(tern__load_u64(header + offset) & 0x00ffffffffffffffu);
}

// Bytes of a scalar of |type|; 0 for STRING, ARRAY and numbers that are none.
size_t tern__value_size(tern_value_type type);
// "u32", "string", ...
const char *tern__value_type_name(tern_value_type type);

// The entry called |key|, or NULL.
const tern__entry *tern__archive_entry(const tern_archive *archive, const char *key);

// Sorts keys and tensors by name, once they are all there. CORRUPT_DATA names one that is there
// twice.
tern_status tern__archive_index(tern_archive *archive);

// Opens |name| of the archive's files; the archive keeps it open. Whatever the failure, the message
// says |why| the file is wanted.
tern_status tern__archive_open_part(tern_archive *archive, const char *name, const char *why,
                                    const tern_source **out_source);

// Frees keys and tensors, not the files.
void tern__archive_clear(tern_archive *archive);

// |name| with the folder of the archive's files in front, for messages.
void tern__archive_path(const tern_archive *archive, const char *name, char *out, size_t capacity);

// Whether the archive's files have |name|. Fails with whatever keeps it from being opened.
tern_status tern__archive_has(const tern_archive *archive, const char *name, bool *out);

// Reads the GGUF file |source| into an archive of its own, which borrows it.
tern_status tern__gguf_open(tern_context *context, const tern_source *source,
                            tern_archive **out_archive);

// UNSUPPORTED if it is one part of a split.
tern_status tern__gguf_check_whole(const tern_archive *archive);

// Joins the other parts of a split to the one that was read and that lies in the archive's files as
// |name|. Does nothing to a model that is whole.
tern_status tern__gguf_join(tern_archive *archive, const char *name);

// Reads and checks the header of archive->source into an archive that is zero but for context,
// name and source.
tern_status tern__gguf_read(tern_archive *archive);

// Checks where the tensors lie, once everything before their data is read, and tells apart the
// types that share a number. |header_size|: of the file.
tern_status tern__gguf_place(tern_archive *archive, uint64_t header_size);

#endif
