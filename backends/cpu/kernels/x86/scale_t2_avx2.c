#define TERN_CPU_ISA avx2
#include "backends/cpu/kernels/scale_t2_tmpl.h"
