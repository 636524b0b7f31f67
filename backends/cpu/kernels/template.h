// For *_tmpl.h, which are plain C compiled once per level: a two-line source defines TERN_CPU_ISA
// and includes one, and the compiler's flags for that file do the rest.
#ifndef TERN_BACKENDS_CPU_KERNELS_TEMPLATE_H_
#define TERN_BACKENDS_CPU_KERNELS_TEMPLATE_H_

#include "backends/cpu/kernels/kernels.h"

#define TERN_CPU_PASTE(slot, isa) tern_cpu_##slot##__##isa
#define TERN_CPU_EXPAND(slot, isa) TERN_CPU_PASTE(slot, isa)
#define TERN_CPU_FN(slot) TERN_CPU_EXPAND(slot, TERN_CPU_ISA)

#endif
