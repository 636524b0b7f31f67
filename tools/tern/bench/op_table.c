#include "tools/tern/bench/op_table.h"

#include <string.h>

// K x N of BitNet b1.58 2B-4T, then of Llama3 8B and of Falcon3. The first is what --quick takes.
static const bench_shape matrices[] = {
    {2560, 2560, 0, 0},   {2560, 640, 0, 0},   {2560, 6912, 0, 0}, {6912, 2560, 0, 0},
    {2560, 128256, 0, 0}, {4096, 14336, 0, 0}, {3072, 9216, 0, 0}, {0, 0, 0, 0},
};
static const bench_shape widths[] = {
    {2560, 0, 0, 0}, {6912, 0, 0, 0}, {4096, 0, 0, 0}, {14336, 0, 0, 0}, {0, 0, 0, 0}};
static const bench_shape queries[] = {
    {2560, 0, 0, 512}, {4096, 0, 0, 512}, {3072, 0, 0, 512}, {0, 0, 0, 0}};
static const bench_shape keys[] = {{640, 0, 0, 512}, {1024, 0, 0, 512}, {0, 0, 0, 0}};
static const bench_shape attentions[] = {
    {2560, 640, 0, 512},   {2560, 640, 0, 2048},       {4096, 1024, 0, 512},
    {4096, 1024, 0, 2048}, {4096, 1024, 0, 8192, 512}, // a layer with a window
    {0, 0, 0, 0}};
static const bench_shape vocabularies[] = {{128256, 0, 0, 0}, {0, 0, 0, 0}};
// gate and up, and down; the router's logits; what the experts give
static const bench_shape experts[] = {{2048, 512, 0, 0}, {512, 2048, 0, 0}, {0, 0, 0, 0}};
static const bench_shape logits[] = {{BENCH_EXPERTS, 0, 0, 0}, {0, 0, 0, 0}};
static const bench_shape combined[] = {{2048, 0, 0, 0}, {0, 0, 0, 0}};
static const bench_shape tables[] = {{2560, 128256, 0, 0}, {4096, 128256, 0, 0}, {0, 0, 0, 0}};

