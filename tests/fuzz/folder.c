// Any bytes as one file of a Hugging Face folder whose other files are good: the first byte says
// which. Opened, listed, each tensor read to its end and the memory of running it foreseen.
#include <stdlib.h>
#include <string.h>

#include <tern/session.h>

#include "tests/harness/memory_files.h"
#include "tests/harness/safetensors_writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char config[] =
    "{\"architectures\":[\"Qwen3MoeForCausalLM\"],\"num_hidden_layers\":1,\"hidden_size\":8,"
    "\"intermediate_size\":8,\"vocab_size\":5,\"max_position_embeddings\":64,\"num_experts\":2,"
    "\"num_experts_per_tok\":1,\"moe_intermediate_size\":4,\"num_attention_heads\":2,"
    "\"rms_norm_eps\":1e-5,\"quantization_config\":{\"quant_method\":\"bitnet\"}}";
static const char index_of_all[] =
    "{\"weight_map\":{\"model.embed_tokens.weight\":\"model.safetensors\","
    "\"model.layers.0.mlp.experts.0.up_proj.weight\":\"model.safetensors\","
    "\"model.layers.0.mlp.experts.1.up_proj.weight\":\"model.safetensors\"}}";

static void list(const tern_archive *archive) {
    tern_value value = {.struct_size = sizeof value};
    for (uint64_t i = 0; i < tern_archive_value_count(archive); i++) {
        if (tern_archive_value(archive, i, &value) != TERN_STATUS_OK) {
            abort();
        }
    }
    tern_tensor_info info = {.struct_size = sizeof info};
    for (uint64_t i = 0; i < tern_archive_tensor_count(archive); i++) {
        if (tern_archive_tensor(archive, i, &info) != TERN_STATUS_OK || strlen(info.name) == 0 ||
            strlen(info.file) == 0) {
            abort();
        }
    }
}

static void open_folder(tern_context *context, memory_files *folder, const char *name) {
    tern_files files = memory_files_of(folder);
    tern_archive *archive;
    tern_memory_estimate estimate = {.struct_size = sizeof estimate};
    if (tern_archive_open_files(context, &files, name, &archive) == TERN_STATUS_OK) {
        list(archive);
        tern_model_estimate(context, archive, NULL, NULL, &estimate);
    }
    tern_archive_destroy(archive);
}

static void put_good_files(memory_files *folder) {
    static safetensors_writer w;
    if (w.size == 0) {
        safetensors_add(&w, "model.embed_tokens.weight", "BF16", "[5,8]", NULL, 80);
        safetensors_add(&w, "model.layers.0.mlp.experts.0.up_proj.weight", "U8", "[1,8]", NULL, 8);
        safetensors_add(&w, "model.layers.0.mlp.experts.1.up_proj.weight", "U8", "[1,8]", NULL, 8);
        safetensors_end(&w);
    }
    memory_files_text(folder, "config.json", config);
    memory_files_put(folder, "model.safetensors", w.file, w.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"config.json", "model.safetensors",
                                        "model.safetensors.index.json", "alone.safetensors"};
    static tern_context *context;
    memory_files folder = {0};
    if (size == 0 || (!context && tern_context_create(NULL, &context) != TERN_STATUS_OK)) {
        return 0;
    }
    const char *name = names[data[0] % 4];
    uint8_t *copy = malloc(size); // so that the address sanitizer sees every read past the end
    memcpy(copy, data + 1, size - 1);
    put_good_files(&folder);
    if (data[0] % 4 == 3) {
        memory_files_drop(&folder, "config.json");
    }
    memory_files_put(&folder, name, copy, size - 1);
    open_folder(context, &folder, data[0] % 4 < 2 ? "" : name);
    memory_files_text(&folder, "model.safetensors.index.json", index_of_all);
    open_folder(context, &folder, "model.safetensors.index.json");
    free(copy);
    return 0;
}
