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

#endif
