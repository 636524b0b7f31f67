// What passes on its way to a device: conversions to canonical rows, flushes, and what is refused.
#include "tests/harness/bare_context.h"

#include <math.h>

#include <tern/device.h>
#include <tern/weights.h>

#include "runtime/status.h"
#include "runtime/weights.h"
#include "tests/harness/stub_backend.h"

static stub_config config = {.device_count = 1};
static stub_config reference_config = {.device_count = 1};

STUB_BACKEND(plain, "stub", 0, config)
STUB_BACKEND(falling, "falling", TERN_BACKEND_FALLBACK, config)
STUB_BACKEND(reference, "reference", TERN_BACKEND_REFERENCE, reference_config)

static tern_device *open_device(const char *backend, bare_log *log) {
    tern_context *context = bare_context(TERN_CONTEXT_IGNORE_ENV, log);
    assert_int_equal(tern_context_register(context, plain_query), TERN_STATUS_OK);
    assert_int_equal(tern_context_register(context, falling_query), TERN_STATUS_OK);
    assert_int_equal(tern_context_register(context, reference_query), TERN_STATUS_OK);
    tern_device_desc desc = TERN_DEVICE_DESC_INIT;
    tern_device *device = NULL;
    desc.backends = backend;
    assert_int_equal(tern_device_open(context, &desc, &device), TERN_STATUS_OK);
    return device;
}

static void close_device(tern_device *device) {
    tern_context *context = tern_device_context(device);
    tern_device_close(device);
    tern_context_destroy(context);
    config = (stub_config){.device_count = 1};
}

static tern_weights_desc describe(tern_dtype dtype, uint32_t rows, uint32_t cols,
                                  tern_scale_kind kind) {
    tern_weights_desc desc = {.struct_size = sizeof desc, .name = "w"};
    desc.info = (tern_weights_info){
        .struct_size = sizeof desc.info,
        .dtype = dtype,
        .rows = rows,
        .cols = cols,
        .scale_kind = kind,
        .group_size = kind == TERN_SCALE_GROUP ? 64 : 0,
        .scale = kind == TERN_SCALE_TENSOR ? 0.5f : 0.0f,
        .usage = TERN_WEIGHTS_MATMUL,
    };
    return desc;
}

// Creates on the stub, which then behaves as |behaviour| says; on success the exported rows are in
// |codes| and |scales|.
static tern_status pass_with(stub_config behaviour, const tern_weights_desc *desc, void *codes,
                             float *scales) {
    tern_device *device = open_device("stub", NULL);
    config = behaviour; // not before, because opening probes the device
    tern_weights *weights = NULL;
    tern_status status = tern_weights_create(device, desc, &weights);
    if (status == TERN_STATUS_OK) {
        assert_int_equal(tern_weights_export(weights, 0, desc->info.rows, codes, scales),
                         TERN_STATUS_OK);
    } else {
        assert_null(weights);
    }
    tern_weights_destroy(weights);
    close_device(device);
    return status;
}

static tern_status pass(const tern_weights_desc *desc, void *codes, float *scales) {
    return pass_with((stub_config){0}, desc, codes, scales);
}

static void assert_corrupt(const tern_weights_desc *desc, const char *message) {
    assert_int_equal(pass(desc, NULL, NULL), TERN_STATUS_CORRUPT_DATA);
    assert_string_equal(tern_last_error_message(), message);
}

static void assert_bytes(const void *got, const uint8_t *wanted, size_t size) {
    assert_memory_equal(got, wanted, size);
}

static void t2_pads_become_zero_weights(void **state) {
    (void)state;
    const uint8_t codes[] = {0x24, 0xfe, 0x24, 0x02}; // 5 columns: 0 1 2 0, 2 and junk
    const uint8_t wanted[] = {0x24, 0x56, 0x24, 0x56};
    uint8_t got[4];
    tern_weights_desc desc = describe(TERN_DTYPE_T2, 2, 5, TERN_SCALE_TENSOR);
    desc.codes = codes;
    assert_int_equal(pass(&desc, got, NULL), TERN_STATUS_OK);
    assert_bytes(got, wanted, sizeof wanted);
}