#define F32 TERN_DTYPE_F32
#define I8 TERN_DTYPE_I8
#define I32 TERN_DTYPE_I32
#define ANY TERN_DTYPE_NONE
#define OUT(extent, dtype)                                                                         \
    { "out", EXTENT_##extent, dtype, FILL_RESULT }
#define FLOATS(name, extent)                                                                       \
    { name, EXTENT_##extent, F32, FILL_FLOATS }
#define POSITIONS                                                                                  \
    { "positions", EXTENT_R, I32, FILL_POSITIONS }
#define SEQUENCES                                                                                  \
    { "sequences", EXTENT_R, I32, FILL_ZEROS }
#define BLOCKS                                                                                     \
    { "table", EXTENT_BLOCKS, I32, FILL_ASCENDING }
#define TERNARY_TYPES                                                                              \
    { TERN_DTYPE_T2, TERN_DTYPE_T5, TERN_DTYPE_B1 }
#define DENSE_TYPES                                                                                \
    { TERN_DTYPE_F16, TERN_DTYPE_Q8_0, TERN_DTYPE_BF16, TERN_DTYPE_F32 }
#define INT8_PEAK TERN_MEASURE_INT8
#define F32_PEAK TERN_MEASURE_F32
#define MATMUL TERN_WEIGHTS_MATMUL
#define GATHER TERN_WEIGHTS_GATHER

static const bench_op table[] = {
    {TERN_OP_QUANTIZE_ACT,
     0,
     1,
     F32_PEAK,
     widths,
     {F32},
     1,
     {FLOATS("x", R_K), {"q", EXTENT_R_K, I8, FILL_RESULT}, {"scale", EXTENT_R, F32, FILL_RESULT}}},
    {TERN_OP_TERNARY_MATMUL,
     MATMUL,
     0,
     INT8_PEAK,
     matrices,
     TERNARY_TYPES,
     1,
     {{"q", EXTENT_R_K, I8, FILL_I8}, {"scale", EXTENT_R, F32, FILL_POSITIVE}, OUT(R_N, F32)}},
    {TERN_OP_BITLINEAR,
     MATMUL,
     0,
     INT8_PEAK,
     matrices,
     TERNARY_TYPES,
     1,
     {FLOATS("x", R_K), FLOATS("norm_weight", K), OUT(R_N, F32)}},
    {TERN_OP_LINEAR,
     MATMUL,
     0,
     F32_PEAK,
     matrices,
     DENSE_TYPES,
     2,
     {FLOATS("x", R_K), OUT(R_N, F32)}},
    {TERN_OP_RMS_NORM,
     0,
     3,
     F32_PEAK,
     widths,
     {F32},
     1,
     {FLOATS("x", R_K), FLOATS("weight", K), OUT(R_K, F32)}},
    {TERN_OP_ROTARY,
     0,
     2,
     F32_PEAK,
     queries,
     {F32},
     1,
     {FLOATS("x", R_K), FLOATS("table", ANGLES), POSITIONS, OUT(R_K, F32)}},
    {TERN_OP_KV_APPEND,
     0,
     0,
     F32_PEAK,
     keys,
     {TERN_DTYPE_F16, F32, I8},
     1,
     {FLOATS("k", R_K),
      FLOATS("v", R_K),
      {"k_cache", EXTENT_CACHE_WRITTEN, ANY, FILL_RESULT},
      {"v_cache", EXTENT_CACHE_WRITTEN, ANY, FILL_RESULT},
      POSITIONS,
      SEQUENCES,
      BLOCKS}},
    {TERN_OP_ATTENTION,
     0,
     0,
     F32_PEAK,
     attentions,
     {TERN_DTYPE_F16, F32, I8},
     1,
     {FLOATS("q", R_K),
      {"k_cache", EXTENT_CACHE_READ, ANY, FILL_CACHE},
      {"v_cache", EXTENT_CACHE_READ, ANY, FILL_CACHE},
      POSITIONS,
      SEQUENCES,
      BLOCKS,
      OUT(R_K, F32)}},
    {TERN_OP_GATED,
     0,
     2,
     F32_PEAK,
     widths,
     {F32},
     1,
     {FLOATS("gate", R_K), FLOATS("up", R_K), OUT(R_K, F32)}},
    {TERN_OP_ADD,
     0,
     1,
     F32_PEAK,
     widths,
     {F32},
     1,
     {FLOATS("a", R_K), FLOATS("b", R_K), OUT(R_K, F32)}},
    {TERN_OP_MUL,
     0,
     1,
     F32_PEAK,
     widths,
     {F32},
     1,
     {FLOATS("a", R_K), FLOATS("b", R_K), OUT(R_K, F32)}},
    {TERN_OP_SCALE, 0, 1, F32_PEAK, widths, {F32}, 1, {FLOATS("x", R_K), OUT(R_K, F32)}},
    {TERN_OP_ACTIVATION, 0, 1, F32_PEAK, widths, {F32}, 1, {FLOATS("x", R_K), OUT(R_K, F32)}},
    {TERN_OP_SOFTMAX, 0, 2, F32_PEAK, widths, {F32}, 1, {FLOATS("x", R_K), OUT(R_K, F32)}},
    {TERN_OP_EMBEDDING,
     GATHER,
     0,
     F32_PEAK,
     tables,
     DENSE_TYPES,
     1,
     {{"ids", EXTENT_R, I32, FILL_IDS}, OUT(R_K, F32)}},
    {TERN_OP_COPY,
     0,
     0,
     F32_PEAK,
     widths,
     {TERN_DTYPE_F16, TERN_DTYPE_BF16, F32},
     1,
     {FLOATS("x", R_K), OUT(R_K, ANY)}},
    {TERN_OP_LAYER_NORM,
     0,
     4,
     F32_PEAK,
     widths,
     {F32},
     1,
     {FLOATS("x", R_K), FLOATS("weight", K), FLOATS("bias", K), OUT(R_K, F32)}},
    {TERN_OP_RECURRENCE,
     0,
     1,
     F32_PEAK,
     widths,
     {F32},
     1,
     {FLOATS("f", R_K),
      FLOATS("i", R_K),
      {"state", EXTENT_STATE, F32, FILL_FLOATS},
      POSITIONS,
      SEQUENCES,
      OUT(R_K, F32)}},
    {TERN_OP_ARGMAX, 0, 0, F32_PEAK, vocabularies, {F32}, 1, {FLOATS("x", R_K), OUT(R, I32)}},
    {TERN_OP_ROUTE,
     0,
     3,
     F32_PEAK,
     logits,
     {F32},
     1,
     {FLOATS("x", R_K),
      {"ids", EXTENT_R_S, I32, FILL_RESULT},
      {"weights", EXTENT_R_S, F32, FILL_RESULT}}},
    {TERN_OP_EXPERT_BITLINEAR,
     MATMUL,
     0,
     INT8_PEAK,
     experts,
     TERNARY_TYPES,
     1,
     {FLOATS("x", R_K), {"ids", EXTENT_R_S, I32, FILL_EXPERTS}, OUT(R_SN, F32)}},
    {TERN_OP_COMBINE,
     0,
     BENCH_SLOTS,
     F32_PEAK,
     combined,
     {F32},
     1,
     {FLOATS("x", R_SK), FLOATS("weights", R_S), OUT(R_K, F32)}},
};

const bench_op *bench_op_at(uint32_t index) {
    return index < sizeof table / sizeof table[0] ? &table[index] : NULL;
}

const char *bench_op_name(const bench_op *self) {
    return tern_op_describe(self->kind)->name;
}

const bench_op *bench_op_find(const char *name) {
    for (uint32_t i = 0; bench_op_at(i); i++) {
        if (strcmp(bench_op_name(&table[i]), name) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

uint32_t bench_op_matrix_rows(const bench_op *self, bench_shape shape) {
    return self->kind == TERN_OP_EXPERT_BITLINEAR ? BENCH_EXPERTS * shape.n : shape.n;
}

int bench_op_picks(const bench_op *self) {
    return self->usage == GATHER ? 0 : self->kind == TERN_OP_EXPERT_BITLINEAR ? 1 : -1;
}

// Rows of the matrix that are read: a product reads it whole, a lookup the rows of its ids, experts
// those that are asked for, each once.
static uint64_t rows_read(const bench_op *self, bench_shape s) {
    uint64_t asked = (uint64_t)s.rows * BENCH_SLOTS;
    switch (self->kind) {
    case TERN_OP_EMBEDDING:
        return s.rows;
    case TERN_OP_EXPERT_BITLINEAR:
        return (asked < BENCH_EXPERTS ? asked : BENCH_EXPERTS) * s.n;
    default:
        return s.n;
    }
}

bool bench_op_has_n(const bench_op *self) {
    return self->usage || self->kind == TERN_OP_ATTENTION;
}

bool bench_op_has_context(const bench_op *self) {
    return self->shapes[0].context != 0;
}

uint32_t bench_head_dim(uint32_t k, uint32_t n) {
    static const uint32_t usual[] = {128, 96, 100, 64};
    for (uint32_t i = 0; i < sizeof usual / sizeof usual[0]; i++) {
        if (k % usual[i] == 0 && n % usual[i] == 0) {
            return usual[i];
        }
    }
    while (n) { // the largest size that divides both
        uint32_t rest = k % n;
        k = n;
        n = rest;
    }
    return k;
}

// The first position that the first row of attention sees.
static uint32_t first_position(bench_shape s) {
    return s.window && s.window <= s.context ? s.context - s.window + 1 : 0;
}

// Positions that all rows see, added up.
static double positions_seen(bench_shape s) {
    double seen = 0.0;
    for (uint32_t r = 0; r < s.rows; r++) {
        uint32_t all = s.context + r + 1;
        seen += s.window && s.window < all ? s.window : all;
    }
    return seen;
}

uint32_t bench_cache_columns(tern_dtype dtype, uint32_t head_dim) {
    return head_dim + (dtype == TERN_DTYPE_I8 ? 4 : 0);
}

// Of one position in a cache, |width| elements.
static double cache_bytes(tern_dtype dtype, uint32_t width, uint32_t head_dim) {
    uint32_t columns = bench_cache_columns(dtype, head_dim);
    return (double)(width / head_dim) * (double)tern_dtype_row_bytes(dtype, columns);
}

// What an op touches of one operand.
static double operand_bytes(const bench_operand *operand, tern_dtype type, bench_shape s) {
    tern_dtype dtype = operand->dtype ? operand->dtype : type;
    switch (operand->extent) {
    case EXTENT_R:
        return 4.0 * s.rows;
    case EXTENT_CACHE_WRITTEN:
        return s.rows * cache_bytes(dtype, s.k, bench_head_dim(s.k, s.k));
    case EXTENT_R_K:
        return (double)s.rows * (double)tern_dtype_row_bytes(dtype, s.k);
    case EXTENT_R_N:
        return (double)s.rows * (double)tern_dtype_row_bytes(dtype, s.n);
    case EXTENT_R_S:
        return (double)s.rows * BENCH_SLOTS * 4.0;
    case EXTENT_R_SK:
        return (double)s.rows * BENCH_SLOTS * (double)tern_dtype_row_bytes(dtype, s.k);
    case EXTENT_R_SN:
        return (double)s.rows * BENCH_SLOTS * (double)tern_dtype_row_bytes(dtype, s.n);
    case EXTENT_K:
    case EXTENT_STATE:
        return (double)tern_dtype_row_bytes(dtype, s.k);
    case EXTENT_CACHE_READ:
        return ((double)s.context + s.rows - first_position(s)) *
               cache_bytes(dtype, s.n, bench_head_dim(s.k, s.n));
    case EXTENT_BLOCKS:
        return 4.0 * ((s.context + s.rows + TERN_KV_BLOCK - 1) / TERN_KV_BLOCK -
                      first_position(s) / TERN_KV_BLOCK);
    case EXTENT_ANGLES:
        return (double)s.rows * 4.0 * bench_head_dim(s.k, s.k);
    default:
        return 0.0;
    }
}

double bench_op_bytes(const bench_op *self, tern_dtype type, bench_shape shape) {
    double bytes = 0.0;
    for (uint32_t i = 0; i < BENCH_OPERANDS && self->operands[i].name; i++) {
        bytes += operand_bytes(&self->operands[i], type, shape);
    }
    if (self->usage) {
        bytes += (double)rows_read(self, shape) * (double)tern_dtype_row_bytes(type, shape.k);
    }
    return bytes;
}

double bench_op_macs(const bench_op *self, bench_shape s) {
    double cells = (double)s.rows * s.k;
    if (self->usage == MATMUL) {
        return cells * s.n * (self->kind == TERN_OP_EXPERT_BITLINEAR ? BENCH_SLOTS : 1);
    }
    if (self->kind == TERN_OP_ATTENTION) { // q.k and p.v, of every position that the row sees
        return 2.0 * positions_seen(s) * s.k;
    }
    return cells * self->macs;
}
