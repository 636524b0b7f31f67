// Copyright (c) 2026 the tern authors
// SPDX-License-Identifier: MIT
#ifndef TERN_MODEL_H_
#define TERN_MODEL_H_

#include <tern/cancel.h>
#include <tern/device.h>
#include <tern/tokenizer.h>

/**
 * A network loaded for one device: its weights, its tokenizer, and the programs that run it.
 *
 * Architectures: bitnet, bitnet-b1.58, bitnet-25 (arXiv 2402.17764, 2504.12285), llama, qwen2,
 * qwen3, qwen3moe, gemma3, maple, hgrn-bit (arXiv 2406.02528), with rotary scaling of the types
 * linear, yarn and llama3.
 *
 * Tensor types: ternary and binary ones are held exactly as t2 (I2_S, TQ1_0, TQ2_0, Q1_0, Q2_0 with
 * groups of 64 or 128, PQ2_0, PTQ1_0, the packed bytes of Hugging Face folders and of BitMat), with
 * one scale per matrix or row where that says the same; so are floats of a projection that are all
 * -s, 0 or +s, with an s for each 64 columns at most, in bitnet, llama, maple and hgrn-bit. A
 * Q2_0 or PQ2_0 tensor with weights of +2 is held exactly as q8_0. F32, F16, BF16 and Q8_0 are held
 * as they are, Q4_0 exactly as q8_0. Q4_K, Q5_K and Q6_K are computed in float32 (exactly, but for
 * one rounding of the difference in Q4_K and Q5_K) and held as float16, rounded by rule 6: an error
 * of at most 2^-11 of each weight, or 2^-25 where that is more; what passes 65504 saturates.
 *
 * Ownership: destroy after its sessions and before its device; source and archive are not needed
 * once loaded.
 *
 * Threads: any thread, several at once; each session one at a time.
 */
typedef struct tern_model tern_model;

/** Called while a model loads, on the loading thread. Returning 0 stops the load: CANCELLED. Must
 * not call the library: the device is busy. */
typedef int32_t (*tern_progress_fn)(void *user, uint64_t done_bytes, uint64_t total_bytes);

enum {
    /**
     * An output matrix that the file has in 16 or 32 bits is held as q8_0: half the bytes to read
     * for every token, at the cost of an error that every backend makes alike. Each 32 weights w of
     * a row (the last block filled up with zeros) become, with m the largest |w|,
     *
     *     d = f16(m / 127)                              (rule 6, saturating)
     *     q = clamp(round half even(w / d), -127, 127)  (0 where d is 0)
     *
     * so that |w - d * q| is d / 2, that is m / 254, at most, but for two roundings (2^-11 of it),
     * wherever d is a normal float16 (m from 0.0078 to 8e6). A matrix of another type stays as it
     * is. An embedding that shares the tensor keeps it too, for look-ups: both are then in memory.
     */
    TERN_MODEL_HEAD_Q8 = 1u << 0
};

/** How a model is loaded. Zero is a sensible value of every member. */
typedef struct tern_model_desc {
    uint32_t struct_size;   /**< sizeof(tern_model_desc) */
    uint32_t flags;         /**< TERN_MODEL_* */
    uint64_t memory_budget; /**< bytes of device memory that weights may take; 0: what there is */
    tern_progress_fn progress; /**< may be NULL */
    void *progress_user;
    const tern_cancel *cancelled_by; /**< stops the load from another thread; may be NULL */
    /** How the codes of I2_S tensors lie, which no file says: in blocks of 128, as in all published
     * files, or of 64, as ARM builds of their maker's tools wrote them. 0: by a statistic of the
     * first layers that tells them apart in trained models, and 128 where it does not. */
    uint32_t i2s_block;
    uint32_t reserved;
    const char *pretokenizer; /**< as in tern_tokenizer_desc */
} tern_model_desc;

#define TERN_MODEL_DESC_INIT                                                                       \
    { sizeof(tern_model_desc), 0, 0, NULL, NULL, NULL, 0, 0, NULL }