static void t5_becomes_t2(void **state) {
    (void)state;
    // 7 columns: -1 0 1 1 0 | 1 -1 and a pad; 81*0 + 27*1 + 9*2 + 3*2 + 1 = 52, 81*2 + 27*0 + 9 + 3
    // + 1
    const uint8_t codes[] = {52, 175, 242, 0};
    // codes 0 1 2 2, 1 2 0 and a pad of 1; then 2 2 2 2, 2 0 0 and the pad
    const uint8_t wanted[] = {0xa4, 0x49, 0xaa, 0x42};
    uint8_t got[4];
    tern_weights_desc desc = describe(TERN_DTYPE_T5, 2, 7, TERN_SCALE_TENSOR);
    desc.codes = codes;
    assert_int_equal(pass(&desc, got, NULL), TERN_STATUS_OK);
    assert_bytes(got, wanted, sizeof wanted);
}

static void b1_becomes_t2(void **state) {
    (void)state;
    const uint8_t codes[] = {0x35, 0xff, 0x00, 0x00}; // 9 columns: 1 0 1 0 1 1 0 0, 1
    const uint8_t wanted[] = {0x22, 0x0a, 0x56, 0x00, 0x00, 0x54};
    uint8_t got[6];
    tern_weights_desc desc = describe(TERN_DTYPE_B1, 2, 9, TERN_SCALE_TENSOR);
    desc.codes = codes;
    assert_int_equal(pass(&desc, got, NULL), TERN_STATUS_OK);
    assert_bytes(got, wanted, sizeof wanted);
}

static void dense_values_are_flushed(void **state) {
    (void)state;
    const float least = 8.8817841970012523e-16f; // 2^-50
    const float f32[] = {1.0f, -0.0f, 1e-20f, least, -least, nextafterf(least, 0.0f)};
    const float f32_wanted[] = {1.0f, 0.0f, 0.0f, least, -least, 0.0f};
    float f32_got[6];
    tern_weights_desc desc = describe(TERN_DTYPE_F32, 2, 3, TERN_SCALE_NONE);
    desc.codes = f32;
    assert_int_equal(pass(&desc, f32_got, NULL), TERN_STATUS_OK);
    assert_memory_equal(f32_got, f32_wanted, sizeof f32_got);

    const uint16_t f16[] = {0x8000, 0x0001, 0x8001, 0x7777};
    const uint16_t f16_wanted[] = {0x0000, 0x0001, 0x8001, 0x0000};
    uint16_t f16_got[4];
    desc = describe(TERN_DTYPE_F16, 1, 3, TERN_SCALE_NONE);
    desc.codes = f16;
    assert_int_equal(pass(&desc, f16_got, NULL), TERN_STATUS_OK);
    assert_memory_equal(f16_got, f16_wanted, sizeof f16_got);

    const uint16_t bf16[] = {0x8000, 0x267f, 0xa680, 0x7f80};
    const uint16_t bf16_wanted[] = {0x0000, 0x0000, 0xa680, 0x0000};
    uint16_t bf16_got[4];
    desc = describe(TERN_DTYPE_BF16, 1, 3, TERN_SCALE_NONE);
    desc.codes = bf16;
    assert_int_equal(pass(&desc, bf16_got, NULL), TERN_STATUS_OK);
    assert_memory_equal(bf16_got, bf16_wanted, sizeof bf16_got);
}

static void q8_0_scales_are_flushed_and_pads_zero(void **state) {
    (void)state;
    uint8_t blocks[68];
    uint8_t wanted[68];
    uint8_t got[68];
    memset(blocks, 0x81, sizeof blocks);
    blocks[0] = 0x00, blocks[1] = 0x80; // -0
    memcpy(wanted, blocks, sizeof wanted);
    wanted[1] = 0x00;
    memset(wanted + 34 + 2 + 1, 0, 31); // the second block has one column
    tern_weights_desc desc = describe(TERN_DTYPE_Q8_0, 1, 33, TERN_SCALE_NONE);
    desc.codes = blocks;
    assert_int_equal(pass(&desc, got, NULL), TERN_STATUS_OK);
    assert_memory_equal(got, wanted, sizeof got);
}

static void invalid_codes(void **state) {
    (void)state;
    uint8_t t2[2 * 25];
    memset(t2, 0x55, sizeof t2);
    t2[25 + 17] = 0x75; // codes 1 1 3 1
    tern_weights_desc desc = describe(TERN_DTYPE_T2, 2, 100, TERN_SCALE_TENSOR);
    desc.codes = t2;
    assert_corrupt(&desc, "weights 'w': row 1, column 70: code 3 is no weight");
    const uint8_t t5[] = {0, 243};
    desc = describe(TERN_DTYPE_T5, 1, 9, TERN_SCALE_TENSOR);
    desc.codes = t5;
    assert_corrupt(&desc, "weights 'w': row 0, column 5: byte 243 is above 242");
}

