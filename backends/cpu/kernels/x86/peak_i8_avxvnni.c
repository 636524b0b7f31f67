#define TERN_CPU_ISA avxvnni
#define TERN_CPU_BITS 256
#include "backends/cpu/kernels/x86/peak_i8_vnni_tmpl.h"
