// The one table of options (environment variables), and the values in force in a context.
#ifndef TERN_RUNTIME_OPTIONS_H_
#define TERN_RUNTIME_OPTIONS_H_

#include <stdbool.h>

#include <tern/context.h>

// X(name without TERN_, kind, default, help). Kinds: TEXT, COUNT (0 to 1024), CHOICE (the help
// begins with the choices, separated by '|', then ": "). README.md's table is generated from here:
// tools/gen_env_table.
#define TERN__OPTION_LIST(X)                                                                       \
    X(BACKEND, TEXT, "",                                                                           \
      "comma list of backends tried in order: cpu, vulkan, vulkan:1, opencl:PoCL, auto")           \
    X(PLUGIN_PATH, TEXT, "",                                                                       \
      "folders searched for plugin backends, where the application allows plugins")                \
    X(NUMERICS, CHOICE, "auto",                                                                    \
      "auto|exact: exact refuses a device whose results are not bit-identical")                    \
    X(LOG, CHOICE, "", "error|warning|info|debug: how much is logged")                             \
    X(THREADS, COUNT, "0", "threads of CPU backends; 0: one per core")                             \
    X(CPU_MASK, CHOICE, "",                                                                        \
      "scalar|avx2|avxvnni|vnni256|avx512vnni|avx512vbmi|amx|neon|dotprod|i8mm: "                  \
      "highest instruction set the cpu backend may use")                                           \
    X(CPU_TERNARY, CHOICE, "auto",                                                                 \
      "auto|t2|t5: ternary weights in the cpu backend's memory, four or five a byte; auto: "       \
      "what is faster, measured at first use")                                                     \
    X(CACHE, TEXT, "",                                                                             \
      "folder for compiled kernels and measured choices, or off; not given: the user's own")       \
    X(PROFILE, CHOICE, "0", "0|1: time every op, and say what they took")                          \
    X(VULKAN_VALIDATION, CHOICE, "0",                                                              \
      "0|1: load the Khronos validation layer, synchronization validation included")               \
    X(VULKAN_KERNELS, CHOICE, "",                                                                  \
      "measured|gpu|processor: ternary kernels of the vulkan backend, by measuring each shape "    \
      "once, or a fixed kind; not given: measured on GPUs, processor in software")                 \
    X(VULKAN_LIBRARY, TEXT, "", "file name of the Vulkan loader")                                  \
    X(OPENCL_KERNELS, CHOICE, "",                                                                  \
      "measured|gpu|processor: ternary kernels of the opencl backend, likewise; not given: "       \
      "measured on GPUs, fixed in software")                                                       \
    X(OPENCL_LIBRARY, TEXT, "", "file name of the OpenCL loader")

typedef enum tern__option {
#define TERN__OPTION_ENUM(name, kind, default_text, help) TERN__OPTION_##name,
    TERN__OPTION_LIST(TERN__OPTION_ENUM)
#undef TERN__OPTION_ENUM
        TERN__OPTION_COUNT
} tern__option;

// A value that the application set. Older ones are kept, because someone may still read them.
typedef struct tern__option_value {
    struct tern__option_value *older;
    char text[];
} tern__option_value;

typedef struct tern__options {
    tern__option_value *set[TERN__OPTION_COUNT]; // by the application; NULL: not set
    char *env[TERN__OPTION_COUNT]; // copied when the context was made; NULL: not set or ignored
    char *cache_folder; // the user's, as the environment tells; NULL: it does not, or is ignored
} tern__options;

// Reads the environment unless the context ignores it. INVALID_ARGUMENT names a variable that does
// not parse.
tern_status tern__options_init(tern_context *context);
void tern__options_finish(tern_context *context);

// By its full name, "TERN_LOG"; TERN__OPTION_COUNT if there is none.
tern__option tern__option_find(const char *name);
// INVALID_ARGUMENT if |value| does not parse.
tern_status tern__option_set(tern_context *context, tern__option option, const char *value);

// The value in force, never NULL; the default if nothing set it. Valid as long as the context.
const char *tern__option_text(tern_context *context, tern__option option);
uint32_t tern__option_count(tern_context *context, tern__option option);
bool tern__option_is(tern_context *context, tern__option option, const char *value);
// True if the application or the environment gave a value that is not empty.
bool tern__option_given(tern_context *context, tern__option option);

#endif