static void invalid_values(void **state) {
    (void)state;
    float f32[4] = {0.0f, 0.0f, 0.0f, INFINITY};
    tern_weights_desc desc = describe(TERN_DTYPE_F32, 2, 2, TERN_SCALE_NONE);
    desc.codes = f32;
    desc.name = NULL;
    assert_corrupt(&desc, "weights 'weights': row 1, column 1: the value is NaN or infinite");
    const uint16_t f16[] = {0, 0x7c01};
    desc = describe(TERN_DTYPE_F16, 1, 2, TERN_SCALE_NONE);
    desc.codes = f16;
    assert_corrupt(&desc, "weights 'w': row 0, column 1: the value is NaN or infinite");
    const uint16_t bf16[] = {0xff80, 0};
    desc = describe(TERN_DTYPE_BF16, 1, 2, TERN_SCALE_NONE);
    desc.codes = bf16;
    assert_corrupt(&desc, "weights 'w': row 0, column 0: the value is NaN or infinite");
    uint8_t q8[34] = {0x00, 0x7c};
    desc = describe(TERN_DTYPE_Q8_0, 1, 32, TERN_SCALE_NONE);
    desc.codes = q8;
    assert_corrupt(&desc, "weights 'w': row 0, column 0: the block's scale is NaN or infinite");
}

static void scales_are_checked(void **state) {
    (void)state;
    uint8_t codes[2 * 25];
    float scales[4] = {1.0f, 2.0f, 3.0f, NAN};
    memset(codes, 0x55, sizeof codes);
    tern_weights_desc desc = describe(TERN_DTYPE_T2, 2, 100, TERN_SCALE_GROUP);
    desc.codes = codes;
    desc.scales = scales;
    assert_corrupt(&desc, "weights 'w': row 1, column 64: the scale is NaN or infinite");
    scales[3] = 1e-20f;
    codes[25 + 24] = 0x65; // codes 1 1 2 1
    assert_corrupt(&desc, "weights 'w': row 1, column 98: the scale is 0 but the weight is not");
    codes[25 + 24] = 0x55;
    uint8_t got[sizeof codes];
    float got_scales[4];
    const float wanted_scales[] = {1.0f, 2.0f, 3.0f, 1.0f};
    assert_int_equal(pass(&desc, got, got_scales), TERN_STATUS_OK);
    assert_memory_equal(got_scales, wanted_scales, sizeof wanted_scales);
    scales[0] = -0.0f;
    scales[1] = -4.0f;
    desc.info.scale_kind = TERN_SCALE_ROW;
    desc.info.group_size = 0;
    codes[0] = 0x54;
    assert_corrupt(&desc, "weights 'w': row 0, column 0: the scale is 0 but the weight is not");
    codes[0] = 0x55;
    assert_int_equal(pass(&desc, got, got_scales), TERN_STATUS_OK);
    assert_true(got_scales[0] == 1.0f && got_scales[1] == -4.0f);
}

static void the_scale_of_a_matrix(void **state) {
    (void)state;
    uint8_t codes[] = {0x55, 0x55};
    tern_weights_desc desc = describe(TERN_DTYPE_T2, 2, 4, TERN_SCALE_TENSOR);
    desc.codes = codes;
    desc.info.scale = INFINITY;
    assert_corrupt(&desc, "weights 'w': the scale is inf, expected a finite number");
    desc.info.scale = 0.0f;
    tern_device *device = open_device("stub", NULL);
    tern_weights *weights = NULL;
    tern_weights_info info = {.struct_size = sizeof info};
    assert_int_equal(tern_weights_create(device, &desc, &weights), TERN_STATUS_OK);
    assert_int_equal(tern_weights_describe(weights, &info), TERN_STATUS_OK);
    assert_true(info.scale == 1.0f);
    tern_weights_destroy(weights);
    close_device(device);
    codes[1] = 0x15;
    assert_corrupt(&desc, "weights 'w': row 1, column 3: the scale is 0 but the weight is not");
}

