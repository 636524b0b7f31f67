#include "runtime/platform/platform.h"

#include <stdio.h>
#include <string.h>

#include "runtime/platform/win32/wide.h"

bool tern__folder_list(const char *folder, bool (*visit)(void *user, const char *name),
                       void *user) {
    char pattern[WIDE_CAPACITY];
    wchar_t wide[WIDE_CAPACITY];
    int length = snprintf(pattern, sizeof pattern, "%s\\*", folder);
    if (length < 0 || length >= WIDE_CAPACITY || !wide_from_utf8(pattern, wide)) {
        return false;
    }
    WIN32_FIND_DATAW found;
    HANDLE search = FindFirstFileW(wide, &found);
    if (search == INVALID_HANDLE_VALUE) {
        return false;
    }
    bool more = true;
    while (more) {
        char name[3 * MAX_PATH + 1];
        if (wide_to_utf8(found.cFileName, name, sizeof name) && strcmp(name, ".") != 0 &&
            strcmp(name, "..") != 0) {
            more = visit(user, name);
        }
        more = more && FindNextFileW(search, &found);
    }
    FindClose(search);
    return true;
}

static bool make_one(const char *path) {
    wchar_t wide[WIDE_CAPACITY];
    if (!wide_from_utf8(path, wide)) {
        return false;
    }
    if (CreateDirectoryW(wide, NULL)) {
        return true;
    }
    DWORD attributes = GetFileAttributesW(wide);
    return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY);
}

// Parents that cannot be made may be there all the same: drives and shares.
bool tern__folder_make(const char *path) {
    char part[TERN__PATH_CAPACITY];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof part) {
        return false;
    }
    memcpy(part, path, length + 1);
    for (char *c = part + 1; *c; c++) {
        if (*c == '\\' || *c == '/') {
            char separator = *c;
            *c = '\0';
            make_one(part);
            *c = separator;
        }
    }
    return make_one(part);
}

bool tern__cache_folder(char *out_path, size_t capacity) {
    wchar_t wide[WIDE_CAPACITY];
    char base[TERN__PATH_CAPACITY];
    DWORD got = GetEnvironmentVariableW(L"LOCALAPPDATA", wide, WIDE_CAPACITY);
    if (got == 0 || got >= WIDE_CAPACITY || !wide_to_utf8(wide, base, sizeof base)) {
        return false;
    }
    int length = snprintf(out_path, capacity, "%s\\tern", base);
    return length > 0 && (size_t)length < capacity;
}
