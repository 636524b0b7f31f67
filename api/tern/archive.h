// Copyright (c) 2026 the tern authors
// SPDX-License-Identifier: MIT
#ifndef TERN_ARCHIVE_H_
#define TERN_ARCHIVE_H_

#include <tern/source.h>

/**
 * A model opened for reading: its metadata and its table of tensors, checked, without loading any
 * tensor. Formats: GGUF version 2 and 3, in one file or split over several; Hugging Face folders of
 * config.json and safetensors, whose keys and tensors then have the names that GGUF gives them.
 *
 * Ownership: destroy before the source is closed, if the caller opened one. Strings and pointers it
 * lends live as long as it does.
 *
 * Threads: immutable once open: any thread.
 */
typedef struct tern_archive tern_archive;

/** Type of a metadata value; the numbers of GGUF. */
typedef uint32_t tern_value_type;

enum {
    TERN_VALUE_U8 = 0,
    TERN_VALUE_I8 = 1,
    TERN_VALUE_U16 = 2,
    TERN_VALUE_I16 = 3,
    TERN_VALUE_U32 = 4,
    TERN_VALUE_I32 = 5,
    TERN_VALUE_F32 = 6,
    TERN_VALUE_BOOL = 7,
    TERN_VALUE_STRING = 8,
    TERN_VALUE_ARRAY = 9,
    TERN_VALUE_U64 = 10,
    TERN_VALUE_I64 = 11,
    TERN_VALUE_F64 = 12
};

/** One metadata entry, or one element of an array. Plain data; the member that counts follows from
 * |type|. */
typedef struct tern_value {
    uint32_t struct_size; /**< set by the caller */
    tern_value_type type;
    tern_value_type element; /**< of an ARRAY */
    uint32_t reserved;
    uint64_t count;     /**< of an ARRAY; bytes of a STRING */
    uint64_t u;         /**< U8 to U64, BOOL */
    int64_t i;          /**< I8 to I64 */
    double f;           /**< F32, F64 */
    const char *key;    /**< NUL-terminated; NULL for an element */
    const char *string; /**< STRING: |count| bytes, NUL-terminated, not necessarily UTF-8 */
} tern_value;

/** One tensor. Plain data. */
typedef struct tern_tensor_info {
    uint32_t struct_size; /**< set by the caller */
    uint32_t type;        /**< number in the file; i2_s and its namesakes already told apart */
    const char *name;
    const char *type_name; /**< "I2_S", "TQ1_0", "F16", ... */
    uint32_t rank;
    uint32_t supported; /**< 1 if models may use the type */
    uint64_t shape[4];  /**< fastest first, as in the file; 1 past the rank */
    uint64_t offset;    /**< in its file, bytes */
    uint64_t size;      /**< bytes */
    uint64_t index;     /**< in the archive */
    const char *file;   /**< the name of the source it lies in */
} tern_tensor_info;

TERN_BEGIN_DECLS

/**
 * Reads and checks header and tables of |source|, which must stay open and in place. Memory use is
 * bounded by the file's size. CORRUPT_DATA says what is wrong and at which offset, INCOMPATIBLE for
 * a version that is not known, UNSUPPORTED for one part of a split and for
 * safetensors.
 */
TERN_API tern_status tern_archive_open(tern_context *context, const tern_source *source,
                                       tern_archive **out_archive);

/**
 * Opens a model that may take several files. |name| is a GGUF file, of a split any part
 * ("model-00001-of-00003.gguf"; the keys come from the first part, the tensors from all); or a file
 * of a Hugging Face folder, or "" for such a folder. Safetensors without a config.json beside them
 * have tensors, but no keys, and cannot be loaded. |files| is copied; what it points to must
 * outlive the archive, which opens, keeps and closes what it needs.
 *
 * NOT_FOUND names a file or a key that is missing; CORRUPT_DATA says what is wrong or which parts
 * contradict each other; UNSUPPORTED names an architecture, a way of quantising or a key of
 * config.json that is not known and may change the results; else as tern_archive_open.
 */
TERN_API tern_status tern_archive_open_files(tern_context *context, const tern_files *files,
                                             const char *name, tern_archive **out_archive);

/** The same for a file or a Hugging Face folder of the system at |path|; other files are looked for
 * beside the first. */
TERN_API tern_status tern_archive_open_path(tern_context *context, const char *path,
                                            tern_archive **out_archive);

/** Accepts NULL. */
TERN_API void tern_archive_destroy(tern_archive *archive);

TERN_API uint64_t tern_archive_value_count(const tern_archive *archive);
TERN_API uint64_t tern_archive_tensor_count(const tern_archive *archive);

/** Metadata entry |index| in the file's order. OUT_OF_RANGE past the end. */
TERN_API tern_status tern_archive_value(const tern_archive *archive, uint64_t index,
                                        tern_value *out_value);

/** The entry called |key|; NOT_FOUND without an error message, since most keys are optional. */
TERN_API tern_status tern_archive_find(const tern_archive *archive, const char *key,
                                       tern_value *out_value);

/** Element |index| of the ARRAY entry called |key|; NOT_FOUND without an error message,
 * INVALID_ARGUMENT for another type, OUT_OF_RANGE past the end. */
TERN_API tern_status tern_archive_element(const tern_archive *archive, const char *key,
                                          uint64_t index, tern_value *out_value);

/** Tensor |index| in the order of the file, or files. OUT_OF_RANGE past the end. */
TERN_API tern_status tern_archive_tensor(const tern_archive *archive, uint64_t index,
                                         tern_tensor_info *out_info);

TERN_END_DECLS

#endif
