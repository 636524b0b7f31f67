#include "tools/tern/bench/random_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Shapes as their authors publish them; the context is what a benchmark may ask for at most.
static const model_shape shapes[] = {
    {"2b-4t", "BitNet b1.58 2B-4T", "bitnet-b1.58", 30, 2560, 6912, 20, 5, 128, 128256, 4096,
     500000.0f, true},
    {"0.7b", "bitnet_b1_58-large", "bitnet", 24, 1536, 4096, 16, 16, 96, 32002, 4096, 10000.0f,
     true},
    {"3b", "bitnet_b1_58-3B", "bitnet", 26, 3200, 8640, 32, 32, 100, 32002, 4096, 10000.0f, true},
    {"8b", "Llama3-8B-1.58", "llama", 32, 4096, 14336, 32, 8, 128, 128256, 4096, 500000.0f, false},
};

const model_shape *model_shape_at(uint32_t index) {
    return index < sizeof shapes / sizeof shapes[0] ? &shapes[index] : NULL;
}

const model_shape *model_shape_find(const char *name) {
    for (uint32_t i = 0; model_shape_at(i); i++) {
        if (strcmp(shapes[i].name, name) == 0) {
            return &shapes[i];
        }
    }
    return NULL;
}

// What tensors are made of. Numbers of types are GGUF's.
enum { POOL_T2, POOL_TQ2_0, POOL_F16, POOL_F16_TERNARY, POOL_ONES };
enum { TYPE_F32 = 0, TYPE_F16 = 1, TYPE_TQ2_0 = 35, TYPE_I2_S = 36, FILE_TYPE_I2_S = 40 };
enum { VALUE_U32 = 4, VALUE_F32 = 6, VALUE_STRING = 8, VALUE_ARRAY = 9, ALIGNMENT = 32 };
enum { TQ2_0_BYTES = 66, TQ2_0_CODES = 64, BLOCKS = 16381, HALVES = 393203, I2_S_TAIL = 32 };

static const uint16_t f16_scale = 0x251f; // 0.02
static const float f32_scale = 0.02f;

static bool make_blocks(bench_pool *self, const bench_pool *codes) {
    *self = (bench_pool){.unit = TQ2_0_BYTES, .size = (size_t)BLOCKS * TQ2_0_BYTES};
    self->bytes = malloc(self->size);
    for (uint32_t i = 0; self->bytes && i < BLOCKS; i++) {
        uint8_t *block = self->bytes + (size_t)i * TQ2_0_BYTES;
        bench_pool_read(codes, (uint64_t)i * TQ2_0_CODES, block, TQ2_0_CODES);
        memcpy(block + TQ2_0_CODES, &f16_scale, sizeof f16_scale);
    }
    return self->bytes != NULL;
}

static bool make_ternary_halves(bench_pool *self) {
    static const uint16_t values[] = {0x251f | 0x8000, 0, 0x251f};
    uint64_t state = 5;
    *self = (bench_pool){.unit = 2, .size = (size_t)HALVES * 2};
    self->bytes = malloc(self->size);
    for (uint32_t i = 0; self->bytes && i < HALVES; i++) {
        memcpy(self->bytes + (size_t)i * 2, &values[bench_random(&state) % 3], 2);
    }
    return self->bytes != NULL;
}

static bool make_ones(bench_pool *self) {
    const float one = 1.0f;
    *self = (bench_pool){.unit = 4, .size = 4096};
    self->bytes = malloc(self->size);
    for (size_t at = 0; self->bytes && at < self->size; at += sizeof one) {
        memcpy(self->bytes + at, &one, sizeof one);
    }
    return self->bytes != NULL;
}

static bool make_pools(bench_pool *pools) {
    return bench_pool_make(&pools[POOL_T2], TERN_DTYPE_T2) &&
           make_blocks(&pools[POOL_TQ2_0], &pools[POOL_T2]) &&
           bench_pool_make(&pools[POOL_F16], TERN_DTYPE_F16) &&
           make_ternary_halves(&pools[POOL_F16_TERNARY]) && make_ones(&pools[POOL_ONES]);
}

// The header is written front to back; what cannot be written any more is seen at the end.
typedef struct writer {
    text *out;
    const char *architecture;
    random_model *model;
    uint64_t data; // bytes of tensors so far
    bool failed;
} writer;

static void put(writer *w, const void *bytes, size_t size) {
    w->failed = w->failed || !text_append(w->out, bytes, size);
}

static void put_u32(writer *w, uint32_t value) {
    put(w, &value, sizeof value);
}

static void put_u64(writer *w, uint64_t value) {
    put(w, &value, sizeof value);
}

static void put_string(writer *w, const char *string) {
    put_u64(w, strlen(string));
    put(w, string, strlen(string));
}

