// An int8 output matrix: as its definition says, the same bits everywhere, nothing else touched.
#include "tests/models/support.h"

enum { ROWS = 9 };

// Tied in float16 with a last block that is short, tied, and of its own in float32.
static const char *const names[] = {"tiny-bitnet-f16.gguf", "rand-b158-i2_s.gguf",
                                    "tiny-llama-dense.gguf"};
static const char *const tensors[] = {"token_embd.weight", "token_embd.weight", "output.weight"};

typedef struct result {
    tern_model_info info;
    float *logits; // [ROWS, vocabulary]
    float *hidden; // [ROWS, width]
} result;

static result run(tern_device *device, const char *name, uint32_t flags) {
    file_path path = find_file(name);
    tern_source source;
    tern_model_desc desc = TERN_MODEL_DESC_INIT;
    tern_model *model = NULL;
    result r = {.info.struct_size = sizeof r.info};
    desc.flags = flags;
    assert_ok(tern_source_open_file(tern_device_context(device), path.text, &source));
    assert_ok(tern_model_load(device, &source, &desc, &model));
    tern_source_close(&source);
    assert_ok(tern_model_describe(model, &r.info));
    r.logits = calloc(ROWS * r.info.vocabulary, sizeof *r.logits);
    r.hidden = calloc(ROWS * r.info.width, sizeof *r.hidden);
    tern_session *session = open_session(model, TERN_KV_F16, 0);
    tern_row rows[ROWS];
    for (uint32_t i = 0; i < ROWS; i++) {
        int32_t id = (int32_t)(i * 7919u % r.info.vocabulary);
        rows[i] = (tern_row){session, id, TERN_ROW_LOGITS | TERN_ROW_HIDDEN};
    }
    tern_eval_desc eval = {.struct_size = sizeof eval,
                           .row_count = ROWS,
                           .rows = rows,
                           .logits = r.logits,
                           .hidden = r.hidden};
    assert_ok(tern_model_eval(model, &eval));
    tern_session_destroy(session);
    tern_model_destroy(model);
    return r;
}

static void drop(result *r) {
    free(r->logits);
    free(r->hidden);
}

static double half_value(const unsigned char *bytes) {
    int bits = bytes[0] | bytes[1] << 8;
    int exponent = bits >> 10 & 31, mantissa = bits & 1023;
    double size = exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24);
    return bits & 0x8000 ? -size : size;
}

