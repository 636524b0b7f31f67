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
