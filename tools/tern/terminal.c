#include "tools/tern/terminal.h"

#include <string.h>

// The names that every folder has of itself and of the one it is in.
static bool is_dots(const char *name) {
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

#ifdef _WIN32

#include <io.h>
#include <stdio.h>
#include <windows.h>
#include <psapi.h>

bool terminal_is_stdin(void) {
    return _isatty(_fileno(stdin)) != 0;
}

bool terminal_is_stderr(void) {
    return _isatty(_fileno(stderr)) != 0;
}

bool folder_make_new(const char *path) {
    return CreateDirectoryA(path, NULL);
}

bool folder_make(const char *path) {
    return folder_make_new(path) || GetLastError() == ERROR_ALREADY_EXISTS;
}

bool folder_has_files(const char *path) {
    char pattern[MAX_PATH];
    WIN32_FIND_DATAA found;
    int length = snprintf(pattern, sizeof pattern, "%s\\*", path);
    HANDLE search = length > 0 && length < (int)sizeof pattern ? FindFirstFileA(pattern, &found)
                                                               : INVALID_HANDLE_VALUE;
    bool any = false;
    for (BOOL more = search != INVALID_HANDLE_VALUE; more && !any;
         more = FindNextFileA(search, &found)) {
        any = !is_dots(found.cFileName);
    }
    if (search != INVALID_HANDLE_VALUE) {
        FindClose(search);
    }
    return any;
}

void folder_remove(const char *path) {
    RemoveDirectoryA(path);
}

bool program_path(char *out, size_t capacity) {
    DWORD length = GetModuleFileNameA(NULL, out, (DWORD)capacity);
    return length > 0 && length < capacity;
}

uint64_t peak_memory(void) {
    PROCESS_MEMORY_COUNTERS counters;
    return GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters)
               ? counters.PeakWorkingSetSize
               : 0;
}

bool peak_memory_reset(void) {
    return false;
}

#else

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

bool terminal_is_stdin(void) {
    return isatty(STDIN_FILENO) != 0;
}

bool terminal_is_stderr(void) {
    return isatty(STDERR_FILENO) != 0;
}

bool folder_make_new(const char *path) {
    return mkdir(path, 0777) == 0;
}

bool folder_make(const char *path) {
    struct stat info;
    return folder_make_new(path) ||
           (errno == EEXIST && stat(path, &info) == 0 && S_ISDIR(info.st_mode));
}

bool folder_has_files(const char *path) {
    DIR *folder = opendir(path);
    bool any = false;
    for (struct dirent *entry; folder && !any && (entry = readdir(folder)) != NULL;) {
        any = !is_dots(entry->d_name);
    }
    if (folder) {
        closedir(folder);
    }
    return any;
}

void folder_remove(const char *path) {
    rmdir(path);
}

bool program_path(char *out, size_t capacity) {
    ssize_t length = readlink("/proc/self/exe", out, capacity - 1);
    out[length > 0 ? length : 0] = '\0';
    return length > 0 && (size_t)length < capacity - 1;
}

// Not getrusage: its peak includes that of the program which started this one.
uint64_t peak_memory(void) {
    FILE *file = fopen("/proc/self/status", "r");
    unsigned long long kib = 0;
    char line[128];
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "VmHWM: %llu kB", &kib) == 1) {
            break;
        }
    }
    if (file) {
        fclose(file);
    }
    return (uint64_t)kib * 1024;
}

bool peak_memory_reset(void) {
    FILE *file = fopen("/proc/self/clear_refs", "w");
    bool written = file && fputs("5", file) >= 0; // 5: the peak, and nothing else
    return file && fclose(file) == 0 && written;
}

#endif
