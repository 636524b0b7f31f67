// Between the UTF-8 of our interfaces and the UTF-16 of the system's.
#ifndef TERN_RUNTIME_PLATFORM_WIN32_WIDE_H_
#define TERN_RUNTIME_PLATFORM_WIN32_WIDE_H_

#include <stdbool.h>

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>

// Longest path taken; the system's own limit for most calls is MAX_PATH, 260.
#define WIDE_CAPACITY 1024

// False if |text| is no UTF-8 or does not fit.
static inline bool wide_from_utf8(const char *text, wchar_t *out_wide) {
    return MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, out_wide, WIDE_CAPACITY) >
           0;
}

// False if it does not fit.
static inline bool wide_to_utf8(const wchar_t *wide, char *out_text, size_t capacity) {
    return WideCharToMultiByte(CP_UTF8, 0, wide, -1, out_text, (int)capacity, NULL, NULL) > 0;
}

#endif
