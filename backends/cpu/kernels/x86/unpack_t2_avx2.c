#define TERN_CPU_ISA avx2
#define TERN_CPU_BITS 256
#include "backends/cpu/kernels/x86/unpack_t2_tmpl.h"
