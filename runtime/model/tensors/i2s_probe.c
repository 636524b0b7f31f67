// The order of I2_S codes by a statistic.
//
// Reading blocks of 128 as if they were of 64, or the other way, permutes the columns of a matrix
// within each 128, and nothing else: counts of codes, scales and rows stay as they are. But columns
// have partners elsewhere whose order is known: column k of ffn_down takes what row k of ffn_gate
// and ffn_up makes, and columns of attn_q to attn_v, ffn_gate and ffn_up take channels of the
// hidden state, of which attn_output and ffn_down make row k. In trained networks the share of
// weights that are not 0 goes together between partners, for channels that matter little or much.
// So: correlate these shares, less their means over each 128, for both orders. With the wrong one
// z = r * sqrt(n) is nearly normal, and the sum of z^2 over m pairs of matrices has the mean m and
// the variance 2 m; with the right one it is far above. All 8 layers of a trained model of 3
// million weights: 32 standard deviations against -0.5. Random weights: 0.9 against 0.8.
#include "runtime/model/tensors/i2s_probe.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/log.h"
#include "runtime/status.h"

enum { Q, K, V, OUTPUT, GATE, UP, DOWN, MATRICES };
enum { BLOCK = 128, SMALL_BLOCK = 64, CHUNK = 1 << 16 };

#define ENOUGH_WEIGHTS (1u << 26)
#define CERTAIN 8.0 // standard deviations

static const char *const stems[MATRICES] = {"attn_q",   "attn_k", "attn_v",  "attn_output",
                                            "ffn_gate", "ffn_up", "ffn_down"};

// Rows of the first have the order of columns of the second.
static const struct {
    int rows, columns;
} partners[] = {{OUTPUT, Q}, {OUTPUT, K}, {OUTPUT, V},  {OUTPUT, GATE}, {OUTPUT, UP}, {DOWN, Q},
                {DOWN, K},   {DOWN, V},   {DOWN, GATE}, {DOWN, UP},     {GATE, DOWN}, {UP, DOWN}};

// How many weights are not 0.
typedef struct matrix {
    uint32_t rows, cols; // 0: there is no such I2_S tensor
    uint32_t *of_row;
    uint32_t *of_field; // of each field of each byte of a row, the uppermost first
} matrix;

typedef struct probe {
    const tern_archive *archive;
    tern_context *context;
    matrix matrices[MATRICES];
    uint64_t weights; // looked at
    double sums[2];   // of z^2, for blocks of 128 and of 64
    uint32_t pairs;
} probe;

// Where column |k| lies among the fields of a row.
static uint32_t field_of(uint32_t k, uint32_t block) {
    uint32_t within = k % block, width = block / 4;
    return (k / block * width + within % width) * 4 + within / width;
}

// Of |size| bytes from byte |at| of the tensor on.
static void count_bytes(matrix *m, uint64_t at, const uint8_t *bytes, size_t size) {
    uint32_t row_bytes = m->cols / 4;
    for (size_t i = 0; i < size; i++) {
        uint32_t *field = m->of_field + (at + i) % row_bytes * 4;
        uint32_t found = 0;
        for (int f = 0; f < 4; f++) {
            uint32_t is_weight = (bytes[i] >> (6 - 2 * f) & 3) != 1;
            field[f] += is_weight;
            found += is_weight;
        }
        m->of_row[(at + i) / row_bytes] += found;
    }
}

static tern_status count_all(probe *p, matrix *m, const tern_tensor_info *info, uint8_t *bytes) {
    uint64_t size = (uint64_t)m->rows * m->cols / 4;
    for (uint64_t n, at = 0; at < size; at += n) {
        n = size - at < CHUNK ? size - at : CHUNK;
        TERN_TRY(tern__archive_read(p->archive, info, at, bytes, (size_t)n));
        count_bytes(m, at, bytes, (size_t)n);
    }
    p->weights += 4 * size;
    return TERN_STATUS_OK;
}

static tern_status count_matrix(probe *p, matrix *m, const tern_tensor_info *info) {
    m->cols = (uint32_t)info->shape[0];
    m->rows = (uint32_t)info->shape[1];
    m->of_row = tern__calloc(p->context, m->rows, sizeof *m->of_row);
    m->of_field = tern__calloc(p->context, m->cols, sizeof *m->of_field);
    uint8_t *bytes = tern__alloc(p->context, CHUNK);
    bool room = m->of_row && m->of_field && bytes;
    tern_status status =
        room ? count_all(p, m, info, bytes) : tern__fail_memory(p->context, CHUNK, info->name);
    tern__free(p->context, bytes);
    return status;
}

