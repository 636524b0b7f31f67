// The model that comes with the program: beside the installation wherever it was moved, where it
// was installed, or in the source tree of a build that was not.
#include <stdio.h>
#include <string.h>

#include "tools/tern/command.h"
#include "tools/tern/terminal.h"

#define MODEL_NAME "tern-stories.gguf"

static bool readable(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file) {
        fclose(file);
    }
    return file != NULL;
}

static bool beside_program(char *out, size_t capacity) {
    char program[1024];
    if (!program_path(program, sizeof program)) {
        return false;
    }
    char *slash = strrchr(program, '/');
    slash = slash ? slash : strrchr(program, '\\');
    if (!slash) {
        return false;
    }
    *slash = '\0';
    snprintf(out, capacity, "%s/../share/tern/models/" MODEL_NAME, program);
    return readable(out);
}

const char *default_model_path(void) {
    static char found[1200];
    if (beside_program(found, sizeof found)) {
        return found;
    }
    if (readable(TERN_INSTALLED_MODELS "/" MODEL_NAME)) {
        return TERN_INSTALLED_MODELS "/" MODEL_NAME;
    }
    return TERN_SOURCE_MODELS "/" MODEL_NAME;
}
