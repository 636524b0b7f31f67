// Lists of ops made ready to run: descriptors copied, kernels known, scratch at hand.
#ifndef TERN_BACKENDS_CPU_PROGRAM_H_
#define TERN_BACKENDS_CPU_PROGRAM_H_

#include "backends/cpu/device.h"

int32_t tern_cpu_supports(tern_backend_device *device, const tern_op_header *op);
tern_status tern_cpu_compile(tern_backend_device *device, const tern_backend_program_desc *desc,
                             tern_backend_program **out_program);
void tern_cpu_program_destroy(tern_backend_device *device, tern_backend_program *program);

// Runs the program; its ticket is reached when this returns.
tern_status tern_cpu_submit(tern_backend_device *device, tern_backend_program *program,
                            const tern_submit_desc *desc, uint64_t *out_ticket);
tern_status tern_cpu_wait(tern_backend_device *device, uint64_t ticket, uint64_t timeout_ns);
void tern_cpu_program_kernel(tern_backend_device *device, tern_backend_program *program,
                             uint32_t index, char *out_name, uint32_t capacity);
tern_status tern_cpu_program_times(tern_backend_device *device, tern_backend_program *program,
                                   uint64_t *out_ns, tern_clock *out_clock);

#endif
