#include "tools/tern/bench/point.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/tern/bench/check.h"

tern_status bench_family_make(bench_family *self, tern_device *device, const bench_op *op,
                              tern_dtype type, bench_shape shape, uint64_t footprint) {
    *self = (bench_family){
        .op = op, .type = type, .shape = shape, .footprint = footprint, .device = device};
    if (!op->usage) {
        return TERN_STATUS_OK;
    }
    if (!bench_pool_make(&self->pool, type)) {
        return TERN_STATUS_OUT_OF_MEMORY;
    }
    // A lookup reads a few rows of one matrix, other ones every time.
    return bench_matrices_make(&self->matrices, device, op, &self->pool, shape,
                               op->usage == TERN_WEIGHTS_GATHER ? 0 : footprint);
}

void bench_family_free(bench_family *self) {
    bench_matrices_free(&self->matrices);
    bench_pool_free(&self->pool);
}

static tern_status check_result(const bench *self, const bench_family *family, bench_rig *rig,
                                bool *out_ok) {
    uint8_t *memory = malloc((size_t)rig->the_case->bytes);
    if (!memory) {
        return TERN_STATUS_OUT_OF_MEMORY;
    }
    tern_status status = bench_rig_result(rig, memory);
    if (status == TERN_STATUS_OK) {
        status = bench_check(self->reference, rig->the_case, &family->pool, memory, out_ok);
    }
    free(memory);
    return status;
}

static void fill_result(const bench *self, const bench_rig *rig, samples *times,
                        bench_result *out) {
    const bench_case *c = rig->the_case;
    double seconds = samples_median(times);
    double bytes = bench_op_bytes(c->op, c->type, c->shape);
    double macs = bench_op_macs(c->op, c->shape);
    out->is_op = true;
    out->k = c->shape.k;
    out->n = c->shape.n;
    out->rows = c->shape.rows;
    out->context = bench_op_has_context(c->op) ? c->shape.context : 0;
    out->window = c->shape.window;
    out->us = seconds * 1e6;
    out->us_spread = samples_spread(times) * 1e6;
    out->gb_s = bytes * 1e-9 / seconds;
    out->gmac_s = macs > 0.0 ? macs * 1e-9 / seconds : (double)NAN;
    out->share = bench_bound(self, bytes, macs, c->op->peak) / seconds;
    out->checked = true;
    snprintf(out->kernel, sizeof out->kernel, "%s", rig->kernel);
    snprintf(out->clock, sizeof out->clock, self->timestamps ? "device" : "host");
}

static tern_status measure_case(const bench *self, bench_family *family, const bench_case *c,
                                bench_result *out) {
    bench_rig rig;
    samples *times = bench_samples(self);
    tern_status status =
        times ? bench_rig_make(&rig, family->device, c, &family->matrices, family->footprint)
              : TERN_STATUS_OUT_OF_MEMORY;
    if (status == TERN_STATUS_OK) {
        status = bench_rig_measure(&rig, times, self->timestamps);
    }
    if (status == TERN_STATUS_OK) {
        fill_result(self, &rig, times, out);
        status = check_result(self, family, &rig, &out->ok);
    }
    if (times) {
        bench_rig_free(&rig);
    }
    free(times);
    return status;
}

tern_status bench_point_measure(const bench *self, bench_family *family, uint32_t rows,
                                uint32_t context, bench_result *out) {
    bench_shape shape = family->shape;
    shape.rows = rows;
    shape.context = context;
    *out = bench_result_make(bench_op_name(family->op), tern_dtype_name(family->type));
    bench_case c;
    tern_status status = TERN_STATUS_OUT_OF_MEMORY;
    if (bench_case_make(&c, family->op, family->type, shape)) {
        status = measure_case(self, family, &c, out);
        family->row_seconds = out->us * 1e-6 / rows;
    }
    bench_case_free(&c);
    return status;
}
