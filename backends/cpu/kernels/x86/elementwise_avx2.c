#define TERN_CPU_ISA avx2
#include "backends/cpu/kernels/elementwise_tmpl.h"
