// What C itself cannot say of the process: see terminal.c.
#ifndef TERN_TOOLS_TERN_TERMINAL_H_
#define TERN_TOOLS_TERN_TERMINAL_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool terminal_is_stdin(void);
bool terminal_is_stderr(void);

// The program's own file name; false where the system does not say.
bool program_path(char *out, size_t capacity);

// The most memory that was ever resident, in bytes; 0 where the system does not say.
uint64_t peak_memory(void);

// Starts the peak anew at what is resident now; false where the system cannot.
bool peak_memory_reset(void);

// Makes the folder |path| in one that is there; true if it is there then.
bool folder_make(const char *path);

// The same, but false if it was there before.
bool folder_make_new(const char *path);

// Whether anything is in the folder |path|; false if there is none.
bool folder_has_files(const char *path);

// Removes the folder |path| if nothing is in it.
void folder_remove(const char *path);

// Drawn again where it changes. One that is made and never shown may be cleared.
typedef struct progress_bar {
    bool terminal;
    int shown; // thousandths
    int columns;
} progress_bar;
progress_bar progress_bar_make(void);
void progress_bar_show(progress_bar *self, const char *what, uint64_t done, uint64_t total);
void progress_bar_clear(const progress_bar *self);

#endif