static double float_value(const unsigned char *bytes) {
    float value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

// The float16 next to |x| >= 0.
static double to_half(double x) {
    int exponent = x < 0x1p-14 ? -14 : ilogb(x);
    return ldexp(rint(ldexp(x, 10 - exponent)), exponent - 10);
}

static double rounded(double weight, double largest) {
    double d = to_half(largest / 127);
    return d == 0.0 ? 0.0 : d * fmax(-127, fmin(127, rint(weight / d)));
}

// A row of the file's matrix, and what becomes of it.
static void read_row(const unsigned char *row, uint32_t width, bool half, double *out,
                     double *out_q8) {
    for (uint32_t from = 0; from < width; from += 32) {
        uint32_t end = from + 32 < width ? from + 32 : width;
        double largest = 0.0;
        for (uint32_t k = from; k < end; k++) {
            out[k] = half ? half_value(row + 2 * (size_t)k) : float_value(row + 4 * (size_t)k);
            largest = fmax(largest, fabs(out[k]));
        }
        for (uint32_t k = from; k < end; k++) {
            out_q8[k] = rounded(out[k], largest);
        }
    }
}

// The file's matrix may have a bias, so that only what rounding changes can be computed here.
static void check_logits(const result *plain, const result *q8, const unsigned char *matrix,
                         bool half) {
    uint32_t width = q8->info.width, vocab = q8->info.vocabulary;
    double *weights = calloc(2 * (size_t)width, sizeof *weights), *weights_q8 = weights + width;
    for (uint32_t v = 0; v < vocab; v++) {
        read_row(matrix + v * (size_t)width * (half ? 2 : 4), width, half, weights, weights_q8);
        for (uint32_t i = 0; i < ROWS; i++) {
            double wanted = (double)plain->logits[i * vocab + v], size = fabs(wanted);
            for (uint32_t k = 0; k < width; k++) {
                double x = (double)q8->hidden[i * width + k];
                double x_half = copysign(to_half(fabs(x)), x); // but float32 weights take x itself
                double change = weights_q8[k] * x_half - weights[k] * (half ? x_half : x);
                wanted += change;
                size += fabs(weights[k] * x);
            }
            double got = (double)q8->logits[i * vocab + v];
            if (fabs(got - wanted) > 1e-6 * size) {
                fail_msg("%s: logit %u of row %u is %g, expected %g", q8->info.name, v, i, got,
                         wanted);
            }
        }
    }
    free(weights);
}

static tern_tensor_info find_tensor(tern_context *context, const char *path, const char *name) {
    tern_source source;
    tern_archive *archive = NULL;
    tern_tensor_info info = {.struct_size = sizeof info};
    assert_ok(tern_source_open_file(context, path, &source));
    assert_ok(tern_archive_open(context, &source, &archive));
    for (uint64_t i = 0; !info.name || strcmp(info.name, name) != 0; i++) {
        assert_ok(tern_archive_tensor(archive, i, &info));
    }
    tern_archive_destroy(archive);
    tern_source_close(&source);
    return info;
}

static void an_int8_head_is_what_its_definition_says(void **state) {
    (void)state;
    bed b = default_bed();
    for (int m = 0; m < 3; m++) {
        file_path path = find_file(names[m]);
        size_t size = 0;
        unsigned char *file = read_file(path.text, &size);
        tern_tensor_info tensor = find_tensor(b.context, path.text, tensors[m]);
        result plain = run(b.device, names[m], 0);
        result q8 = run(b.device, names[m], TERN_MODEL_HEAD_Q8);
        bool half = m != 2;
        uint64_t rows = q8.info.vocabulary, blocks = (q8.info.width + 31) / 32;
        assert_int_equal(plain.info.head, half ? TERN_DTYPE_F16 : TERN_DTYPE_F32);
        assert_int_equal(q8.info.head, TERN_DTYPE_Q8_0);
        assert_int_equal(q8.info.parameters, plain.info.parameters);
        assert_int_equal(q8.info.weight_bytes + (half ? 0 : tensor.size),
                         plain.info.weight_bytes + rows * blocks * 34);
        assert_memory_equal(q8.hidden, plain.hidden, ROWS * q8.info.width * sizeof(float));
        check_logits(&plain, &q8, file + tensor.offset, half);
        drop(&plain);
        drop(&q8);
        free(file);
    }
}

static void an_int8_head_has_the_reference_bits(void **state) {
    (void)state;
    bed reference = bed_open(&reference_setup);
    for (int m = 0; m < 3; m++) {
        result wanted = run(reference.device, names[m], TERN_MODEL_HEAD_Q8);
        for (int s = 0; s < setup_count; s++) {
            bed b = s == 0 ? default_bed() : bed_open(&setups[s]);
            result got = run(b.device, names[m], TERN_MODEL_HEAD_Q8);
            if (memcmp(got.logits, wanted.logits, ROWS * got.info.vocabulary * sizeof(float)) !=
                0) {
                fail_msg("%s on %s: not the reference's bits", names[m], setups[s].label);
            }
            drop(&got);
            if (s != 0) {
                bed_close(&b);
            }
        }
        drop(&wanted);
    }
    bed_close(&reference);
}

const struct CMUnitTest head_tests[] = {
    cmocka_unit_test(an_int8_head_is_what_its_definition_says),
    cmocka_unit_test(an_int8_head_has_the_reference_bits),
};
const size_t head_test_count = sizeof head_tests / sizeof head_tests[0];
