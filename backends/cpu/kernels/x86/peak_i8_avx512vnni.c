#define TERN_CPU_ISA avx512vnni
#define TERN_CPU_BITS 512
#include "backends/cpu/kernels/x86/peak_i8_vnni_tmpl.h"