static void key_u32(writer *w, const char *key, uint32_t value) {
    put_string(w, key);
    put_u32(w, VALUE_U32);
    put_u32(w, value);
}

static void key_string(writer *w, const char *key, const char *value) {
    put_string(w, key);
    put_u32(w, VALUE_STRING);
    put_string(w, value);
}

static const char *own_key(const writer *w, const char *suffix, char *out, size_t capacity) {
    snprintf(out, capacity, "%s.%s", w->architecture, suffix);
    return out;
}

static void own_u32(writer *w, const char *suffix, uint32_t value) {
    char key[96];
    key_u32(w, own_key(w, suffix, key, sizeof key), value);
}

static void own_f32(writer *w, const char *suffix, float value) {
    char key[96];
    put_string(w, own_key(w, suffix, key, sizeof key));
    put_u32(w, VALUE_F32);
    put(w, &value, sizeof value);
}

static void put_tokens(writer *w, uint32_t count) {
    put_string(w, "tokenizer.ggml.tokens");
    put_u32(w, VALUE_ARRAY);
    put_u32(w, VALUE_STRING);
    put_u64(w, count);
    for (uint32_t i = 0; i < count; i++) {
        char token[16];
        snprintf(token, sizeof token, i ? "t%u " : "<unk>", (unsigned)i);
        put_string(w, token);
    }
}

enum { KEYS = 17 };

static void put_keys(writer *w, const model_shape *s) {
    key_string(w, "general.architecture", s->architecture);
    key_string(w, "general.name", s->title);
    key_u32(w, "general.alignment", ALIGNMENT);
    key_u32(w, "general.file_type", FILE_TYPE_I2_S);
    own_u32(w, "context_length", s->context);
    own_u32(w, "embedding_length", s->width);
    own_u32(w, "block_count", s->layers);
    own_u32(w, "feed_forward_length", s->ffn_width);
    own_u32(w, "attention.head_count", s->heads);
    own_u32(w, "attention.head_count_kv", s->kv_heads);
    own_u32(w, "rope.dimension_count", s->head_dim);
    own_f32(w, "rope.freq_base", s->rotary_base);
    own_f32(w, "attention.layer_norm_rms_epsilon", 1e-5f);
    own_u32(w, "vocab_size", s->vocabulary);
    key_string(w, "tokenizer.ggml.model", "llama");
    put_tokens(w, s->vocabulary);
    key_u32(w, "tokenizer.ggml.eos_token_id", UINT32_MAX); // none: nothing ends early
}

