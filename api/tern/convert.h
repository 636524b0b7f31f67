// Copyright (c) 2026 the tern authors
// SPDX-License-Identifier: MIT
#ifndef TERN_CONVERT_H_
#define TERN_CONVERT_H_

#include <tern/archive.h>
#include <tern/cancel.h>
#include <tern/sink.h>

/**
 * Writes a model as a GGUF file of version 3, its matrices in another type. Keys and the tensors
 * that are not converted are copied byte for byte, in the order of the archive; a model that is
 * converted to its own type is the same model, and one that is converted back is the same again,
 * but for scales over weights that are all zero and for bytes that mean nothing.
 *
 * What a ternary type makes of a matrix of ternary type, and of a float matrix of a layer
 * ("blk.N.NAME.weight") whose values are all -s, 0 or +s with an s for each 64 columns at most:
 *
 *  - weights are exact, always, and every scale is kept where the type can hold it. The types of
 *    blocks hold one scale a block as float16; where the matrix has one scale, or one a row, that
 *    float16 has not, the blocks get 1 and a float32 tensor `NAME.scale` gets the scales ([1] or
 *    [rows]; other runtimes read [1] only). I2_S holds one float32, a `.scale` beside it the rows'.
 *    A `.scale` of the archive goes into the weights' own, but from blocks to blocks stays aside.
 *  - scales that the type cannot hold even so are lost information: with TERN_CONVERT_LOSSY each
 *    becomes the mean size of the weights under it that are not 0, rounded to what is held.
 *  - a type whose blocks do not suit the rows is UNSUPPORTED.
 *
 * A dense type (f32, f16, bf16, q8_0) takes every matrix; a scale beside it goes into the weights.
 * Information is lost where a value is not held exactly, and where the answers would not be the
 * same with the same values: as F32, weights of other dense types that neither float16 nor bfloat16
 * holds; weights that are held rounded (Q4_K to Q6_K); and weights of layers that become dense, or
 * are dense no more, under the key `tern.weights` = absmean. Vectors stay as they are.
 *
 * Types that GGUF does not have (packed Hugging Face folders, BitMat) become TQ2_0, where blocks of
 * 256 do not suit Q2_0, and else F32. The keys `split.*` and `tern.scale` are left out: the result
 * is whole, its scales direct. `general.file_type`, where there is one, names the new type. Of a
 * folder the files that say what its tokens are become keys (tokenizer.json that of GGUF,
 * `tokenizer.huggingface.json`, others `tern.file.NAME`), which this library reads as those files;
 * keys `tern.*` that say how its network computes stay, and other runtimes do not know them.
 */

/** What scales absmean makes. */
typedef uint32_t tern_convert_scale;

enum {
    TERN_CONVERT_SCALE_TENSOR = 0, /**< one for the matrix; not for a stack of experts */
    TERN_CONVERT_SCALE_ROW = 1,    /**< one for each row */
    TERN_CONVERT_SCALE_GROUP = 2   /**< one for each block of the type; not for i2_s */
};

enum {
    TERN_CONVERT_LOSSY = 1u << 0, /**< go on where information is lost */
    /**
     * Float matrices of layers, but for those that choose experts ("ffn_gate_inp"), become ternary,
     * as does the output matrix of hgrn-bit, which is a layer like its others: with m the mean of
     * |w| over what shares a scale, added up in double precision in ascending order of rows and
     * columns and rounded to float32, 1e-5 at least, and f = 1 / m in float32,
     *
     *     code = clamp(round half even(w * f), -1, 1), scale = 1 / f
     *
     * as BitNet b1.58 has it. Scales of blocks are then rounded to float16. The key `tern.weights`
     * is left out.
     */
    TERN_CONVERT_ABSMEAN = 1u << 1
};

/** Called while a model is converted, on the calling thread, with what is done of what is to do.
 * Returning 0 stops it: CANCELLED. */
typedef int32_t (*tern_convert_progress_fn)(void *user, uint64_t done_bytes, uint64_t total_bytes);