/** How the hidden states of a text become one vector (tern/embed.h). */
typedef uint32_t tern_pooling;

enum {                         /* what a GGUF file has at <architecture>.pooling_type, plus 1 */
       TERN_POOLING_MODEL = 0, /**< the model's own; in tern_model_info: its file does not say */
       TERN_POOLING_NONE = 1,
       TERN_POOLING_MEAN = 2,
       TERN_POOLING_CLS = 3,
       TERN_POOLING_LAST = 4
};

/** What a model is. Plain data. */
typedef struct tern_model_info {
    uint32_t struct_size; /**< set by the caller */
    uint32_t layers;
    uint32_t width; /**< of the hidden state */
    uint32_t ffn_width;
    uint32_t heads;
    uint32_t kv_heads;
    uint32_t head_dim;
    uint32_t vocabulary;
    uint32_t context; /**< positions the model was made for */
    tern_dtype head;  /**< of the output matrix as it is held */
    uint64_t parameters;
    uint64_t weight_bytes; /**< device memory of all weights, as canonical rows */
    char architecture[32];
    char name[128];
    uint64_t fingerprint; /**< of the file's hyper-parameters, table of tensors and samples of
                             their bytes: two models that differ have different ones, but for the
                             intent to deceive */
    tern_pooling pooling; /**< of embedding models; larger than TERN_POOLING_LAST: not known */
    uint32_t reserved;
} tern_model_info;

/**
 * Element type of a session's cache. I8 takes head_dim + 4 bytes for each key and value, half of
 * what F16 takes: each becomes integers times a scale, none of its elements further off than 1/253
 * of its largest (tern/ops.h), where F16 rounds each element by 2^-11 of itself. In perplexity, of
 * 4096 tokens of TinyStories, that is 17.761 where F16 has 17.750 (the model that comes with tern,
 * heads of 64 elements), 5.2887 where it has 5.2885 (3M parameters, heads of 32), and 8.230 where
 * it has 8.201 (260K parameters, heads of 8); F32 has 17.750, 5.2878 and 8.199. I8 is for heads of
 * a multiple of 4 elements; others are UNSUPPORTED. The states of a recurrent network are F32,
 * whatever is asked for.
 */
typedef uint32_t tern_kv_type;

enum { TERN_KV_F16 = 0, TERN_KV_F32 = 1, TERN_KV_I8 = 2 };

TERN_BEGIN_DECLS

/** The architectures that can be loaded, by index: as general.architecture of a GGUF file names
 * them, then as the architectures of a config.json do. NULL past the last. Any thread. */
TERN_API const char *tern_architecture_name(uint32_t index);

/**
 * Loads the model in |source| onto |device|. Reads every weight once and keeps no copy on the host
 * that the device does not use. UNSUPPORTED names an architecture, tensor type or tokenizer that is
 * not known; NOT_FOUND a key or tensor that is missing; CORRUPT_DATA a wrong shape or value;
 * OUT_OF_MEMORY how much was asked for and is there; CANCELLED.
 */
TERN_API tern_status tern_model_load(tern_device *device, const tern_source *source,
                                     const tern_model_desc *desc, tern_model **out_model);

/** The same for an archive that is open already, such as one of several files; it is not needed
 * once loaded. */
TERN_API tern_status tern_model_load_archive(tern_device *device, const tern_archive *archive,
                                             const tern_model_desc *desc, tern_model **out_model);

/** Accepts NULL. */
TERN_API void tern_model_destroy(tern_model *model);

TERN_API tern_status tern_model_describe(const tern_model *model, tern_model_info *out_info);

/** Borrowed. */
TERN_API const tern_tokenizer *tern_model_tokenizer(const tern_model *model);

/** The template of conversations that its file has (see tern/chat.h); NULL: none. Borrowed. */
TERN_API const char *tern_model_chat_template(const tern_model *model);

/** Borrowed. */
TERN_API tern_device *tern_model_device(const tern_model *model);

TERN_END_DECLS

#endif
