// What the model layer asks of an opened archive beyond the public accessors: typed keys with
// defaults, tensors by name, whole arrays, and reading a tensor's bytes.
#ifndef TERN_RUNTIME_MODEL_ARCHIVE_H_
#define TERN_RUNTIME_MODEL_ARCHIVE_H_

#include <stdbool.h>

#include <tern/archive.h>

// Borrowed.
tern_context *tern__archive_context(const tern_archive *archive);
// Of its file or folder, for messages.
const char *tern__archive_name(const tern_archive *archive);

// The whole of another file of the folder ("tokenizer.json"), with a NUL behind it; tern__free it.
// NOT_FOUND without a message if there is no such file, or nothing beside the archive's one source.
tern_status tern__archive_file(const tern_archive *archive, const char *name, char **out_data,
                               size_t *out_size);

// The key that keeps the file |name| in a file that was made of a folder: an array of bytes or a
// string, which tern__archive_file then finds. False if it does not fit.
bool tern__archive_kept_key(const char *name, char *out, size_t capacity);

// Value of |key|, or |fallback| when there is no such key. CORRUPT_DATA names a key whose type or
// range is wrong. u32 takes any integer type that holds a value of its range, f32 takes F32 and
// F64. Strings are lent; one with a zero byte inside is refused.
tern_status tern__archive_u32(const tern_archive *archive, const char *key, uint32_t fallback,
                              uint32_t *out);
tern_status tern__archive_f32(const tern_archive *archive, const char *key, float fallback,
                              float *out);
tern_status tern__archive_bool(const tern_archive *archive, const char *key, bool fallback,
                               bool *out);
tern_status tern__archive_string(const tern_archive *archive, const char *key, const char *fallback,
                                 const char **out);

// The same for a key that must be there: NOT_FOUND with a message that names it.
tern_status tern__archive_need_u32(const tern_archive *archive, const char *key, uint32_t *out);
tern_status tern__archive_need_f32(const tern_archive *archive, const char *key, float *out);
tern_status tern__archive_need_string(const tern_archive *archive, const char *key,
                                      const char **out);

// An ARRAY entry as a span of the header; lent.
typedef struct tern__array {
    tern_value_type element;
    uint64_t count;
    const uint8_t *header; // strings: what |strings| counts from
    const uint8_t *data;   // other types: packed little-endian elements, not aligned
    const size_t *strings; // offset of each string
} tern__array;

// The array |key|, whose elements must be of type |element|. NOT_FOUND without a message when
// absent; CORRUPT_DATA for another type.
tern_status tern__archive_array(const tern_archive *archive, const char *key,
                                tern_value_type element, tern__array *out);
// NUL-terminated bytes of string |index| < count; |*out_size| of them before the NUL.
const char *tern__array_string(const tern__array *array, uint64_t index, size_t *out_size);
float tern__array_f32(const tern__array *array, uint64_t index);
int32_t tern__array_i32(const tern__array *array, uint64_t index);

// Fills all of |*out_info|, whatever its struct_size. NOT_FOUND without a message. O(log n).
tern_status tern__archive_find_tensor(const tern_archive *archive, const char *name,
                                      tern_tensor_info *out_info);

// Bytes [offset, offset + size) of the tensor, as they lie in the source. OUT_OF_RANGE past its
// end, IO and whatever else the source returns.
tern_status tern__archive_read(const tern_archive *archive, const tern_tensor_info *info,
                               uint64_t offset, void *data, size_t size);

// The one scale of an I2_S tensor. CORRUPT_DATA names a tensor whose scale is 0, NaN or infinite.
tern_status tern__archive_i2s_scale(const tern_archive *archive, const tern_tensor_info *info,
                                    float *out_scale);

#endif
