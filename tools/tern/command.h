// The commands of `tern`, and what several of them do alike.
#ifndef TERN_TOOLS_TERN_COMMAND_H_
#define TERN_TOOLS_TERN_COMMAND_H_

#include "tools/common/args.h"
#include "tools/common/host.h"
#include "tools/common/json.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

// Each takes the arguments after its name and returns the exit status.
int command_devices(int argc, char **argv);
int command_run(int argc, char **argv);
int command_chat(int argc, char **argv);
int command_logits(int argc, char **argv);
int command_tokenize(int argc, char **argv);
int command_perplexity(int argc, char **argv);
int command_embed(int argc, char **argv);
int command_inspect(int argc, char **argv);
int command_convert(int argc, char **argv);
int command_verify(int argc, char **argv);
int command_bench(int argc, char **argv);

// The option --backend of every command; |out| is a const char *.
#define ARG_BACKEND(out)                                                                           \
    {                                                                                              \
        "--backend", NULL, ARG_TEXT, out, NULL, 0, 0, "NAME[:INDEX]",                              \
            "the same as TERN_BACKEND: vulkan, vulkan:1, opencl:PoCL, a list"                      \
    }

// The exit status after args_parse, or -1 to go on.
int command_parsed(arg_result result);

// What --kv and --head choose, and how they are listed.
typedef struct model_options {
    const char *kv_text, *head_text;
    tern_kv_type kv;
    uint32_t flags;     // TERN_MODEL_*
    uint32_t i2s_block; // of tern_model_desc
    const char *pretokenizer;
} model_options;

#define ARG_KV(options)                                                                            \
    { "--kv", NULL, ARG_TEXT, &(options)->kv_text, NULL, 0, 0, "f16|f32|i8", "type of the cache" }
#define ARG_HEAD(options)                                                                          \
    {                                                                                              \
        "--head", NULL, ARG_TEXT, &(options)->head_text, NULL, 0, 0, "file|q8",                    \
            "output matrix as in the file, or an int8 copy: faster, other logits"                  \
    }

#define ARG_I2S_BLOCK(out)                                                                         \
    {                                                                                              \
        "--i2s-block", NULL, ARG_U32, out, NULL, 0, 4294967295.0, "64|128",                        \
            "how the codes of I2_S tensors lie, if a look at them does not tell"                   \
    }

#define ARG_PRE(out)                                                                               \
    {                                                                                              \
        "--pre", NULL, ARG_TEXT, out, NULL, 0, 0, "NAME",                                          \
            "pre-tokenizer in place of the one that the file names: llama-bpe, qwen2, default"     \
    }

// Reads the values; false after a usage error.
bool command_model_options(const char *program, model_options *options);
// The same for what --i2s-block took, which is 0 if it was not given.
bool command_i2s_block(const char *program, uint32_t block);

// The ids of a text, with TERN_TOKENIZE_* |flags|; release with free, whatever comes back.
tern_status command_encode(const tern_tokenizer *tokenizer, const char *bytes, size_t size,
                           uint32_t flags, int32_t **out_ids, size_t *out_count);

// A model on a device, and what it takes to run it.
typedef struct loaded {
    tern_archive *archive;
    tern_device *device;
    tern_device_info device_info;
    tern_model *model;
    tern_model_info model_info;
    tern_session *session;
    tern_cancel *cancel; // which Ctrl-C requests
    double load_ms;
} loaded;

// Opens |path| on the device in force, with a bar on a terminal. False after one line on stderr;
// loaded_close either way.
bool loaded_open(loaded *self, const host *h, const char *path, const model_options *options);
// Makes the session, for |positions| and no more: a cache for the whole context of a model may be
// many times its weights. For more than the model's context it gets that, and its use says so.
bool loaded_start(loaded *self, const host *h, const char *path, const model_options *options,
                  uint64_t positions);
// tern_session_generate, which Ctrl-C ends within a layer's time, as if on_text had.
tern_status loaded_generate(const loaded *self, tern_generate_desc *desc,
                            tern_generate_result *out_result);
void loaded_close(loaded *self);

// What a command that runs a model is given.
typedef struct loaded_command {
    const char *program, *model, *backend;
    const model_options *options;
    int (*run)(const host *h, loaded *self, void *user); // returns the exit status
    void *user;
} loaded_command;

// Opens host and model, has the command run, and closes them. Returns the exit status.
int loaded_run(const loaded_command *command);

// Under TERN_PROFILE=1, what the device's ops took so far, on stderr.
void profile_print(tern_device *device);

// Where the model is that comes with the program; a path that may not exist if there is none.
const char *default_model_path(void);

// Makes Ctrl-C set a flag, clear from now on; a second one ends the program.
void interrupt_watch(void);
// The same of what asks the program to end (SIGTERM), for commands that would leave a file behind.
void terminate_watch(void);
bool interrupt_seen(void);
// Also requests |cancel|; NULL: nothing any more.
void interrupt_cancels(tern_cancel *cancel);

// "12.3 MiB", into |out|.
void format_bytes(uint64_t bytes, char *out, size_t capacity);

#endif