// An entry of the table, and where its bytes will be.
static void put_tensor(writer *w, const char *name, uint32_t cols, uint32_t rows, uint32_t type,
                       uint32_t pool) {
    uint64_t cells = (uint64_t)cols * rows;
    uint64_t size = type == TYPE_F32     ? cells * 4
                    : type == TYPE_F16   ? cells * 2
                    : type == TYPE_TQ2_0 ? cells / 256 * TQ2_0_BYTES
                                         : cells / 4 + I2_S_TAIL;
    put_string(w, name);
    put_u32(w, rows ? 2 : 1);
    put_u64(w, cols);
    if (rows) {
        put_u64(w, rows);
    } else {
        size = (uint64_t)cols * 4;
    }
    put_u32(w, type);
    put_u64(w, w->data);
    w->model->tensors[w->model->tensor_count++] =
        (random_tensor){w->data, size, pool, type == TYPE_I2_S};
    w->data += (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static void put_norm(writer *w, uint32_t layer, const char *stem, uint32_t cols) {
    char name[64];
    snprintf(name, sizeof name, "blk.%u.%s.weight", (unsigned)layer, stem);
    put_tensor(w, name, cols, 0, TYPE_F32, POOL_ONES);
}

// I2_S where the architecture is its own, TQ2_0 elsewhere; halves where rows fit neither's blocks.
static void put_linear(writer *w, uint32_t layer, const char *stem, uint32_t cols, uint32_t rows) {
    char name[64];
    bool bitnet = strncmp(w->architecture, "bitnet", 6) == 0;
    snprintf(name, sizeof name, "blk.%u.%s.weight", (unsigned)layer, stem);
    if (bitnet && cols % 128 == 0) {
        put_tensor(w, name, cols, rows, TYPE_I2_S, POOL_T2);
    } else if (cols % 256 == 0) {
        put_tensor(w, name, cols, rows, TYPE_TQ2_0, POOL_TQ2_0);
    } else {
        put_tensor(w, name, cols, rows, TYPE_F16, POOL_F16_TERNARY);
    }
}

static uint32_t tensors_of(const model_shape *s) {
    bool sub_norms = strncmp(s->architecture, "bitnet", 6) == 0;
    return s->layers * (sub_norms ? 11 : 9) + (s->tied ? 2 : 3);
}

static void put_layer(writer *w, const model_shape *s, uint32_t layer) {
    uint32_t q = s->heads * s->head_dim;
    uint32_t kv = s->kv_heads * s->head_dim;
    put_norm(w, layer, "attn_norm", s->width);
    put_norm(w, layer, "ffn_norm", s->width);
    if (strncmp(s->architecture, "bitnet", 6) == 0) {
        put_norm(w, layer, "attn_sub_norm", q);
        put_norm(w, layer, "ffn_sub_norm", s->ffn_width);
    }
    put_linear(w, layer, "attn_q", s->width, q);
    put_linear(w, layer, "attn_k", s->width, kv);
    put_linear(w, layer, "attn_v", s->width, kv);
    put_linear(w, layer, "attn_output", q, s->width);
    put_linear(w, layer, "ffn_gate", s->width, s->ffn_width);
    put_linear(w, layer, "ffn_up", s->width, s->ffn_width);
    put_linear(w, layer, "ffn_down", s->ffn_width, s->width);
}

static void put_tensors(writer *w, const model_shape *s) {
    put_tensor(w, "token_embd.weight", s->width, s->vocabulary, TYPE_F16, POOL_F16);
    put_tensor(w, "output_norm.weight", s->width, 0, TYPE_F32, POOL_ONES);
    if (!s->tied) {
        put_tensor(w, "output.weight", s->width, s->vocabulary, TYPE_F16, POOL_F16);
    }
    for (uint32_t i = 0; i < s->layers; i++) {
        put_layer(w, s, i);
    }
}

static bool write_header(random_model *self, const model_shape *s) {
    writer w = {.out = &self->header, .architecture = s->architecture, .model = self};
    put(&w, "GGUF", 4);
    put_u32(&w, 3);
    put_u64(&w, tensors_of(s));
    put_u64(&w, KEYS);
    put_keys(&w, s);
    put_tensors(&w, s);
    static const char zeros[ALIGNMENT];
    put(&w, zeros, (ALIGNMENT - self->header.size % ALIGNMENT) % ALIGNMENT);
    for (uint32_t i = 0; i < self->tensor_count; i++) {
        self->tensors[i].offset += self->header.size;
    }
    self->source.size = self->header.size + w.data;
    return !w.failed;
}

// The tensor that byte |offset| belongs to, or the padding behind it.
static uint32_t tensor_at(const random_model *self, uint64_t offset) {
    uint32_t low = 0;
    uint32_t high = self->tensor_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (self->tensors[middle].offset <= offset) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

// Fills from tensor |index|, at most up to the next; how many bytes were written.
static size_t read_tensor(const random_model *self, uint32_t index, uint64_t offset, uint8_t *out,
                          size_t size) {
    const random_tensor *tensor = &self->tensors[index];
    const bench_pool *pool = &self->pools[tensor->pool];
    uint64_t at = offset - tensor->offset;
    uint64_t plain = tensor->size - (tensor->scale_last ? I2_S_TAIL : 0);
    if (at < plain) {
        size_t step = plain - at < size ? (size_t)(plain - at) : size;
        // Every tensor starts elsewhere in the pool.
        bench_pool_read(pool, at + (uint64_t)index * 7919 * pool->unit, out, step);
        return step;
    }
    uint8_t tail[I2_S_TAIL + ALIGNMENT] = {0};
    memcpy(tail, &f32_scale, tensor->scale_last ? sizeof f32_scale : 0);
    size_t left = (size_t)(sizeof tail - (at - plain));
    size_t padded = (size_t)((tensor->size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT - at);
    size_t step = padded < left ? padded : left;
    step = step < size ? step : size;
    memcpy(out, tail + (at - plain), step);
    return step;
}

static tern_status read_at(void *user, uint64_t offset, void *data, size_t size) {
    const random_model *self = user;
    uint8_t *out = data;
    while (size) {
        size_t step;
        if (offset < self->header.size) {
            uint64_t left = self->header.size - offset;
            step = left < size ? (size_t)left : size;
            memcpy(out, self->header.bytes + offset, step);
        } else {
            step = read_tensor(self, tensor_at(self, offset), offset, out, size);
        }
        out += step;
        offset += step;
        size -= step;
    }
    return TERN_STATUS_OK;
}

bool random_model_open(random_model *self, const model_shape *shape) {
    *self = (random_model){0};
    self->source = (tern_source){
        .struct_size = sizeof self->source, .name = shape->title, .user = self, .read_at = read_at};
    self->tensors = calloc(tensors_of(shape), sizeof *self->tensors);
    return self->tensors && make_pools(self->pools) && write_header(self, shape);
}

void random_model_close(random_model *self) {
    for (uint32_t i = 0; i < RANDOM_POOLS; i++) {
        bench_pool_free(&self->pools[i]);
    }
    text_free(&self->header);
    free(self->tensors);
    self->tensors = NULL;
}
