#include "runtime/diskcache.h"

#include <stdio.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/context.h"
#include "runtime/hash.h"
#include "runtime/log.h"

// A file, its numbers with the low byte first:
//
//     0   "TERNKEEP"    8  uint32 version    12  uint32 bytes of the name
//     16  uint64 bytes of the data           24  uint64 checksum of name and data
//     32  the name, then the data
enum {
    AT_VERSION = 8,
    AT_NAME_SIZE = 12,
    AT_DATA_SIZE = 16,
    AT_CHECKSUM = 24,
    HEADER_SIZE = 32,
    VERSION = 1,
    NAME_MAX_SIZE = 1023,
    DATA_MAX_SIZE = 256 << 20
};

static const char magic[8] = {'T', 'E', 'R', 'N', 'K', 'E', 'E', 'P'};

static void put(unsigned char *to, uint64_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        to[i] = (unsigned char)(value >> 8 * i);
    }
}

// The folder in force, or NULL.
static const char *folder_of(tern_context *context) {
    if (tern__option_given(context, TERN__OPTION_CACHE)) {
        const char *folder = tern__option_text(context, TERN__OPTION_CACHE);
        return strcmp(folder, "off") == 0 ? NULL : folder;
    }
    return context->options.cache_folder;
}

// A name that any file system takes and that leads nowhere else: the beginning of |name|, for
// people, and its hash.
static bool make_path(const char *folder, const char *name, char path[TERN__PATH_CAPACITY]) {
    enum { SHOWN = 40 };
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    char shown[SHOWN + 1];
    size_t size = strlen(name);
    size_t length = size < SHOWN ? size : SHOWN;
    for (size_t i = 0; i < length; i++) {
        shown[i] = name[i] && strchr(plain, name[i]) ? name[i] : '-';
    }
    shown[length] = '\0';
    int written = snprintf(path, TERN__PATH_CAPACITY, "%s/%s-%016llx.tern", folder, shown,
                           (unsigned long long)tern__hash(TERN__HASH_START, name, size));
    return size > 0 && size <= NAME_MAX_SIZE && written > 0 && written < TERN__PATH_CAPACITY;
}

static void make_header(unsigned char header[HEADER_SIZE], const char *name, const void *data,
                        size_t size) {
    size_t name_size = strlen(name);
    memcpy(header, magic, sizeof magic);
    put(header + AT_VERSION, VERSION, 4);
    put(header + AT_NAME_SIZE, name_size, 4);
    put(header + AT_DATA_SIZE, size, 8);
    put(header + AT_CHECKSUM, tern__hash(tern__hash(TERN__HASH_START, name, name_size), data, size),
        8);
}

// The data of an open file, or NULL: all that it must be before them is what a writer would write.
static void *read_file(tern_context *context, const tern__file *file, const char *name,
                       size_t *out_size) {
    unsigned char found[HEADER_SIZE + NAME_MAX_SIZE];
    unsigned char wanted[HEADER_SIZE];
    size_t before = HEADER_SIZE + strlen(name);
    if (file->size < before || file->size - before > DATA_MAX_SIZE ||
        !tern__file_is_private(file) || !tern__file_read(file, 0, found, before) ||
        memcmp(found + HEADER_SIZE, name, before - HEADER_SIZE) != 0) {
        return NULL;
    }
    size_t size = (size_t)file->size - before;
    void *data = tern__alloc(context, size);
    if (data && tern__file_read(file, before, data, size)) {
        make_header(wanted, name, data, size);
        if (memcmp(found, wanted, sizeof wanted) == 0) {
            *out_size = size;
            return data;
        }
    }
    tern__free(context, data);
    return NULL;
}

bool tern__diskcache_read(tern_context *context, const char *name, void **out_data,
                          size_t *out_size) {
    char path[TERN__PATH_CAPACITY];
    const char *folder = folder_of(context);
    tern__file file;
    if (!folder || !make_path(folder, name, path) || tern__file_open(path, &file) != 0) {
        return false;
    }
    void *data = read_file(context, &file, name, out_size);
    tern__file_close(&file);
    tern__log(context, data ? TERN_LOG_DEBUG : TERN_LOG_INFO, "cache: %s %s", path,
              data ? "is used" : "is damaged or not this user's, ignored");
    if (data) {
        *out_data = data;
    }
    return data != NULL;
}

void tern__diskcache_write(tern_context *context, const char *name, const void *data, size_t size) {
    char path[TERN__PATH_CAPACITY];
    const char *folder = folder_of(context);
    if (!folder || size > DATA_MAX_SIZE || !make_path(folder, name, path)) {
        return;
    }
    if (!tern__folder_make(folder)) {
        tern__log(context, TERN_LOG_INFO, "cache: folder %s cannot be made, nothing is kept",
                  folder);
        return;
    }
    unsigned char header[HEADER_SIZE];
    make_header(header, name, data, size);
    const tern__bytes parts[] = {{header, sizeof header}, {name, strlen(name)}, {data, size}};
    int error = tern__file_replace(path, parts, sizeof parts / sizeof *parts);
    char reason[TERN__MESSAGE_CAPACITY];
    if (error) {
        tern__file_error(error, reason, sizeof reason);
        tern__log(context, TERN_LOG_INFO, "cache: %s cannot be written: %s", path, reason);
    } else {
        tern__log(context, TERN_LOG_DEBUG, "cache: %s is kept", path);
    }
}
