// A folder in memory, as tern_files: what a test puts into it is there, and nothing else.
#ifndef TERN_TESTS_HARNESS_MEMORY_FILES_H_
#define TERN_TESTS_HARNESS_MEMORY_FILES_H_

#include <string.h>

#include <tern/source.h>

enum { MEMORY_FILES_CAPACITY = 16 };

typedef struct memory_file {
    const char *name;
    const void *data;
    size_t size;
} memory_file;

typedef struct memory_files {
    memory_file files[MEMORY_FILES_CAPACITY];
    size_t count;
} memory_files;

// Puts |name| there, or something else in its place.
static inline void memory_files_put(memory_files *folder, const char *name, const void *data,
                                    size_t size) {
    size_t i = 0;
    while (i < folder->count && strcmp(folder->files[i].name, name) != 0) {
        i++;
    }
    folder->files[i] = (memory_file){name, data, size};
    folder->count += i == folder->count;
}

static inline void memory_files_text(memory_files *folder, const char *name, const char *text) {
    memory_files_put(folder, name, text, strlen(text));
}

static inline void memory_files_drop(memory_files *folder, const char *name) {
    for (size_t i = 0; i < folder->count; i++) {
        if (strcmp(folder->files[i].name, name) == 0) {
            folder->files[i] = folder->files[--folder->count];
            return;
        }
    }
}

static inline tern_status memory_files_read(void *user, uint64_t offset, void *data, size_t size) {
    memcpy(data, (const char *)((const memory_file *)user)->data + offset, size);
    return TERN_STATUS_OK;
}

static inline tern_status memory_files_open(void *user, const char *name, tern_source *out) {
    memory_files *folder = user;
    for (size_t i = 0; i < folder->count; i++) {
        memory_file *file = &folder->files[i];
        if (strcmp(file->name, name) == 0) {
            *out = (tern_source){.struct_size = sizeof *out,
                                 .name = file->name,
                                 .user = file,
                                 .size = file->size,
                                 .read_at = memory_files_read};
            return TERN_STATUS_OK;
        }
    }
    return TERN_STATUS_NOT_FOUND;
}

static inline tern_files memory_files_of(memory_files *folder) {
    return (tern_files){.struct_size = sizeof(tern_files),
                        .name = "folder",
                        .user = folder,
                        .open = memory_files_open};
}

#endif