static bool is_suitable(const tern_tensor_info *info) {
    const tern__ggml_type *type = tern__ggml_type_of(info);
    return type->rule == TERN__SIZE_I2_S && info->rank == 2 && info->shape[0] <= UINT32_MAX &&
           info->shape[1] <= UINT32_MAX;
}

static tern_status count_layer(probe *p, uint32_t layer, bool *out_found) {
    *out_found = false;
    for (int i = 0; i < MATRICES; i++) {
        char name[64];
        tern_tensor_info info = {sizeof info};
        snprintf(name, sizeof name, "blk.%u.%s.weight", layer, stems[i]);
        if (tern__archive_find_tensor(p->archive, name, &info) == TERN_STATUS_OK &&
            is_suitable(&info)) {
            TERN_TRY(count_matrix(p, &p->matrices[i], &info));
            *out_found = true;
        }
    }
    return TERN_STATUS_OK;
}

static void clear_layer(probe *p) {
    for (int i = 0; i < MATRICES; i++) {
        tern__free(p->context, p->matrices[i].of_row);
        tern__free(p->context, p->matrices[i].of_field);
        p->matrices[i] = (matrix){0};
    }
}

// The moments of 128 rows and columns.
static void add_moments(const uint32_t *rows, const matrix *columns, uint32_t first, uint32_t block,
                        double out[3]) {
    double sum_a = 0, sum_b = 0, aa = 0, bb = 0, ab = 0;
    for (uint32_t k = first; k < first + BLOCK; k++) {
        double a = rows[k], b = columns->of_field[field_of(k, block)];
        sum_a += a;
        sum_b += b;
        aa += a * a;
        bb += b * b;
        ab += a * b;
    }
    out[0] += aa - sum_a * sum_a / BLOCK;
    out[1] += bb - sum_b * sum_b / BLOCK;
    out[2] += ab - sum_a * sum_b / BLOCK;
}

static double z_squared(const matrix *rows, const matrix *columns, uint32_t block) {
    double moments[3] = {0};
    for (uint32_t first = 0; first < columns->cols; first += BLOCK) {
        add_moments(rows->of_row, columns, first, block, moments);
    }
    double scale = moments[0] * moments[1];
    return scale > 0.0 ? moments[2] * moments[2] / scale * columns->cols : 0.0;
}

static void compare_layer(probe *p) {
    for (size_t i = 0; i < sizeof partners / sizeof partners[0]; i++) {
        const matrix *rows = &p->matrices[partners[i].rows];
        const matrix *columns = &p->matrices[partners[i].columns];
        if (rows->rows > 0 && rows->rows == columns->cols && columns->cols % BLOCK == 0) {
            p->sums[0] += z_squared(rows, columns, BLOCK);
            p->sums[1] += z_squared(rows, columns, SMALL_BLOCK);
            p->pairs++;
        }
    }
}

static tern_status run(probe *p) {
    bool found = true;
    for (uint32_t layer = 0; found && p->weights < ENOUGH_WEIGHTS; layer++) {
        tern_status status = count_layer(p, layer, &found);
        if (status == TERN_STATUS_OK) {
            compare_layer(p);
        }
        clear_layer(p);
        TERN_TRY(status);
    }
    return TERN_STATUS_OK;
}

tern_status tern__i2s_block(const tern_archive *archive, uint32_t wanted, uint32_t *out_block) {
    probe p = {.archive = archive, .context = tern__archive_context(archive)};
    *out_block = wanted ? wanted : BLOCK;
    if (wanted) {
        return TERN_STATUS_OK;
    }
    TERN_TRY(run(&p));
    double pairs = p.pairs ? p.pairs : 1;
    double large = (p.sums[0] - pairs) / sqrt(2.0 * pairs);
    double small = (p.sums[1] - pairs) / sqrt(2.0 * pairs);
    if (small > CERTAIN && small > large + CERTAIN) {
        *out_block = SMALL_BLOCK;
        tern__log(p.context, TERN_LOG_WARNING,
                  "%s: I2_S codes lie in blocks of 64, as ARM builds wrote them (%.1f standard "
                  "deviations against %.1f for 128); i2s_block 128 says otherwise",
                  tern__archive_name(archive), small, large);
    }
    return TERN_STATUS_OK;
}

tern_status tern__i2s_check(tern_context *context, const char *what, uint32_t wanted) {
    if (wanted != 0 && wanted != SMALL_BLOCK && wanted != BLOCK) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT,
                          "%s: i2s_block is %u, expected 0, 64 or 128", what, (unsigned)wanted);
    }
    return TERN_STATUS_OK;
}

const tern__ggml_type *tern__i2s_type(const tern__ggml_type *type, uint32_t block) {
    bool other = type->rule == TERN__SIZE_I2_S && block == SMALL_BLOCK;
    return other ? tern__ggml_type_named("I2_S_64") : type;
}