static void shapes_that_are_refused(void **state) {
    (void)state;
    static const uint8_t codes[64] = {0};
    static const struct {
        tern_weights_info info;
        const char *message;
    } cases[] = {
        {{0, TERN_DTYPE_I8, 1, 1, 0, 0, 0, 1},
         "weights 'w': dtype is 5, expected t2, t5, b1, f32, f16, bf16 or q8_0"},
        {{0, TERN_DTYPE_F32, 0, 1, 0, 0, 0, 1}, "weights 'w': rows is 0, expected at least 1"},
        {{0, TERN_DTYPE_F32, 1, 0, 0, 0, 0, 1}, "weights 'w': cols is 0, expected 1 to 16777215"},
        {{0, TERN_DTYPE_F32, 1, 1u << 24, 0, 0, 0, 1},
         "weights 'w': cols is 16777216, expected 1 to 16777215"},
        {{0, TERN_DTYPE_F32, 1, 1, TERN_SCALE_ROW, 0, 0, 1},
         "weights 'w': scale_kind of a dense type is 2, expected none"},
        {{0, TERN_DTYPE_T2, 1, 1, TERN_SCALE_NONE, 0, 0, 1},
         "weights 'w': scale_kind is 0, expected tensor, row or group"},
        {{0, TERN_DTYPE_T2, 1, 1, TERN_SCALE_GROUP, 32, 0, 1},
         "weights 'w': group_size is 32, expected 64, 128 or 256 with scales per group, else 0"},
        {{0, TERN_DTYPE_T2, 1, 1, TERN_SCALE_ROW, 64, 0, 1},
         "weights 'w': group_size is 64, expected 64, 128 or 256 with scales per group, else 0"},
        {{0, TERN_DTYPE_F32, 1, 1, 0, 0, 0, 4},
         "weights 'w': usage is 4, expected TERN_WEIGHTS_MATMUL, _GATHER or both"},
        {{0, TERN_DTYPE_T2, 1, 1, TERN_SCALE_ROW, 0, 0, 1},
         "weights 'w': scales is NULL and there is no read function"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tern_weights_desc desc = {.struct_size = sizeof desc, .name = "w", .codes = codes};
        desc.info = cases[i].info;
        desc.info.struct_size = sizeof desc.info;
        assert_int_equal(pass(&desc, NULL, NULL), TERN_STATUS_INVALID_ARGUMENT);
        assert_string_equal(tern_last_error_message(), cases[i].message);
    }
}

static void a_reserved_member_is_refused(void **state) {
    (void)state;
    const uint8_t code = 0;
    tern_weights_desc desc = describe(TERN_DTYPE_T2, 1, 1, TERN_SCALE_TENSOR);
    desc.codes = &code;
    desc.reserved = 1;
    assert_int_equal(pass(&desc, NULL, NULL), TERN_STATUS_INVALID_ARGUMENT);
    assert_string_equal(tern_last_error_message(), "tern_weights_desc: reserved is 1, must be 0");
}

// A source that counts its calls and checks that each row is asked for once.
typedef struct source {
    tern_dtype dtype;
    uint32_t cols;
    uint32_t next;
    uint32_t fail_at;
    bool silent;
} source;

static tern_status read_rows(void *user, uint32_t first, uint32_t count, void *codes,
                             float *scales) {
    source *s = user;
    assert_int_equal(first, s->next);
    if (s->fail_at && first + count > s->fail_at) {
        if (!s->silent) {
            tern__set_error("the source is gone");
        }
        return TERN_STATUS_IO;
    }
    memset(codes, 0, count * (size_t)tern_dtype_row_bytes(s->dtype, s->cols));
    for (uint32_t i = 0; i < count; i++) {
        scales[i] = (float)(first + i + 1);
    }
    s->next = first + count;
    return TERN_STATUS_OK;
}

// Any number of rows a call, and t5 in the runtime's own chunks: 700 rows of 2000 bytes.
static void a_source_is_read_once_in_order(void **state) {
    (void)state;
    static const struct {
        tern_dtype dtype;
        uint32_t chunk;
    } cases[] = {{TERN_DTYPE_T2, 3}, {TERN_DTYPE_T5, 0}, {TERN_DTYPE_T5, 301}, {TERN_DTYPE_B1, 7}};
    static uint8_t codes[700 * 2500];
    static float scales[700];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        source s = {.dtype = cases[i].dtype, .cols = 10000};
        tern_weights_desc desc = describe(s.dtype, 700, s.cols, TERN_SCALE_ROW);
        desc.read = read_rows;
        desc.user = &s;
        stub_config chunks = {.rows_per_read = cases[i].chunk};
        assert_int_equal(pass_with(chunks, &desc, codes, scales), TERN_STATUS_OK);
        assert_int_equal(s.next, 700);
        assert_true(scales[0] == 1.0f && scales[699] == 700.0f);
        assert_int_equal(codes[sizeof codes - 1], 0);
    }
}

