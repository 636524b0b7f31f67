#define TERN_CPU_ISA avx512vnni
#include "backends/cpu/kernels/elementwise_tmpl.h"
