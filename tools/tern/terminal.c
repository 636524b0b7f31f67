#include "tools/tern/terminal.h"

#ifdef _WIN32

#include <io.h>
#include <stdio.h>
#include <windows.h>

bool terminal_is_stderr(void) {
    return _isatty(_fileno(stderr)) != 0;
}

bool program_path(char *out, size_t capacity) {
    DWORD length = GetModuleFileNameA(NULL, out, (DWORD)capacity);
    return length > 0 && length < capacity;
}

#else

#include <unistd.h>

bool terminal_is_stderr(void) {
    return isatty(STDERR_FILENO) != 0;
}

bool program_path(char *out, size_t capacity) {
    ssize_t length = readlink("/proc/self/exe", out, capacity - 1);
    out[length > 0 ? length : 0] = '\0';
    return length > 0 && (size_t)length < capacity - 1;
}

#endif