static void a_source_that_fails(void **state) {
    (void)state;
    source s = {.dtype = TERN_DTYPE_T2, .cols = 4, .fail_at = 5};
    tern_weights_desc desc = describe(s.dtype, 9, s.cols, TERN_SCALE_ROW);
    desc.read = read_rows;
    desc.user = &s;
    const stub_config pairs = {.rows_per_read = 2};
    assert_int_equal(pass_with(pairs, &desc, NULL, NULL), TERN_STATUS_IO);
    assert_string_equal(tern_last_error_message(), "the source is gone");
    s.next = 0;
    s.silent = true;
    assert_int_equal(pass_with(pairs, &desc, NULL, NULL), TERN_STATUS_IO);
    assert_string_equal(tern_last_error_message(),
                        "weights 'w': reading row 4: input/output error");
}

static void a_backend_that_leaves_rows_unread(void **state) {
    (void)state;
    const uint8_t codes[4] = {0};
    tern_weights_desc desc = describe(TERN_DTYPE_T2, 4, 4, TERN_SCALE_TENSOR);
    desc.codes = codes;
    const stub_config lazy = {.weights_rows_unread = 1};
    assert_int_equal(pass_with(lazy, &desc, NULL, NULL), TERN_STATUS_INTERNAL);
    assert_string_equal(tern_last_error_message(), "weights 'w': backend stub read 3 of 4 rows");
}

static void a_backend_that_refuses(void **state) {
    (void)state;
    const uint8_t codes[4] = {0};
    tern_weights_desc desc = describe(TERN_DTYPE_T2, 4, 4, TERN_SCALE_TENSOR);
    desc.codes = codes;
    stub_config refusing = {.weights_status = TERN_STATUS_UNSUPPORTED};
    assert_int_equal(pass_with(refusing, &desc, NULL, NULL), TERN_STATUS_UNSUPPORTED);
    assert_string_equal(tern_last_error_message(), "stub: takes no weights");
    refusing.weights_silent = true;
    assert_int_equal(pass_with(refusing, &desc, NULL, NULL), TERN_STATUS_UNSUPPORTED);
    assert_string_equal(tern_last_error_message(),
                        "weights 'w': backend stub has no use for t2, and allows no fallback");
    refusing.weights_silent = false;
    refusing.weights_read_before = 2;
    assert_int_equal(pass_with(refusing, &desc, NULL, NULL), TERN_STATUS_INTERNAL);
    assert_string_equal(tern_last_error_message(),
                        "weights 'w': backend stub refused after it had read 2 rows");
}

// Where the backend allows fallback, what it refuses is kept on the reference backend, silently.
static void refused_weights_go_to_the_companion(void **state) {
    (void)state;
    bare_log log = {{0}, 0};
    tern_device *device = open_device("falling", &log);
    source s = {.dtype = TERN_DTYPE_B1, .cols = 8};
    tern_weights_desc desc = describe(s.dtype, 4, s.cols, TERN_SCALE_ROW);
    tern_weights *weights = NULL;
    tern_backend_weights *handle = NULL;
    uint8_t codes[4];
    float scales[2];
    desc.read = read_rows;
    desc.user = &s;
    config.weights_status = TERN_STATUS_UNSUPPORTED;
    log.length = 0;
    log.text[0] = '\0';
    assert_int_equal(tern_weights_create(device, &desc, &weights), TERN_STATUS_OK);
    assert_string_equal(log.text, "3 weights 'w': backend falling has no use for t2, kept for "
                                  "the reference backend\n");
    assert_null(weights->handle);
    assert_non_null(weights->reference);
    assert_int_equal(s.next, 4);
    assert_int_equal(tern__weights_reference(weights, &handle), TERN_STATUS_OK);
    assert_ptr_equal(handle, weights->reference);
    assert_int_equal(tern_weights_export(weights, 2, 2, codes, scales), TERN_STATUS_OK);
    assert_true(scales[0] == 3.0f && scales[1] == 4.0f);
    tern_weights_destroy(weights);
    config.weights_status = TERN_STATUS_OUT_OF_MEMORY; // no refusal, and reported
    s.next = 0;
    assert_int_equal(tern_weights_create(device, &desc, &weights), TERN_STATUS_OUT_OF_MEMORY);
    assert_string_equal(tern_last_error_message(), "stub: takes no weights");
    assert_non_null(strstr(log.text, "1 stub: takes no weights\n"));
    close_device(device);
}

