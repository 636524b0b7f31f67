#include "runtime/platform/platform.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#ifdef __APPLE__
#define SUFFIX ".dylib"
#else
#define SUFFIX ".so"
#endif

#ifdef __linux__
#include <link.h>

// Whether every part of the library that would be mapped lies in the file: the system's loader does
// not look, and a library that was cut short would end the process with SIGBUS.
static bool parts_are_in_file(const tern__file *file) {
    ElfW(Ehdr) head;
    if (!tern__file_read(file, 0, &head, sizeof head) ||
        memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_phentsize != sizeof(ElfW(Phdr))) {
        return true; // no library of this machine: dlopen says it better
    }
    for (unsigned i = 0; i < head.e_phnum; i++) {
        ElfW(Phdr) part;
        uint64_t at = (uint64_t)i * sizeof part;
        if (head.e_phoff > file->size || at + sizeof part > file->size - head.e_phoff ||
            !tern__file_read(file, head.e_phoff + at, &part, sizeof part)) {
            return false;
        }
        if (part.p_type == PT_LOAD &&
            (part.p_offset > file->size || part.p_filesz > file->size - part.p_offset)) {
            return false;
        }
    }
    return true;
}

static bool is_whole(const char *path) {
    tern__file file;
    if (tern__file_open(path, &file) != 0) {
        return true;
    }
    bool whole = parts_are_in_file(&file);
    tern__file_close(&file);
    return whole;
}
#else
static bool is_whole(const char *path) {
    (void)path;
    return true;
}
#endif

void *tern__library_open(const char *path, char *error, size_t error_capacity) {
    // A bare name would be searched for in the system's folders; ours are always files.
    char local[1024];
    int length = snprintf(local, sizeof local, "%s%s", strchr(path, '/') ? "" : "./", path);
    if (length < 0 || (size_t)length >= sizeof local) {
        snprintf(error, error_capacity, "file name too long");
        return NULL;
    }
    if (!is_whole(local)) {
        snprintf(error, error_capacity, "the file is cut short");
        return NULL;
    }
    void *library = dlopen(local, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char *text = dlerror();
        snprintf(error, error_capacity, "%s", text ? text : "unknown error");
    }
    return library;
}

void *tern__library_symbol(void *library, const char *name) {
    return dlsym(library, name);
}

void tern__library_close(void *library) {
    dlclose(library);
}

const char *tern__library_suffix(void) {
    return SUFFIX;
}

char tern__path_separator(void) {
    return ':';
}
