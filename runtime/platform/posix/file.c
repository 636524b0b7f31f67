#include "runtime/platform/platform.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

// Only what has a size and can be read anywhere.
static int check_kind(mode_t mode) {
    if (S_ISDIR(mode)) {
        return EISDIR;
    }
    return S_ISREG(mode) ? 0 : ESPIPE;
}

static void *map_all(int handle, uint64_t size) {
    if (size == 0 || size > SIZE_MAX) {
        return NULL;
    }
    void *map = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, handle, 0);
    return map == MAP_FAILED ? NULL : map;
}

int tern__file_open(const char *path, tern__file *out_file) {
    // Non-blocking, because opening a pipe would wait for its writer.
    int handle = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (handle < 0) {
        return errno;
    }
    struct stat info;
    int error = fstat(handle, &info) == 0 ? check_kind(info.st_mode) : errno;
    if (error) {
        close(handle);
        return error;
    }
    out_file->handle = handle;
    out_file->size = (uint64_t)info.st_size;
    out_file->map = map_all(handle, out_file->size);
    return 0;
}

bool tern__file_read(const tern__file *file, uint64_t offset, void *data, size_t size) {
    unsigned char *to = data;
    while (size > 0) {
        ssize_t got = pread((int)file->handle, to, size, (off_t)offset);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        to += got;
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    return true;
}

void tern__file_close(tern__file *file) {
    if (file->map) {
        munmap(file->map, (size_t)file->size);
    }
    close((int)file->handle);
    *file = (tern__file){.handle = -1};
}

void tern__file_error(int code, char *text, size_t capacity) {
    if (code == ESPIPE) { // of check_kind and is_special
        snprintf(text, capacity, "not a regular file");
    } else if (strerror_r(code, text, capacity) != 0) {
        snprintf(text, capacity, "error %d", code);
    }
}

tern_status tern__file_error_status(int code) {
    switch (code) {
    case ENOENT:
        return TERN_STATUS_NOT_FOUND;
    case ENOMEM:
        return TERN_STATUS_OUT_OF_MEMORY;
    default:
        return TERN_STATUS_IO;
    }
}

bool tern__file_is_private(const tern__file *file) {
    struct stat info;
    return fstat((int)file->handle, &info) == 0 && (info.st_uid == geteuid() || info.st_uid == 0) &&
           (info.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static int write_all(int handle, tern__bytes part) {
    const unsigned char *from = part.data;
    while (part.size > 0) {
        ssize_t put = write(handle, from, part.size);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return put < 0 ? errno : EIO;
        }
        from += put;
        part.size -= (size_t)put;
    }
    return 0;
}

// A device or a pipe: a file renamed over it would take it away from everybody.
static bool is_special(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

int tern__file_replace(const char *path, const tern__bytes *parts, size_t count) {
    if (is_special(path)) {
        return ESPIPE;
    }
    char temporary[TERN__PATH_CAPACITY + 8];
    int length = snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    if (length < 0 || (size_t)length >= sizeof temporary) {
        return ENAMETOOLONG;
    }
    int handle = mkstemp(temporary);
    if (handle < 0) {
        return errno;
    }
    int error = 0;
    for (size_t i = 0; i < count && !error; i++) {
        error = write_all(handle, parts[i]);
    }
    if (close(handle) != 0 && !error) {
        error = errno;
    }
    if (!error && rename(temporary, path) != 0) {
        error = errno;
    }
    if (error) {
        unlink(temporary);
    }
    return error;
}

// Not mkstemp: the file is to have the rights that the user's others have.
int tern__output_open(const char *path, tern__output *out_output) {
    if (is_special(path)) {
        return ESPIPE;
    }
    for (int i = 0; i < 100; i++) {
        int length = snprintf(out_output->temporary, sizeof out_output->temporary, "%s.%ld-%d.part",
                              path, (long)getpid(), i);
        if (length < 0 || (size_t)length >= sizeof out_output->temporary) {
            return ENAMETOOLONG;
        }
        out_output->handle =
            open(out_output->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (out_output->handle >= 0 || errno != EEXIST) {
            break;
        }
    }
    return out_output->handle >= 0 ? 0 : errno;
}

int tern__output_write(tern__output *output, const void *data, size_t size) {
    return write_all((int)output->handle, (tern__bytes){data, size});
}

// link, unlike rename, leaves alone what is there; not every file system has it.
static int take_name(const char *temporary, const char *path, bool replace) {
    if (!replace) {
        if (link(temporary, path) == 0) {
            unlink(temporary);
            return 0;
        }
        if (errno == EEXIST || tern__path_exists(path)) {
            return EEXIST;
        }
    }
    return rename(temporary, path) == 0 ? 0 : errno;
}

int tern__output_close(tern__output *output, const char *path, bool keep, bool replace) {
    // A disk that is full may say so only now.
    int error = keep && fsync((int)output->handle) != 0 && errno != EINVAL ? errno : 0;
    if (close((int)output->handle) != 0 && keep && !error) {
        error = errno;
    }
    if (keep && !error) {
        error = take_name(output->temporary, path, replace);
    }
    if (!keep || error) {
        unlink(output->temporary);
    }
    return error;
}

bool tern__path_exists(const char *path) {
    struct stat info;
    return lstat(path, &info) == 0;
}