static void the_companion_gets_a_copy_when_asked(void **state) {
    (void)state;
    tern_device *device = open_device("falling", NULL);
    const uint8_t codes[] = {0x24, 0x18};
    tern_weights_desc desc = describe(TERN_DTYPE_T2, 2, 4, TERN_SCALE_TENSOR);
    tern_weights *weights = NULL;
    tern_backend_weights *handle = NULL;
    desc.codes = codes;
    assert_int_equal(tern_weights_create(device, &desc, &weights), TERN_STATUS_OK);
    assert_null(weights->reference);
    assert_int_equal(tern__weights_reference(weights, &handle), TERN_STATUS_OK);
    assert_ptr_not_equal(handle, weights->handle);
    assert_memory_equal(handle->codes, codes, sizeof codes);
    tern_backend_weights *again = NULL;
    assert_int_equal(tern__weights_reference(weights, &again), TERN_STATUS_OK);
    assert_ptr_equal(again, handle);
    tern_weights_destroy(weights);
    close_device(device);
    device = open_device("reference", NULL);
    assert_int_equal(tern_weights_create(device, &desc, &weights), TERN_STATUS_OK);
    assert_int_equal(tern__weights_reference(weights, &handle), TERN_STATUS_OK);
    assert_ptr_equal(handle, weights->handle);
    tern_weights_destroy(weights);
    close_device(device);
}

static void exporting(void **state) {
    (void)state;
    tern_device *device = open_device("stub", NULL);
    const uint8_t codes[4] = {0, 1, 2, 4};
    uint8_t got[2];
    tern_weights_desc desc = describe(TERN_DTYPE_T2, 4, 4, TERN_SCALE_TENSOR);
    tern_weights *weights = NULL;
    desc.codes = codes;
    assert_int_equal(tern_weights_create(device, &desc, &weights), TERN_STATUS_OK);
    assert_int_equal(tern_weights_export(weights, 1, 2, got, NULL), TERN_STATUS_OK);
    assert_memory_equal(got, codes + 1, 2);
    assert_int_equal(tern_weights_export(weights, 3, 2, got, NULL), TERN_STATUS_OUT_OF_RANGE);
    assert_string_equal(tern_last_error_message(), "weights export: 2 rows from 3 on, there are 4");
    assert_int_equal(tern_weights_export(weights, UINT32_MAX, 2, got, NULL),
                     TERN_STATUS_OUT_OF_RANGE);
    assert_int_equal(tern_weights_export(weights, 0, 1, NULL, NULL), TERN_STATUS_INVALID_ARGUMENT);
    tern_weights_destroy(weights);
    tern_weights_destroy(NULL);
    close_device(device);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t2_pads_become_zero_weights),
        cmocka_unit_test(t5_becomes_t2),
        cmocka_unit_test(b1_becomes_t2),
        cmocka_unit_test(dense_values_are_flushed),
        cmocka_unit_test(q8_0_scales_are_flushed_and_pads_zero),
        cmocka_unit_test(invalid_codes),
        cmocka_unit_test(invalid_values),
        cmocka_unit_test(scales_are_checked),
        cmocka_unit_test(the_scale_of_a_matrix),
        cmocka_unit_test(shapes_that_are_refused),
        cmocka_unit_test(a_reserved_member_is_refused),
        cmocka_unit_test(a_source_is_read_once_in_order),
        cmocka_unit_test(a_source_that_fails),
        cmocka_unit_test(a_backend_that_leaves_rows_unread),
        cmocka_unit_test(a_backend_that_refuses),
        cmocka_unit_test(refused_weights_go_to_the_companion),
        cmocka_unit_test(the_companion_gets_a_copy_when_asked),
        cmocka_unit_test(exporting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
