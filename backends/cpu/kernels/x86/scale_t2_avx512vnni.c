#define TERN_CPU_ISA avx512vnni
#include "backends/cpu/kernels/scale_t2_tmpl.h"
