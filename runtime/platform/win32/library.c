#include "runtime/platform/platform.h"

#include <stdio.h>
#include <string.h>

#include "runtime/platform/win32/wide.h"

void *tern__library_open(const char *path, char *error, size_t error_capacity) {
    wchar_t wide[WIDE_CAPACITY];
    wchar_t full[WIDE_CAPACITY];
    DWORD length = 0;
    if (wide_from_utf8(path, wide)) {
        length = GetFullPathNameW(wide, WIDE_CAPACITY, full, NULL);
    }
    if (length == 0 || length >= WIDE_CAPACITY) {
        snprintf(error, error_capacity, "not a file name");
        return NULL;
    }
    // A full path is never searched for; the altered order finds what lies beside the library.
    HMODULE library = LoadLibraryExW(full, NULL, LOAD_WITH_ALTERED_SEARCH_PATH);
    if (!library) {
        tern__file_error((int)GetLastError(), error, error_capacity);
    }
    return library;
}

void *tern__library_symbol(void *library, const char *name) {
    FARPROC symbol = GetProcAddress((HMODULE)library, name);
    void *pointer = NULL;
    memcpy(&pointer, &symbol, sizeof pointer); // ISO C has no cast for it
    return pointer;
}

void tern__library_close(void *library) {
    FreeLibrary((HMODULE)library);
}

const char *tern__library_suffix(void) {
    return ".dll";
}

char tern__path_separator(void) {
    return ';';
}
