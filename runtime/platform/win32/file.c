#include "runtime/platform/platform.h"

#include <stdio.h>
#include <string.h>

#include "runtime/platform/win32/wide.h"

// One read takes a 32-bit count.
#define READ_MAX (1u << 30)

static void *map_all(HANDLE handle, uint64_t size) {
    if (size == 0 || size > SIZE_MAX) {
        return NULL;
    }
    HANDLE mapping = CreateFileMappingW(handle, NULL, PAGE_READONLY, 0, 0, NULL);
    if (!mapping) {
        return NULL;
    }
    void *map = MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, 0);
    CloseHandle(mapping); // the view keeps it
    return map;
}

int tern__file_open(const char *path, tern__file *out_file) {
    wchar_t wide[WIDE_CAPACITY];
    if (!wide_from_utf8(path, wide)) {
        return ERROR_INVALID_NAME;
    }
    HANDLE handle = CreateFileW(wide, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING,
                                FILE_ATTRIBUTE_NORMAL, NULL);
    if (handle == INVALID_HANDLE_VALUE) {
        return (int)GetLastError();
    }
    LARGE_INTEGER size;
    if (GetFileType(handle) != FILE_TYPE_DISK || !GetFileSizeEx(handle, &size)) {
        CloseHandle(handle);
        return ERROR_SEEK_ON_DEVICE;
    }
    out_file->handle = (intptr_t)handle;
    out_file->size = (uint64_t)size.QuadPart;
    out_file->map = map_all(handle, out_file->size);
    return 0;
}

bool tern__file_read(const tern__file *file, uint64_t offset, void *data, size_t size) {
    unsigned char *to = data;
    while (size > 0) {
        OVERLAPPED at = {.Offset = (DWORD)offset, .OffsetHigh = (DWORD)(offset >> 32)};
        DWORD wanted = size < READ_MAX ? (DWORD)size : READ_MAX;
        DWORD got = 0;
        if (!ReadFile((HANDLE)file->handle, to, wanted, &got, &at) || got == 0) {
            return false;
        }
        to += got;
        offset += got;
        size -= got;
    }
    return true;
}

void tern__file_close(tern__file *file) {
    if (file->map) {
        UnmapViewOfFile(file->map);
    }
    CloseHandle((HANDLE)file->handle);
    *file = (tern__file){.handle = -1};
}

void tern__file_error(int code, char *text, size_t capacity) {
    wchar_t wide[WIDE_CAPACITY];
    DWORD length = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL,
                                  (DWORD)code, 0, wide, WIDE_CAPACITY, NULL);
    while (length > 0 && wcschr(L".\r\n ", wide[length - 1])) {
        length--; // our messages are one line without a full stop
    }
    wide[length < WIDE_CAPACITY ? length : 0] = L'\0';
    if (length == 0 || !wide_to_utf8(wide, text, capacity)) {
        snprintf(text, capacity, "error %d", code);
    }
}

tern_status tern__file_error_status(int code) {
    switch (code) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
        return TERN_STATUS_NOT_FOUND;
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY:
        return TERN_STATUS_OUT_OF_MEMORY;
    default:
        return TERN_STATUS_IO;
    }
}

// The user's own folders are private already.
bool tern__file_is_private(const tern__file *file) {
    (void)file;
    return true;
}

static int write_all(HANDLE handle, tern__bytes part) {
    const unsigned char *from = part.data;
    while (part.size > 0) {
        DWORD wanted = part.size < READ_MAX ? (DWORD)part.size : READ_MAX;
        DWORD put = 0;
        if (!WriteFile(handle, from, wanted, &put, NULL)) {
            return (int)GetLastError();
        }
        if (put == 0) {
            return ERROR_WRITE_FAULT;
        }
        from += put;
        part.size -= put;
    }
    return 0;
}

static int write_parts(const wchar_t *path, const tern__bytes *parts, size_t count) {
    HANDLE handle =
        CreateFileW(path, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
    if (handle == INVALID_HANDLE_VALUE) {
        return (int)GetLastError();
    }
    int error = 0;
    for (size_t i = 0; i < count && !error; i++) {
        error = write_all(handle, parts[i]);
    }
    CloseHandle(handle);
    return error;
}

int tern__file_replace(const char *path, const tern__bytes *parts, size_t count) {
    char temporary[TERN__PATH_CAPACITY + 32];
    wchar_t wide_path[WIDE_CAPACITY];
    wchar_t wide_temporary[WIDE_CAPACITY];
    snprintf(temporary, sizeof temporary, "%s.%lu-%lu", path, GetCurrentProcessId(),
             GetCurrentThreadId());
    if (!wide_from_utf8(path, wide_path) || !wide_from_utf8(temporary, wide_temporary)) {
        return ERROR_INVALID_NAME;
    }
    int error = write_parts(wide_temporary, parts, count);
    if (!error && !MoveFileExW(wide_temporary, wide_path, MOVEFILE_REPLACE_EXISTING)) {
        error = (int)GetLastError();
    }
    if (error) {
        DeleteFileW(wide_temporary);
    }
    return error;
}

int tern__output_open(const char *path, tern__output *out_output) {
    wchar_t wide[WIDE_CAPACITY];
    snprintf(out_output->temporary, sizeof out_output->temporary, "%s.%lu-%lu.part", path,
             GetCurrentProcessId(), GetCurrentThreadId());
    if (!wide_from_utf8(out_output->temporary, wide)) {
        return ERROR_INVALID_NAME;
    }
    HANDLE handle =
        CreateFileW(wide, GENERIC_WRITE, 0, NULL, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, NULL);
    out_output->handle = (intptr_t)handle;
    return handle == INVALID_HANDLE_VALUE ? (int)GetLastError() : 0;
}

int tern__output_write(tern__output *output, const void *data, size_t size) {
    return write_all((HANDLE)output->handle, (tern__bytes){data, size});
}

int tern__output_close(tern__output *output, const char *path, bool keep, bool replace) {
    wchar_t from[WIDE_CAPACITY];
    wchar_t to[WIDE_CAPACITY];
    int error = CloseHandle((HANDLE)output->handle) || !keep ? 0 : (int)GetLastError();
    if (!wide_from_utf8(output->temporary, from) || !wide_from_utf8(path, to)) {
        return ERROR_INVALID_NAME;
    }
    if (keep && !error && !MoveFileExW(from, to, replace ? MOVEFILE_REPLACE_EXISTING : 0)) {
        error = (int)GetLastError();
    }
    if (!keep || error) {
        DeleteFileW(from);
    }
    return error;
}

bool tern__path_exists(const char *path) {
    wchar_t wide[WIDE_CAPACITY];
    return wide_from_utf8(path, wide) && GetFileAttributesW(wide) != INVALID_FILE_ATTRIBUTES;
}
