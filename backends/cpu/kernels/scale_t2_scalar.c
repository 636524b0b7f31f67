#define TERN_CPU_ISA scalar
#include "backends/cpu/kernels/scale_t2_tmpl.h"
