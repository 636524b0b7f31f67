// The porting surface: everything the runtime asks of the operating system. posix/ and win32/ hold
// the same file names.
#ifndef TERN_RUNTIME_PLATFORM_PLATFORM_H_
#define TERN_RUNTIME_PLATFORM_PLATFORM_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tern/status.h>

#ifdef _WIN32
typedef struct tern__mutex {
    void *srwlock;
} tern__mutex;
#else
#include <pthread.h>
typedef struct tern__mutex {
    pthread_mutex_t handle;
} tern__mutex;
#endif

#ifdef _MSC_VER
#define TERN__THREAD_LOCAL __declspec(thread)
#else
#define TERN__THREAD_LOCAL _Thread_local
#endif

bool tern__mutex_init(tern__mutex *mutex);
void tern__mutex_finish(tern__mutex *mutex);
void tern__mutex_lock(tern__mutex *mutex);
void tern__mutex_unlock(tern__mutex *mutex);

// For a value that threads read while another changes it; orders nothing else.
int32_t tern__atomic_load(const int32_t *value);
void tern__atomic_store(int32_t *value, int32_t to);

uint32_t tern__cpu_count(void);
uint64_t tern__clock_ns(void);

void *tern__aligned_alloc(size_t size, size_t alignment);
void tern__aligned_free(void *pointer);

// |path| is a file, never searched for. NULL on failure, with the system's words in |error|.
void *tern__library_open(const char *path, char *error, size_t error_capacity);
void *tern__library_symbol(void *library, const char *name);
void tern__library_close(void *library);
// What a plugin's file name ends in: ".so", ".dll", ".dylib".
const char *tern__library_suffix(void);
// ':' or ';'.
char tern__path_separator(void);

// Calls |visit| with the name of each entry of |folder|, in any order, until it returns false.
// False if it cannot be read.
bool tern__folder_list(const char *folder, bool (*visit)(void *user, const char *name), void *user);

// Of the paths that we make ourselves.
#define TERN__PATH_CAPACITY 1024

// Makes the folder |path|, and those that it lies in, for this user alone. False if it is not there
// then.
bool tern__folder_make(const char *path);
// Where the user's programs keep what they can make again, and in it the folder that is ours. False
// if the environment does not tell. Only runtime/options.c calls it.
bool tern__cache_folder(char *out_path, size_t capacity);

// True when the process runs with rights that its caller lacks, so that its environment must not
// load code.
bool tern__is_privileged(void);

// The value of an environment variable, or NULL. Only runtime/options.c calls it.
const char *tern__environment(const char *name);

// Files, read only. open returns 0 on success or the system's own number, which tern__file_error
// puts in words and tern__file_error_status among the statuses: NOT_FOUND, OUT_OF_MEMORY, else IO.
typedef struct tern__file {
    intptr_t handle;
    uint64_t size;
    void *map; // the whole content, or NULL
} tern__file;
int tern__file_open(const char *path, tern__file *out_file);
bool tern__file_read(const tern__file *file, uint64_t offset, void *data, size_t size);
void tern__file_close(tern__file *file);
void tern__file_error(int code, char *text, size_t capacity);
// Whether nobody but this user and the system's can have written it, as far as the system tells.
bool tern__file_is_private(const tern__file *file);

typedef struct tern__bytes {
    const void *data;
    size_t size;
} tern__bytes;
// Makes |path| a file of |parts|, one after the other. Whoever opens it at any time finds the old
// one or the new one, whole. Returns as tern__file_open does.
int tern__file_replace(const char *path, const tern__bytes *parts, size_t count);
tern_status tern__file_error_status(int code);

// A file that is written from the first byte to the last under a temporary name beside |path|.
// These return as tern__file_open does.
typedef struct tern__output {
    intptr_t handle;
    char temporary[TERN__PATH_CAPACITY + 48];
} tern__output;
int tern__output_open(const char *path, tern__output *out_output);
int tern__output_write(tern__output *output, const void *data, size_t size);
// With |keep| the file takes the name |path|, in the place of one that is there only if |replace|;
// without, or on failure, it is removed.
int tern__output_close(tern__output *output, const char *path, bool keep, bool replace);
bool tern__path_exists(const char *path);

#endif
