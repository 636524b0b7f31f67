#include "runtime/platform/platform.h"

#include "runtime/platform/win32/wide.h"

// An elevated process may have inherited its environment from one that is not.
bool tern__is_privileged(void) {
    HANDLE token = NULL;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token)) {
        return true;
    }
    TOKEN_ELEVATION elevation = {0};
    DWORD size = 0;
    BOOL known = GetTokenInformation(token, TokenElevation, &elevation, sizeof elevation, &size);
    CloseHandle(token);
    return !known || elevation.TokenIsElevated != 0;
}

// Good until the thread's next call, which is enough for options.c: it copies. A value that is
// longer counts as not set.
const char *tern__environment(const char *name) {
    static TERN__THREAD_LOCAL char text[3 * WIDE_CAPACITY];
    wchar_t wide_name[WIDE_CAPACITY];
    wchar_t wide[WIDE_CAPACITY];
    if (!wide_from_utf8(name, wide_name)) {
        return NULL;
    }
    SetLastError(ERROR_SUCCESS);
    DWORD length = GetEnvironmentVariableW(wide_name, wide, WIDE_CAPACITY);
    if (length >= WIDE_CAPACITY || (length == 0 && GetLastError() != ERROR_SUCCESS)) {
        return NULL;
    }
    return wide_to_utf8(wide, text, sizeof text) ? text : NULL;
}
