// How rows meet ternary weights: the room for sums suffices whichever way any number of them goes,
// and a way asks for no kernel that is not there.
#include <string.h>

#include "backends/cpu/ops/ternary_way.h"
#include "tests/kernels/check.h"

static void test_rows(const struct check *check, const tern_backend_weights *weights,
                      uint32_t rows) {
    enum tern_cpu_way way = tern_cpu_way_of(&check->kernels, weights, rows);
    struct tern_cpu_way_shape shape = tern_cpu_way_shape(weights, way, rows);
    uint64_t most = rows < shape.rows ? rows : shape.rows;
    uint64_t tiles = rows == 1 && weights->groups == 1 ? TERN_CPU_GEMV_ROWS : shape.tiles;
    uint64_t sums = most * tiles * weights->layout.tile_rows * weights->groups;
    bool fits = sums <= tern_cpu_way_sums(&check->kernels, weights);
    bool there = way == TERN_CPU_WAY_GEMM || tern_cpu_way_fn(&check->kernels, weights, way);
    bool good = fits && there && shape.rows > 0 && shape.tiles > 0;
    bool *got = check_out(sizeof *got);
    bool want = true;
    *got = good;
    check_same(got, &want, sizeof want, "rows %u groups %u fives %d: way %d of %u rows %u tiles",
               rows, weights->groups, weights->layout.fives, (int)way, shape.rows, shape.tiles);
    check_clear();
}

void check_run(const struct check *check) {
    static const uint32_t groups[] = {1, 2, 40};
    for (int i = 0; i < 4; i++) {
        bool fives = i == 3;
        uint32_t count = fives ? 1 : groups[i];
        tern_weights_info info = {
            .dtype = TERN_DTYPE_T2, .rows = 100, .cols = 128 * count, .group_size = 128};
        info.scale_kind = count > 1 ? TERN_SCALE_GROUP : TERN_SCALE_ROW;
        tern_backend_weights weights = {.info = info, .groups = count};
        weights.layout = tern_cpu_layout_make(&info, check->kernels.gemv_t2.tile_rows, fives);
        for (uint32_t rows = 1; rows <= 300; rows++) {
            test_rows(check, &weights, rows);
        }
    }
}
