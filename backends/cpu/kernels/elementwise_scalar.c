#define TERN_CPU_ISA scalar
#include "backends/cpu/kernels/elementwise_tmpl.h"