/** Opens the sink of the file |name| of a folder, or of one in it: 1_Pooling/config.json. */
typedef tern_status (*tern_sink_open_fn)(void *user, const char *name, tern_sink *out_sink);

/** How a model is converted. Zero is a sensible value of every member. */
typedef struct tern_convert_desc {
    uint32_t struct_size; /**< sizeof(tern_convert_desc) */
    uint32_t flags;       /**< TERN_CONVERT_* */
    /** "tq1_0", "tq2_0", "i2_s", "q2_0" (groups of 64), "pq2_0", "ptq1_0" (128 both), "f32", "f16",
     * "bf16", "q8_0", in either case; NULL: as they are, and tq2_0 for what absmean makes. */
    const char *type;
    tern_convert_scale scale; /**< with TERN_CONVERT_ABSMEAN */
    uint32_t i2s_block;       /**< as in tern_model_desc; --type i2_s writes blocks of 128 */
    tern_convert_progress_fn progress; /**< may be NULL */
    void *progress_user;
    const tern_cancel *cancelled_by; /**< stops it from another thread; may be NULL */
} tern_convert_desc;

#define TERN_CONVERT_DESC_INIT                                                                     \
    { sizeof(tern_convert_desc), 0, NULL, 0, 0, NULL, NULL, NULL }

TERN_BEGIN_DECLS

/**
 * Converts |archive| as |desc| says (NULL: all defaults) and writes the file to |sink|, which the
 * caller closes, to keep it if this returned OK. Every matrix that is converted is read twice,
 * before anything is written to see what becomes of it; memory for a few rows and one number a row
 * is taken, not for a matrix.
 *
 * INVALID_ARGUMENT for a type that is not known, a scale that a type cannot have, or where
 * information would be lost: which tensor, and what of it. UNSUPPORTED for a matrix that the type
 * cannot hold; CORRUPT_DATA for a code or a value that is none; OUT_OF_MEMORY; CANCELLED; and
 * whatever the archive's source and the sink return.
 *
 * Threads: any; archive and sink one at a time.
 */
TERN_API tern_status tern_convert(tern_context *context, const tern_archive *archive,
                                  const tern_convert_desc *desc, tern_sink *sink);

/**
 * Writes |archive| as a Hugging Face folder. |open| opens a sink for each file of it by name; all
 * are ended here, and kept if this returns OK. Of |desc| type and scale must be zero, as must
 * TERN_CONVERT_ABSMEAN.
 *
 * A file that tern_convert made of a folder becomes that folder again: names, types and order of
 * tensors are those it had, its other files (configuration, tokenizer) the same bytes. Where
 * |archive| is as tern_convert made it every file is the same, byte for byte, but for scales that
 * are not the inverse of their inverse and, from a ternary type, for zeros that had a sign.
 *
 * Of any other model a folder is made: config.json and generation_config.json from its keys,
 * tokenizer.json (byte-level BPE) or tokenizer.model (SentencePiece), tokenizer_config.json with
 * the chat template, and model.safetensors. Where each ternary matrix of its layers has one scale
 * they are packed as `quantization_config` says (bitnet, autobitlinear); else they are floats,
 * whose values say that they are ternary. Loaded again it gives the same logits, bit for bit. What
 * a folder cannot say is UNSUPPORTED and named. Where answers would change it takes
 * TERN_CONVERT_LOSSY: rotary pairs that lie side by side, as in llama files of other programs (the
 * folder has rows of heads in another order, and sums other last bits), types between float32 and
 * float16 (Q8_0), and a `pooling_type` but mean, cls and last, which are 1_Pooling/config.json.
 *
 * UNSUPPORTED also for a folder, and for tensors that no network reads; else as tern_convert.
 */
TERN_API tern_status tern_convert_folder(tern_context *context, const tern_archive *archive,
                                         const tern_convert_desc *desc, tern_sink_open_fn open,
                                         void *user);

TERN_END_DECLS

#endif
