#include "runtime/platform/platform.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

bool tern__folder_list(const char *folder, bool (*visit)(void *user, const char *name),
                       void *user) {
    DIR *stream = opendir(folder);
    if (!stream) {
        return false;
    }
    bool more = true;
    while (more) {
        struct dirent *entry = readdir(stream);
        if (!entry) {
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            more = visit(user, entry->d_name);
        }
    }
    closedir(stream);
    return true;
}

static bool is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

// Of a folder that is there already, mkdir says many things; another process may be quicker.
static bool make_one(const char *path) {
    return is_folder(path) || mkdir(path, S_IRWXU) == 0 || is_folder(path);
}

bool tern__folder_make(const char *path) {
    char part[TERN__PATH_CAPACITY];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof part) {
        return false;
    }
    memcpy(part, path, length + 1);
    for (char *c = part + 1; *c; c++) {
        if (*c == '/') {
            *c = '\0';
            bool made = make_one(part);
            *c = '/';
            if (!made) {
                return false;
            }
        }
    }
    return make_one(part);
}

#ifdef __APPLE__
#define HOME_CACHE "Library/Caches"
#else
#define HOME_CACHE ".cache"
#endif

// The XDG base directory specification: a path that is not absolute is invalid and ignored.
bool tern__cache_folder(char *out_path, size_t capacity) {
    const char *base = tern__environment("XDG_CACHE_HOME");
    const char *home = tern__environment("HOME");
    int length = -1;
    if (base && base[0] == '/') {
        length = snprintf(out_path, capacity, "%s/tern", base);
    } else if (home && home[0] == '/') {
        length = snprintf(out_path, capacity, "%s/" HOME_CACHE "/tern", home);
    }
    return length > 0 && (size_t)length < capacity;
}
