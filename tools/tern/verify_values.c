// Stored values of a model's first layer: bytes of its embedding, its norm, its projections.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tern/verify.h"

// How far from a float32 runtime's values ours may be, as a relative L2 distance: a norm is summed
// in another order; one activation that rounds to its neighbour moves a projection by about 1e-3.
#define NORM_LIMIT 1e-5
#define PROJECTION_LIMIT 1e-2

// One tensor of the file, as it lies there.
typedef struct stored {
    tern_tensor_info info;
    uint8_t *bytes;
} stored;

static bool find_tensor(const tern_archive *archive, const char *name, tern_tensor_info *out) {
    for (uint64_t i = 0; i < tern_archive_tensor_count(archive); i++) {
        if (tern_archive_tensor(archive, i, out) == TERN_STATUS_OK &&
            strcmp(out->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool read_tensor(verify *self, const char *name, uint64_t offset, uint64_t size,
                        stored *out) {
    *out = (stored){.info = {.struct_size = sizeof out->info}};
    tern_source source;
    if (!find_tensor(self->archive, name, &out->info) ||
        tern_source_open_file(self->host->context, self->model, &source) != TERN_STATUS_OK) {
        return false;
    }
    size = size ? size : out->info.size;
    out->bytes = offset + size <= out->info.size ? malloc(size) : NULL;
    bool done = out->bytes && source.read_at(source.user, out->info.offset + offset, out->bytes,
                                             size) == TERN_STATUS_OK;
    tern_source_close(&source);
    return done;
}

static int hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool equals_hex(const uint8_t *bytes, size_t size, const cJSON *hex) {
    const char *text = cJSON_IsString(hex) ? hex->valuestring : "";
    if (strlen(text) != 2 * size) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if (hex_digit(text[2 * i]) * 16 + hex_digit(text[2 * i + 1]) != bytes[i]) {
            return false;
        }
    }
    return true;
}

// The values of an array, |*out_count| of them; the caller's to free. NULL if it is none.
static float *read_floats(const cJSON *list, uint32_t *out_count) {
    *out_count = (uint32_t)cJSON_GetArraySize(list);
    float *values = cJSON_IsArray(list) && *out_count ? calloc(*out_count, sizeof *values) : NULL;
    const cJSON *value;
    uint32_t i = 0;
    cJSON_ArrayForEach(value, list) {
        if (values) {
            values[i++] = (float)value->valuedouble;
        }
    }
    return values;
}

static double distance(const float *got, const float *wanted, uint32_t count) {
    double difference = 0.0, size = 0.0;
    for (uint32_t i = 0; i < count; i++) {
        double d = (double)got[i] - (double)wanted[i];
        difference += d * d;
        size += (double)wanted[i] * (double)wanted[i];
    }
    return size > 0.0 ? sqrt(difference / size) : INFINITY;
}

static const cJSON *member(const cJSON *object, const char *name) {
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static uint32_t number(const cJSON *object, const char *name) {
    const cJSON *value = member(object, name);
    return cJSON_IsNumber(value) && value->valuedouble >= 0 ? (uint32_t)value->valuedouble : 0;
}

// The rows that the data has are byte for byte those of the file.
static void check_embedding(verify *self, const cJSON *cases) {
    const cJSON *item;
    uint32_t right = 0, count = 0;
    cJSON_ArrayForEach(item, cases) {
        stored row = {.bytes = NULL};
        const cJSON *raw = member(item, "raw");
        uint32_t bytes = number(raw, "row_size_bytes");
        uint64_t offset = (uint64_t)number(item, "token_id") * bytes;
        right += bytes && read_tensor(self, "token_embd.weight", offset, bytes, &row) &&
                 equals_hex(row.bytes, bytes, member(raw, "row_bytes_hex"));
        free(row.bytes);
        count++;
    }
    verify_line(self, count && right == count, "embedding rows", "%u of %u have the stored bytes",
                right, count);
}

// Element n of 128 lies in byte n % 32 of 32, from bit 6 - 2 * (n / 32) on; t2 has four neighbours
// in a byte, the first lowest.
static void codes_of_i2s(const uint8_t *bytes, uint64_t count, uint8_t *codes) {
    memset(codes, 0, count / 4);
    for (uint64_t n = 0; n < count; n++) {
        uint64_t in = n % 128;
        uint32_t code = bytes[n / 128 * 32 + in % 32] >> (6 - 2 * (in / 32)) & 3u;
        codes[n / 4] |= (uint8_t)(code << 2 * (n % 4));
    }
}

static tern_status make_weights(verify *self, const stored *matrix, tern_weights **out) {
    uint64_t count = matrix->info.shape[0] * matrix->info.shape[1];
    uint8_t *codes = malloc(count / 4);
    float scale;
    memcpy(&scale, matrix->bytes + count / 4, sizeof scale);
    tern_weights_desc desc = {.struct_size = sizeof desc,
                              .info = {.struct_size = sizeof desc.info,
                                       .dtype = TERN_DTYPE_T2,
                                       .rows = (uint32_t)matrix->info.shape[1],
                                       .cols = (uint32_t)matrix->info.shape[0],
                                       .scale_kind = TERN_SCALE_TENSOR,
                                       .scale = scale,
                                       .usage = TERN_WEIGHTS_MATMUL},
                              .codes = codes,
                              .name = matrix->info.name};
    tern_status status = TERN_STATUS_OUT_OF_MEMORY;
    if (codes) {
        codes_of_i2s(matrix->bytes, count, codes);
        status = tern_weights_create(self->loaded.device, &desc, out);
    }
    free(codes);
    return status;
}

// A vector on the device.
typedef struct vector {
    tern_buffer *buffer;
    tern_tensor row;   // [1, size]
    tern_tensor whole; // [size]
} vector;

static tern_status make_vector(verify *self, const float *values, uint32_t size, vector *out) {
    const uint32_t shape[] = {1, size};
    tern_status status =
        tern_buffer_create(self->loaded.device, size * sizeof(float), &out->buffer);
    if (status == TERN_STATUS_OK && values) {
        status = tern_buffer_upload(out->buffer, 0, values, size * sizeof(float));
    }
    if (status == TERN_STATUS_OK) {
        out->row = tern_tensor_make(out->buffer, 0, TERN_DTYPE_F32, 2, shape);
        out->whole = tern_tensor_make(out->buffer, 0, TERN_DTYPE_F32, 1, shape + 1);
    }
    return status;
}

// Runs the list that |append| makes, once.
static tern_status run_op(verify *self, const void *desc,
                          tern_status (*append)(tern_commands *, const void *)) {
    tern_commands *commands = NULL;
    tern_program *program = NULL;
    tern_commands_desc list = {.struct_size = sizeof list};
    tern_fence fence = {NULL, 0};
    tern_status status = tern_commands_create(self->loaded.device, &list, &commands);
    status = status ? status : append(commands, desc);
    status = status ? status : tern_commands_finish(commands, &program);
    status = status ? status : tern_program_submit(program, NULL, &fence);
    status = status ? status : tern_fence_wait(fence, UINT64_MAX);
    tern_program_destroy(program);
    tern_commands_destroy(commands);
    return status;
}

static tern_status append_norm(tern_commands *commands, const void *desc) {
    return tern_cmd_rms_norm(commands, desc);
}

static tern_status append_bitlinear(tern_commands *commands, const void *desc) {
    return tern_cmd_bitlinear(commands, desc);
}

// What is compared in one case of the data.
typedef struct layer {
    vector x;
    vector norm;
    float eps;
} layer;

static void compare(verify *self, const char *what, tern_status status, const vector *out,
                    const float *wanted, uint32_t count, double limit) {
    float *got = calloc(count, sizeof *got);
    if (status == TERN_STATUS_OK && got) {
        status = tern_buffer_download(out->buffer, 0, got, count * sizeof *got);
    }
    if (status != TERN_STATUS_OK || !got) {
        verify_line(self, false, what, "%s", tern_last_error_message());
    } else {
        double off = distance(got, wanted, count);
        verify_line(self, off <= limit, what, "%.1e from the stored values, at most %.0e expected",
                    off, limit);
    }
    free(got);
}

static void check_norm(verify *self, const layer *l, const cJSON *item) {
    uint32_t count = 0;
    vector out = {0};
    float *wanted = read_floats(member(member(item, "first_layer_rms_norm"), "values"), &count);
    char what[64];
    snprintf(what, sizeof what, "first norm of token %u", number(item, "token_id"));
    tern_status status = make_vector(self, NULL, count ? count : 1, &out);
    tern_rms_norm_desc desc = {
        .x = l->x.row, .weight = l->norm.whole, .eps = l->eps, .out = out.row};
    status = status ? status : run_op(self, &desc, append_norm);
    compare(self, what, status, &out, wanted ? wanted : &l->eps, wanted ? count : 1, NORM_LIMIT);
    tern_buffer_destroy(out.buffer);
    free(wanted);
}

static void check_projection(verify *self, const layer *l, const cJSON *item, const char *tensor,
                             const char *values) {
    uint32_t count = 0;
    vector out = {0};
    stored matrix;
    tern_weights *weights = NULL;
    char what[96];
    snprintf(what, sizeof what, "%s of token %u", tensor, number(item, "token_id"));
    float *wanted = read_floats(member(member(item, "first_layer_attn_qkv"), values), &count);
    bool found = wanted && read_tensor(self, tensor, 0, 0, &matrix) &&
                 strcmp(matrix.info.type_name, "I2_S") == 0 && matrix.info.shape[1] == count;
    if (!found) {
        verify_line(self, false, what, "no I2_S tensor of %u rows", count);
    } else {
        tern_status status = make_weights(self, &matrix, &weights);
        status = status ? status : make_vector(self, NULL, count, &out);
        tern_bitlinear_desc desc = {.x = l->x.row,
                                    .norm = TERN_NORM_RMS,
                                    .norm_eps = l->eps,
                                    .norm_weight = l->norm.whole,
                                    .weights = weights,
                                    .out = out.row};
        status = status ? status : run_op(self, &desc, append_bitlinear);
        compare(self, what, status, &out, wanted, count, PROJECTION_LIMIT);
    }
    tern_weights_destroy(weights);
    tern_buffer_destroy(out.buffer);
    free(wanted ? matrix.bytes : NULL);
    free(wanted);
}

static void check_case(verify *self, const layer *shared, const cJSON *item) {
    layer l = *shared;
    uint32_t width = 0;
    float *x = read_floats(member(member(item, "dequantized"), "values"), &width);
    if (x && width == l.norm.whole.shape[0] &&
        make_vector(self, x, width, &l.x) == TERN_STATUS_OK) {
        check_norm(self, &l, item);
        check_projection(self, &l, item, "blk.0.attn_q.weight", "qcur");
        check_projection(self, &l, item, "blk.0.attn_k.weight", "kcur");
        check_projection(self, &l, item, "blk.0.attn_v.weight", "vcur");
    } else {
        verify_line(self, false, "first layer", "the stored row has %u values", width);
    }
    tern_buffer_destroy(l.x.buffer);
    free(x);
}

static void check_layer(verify *self, const cJSON *values) {
    stored norm;
    layer l = {.eps = (float)cJSON_GetNumberValue(
                   member(member(values, "first_layer_rms_norm_metadata"), "eps"))};
    bool found = read_tensor(self, "blk.0.attn_norm.weight", 0, 0, &norm) &&
                 strcmp(norm.info.type_name, "F32") == 0;
    verify_line(self,
                found &&
                    equals_hex(norm.bytes, (size_t)norm.info.size,
                               member(member(member(member(values, "first_layer_rms_norm_metadata"),
                                                    "weight"),
                                             "raw"),
                                      "tensor_bytes_hex")),
                "first norm's weights", "the stored bytes");
    if (found && make_vector(self, (const float *)(const void *)norm.bytes,
                             (uint32_t)norm.info.shape[0], &l.norm) == TERN_STATUS_OK) {
        const cJSON *item;
        cJSON_ArrayForEach(item, member(values, "test_cases")) {
            check_case(self, &l, item);
        }
    }
    tern_buffer_destroy(l.norm.buffer);
    free(norm.bytes);
}

void verify_values(verify *self) {
    cJSON *rows = verify_json(self, "bitnet2b-reference/embedding_vectors.json", "embedding rows");
    if (rows) {
        check_embedding(self, member(rows, "test_cases"));
    }
    cJSON_Delete(rows);
    cJSON *values = verify_json(self, "bitnet2b-reference/layer_vectors.json", "first layer");
    if (values) {
        check_layer(self, values);
    }
    cJSON_Delete(values);
}
